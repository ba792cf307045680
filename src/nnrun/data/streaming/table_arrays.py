"""Columns and the arrays next to them as the one array that a data set holds: columns first, then every array, flat."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.streaming.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, eq=False)
class TableWithArrays:
    """A store of examples whose columns are in memory, and whose arrays stay on disk.

    Attributes:
        columns: The prepared columns, float32 of shape (rows, columns).
        arrays: The prepared arrays, in order.
    """

    columns: np.ndarray
    arrays: Sequence[Stream]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the examples at these rows: float32 of shape (rows, columns and numbers of the arrays)."""
        return flat_rows(self.columns[rows], [np.asarray(array.read(rows)) for array in self.arrays])

    def digest(self, rows: np.ndarray) -> str:
        """Return a SHA-256 digest of the columns, and of what identifies the arrays, in order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.columns[rows]).tobytes())
        for array in self.arrays:
            digest.update(array[rows].digest().encode())
        return digest.hexdigest()


def flat_rows(columns: np.ndarray, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns and arrays side by side, each array flat in C order.

    Args:
        columns: Shape (rows, columns).
        arrays: Each of shape (rows, ...).

    Returns:
        float32 of shape (rows, columns and numbers of the arrays).
    """
    blocks = [columns, *(array.reshape(len(columns), -1) for array in arrays)]
    whole = np.empty((len(columns), sum(block.shape[1] for block in blocks)), dtype="float32")
    start = 0
    for block in blocks:
        whole[:, start : start + block.shape[1]] = block
        start += block.shape[1]
    return whole


def side_by_side(x: Columns) -> np.ndarray | Stream:
    """Return a prepared table with its arrays as one array of shape (rows, ...); a stream where arrays stay on disk.

    Raises:
        ValueError: A column holds text.
    """
    columns = Columns(x.values).matrix() if x.values else np.empty((len(x), 0), dtype="float32")
    streams = [array for array in x.arrays.values() if isinstance(array, Stream)]
    if not streams:
        return flat_rows(columns, [np.asarray(array) for array in x.arrays.values()])
    return Stream(TableWithArrays(columns, streams), np.arange(len(x)), streams[0].memory)


def array_shapes(x: object) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of one example's arrays next to the columns of a table, by name; none where it has none."""
    return {name: tuple(one.shape[1:]) for name, one in x.arrays.items()} if isinstance(x, Columns) else {}


def in_memory(x: Any) -> Any:
    """Return examples, or a table with the arrays next to its columns, of which what stays on disk is read."""
    if isinstance(x, Stream):
        return x.read(np.arange(len(x)))
    if isinstance(x, Columns):
        return Columns(x.values, {name: in_memory(array) for name, array in x.arrays.items()})
    return x


def on_disk(x: object) -> bool:
    """Return whether examples, or the arrays next to their columns, stay on disk."""
    return isinstance(x, Stream) or (
        isinstance(x, Columns) and any(isinstance(one, Stream) for one in x.arrays.values())
    )

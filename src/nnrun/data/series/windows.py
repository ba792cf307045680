"""Windows over the rows of a table: which they are, and arrays of them that are views of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nnrun.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class WindowSpec:
    """The windows that a config asks for.

    Attributes:
        window: How many rows an example has.
        horizon: How many rows after it are its targets.
        stride: How many rows after one window the next one begins.
        season: After how many rows a season comes back; None: inferred from the times.
        drop_missing: Whether windows that hold a missing value are left out.
    """

    window: int
    horizon: int = 1
    stride: int = 1
    season: int | None = None
    drop_missing: bool = False

    @property
    def span(self) -> int:
        """The number of rows of a window and its targets."""
        return self.window + self.horizon

    @classmethod
    def of(
        cls, source: str, window: int | None, horizon: int, stride: int, season: int | None, *, drop_missing: bool
    ) -> WindowSpec | None:
        """Return the windows of a source's arguments; None without any.

        Raises:
            ValueError: An argument is out of range, or stands without `window`.
        """
        given = {"window": window, "horizon": horizon, "stride": stride, "season": season}
        for name, value in given.items():
            if value is not None and value < 1:
                raise ValueError(f"{source}: {name} expected an integer of at least 1, received {value}")
        if window is None:
            defaults = {"horizon": 1, "stride": 1, "season": None}
            others = [name for name, value in defaults.items() if given[name] != value]
            others += ["drop_missing"] if drop_missing else []
            if others:
                raise ValueError(f"{source}: {others[0]} is for windows; write `window: 12`, or leave it out")
            return None
        return cls(window, horizon, stride, season, drop_missing)


@dataclass(frozen=True)
class RowWindows:
    """Windows of one width over the rows of an array, like an array whose rows are made when they are indexed.

    Attributes:
        values: The rows of one part, those of a series one after the other: shape (rows, ...).
        starts: The row with which each example begins, int32 or int64 of shape (windows,).
        width: How many rows a window has.
        offset: How many rows after the beginning of its example a window begins.
        is_flat: Whether the numbers of a window are one row of them, as targets are; a single class stays one.
    """

    values: np.ndarray
    starts: np.ndarray
    width: int
    offset: int = 0
    is_flat: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of all windows."""
        row = self.values.shape[1:]
        if not self.is_flat:
            return (len(self.starts), self.width, *row)
        return (len(self.starts), self.width * row[0]) if row else (len(self.starts),)

    @property
    def ndim(self) -> int:
        """The number of dimensions of the array of all windows."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the rows."""
        return self.values.dtype

    def __getitem__(self, index: int | slice | np.ndarray) -> RowWindows | np.ndarray:
        """Return some of the windows: still views for a slice, an array for indices."""
        if isinstance(index, slice):
            return replace(self, starts=self.starts[index])
        starts = np.asarray(self.starts[index]) + self.offset
        gathered = self.values[starts[..., None] + np.arange(self.width)]
        return np.asarray(gathered.reshape(*starts.shape, *self.shape[1:]))

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Return all windows as an array; meant for few or narrow ones."""
        return np.asarray(self[np.arange(len(self))]).astype(dtype or self.dtype, copy=False)

    def select_columns(self, columns: Sequence[int]) -> RowWindows:
        """Return the windows of some columns of the rows."""
        return replace(self, values=np.ascontiguousarray(self.values[:, list(columns)]))


def window_starts(key: np.ndarray, spec: WindowSpec, usable: np.ndarray | None = None) -> np.ndarray:
    """Return the rows with which windows begin whose rows and targets follow one another in one series.

    Args:
        key: One number a row, in ascending order: one more than that of the row before within a series, else more.
        spec: The windows.
        usable: Whether each row may be in a window, shape (rows,); None where all may.

    Returns:
        Indices, int32 where they suffice, shape (windows,).
    """
    rows, span = len(key), spec.span
    if rows < span:
        return np.empty(0, dtype="int32")
    first = np.concatenate([[0], np.flatnonzero(np.diff(key) != 1) + 1])
    lengths = np.diff(np.append(first, rows))
    counts = np.maximum(0, (lengths - span) // spec.stride + 1)
    offsets = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    starts = np.repeat(first, counts) + offsets * spec.stride
    if usable is not None and not usable.all():
        missing = np.concatenate([[0], np.cumsum(~usable)])
        starts = starts[missing[starts + span] == missing[starts]]
    return np.asarray(starts, dtype="int32" if rows < 2**31 else "int64")


def too_short(part: str, key: np.ndarray, spec: WindowSpec) -> str:
    """Return the message for a part in which no window fits."""
    runs = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(key) != 1) + 1, [len(key)]]))
    longest = int(runs.max(initial=0))
    wanted = f"a window of {spec.window} and a horizon of {spec.horizon} need {spec.span} rows of a series"
    return f"the {part} part has no window: {wanted}, and its longest has {format_count(longest, 'row')}"

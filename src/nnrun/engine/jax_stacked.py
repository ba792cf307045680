"""One part of several folds as one: their rows stacked, the folds in the first dimension.

Folds differ by a row. They share the batches that all of them have whole; what is left is of one size or another, and
each size is a step that every fold takes and only those keep that have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.engine.programs import Tensors


@dataclass(frozen=True)
class Stacked:
    """One part of all folds, on the host.

    Attributes:
        fields: Every fold's fields, shape (folds, longest, ...); shorter parts end in rows that nothing takes.
        rows: How many rows each has.
        batch: Rows per step.
        nest: JAX's `tree`.
    """

    fields: Any
    rows: tuple[int, ...]
    batch: int
    nest: Any

    @classmethod
    def of(cls, nest: Any, parts: Sequence[Tensors], batch: int) -> Stacked:
        """Stack parts that fit together, see `fit_together`; no row changes."""
        longest = max(part.rows for part in parts)

        def put(*fields: Any) -> np.ndarray:
            arrays = [np.asarray(one) for one in fields]
            return np.stack([_padded(one, longest, axis=0) for one in arrays])

        fields = nest.map(put, *(part.fields for part in parts))
        return cls(fields, tuple(part.rows for part in parts), batch, nest)

    @property
    def longest(self) -> int:
        """How many rows the longest part has."""
        return max(self.rows)

    @property
    def whole(self) -> int:
        """How many batches all of them have whole."""
        return min(self.rows) // self.batch

    @property
    def steps(self) -> int:
        """How many steps a fold takes at most."""
        return -(-self.longest // self.batch)

    @property
    def sizes(self) -> list[int]:
        """The sizes of incomplete batches there are."""
        return sorted(set(self._left) - {0})

    def has(self, size: int) -> np.ndarray:
        """Tell which folds have an incomplete batch of `size` rows, shape (folds,)."""
        return np.array([left == size for left in self._left])

    def batches(self, first: int, end: int, room: int) -> Any:
        """Give the whole batches from `first` to `end`, and rows that nothing takes up to `room` batches."""
        return self._piece(first * self.batch, end * self.batch, room * self.batch)

    def rest(self, size: int) -> Any:
        """Give the rows of the incomplete batch of `size` rows, of all folds, whether they have it or not."""
        return self._piece(self.whole * self.batch, self.whole * self.batch + size, size)

    @property
    def _left(self) -> tuple[int, ...]:
        return tuple(count - self.whole * self.batch for count in self.rows)

    def _piece(self, start: int, stop: int, room: int) -> Any:
        return self.nest.map(lambda one: _padded(one[:, start:stop], room, axis=1), self.fields)


def _padded(array: np.ndarray, length: int, axis: int) -> np.ndarray:
    more = [(0, 0)] * array.ndim
    more[axis] = (0, length - array.shape[axis])
    return np.pad(array, more) if more[axis][1] else array


def fit_together(rows: Sequence[int], batch_size: int) -> bool:
    """Tell whether parts of these lengths have so nearly the same number of batches that none has two left over."""
    return max(rows) - min(rows) // batch_size * batch_size <= batch_size

"""Examples that stay on disk: like an array whose rows are read, and prepared, when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import UnseenCategoryError
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.data.prepare.step import ArrayOrTable, Step


#: The share of a source's memory which one block of a stream's examples takes: one is trained on while others are made.
_BLOCKS = 32


class Store(Protocol):
    """Where a stream's examples lie, in the order of their source."""

    def read(self, rows: np.ndarray) -> ArrayOrTable:
        """The examples at these rows, as the source has them.

        Raises:
            DataError: One cannot be read.
        """

    def digest(self, rows: np.ndarray) -> str:
        """SHA-256 over what identifies these examples and their order."""


@dataclass(frozen=True)
class Stream:
    """Examples on disk.

    Attributes:
        store: Where they lie.
        rows: Which of the store's examples these are, in order.
        memory: How much memory they may take, in bytes.
        steps: The fitted steps that every block goes through.
        places: The columns that an input of the model takes of the prepared table; None takes all.
        ready: Whether reading gives what the model takes: float32, every number finite.
    """

    store: Store
    rows: np.ndarray
    memory: float
    steps: tuple[Step, ...] = ()
    places: tuple[int, ...] | None = None
    ready: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: int | slice | np.ndarray) -> Any:
        """One example as an array, or a stream of some of them."""
        if isinstance(rows, int | np.integer):
            return np.asarray(self[np.array([rows])])[0]
        return replace(self, rows=self.rows[rows])

    def then(self, step: Step) -> Stream:
        """The same examples after one more fitted step."""
        return replace(self, steps=(*self.steps, step))

    def finished(self) -> Stream:
        """The same examples as the model takes them."""
        return replace(self, ready=True)

    def columns(self, places: list[int]) -> Stream:
        """Some columns of the prepared table, for one of several inputs."""
        return replace(self, places=tuple(places))

    def whole(self) -> Stream:
        """The examples as they are before inputs take columns of them."""
        return replace(self, places=None)

    def read(self, index: np.ndarray) -> ArrayOrTable:
        """The examples at `index`, prepared.

        Raises:
            DataError: One cannot be read, does not suit the preparation, or holds a number that is not finite.
        """
        return self.prepare(self.store.read(self.rows[index]), index)

    def prepare(self, block: ArrayOrTable, index: np.ndarray) -> ArrayOrTable:
        """The store's examples at `index` after all steps, as `read` gives them."""
        for step in self.steps:
            try:
                block = step.apply(block)
            except UnseenCategoryError as error:
                raise error.at(f"row {self.rows[index][error.example]} (counted from 0)") from None
            except ValueError as error:
                raise DataError(f"prepare: {type(step).__name__}: {error}") from None
        if not self.ready:
            return block
        array = _matrix(block)
        _refuse_infinite(array, self.rows[index])
        return array if self.places is None else np.ascontiguousarray(array[:, list(self.places)])

    @cached_property
    def first(self) -> ArrayOrTable:
        """The first example."""
        return self.read(np.arange(min(1, len(self))))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; empty where the examples are no table any more."""
        return self.first.names if isinstance(self.first, Columns) else ()

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        first = self.first
        return (len(self), *((len(first.values),) if isinstance(first, Columns) else first.shape[1:]))

    @property
    def ndim(self) -> int:
        """As an array's."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """As an array's, once it is finished."""
        return np.dtype("float32")

    def astype(self, dtype: str, *, copy: bool = False) -> Stream:  # noqa: ARG002 - as an array's
        """Itself: where the input is the target too, there is one stream."""
        return self

    @property
    def block_rows(self) -> int:
        """How many examples one block has, by its share of the memory."""
        numbers = max(1, int(np.prod(self.shape[1:])))
        # Between two steps a table is float64.
        return max(1, int(self.memory / _BLOCKS / (numbers * (4 if self.ready else 8))))

    def blocks(self) -> Iterator[ArrayOrTable]:
        """All examples in order, block by block."""
        for start in range(0, len(self), self.block_rows):
            yield self.read(np.arange(start, min(start + self.block_rows, len(self))))

    def digest(self) -> str:
        """SHA-256 over what identifies the examples and their order, before the preparation."""
        return self.store.digest(self.rows)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All examples as one array: only of few of them."""
        array = _matrix(self.finished().read(np.arange(len(self))))
        return array if dtype is None else array.astype(dtype, copy=False)


def _matrix(block: ArrayOrTable) -> np.ndarray:
    # What float32 cannot hold is refused later, with its row.
    with np.errstate(over="ignore"):
        if not isinstance(block, Columns):
            return np.ascontiguousarray(block, dtype="float32")
        try:
            return block.matrix()
        except ValueError as error:
            raise DataError(str(error)) from None


def _refuse_infinite(array: np.ndarray, rows: np.ndarray) -> None:
    # The sum of a finite array is finite unless it overflows: one quick pass decides nearly always.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(array)):
            return
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        row, *place = (int(index) for index in wrong[0])
        raise DataError(
            f"example {rows[row]} (counted from 0 in its source) holds a number that is not finite or too large for "
            f"float32, at {place}",
            hint="correct or leave out that example",
        )

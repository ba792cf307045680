"""Examples that stay on disk: like an array whose rows are read, and prepared, when they are indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import ExampleError, as_table, naming_step
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.data.prepare.step import ArrayOrTable, Step


#: The memory that the examples of a source may take before they are streamed, in GB.
DEFAULT_MEMORY_GB = 2.0
#: A block takes one 32nd of the memory of a stream: one is trained on while others are read.
_BLOCKS = 32
#: Whole columns take at most a quarter of the memory of a stream.
_WHOLE_COLUMNS = 4


def should_stream(stream: bool | None, needed: float, memory: float) -> bool:
    """Return whether a source streams: as the config says, else where its arrays would not fit in the memory.

    Args:
        stream: The value in the config; None decides by size.
        needed: The bytes that the arrays would take.
        memory: The memory that the config allows, in GB.
    """
    return needed > memory * 1e9 if stream is None else stream


def check_memory_limit(source: str, memory: float) -> None:
    """Refuse a memory limit of 0 or below.

    Raises:
        ValueError: It is not positive.
    """
    if memory <= 0:
        raise ValueError(f"{source}: memory expected a number of GB above 0, received {memory:g}")


class Store(Protocol):
    """Where the examples of a stream are stored, in the order of their source."""

    def read(self, rows: np.ndarray) -> ArrayOrTable:
        """Return the examples at these rows, unprepared.

        Raises:
            DataError: One cannot be read.
        """

    def digest(self, rows: np.ndarray) -> str:
        """Return a SHA-256 digest that identifies these examples and their order."""


@dataclass(frozen=True)
class Stream:
    """Examples on disk.

    Attributes:
        store: Where they are stored.
        rows: The rows of the store that belong to this stream, in order.
        memory: How many bytes of memory they may take.
        steps: The fitted steps that are applied to every block.
        column_indices: The columns of the prepared table that are read; None reads all.
        array: The array next to the columns that is read alone: where its numbers begin and end, and its shape.
        is_final: Whether reading returns what the model takes: float32, every number finite.
    """

    store: Store
    rows: np.ndarray
    memory: float
    steps: tuple[Step, ...] = ()
    column_indices: tuple[int, ...] | None = None
    is_final: bool = False
    array: tuple[int, int, tuple[int, ...]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: int | slice | np.ndarray) -> Any:
        """Return one example as an array, or a stream of some of them."""
        if isinstance(rows, int | np.integer):
            return np.asarray(self[np.array([rows])])[0]
        return replace(self, rows=self.rows[rows])

    def with_step(self, step: Step) -> Stream:
        """Return the same examples after one more fitted step."""
        return replace(self, steps=(*self.steps, step))

    def finalized(self) -> Stream:
        """Return the same examples as the model takes them."""
        return replace(self, is_final=True)

    def select_columns(self, indices: list[int]) -> Stream:
        """Return some columns of the prepared table, for one of several inputs."""
        return replace(self, column_indices=tuple(indices))

    def select_array(self, start: int, stop: int, shape: tuple[int, ...]) -> Stream:
        """Return an array next to the columns, of this shape and with these numbers of an example, for one input."""
        return replace(self, array=(start, stop, shape))

    def all_columns(self) -> Stream:
        """Return all columns of the prepared table, and the arrays next to them, again."""
        return replace(self, column_indices=None, array=None)

    def read(self, index: np.ndarray) -> ArrayOrTable:
        """Return the prepared examples at these positions of the stream.

        Raises:
            DataError: One cannot be read, does not suit the preparation, or holds a number that is not finite.
        """
        return self.prepare(self.store.read(self.rows[index]), index)

    def prepare(self, block: ArrayOrTable, index: np.ndarray) -> ArrayOrTable:
        """Return examples of the store, which are at these positions of the stream, after all steps.

        Raises:
            DataError: One does not suit the preparation, or holds a number that is not finite.
        """
        for step in self.steps:
            try:
                with naming_step(step.name):
                    block = step.apply(block)
            except ExampleError as error:
                raise error.at(f"row {self.rows[index][error.example]} (counted from 0)") from None
        if not self.is_final:
            return block
        array = _matrix(block)
        check_finite(array, lambda row: f"example {self.rows[index][row]} (counted from 0 in its source)")
        if self.array is not None:
            start, stop, shape = self.array
            return np.ascontiguousarray(array[:, start:stop]).reshape(len(array), *shape)
        if self.column_indices is None:
            return array
        return np.ascontiguousarray(array[:, list(self.column_indices)])

    @cached_property
    def head(self) -> ArrayOrTable:
        """The first example."""
        return self.read(np.arange(min(1, len(self))))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; empty where the examples are no table, or no longer one."""
        return self.head.names if isinstance(self.head, Columns) else ()

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array that all examples would be."""
        head = self.head
        return (len(self), *((len(head.values),) if isinstance(head, Columns) else head.shape[1:]))

    @property
    def ndim(self) -> int:
        """The number of dimensions of the array that all examples would be."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of a finalized stream."""
        return np.dtype("float32")

    def astype(self, dtype: str, *, copy: bool = False) -> Stream:  # noqa: ARG002 - the signature of an array's method
        """Return the stream itself: where the input is also the target, there is one stream."""
        return self

    @property
    def block_rows(self) -> int:
        """How many examples a block has, by its share of the memory."""
        numbers = max(1, int(np.prod(self.shape[1:])))
        # Between two steps a table is float64.
        return max(1, int(self.memory / _BLOCKS / (numbers * (4 if self.is_final else 8))))

    def blocks(self) -> Iterator[ArrayOrTable]:
        """Yield all examples in order, block by block."""
        for start in range(0, len(self), self.block_rows):
            yield self.read(np.arange(start, min(start + self.block_rows, len(self))))

    def table(self) -> StreamColumns:
        """Return the examples as a table whose columns are read whole.

        Raises:
            ValueError: The examples are no table.
        """
        return StreamColumns(self)

    def digest(self) -> str:
        """Return a SHA-256 digest of the examples and their order, before the preparation."""
        return self.store.digest(self.rows)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Return all examples as one array; meant for few of them."""
        array = _matrix(self.finalized().read(np.arange(len(self))))
        return array if dtype is None else array.astype(dtype, copy=False)


class StreamColumns(Columns):
    """The table of a stream, whose columns are read whole when they are looked up.

    Args:
        stream: The stream.

    Raises:
        ValueError: Its examples are no table.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(_WholeColumns(stream, as_table(stream.head)))
        object.__setattr__(self, "_stream", stream)

    def __len__(self) -> int:
        return len(self._stream)  # type: ignore[attr-defined]

    def text(self) -> tuple[str, ...]:
        """Return the names of the columns that hold text."""
        return as_table(self._stream.head).text()  # type: ignore[attr-defined]


class _WholeColumns(Mapping[str, np.ndarray]):
    """Whole columns by name; as many are kept as their share of the memory holds."""

    def __init__(self, stream: Stream, head: Columns) -> None:
        self._stream, self._head = stream, head
        self._kept: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._head.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._head.names)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._kept:
            start = self._head.names.index(name)
            count = max(1, int(self._stream.memory / _WHOLE_COLUMNS / (8 * max(1, len(self._stream)))))
            self._kept = self._read(self._head.names[start : start + count])
        return self._kept[name]

    def _read(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        rows = len(self._stream)
        whole = {name: np.empty(rows, dtype=self._head.values[name].dtype) for name in names}
        start = 0
        for block in map(as_table, self._stream.blocks()):
            for name, column in whole.items():
                column[start : start + len(block)] = block.values[name]
            start += len(block)
        return whole


def _matrix(block: ArrayOrTable) -> np.ndarray:
    # What float32 cannot hold is refused later, with its row.
    with np.errstate(over="ignore"):
        if not isinstance(block, Columns):
            return np.ascontiguousarray(block, dtype="float32")
        try:
            return block.matrix()
        except ValueError as error:
            raise DataError(str(error)) from None


def check_finite(array: np.ndarray, example: Callable[[int], str]) -> None:
    """Refuse numbers that are not finite: they would silently turn every weight into NaN.

    Args:
        array: Examples of shape (rows, ...).
        example: Returns the name of the example in a row of `array`, for the message.

    Raises:
        DataError: A number is not finite.
    """
    # The sum of a finite array is finite unless it overflows: one quick pass decides nearly always.
    with np.errstate(over="ignore", invalid="ignore"):
        quick = np.isfinite(np.sum(array, dtype="float64"))
    if not quick and not np.isfinite(array).all():
        row, *place = (int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"{example(row)} holds a number that is not finite or too large for float32, at {place}",
            hint="correct or leave out that example",
        )

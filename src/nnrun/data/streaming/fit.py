"""What the steps of the preparation learn of a stream: the same, to the last bit, as of the same examples in memory.

Most steps see one block after another. Those that need a column's values all at once get whole columns, as many at a
time as the stream's memory holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.prepare.columnwise import Columnwise, gather
from nnrun.data.prepare.scaling import Log, MinMax, Robust, Standardize, constant_note
from nnrun.data.streaming.memory import BY_COLUMN, refusal

if TYPE_CHECKING:
    from nnrun.data.prepare.step import Step
    from nnrun.data.streaming.streams import Stream


#: The share of a stream's memory that whole columns may take.
_HELD = 4


def fit_stream(step: Step, stream: Stream) -> list[str]:
    """Let a step learn from a stream; gives what the user should be told.

    Raises:
        ValueError: The examples do not suit the step, or it cannot learn from a stream.
        DataError: An example cannot be read.
    """
    wrong = refusal(step, table=isinstance(stream.first, Columns))
    if wrong is not None:
        raise ValueError(wrong)
    if isinstance(step, Standardize):
        return _standardize(step, stream)
    if isinstance(step, MinMax):
        return step.fit(_extremes(stream, step))
    if isinstance(step, Robust):
        return _robust(step, stream)
    if isinstance(step, Log):
        for block in stream.blocks():
            step.fit(block)
        return []
    table = isinstance(stream.first, Columns) and isinstance(step, BY_COLUMN)
    return step.fit(StreamColumns(stream) if table else stream.first)


class StreamColumns(Columns):
    """A stream's table, whose columns are read whole when they are asked for.

    Args:
        stream: The stream, of a table.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(_Held(stream))
        object.__setattr__(self, "_stream", stream)

    def __len__(self) -> int:
        return len(self._stream)  # type: ignore[attr-defined]

    def text(self) -> tuple[str, ...]:
        """The names of the columns that hold text."""
        return self._stream.first.text()  # type: ignore[attr-defined, no-any-return]


class _Held(Mapping[str, np.ndarray]):
    """Whole columns by name; as many are kept as the stream's memory holds."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._names = stream.names
        self._kept: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._kept:
            start = self._names.index(name)
            room = max(1, int(self._stream.memory / _HELD / (8 * max(1, len(self._stream)))))
            self._kept = self._read(self._names[start : start + room])
        return self._kept[name]

    def _read(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        first, rows = self._stream.first, len(self._stream)
        assert isinstance(first, Columns), "a table stays one between two steps"  # noqa: S101
        whole = {name: np.empty(rows, dtype=first.values[name].dtype) for name in names}
        start = 0
        for block in self._stream.blocks():
            assert isinstance(block, Columns), "as the first example"  # noqa: S101
            for name, column in whole.items():
                column[start : start + len(block)] = block.values[name]
            start += len(block)
        return whole


def _values(step: Columnwise, stream: Stream) -> Iterator[np.ndarray]:
    """The numbers that a step treats, block by block, as `Columnwise.fit` gathers them."""
    names = step.names(stream.first)
    for block in stream.blocks():
        yield gather(block, names, type(step).__name__)


def _extremes(stream: Stream, step: Columnwise) -> Columns | np.ndarray:
    """Two examples: the smallest and the largest value of every number."""
    least: Any = None
    most: Any = None
    for values in _values(step, stream):
        low, high = values.min(axis=0), values.max(axis=0)
        least = low if least is None else np.minimum(least, low)
        most = high if most is None else np.maximum(most, high)
    both = np.stack([least, most])
    names, first = step.names(stream.first), stream.first
    if isinstance(first, Columns):
        return Columns({**_twice(first), **{name: both[:, index] for index, name in enumerate(names)}})
    if not names:
        return both
    whole = np.repeat(first, 2, axis=0).astype("float64")
    whole[:, [int(name) for name in names]] = both
    return whole


def _twice(first: Columns) -> dict[str, np.ndarray]:
    return {name: np.repeat(column, 2) for name, column in first.values.items()}


def _standardize(step: Standardize, stream: Stream) -> list[str]:
    """Mean and standard deviation; NumPy sums examples one after another, and a sum can go on where it stopped."""
    names = step.names(stream.first)
    if int(np.prod(next(_values(step, stream)).shape[1:])) == 1:
        # A lone number an example is summed pairwise, for which all have to be there; they are 8 bytes each.
        alone = np.concatenate([values.astype("float64") for values in _values(step, stream)])
        step.take(step.learn(alone))
        return constant_note(alone.max(axis=0) == alone.min(axis=0), names)
    both = gather(_extremes(stream, step), names, "Standardize")
    constant = both[1] == both[0]
    count = len(stream)
    mean = _sum(values.astype("float64") for values in _values(step, stream)) / count
    squares = _sum((values - mean) ** 2 for values in _values(step, stream))
    first = next(_values(step, stream))[0]
    step.take(
        {
            "mean": np.where(constant, first, mean),
            "scale": np.where(constant, 1.0, np.sqrt(squares / count)),
        }
    )
    return constant_note(constant, names)


def _sum(blocks: Iterator[np.ndarray]) -> np.ndarray:
    """The sum over the examples of all blocks, added one after another."""
    total: np.ndarray | None = None
    for block in blocks:
        carried = block if total is None else np.concatenate([total[None], block])
        total = np.add.reduce(carried, axis=0)
    assert total is not None, "a stream has examples"  # noqa: S101
    return total


def _robust(step: Robust, stream: Stream) -> list[str]:
    """Quartiles, column by column."""
    table = StreamColumns(stream)
    names = step.names(table)
    learned = [step.learn(gather(table, [name], "Robust")) for name in names]
    step.take({key: np.concatenate([one[key] for one in learned]) for key in ("median", "scale")} if learned else {})
    return []

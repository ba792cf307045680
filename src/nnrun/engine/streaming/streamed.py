"""Examples that stay on disk, fed to the programs of those that fit in memory: a chunk of steps at a time.

`tf.data` reads, decodes and prepares the next chunks in parallel while the one before is trained on. The order is the
epoch's own, and chunks hold the very numbers that memory would hold, so that a streamed run is bit-identical to a
resident one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.streaming.streams import Stream
from nnrun.engine.executors.compiled_steps import Span, Tensors, take_rows
from nnrun.engine.executors.shuffle import LONGEST, LongOrder
from nnrun.engine.streaming.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


#: The bytes of a chunk's examples, at most: few enough for the processor's cache, many enough to call Python rarely.
CHUNK_BYTES = 8_000_000


def take_chunk(tf: Any, fields: Any, index: Any) -> Any:
    """Take the rows at `index` of an epoch from a chunk of it; `fields` are where it begins, and its rows."""
    begin, rows = fields
    return take_rows(tf, rows, index - begin[0])


@dataclass(frozen=True)
class Streamed(Tensors):
    """A part of the data that is read while it is trained on.

    Attributes:
        fields: The first examples, for whoever wants to see what they are like.
        told: Inputs and targets (and weights) by the model's names: streams, and arrays of as many rows.
        feed: What reads the streams.
        chunk: How many examples are read at a time: whole batches.
    """

    told: Any = None
    feed: Pipeline | None = field(default=None, compare=False)
    chunk: int = 1

    @property
    def targets(self) -> Any:
        """All targets."""
        return self.told[1]

    @property
    def everything(self) -> Any:
        """All examples, in memory after all."""
        return tuple(map(np.asarray, self.told))

    def weighed(self, tf: Any, sample_weight: NDArray[Any] | None) -> Streamed:
        """The same examples with other weights."""
        told = (*self.told[:2], sample_weight)
        some = None if sample_weight is None else tf.constant(sample_weight[: len(self.fields[1])])
        return replace(self, told=told, fields=(*self.fields[:2], some))

    def held(self, tf: Any, order: Any, batch: int, spans: Sequence[tuple[int, int]]) -> Iterator[Span]:
        """Read chunk after chunk; gives the steps that each one serves, and what they take their rows from."""
        assert self.feed is not None, "made by `put_stream`"  # noqa: S101
        positions = order if isinstance(order, LongOrder) else np.asarray(order)
        counted, steps = self._counted(tf), self.chunk // batch
        for number, examples in enumerate(self.feed.run(positions)):
            begin = number * self.chunk
            index = positions[begin : begin + self.chunk]
            rows = self._padded(tf, _rows(tf, self.told, examples, index))
            chunk = Tensors((tf.constant([begin], tf.int32), rows), self.rows, take_chunk)
            for first, end in spans:
                start, stop = max(first, number * steps), min(end, (number + 1) * steps)
                if start < stop:
                    yield Span(chunk, counted, start, stop)

    def _counted(self, tf: Any) -> Any:
        """Chunks lie in the epoch's order: their rows are counted."""
        long = self.rows > LONGEST
        return LongOrder(0, 0, self.rows, shuffle=False) if long else tf.range(self.rows, dtype=tf.int32)

    def _padded(self, tf: Any, rows: Any) -> Any:
        """Bring the last chunk to the size of the others: XLA would compile the program anew for another one."""
        if self.rows <= self.chunk:
            return rows

        def pad(one: Any) -> Any:
            lacking = self.chunk - one.shape[0]
            return tf.pad(one, [[0, lacking], *([0, 0] for _ in one.shape[1:])]) if lacking else one

        return tf.nest.map_structure(pad, rows)


def put_stream(tf: Any, x: Any, y: Any, sample_weight: NDArray[Any] | None, batch: int) -> Streamed:
    """Let the streams of a part be read chunk by chunk.

    Args:
        tf: The TensorFlow module.
        x: A stream, or several by the names of the model's inputs, all of the same examples.
        y: Targets likewise; arrays, or streams where the input is the target.
        sample_weight: The examples' weights, or None.
        batch: Rows a step.
    """
    told = (x, y) if sample_weight is None else (x, y, sample_weight)
    lone = next(one for one in tf.nest.flatten(x) if isinstance(one, Stream)).all_columns()
    numbers = max(1, int(np.prod(lone.shape[1:])))
    room = min(CHUNK_BYTES, lone.memory / 32) / (4 * numbers)
    chunk = min(max(1, int(room) // batch), -(-len(lone) // batch)) * batch
    some = np.arange(min(batch, len(lone)))
    fields = _rows(tf, told, tf.constant(lone.read(some)), some)
    return Streamed(fields, len(lone), take_rows, told, Pipeline(tf, lone, chunk), chunk)


def _rows(tf: Any, told: Any, examples: Any, index: NDArray[Any]) -> Any:
    """Give every input and target its rows: of the prepared examples, or of an array."""

    def one(thing: Any) -> Any:
        if not isinstance(thing, Stream):
            return tf.constant(thing[index])
        return examples if thing.column_indices is None else tf.gather(examples, list(thing.column_indices), axis=1)

    return tf.nest.map_structure(one, told)

"""Examples that stay on disk, fed to the compiled steps of those that fit in memory: a chunk of steps at a time.

`tf.data` reads, decodes and prepares the next chunks in parallel while the one before is trained on. The order is the
epoch's own, and chunks hold the same numbers as memory would: a streamed run is bit-identical to a resident one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.streaming.streams import Stream
from nnrun.engine.executors.compiled_steps import StepRange, Tensors, take_rows
from nnrun.engine.executors.shuffle import MAX_ARRAY_ROWS, LongOrder
from nnrun.engine.streaming.pipeline import StreamPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


#: The bytes of a chunk's examples, at most: few enough for the processor's cache, many enough to call Python rarely.
CHUNK_BYTES = 8_000_000


def take_chunk(tf: Any, fields: Any, index: Any) -> Any:
    """Take the rows at `index` of an epoch from a chunk; `fields` are the index of its first row, and its rows."""
    first, rows = fields
    return take_rows(tf, rows, index - first[0])


@dataclass(frozen=True)
class StreamedTensors(Tensors):
    """A part of the data that is read while it is trained on.

    Attributes:
        fields: The first examples, from which models are built.
        sources: Inputs and targets (and weights) by the model's names: streams, and arrays of as many rows.
        pipeline: Reads the streams.
        chunk_size: The number of examples that are read at a time: full batches.
    """

    sources: Any = None
    pipeline: StreamPipeline | None = field(default=None, compare=False)
    chunk_size: int = 1

    @property
    def targets(self) -> Any:
        """All targets."""
        return self.sources[1]

    @property
    def in_memory(self) -> Any:
        """All examples in memory, as (x, y) or (x, y, sample_weight)."""
        return tuple(map(np.asarray, self.sources))

    def with_sample_weight(self, tf: Any, sample_weight: NDArray[Any] | None) -> StreamedTensors:
        """Return the same examples with other weights."""
        of_first = None if sample_weight is None else tf.constant(sample_weight[: len(self.fields[1])])
        return replace(self, sources=(*self.sources[:2], sample_weight), fields=(*self.fields[:2], of_first))

    def without_sample_weight(self) -> StreamedTensors:
        """Return the same examples, each of which counts once."""
        return self if len(self.sources) < 3 else replace(self, sources=self.sources[:2], fields=self.fields[:2])

    def step_ranges(
        self, tf: Any, order: Any, batch_size: int, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[StepRange]:
        """Read chunk after chunk; yield the range of steps that each one serves."""
        assert self.pipeline is not None, "made by `stream_tensors`"  # noqa: S101
        positions = order if isinstance(order, LongOrder) else np.asarray(order)
        chunk_order, steps = self._chunk_order(tf), self.chunk_size // batch_size
        skipped = ranges[0][0] // steps if ranges else 0
        for number, examples in enumerate(self.pipeline.run(positions, skipped), start=skipped):
            first = number * self.chunk_size
            index = positions[first : first + self.chunk_size]
            rows = self._padded(tf, _rows(tf, self.sources, examples, index))
            chunk = Tensors((tf.constant([first], tf.int32), rows), self.rows, take_chunk)
            for range_start, range_stop in ranges:
                start, stop = max(range_start, number * steps), min(range_stop, (number + 1) * steps)
                if start < stop:
                    yield StepRange(chunk, chunk_order, start, stop)

    def _chunk_order(self, tf: Any) -> Any:
        """Return the order of rows in the chunks, which is the epoch's own already."""
        if self.rows > MAX_ARRAY_ROWS:
            return LongOrder(0, 0, self.rows, shuffle=False)
        return tf.range(self.rows, dtype=tf.int32)

    def _padded(self, tf: Any, rows: Any) -> Any:
        """Pad the last chunk to the size of the others: XLA would compile the program again for another size."""
        if self.rows <= self.chunk_size:
            return rows

        def pad(one: Any) -> Any:
            missing = self.chunk_size - one.shape[0]
            return tf.pad(one, [[0, missing], *([0, 0] for _ in one.shape[1:])]) if missing else one

        return tf.nest.map_structure(pad, rows)


def stream_tensors(tf: Any, x: Any, y: Any, sample_weight: NDArray[Any] | None, batch_size: int) -> StreamedTensors:
    """Return a part of the data whose streams are read chunk by chunk.

    Args:
        tf: The TensorFlow module.
        x: A stream, or several by the names of the model's inputs, all of the same examples.
        y: Targets likewise; arrays, or streams where the input is the target.
        sample_weight: The examples' weights, or None.
        batch_size: Rows per step.
    """
    sources = (x, y) if sample_weight is None else (x, y, sample_weight)
    stream = next(one for one in tf.nest.flatten(x) if isinstance(one, Stream)).all_columns()
    example_bytes = 4 * max(1, int(np.prod(stream.shape[1:])))
    fitting = min(CHUNK_BYTES, stream.memory / 32) / example_bytes
    chunk_size = min(max(1, int(fitting) // batch_size), -(-len(stream) // batch_size)) * batch_size
    first = np.arange(min(batch_size, len(stream)))
    fields = _rows(tf, sources, tf.constant(stream.read(first)), first)
    pipeline = StreamPipeline(tf, stream, chunk_size)
    return StreamedTensors(fields, len(stream), take_rows, sources, pipeline, chunk_size)


def _rows(tf: Any, sources: Any, examples: Any, index: NDArray[Any]) -> Any:
    """Return the rows of every input and target: of the prepared examples, or of an array."""

    def rows_of(source: Any) -> Any:
        if not isinstance(source, Stream):
            return tf.constant(source[index])
        if source.array is not None:
            start, stop, shape = source.array
            return tf.reshape(examples[:, start:stop], (-1, *shape))
        return examples if source.column_indices is None else tf.gather(examples, list(source.column_indices), axis=1)

    return tf.nest.map_structure(rows_of, sources)

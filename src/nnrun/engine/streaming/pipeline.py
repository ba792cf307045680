"""The `tf.data` pipeline that reads a stream in a given order: in parallel, chunks ahead, built once for all epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.cores import usable_cores
from nnrun.data.streaming.picture_files import PictureFiles
from nnrun.engine.streaming.decode import block_decoder, block_size, first_broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nnrun.data.streaming.streams import Stream
    from nnrun.engine.executors.shuffle import Order


#: Chunks that are ready while one is trained on.
_PREFETCHED = 2


class StreamPipeline:
    """Reads a stream chunk by chunk.

    Pictures are decoded by TensorFlow's own operations, many in one call of a traced function: a call for each picture
    would cost more than decoding a small one. All else is read and prepared by NumPy.

    Args:
        tf: The TensorFlow module.
        stream: The stream.
        chunk_size: The number of examples of a chunk.
    """

    def __init__(self, tf: Any, stream: Stream, chunk_size: int) -> None:
        self._tf, self._stream, self._chunk_size = tf, stream, chunk_size
        self._order: Order = np.arange(len(stream), dtype=np.int32)
        self._start = 0
        self._error: Exception | None = None
        self._dataset: Any = None
        # Some of the workers wait for the disk.
        self._workers = 2 * usable_cores()

    def run(self, order: Order, skipped: int = 0) -> Iterator[Any]:
        """Read all examples in an order; yield chunks, float32 of shape (examples, ...).

        Args:
            order: All positions in the stream, shape (rows,).
            skipped: The number of chunks at the beginning that are not read.

        Raises:
            DataError: An example cannot be read, or does not suit the preparation.
        """
        self._order, self._error = order, None
        # What is read ahead of the last chunk is not used.
        self._start = min(skipped * self._chunk_size, len(order) - 1)
        self._dataset = self._dataset if self._dataset is not None else self._new_dataset()
        chunks = iter(self._dataset)
        for number in range(-(-len(order) // self._chunk_size) - skipped):
            try:
                chunk = next(chunks)
            except self._tf.errors.OpError as error:
                raise self._cause_of_error(number) or error from None
            yield chunk

    def _new_dataset(self) -> Any:
        tf, store = self._tf, self._stream.store
        dataset = (
            self._pictures(store)
            if isinstance(store, PictureFiles)
            else tf.data.Dataset.range(self._chunks).map(
                lambda number: self._call_python(self._read, (number,), tf.float32, None),
                num_parallel_calls=self._workers,
            )
        )
        options = tf.data.Options()
        options.deterministic = True
        # All numbers are fixed. A pipeline that tunes itself ends only at the next turn of its tuning thread, 0.31,
        # 0.63, 1.27, 2.55, ... s after its start: every other epoch of 30,000 pictures took 1.30 s, and 0.60 to 0.71
        # without tuning.
        options.autotune.enabled = False
        options.threading.private_threadpool_size = self._workers
        shape = (None, *self._stream.shape[1:])
        return dataset.map(lambda chunk: tf.ensure_shape(chunk, shape)).prefetch(_PREFETCHED).with_options(options)

    @property
    def _chunks(self) -> int:
        return -(-len(self._stream) // self._chunk_size)

    def _pictures(self, store: PictureFiles) -> Any:
        """Decode blocks of pictures in parallel, then prepare chunks of them."""
        tf, size = self._tf, block_size(store)
        blocks = -(-len(self._stream) // size)
        decode = block_decoder(
            tf, store, lambda rows: self._call_python(store.read, (rows,), tf.uint8, (size, *store.shape))
        )

        def locate(number: Any) -> Any:
            return self._call_python(lambda block: self._rows_of(store, int(block), size), (number,), tf.int64, (size,))

        return (
            tf.data.Dataset.range(blocks)
            .map(lambda number: decode(locate(number)), num_parallel_calls=self._workers)
            .rebatch(self._chunk_size)
            .enumerate()
            .map(lambda number, pixels: self._call_python(self._prepare, (number, pixels), tf.float32, None))
        )

    def _rows_of(self, store: PictureFiles, block: int, size: int) -> NDArray[np.int64]:
        """Return the store's rows of a block, the last one repeated; as -1 - row if Pillow must decode one of them."""
        rows = self._stream.rows[self._piece(block, size)].astype(np.int64)
        filled = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows))])
        return filled if store.simple[rows].all() else -1 - filled

    def _index(self, number: int) -> NDArray[Any]:
        return self._piece(number, self._chunk_size)

    def _piece(self, number: int, size: int) -> NDArray[Any]:
        """Return a piece of the order; beyond its end, where nothing is used any more, the last one again."""
        first = min(self._start + number * size, len(self._order) - 1)
        return self._order[first : first + size]

    def _read(self, number: NDArray[Any]) -> Any:
        return self._stream.read(self._index(int(number)))

    def _prepare(self, number: NDArray[Any], pixels: NDArray[Any]) -> Any:
        index = self._index(int(number))
        return self._stream.prepare(pixels[: len(index)], index)

    def _call_python(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], dtype: Any, shape: tuple[int, ...] | None
    ) -> Any:
        """Call Python inside the pipeline; its exception is kept, since TensorFlow would turn it into text."""

        def call(*arrays: NDArray[Any]) -> Any:
            try:
                return function(*arrays)
            except Exception as error:
                self._error = self._error or error
                raise

        result = self._tf.numpy_function(call, arguments, dtype)
        return result if shape is None else self._tf.ensure_shape(result, shape)

    def _cause_of_error(self, number: int) -> Exception | None:
        """Return what went wrong in this chunk or in one that is read ahead."""
        if self._error is None and isinstance(self._stream.store, PictureFiles):
            # In addition to the chunks that are ready, others are in work.
            first = self._start + number * self._chunk_size
            near = self._order[first : first + (_PREFETCHED + 3) * self._chunk_size]
            return first_broken(self._tf, self._stream.store, self._stream.rows[near])
        return self._error

"""The `tf.data` pipeline that reads a stream in a given order: parallel, a chunk ahead, built once for all epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.cores import usable_cores
from nnrun.data.streaming.picture_files import PictureFiles
from nnrun.engine.streaming.decode import block_size, decoder, first_broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nnrun.data.streaming.streams import Stream
    from nnrun.engine.executors.shuffle import Order


#: Chunks that are ready while one is trained on.
_AHEAD = 2


class Pipeline:
    """Reads a stream chunk by chunk.

    Pictures are decoded by TensorFlow's own operations, many in one call of a traced function: a call for each picture
    would cost more than decoding a small one. All else is read and prepared by NumPy.

    Args:
        tf: The TensorFlow module.
        stream: What is read.
        chunk: How many examples a chunk has.
    """

    def __init__(self, tf: Any, stream: Stream, chunk: int) -> None:
        self._tf, self._stream, self._chunk = tf, stream, chunk
        self._order: Order = np.arange(len(stream), dtype=np.int32)
        self._failed: Exception | None = None
        self._made: Any = None
        # Some of them wait for the disk.
        self._workers = 2 * usable_cores()

    def run(self, order: Order) -> Iterator[Any]:
        """Read all examples in this order; gives chunks, float32 of shape (examples, ...).

        Args:
            order: Positions in the stream, all of them, shape (rows,).

        Raises:
            DataError: An example cannot be read, or does not suit the preparation.
        """
        self._order, self._failed = order, None
        self._made = self._made if self._made is not None else self._make()
        running = iter(self._made)
        for number in range(-(-len(order) // self._chunk)):
            try:
                chunk = next(running)
            except self._tf.errors.OpError as error:
                raise self._cause(number) or error from None
            yield chunk

    def _make(self) -> Any:
        tf, store = self._tf, self._stream.store
        made = (
            self._decoded(store)
            if isinstance(store, PictureFiles)
            else tf.data.Dataset.range(self._chunks).map(
                lambda number: self._call(self._read, (number,), tf.float32, None), num_parallel_calls=self._workers
            )
        )
        options = tf.data.Options()
        options.deterministic = True
        # All numbers are given. A pipeline that tunes itself ends only when its tuning thread wakes, 0.31, 0.63, 1.27,
        # 2.55, ... s after it began: every other epoch of 30,000 pictures took 1.30 s, and 0.60 to 0.71 without.
        options.autotune.enabled = False
        options.threading.private_threadpool_size = self._workers
        shape = (None, *self._stream.shape[1:])
        return made.map(lambda chunk: tf.ensure_shape(chunk, shape)).prefetch(_AHEAD).with_options(options)

    @property
    def _chunks(self) -> int:
        return -(-len(self._stream) // self._chunk)

    def _decoded(self, store: PictureFiles) -> Any:
        """Decode blocks of pictures side by side, then prepare chunks of them."""
        tf, size = self._tf, block_size(store)
        blocks = -(-len(self._stream) // size)
        decode = decoder(tf, store, lambda rows: self._call(store.read, (rows,), tf.uint8, (size, *store.shape)))

        def locate(number: Any) -> Any:
            return self._call(lambda block: self._located(store, int(block), size), (number,), tf.int64, (size,))

        return (
            tf.data.Dataset.range(blocks)
            .map(lambda number: decode(locate(number)), num_parallel_calls=self._workers)
            .rebatch(self._chunk)
            .enumerate()
            .map(lambda number, pixels: self._call(self._prepared, (number, pixels), tf.float32, None))
        )

    def _located(self, store: PictureFiles, block: int, size: int) -> NDArray[np.int64]:
        """The store's rows of a block, the last one filled up; counted from -1 down where one is not plain."""
        rows = self._stream.rows[self._order[block * size : (block + 1) * size]].astype(np.int64)
        filled = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows))])
        return filled if store.simple[rows].all() else -1 - filled

    def _index(self, number: int) -> NDArray[Any]:
        return self._order[number * self._chunk : (number + 1) * self._chunk]

    def _read(self, number: NDArray[Any]) -> Any:
        return self._stream.read(self._index(int(number)))

    def _prepared(self, number: NDArray[Any], pixels: NDArray[Any]) -> Any:
        index = self._index(int(number))
        return self._stream.prepare(pixels[: len(index)], index)

    def _call(self, do: Callable[..., Any], given: tuple[Any, ...], dtype: Any, shape: tuple[int, ...] | None) -> Any:
        """Call Python inside the pipeline; what it raises is kept, since TensorFlow would turn it into text."""

        def kept(*arrays: NDArray[Any]) -> Any:
            try:
                return do(*arrays)
            except Exception as error:
                self._failed = self._failed or error
                raise

        result = self._tf.numpy_function(kept, given, dtype)
        return result if shape is None else self._tf.ensure_shape(result, shape)

    def _cause(self, number: int) -> Exception | None:
        """What really went wrong in this chunk or one that is read ahead of it."""
        if self._failed is None and isinstance(self._stream.store, PictureFiles):
            # Beside the chunks that are ready others are being made.
            near = self._order[number * self._chunk : (number + _AHEAD + 3) * self._chunk]
            return first_broken(self._tf, self._stream.store, self._stream.rows[near])
        return self._failed

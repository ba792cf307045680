"""A part of the data as tensors, by what its examples are: arrays, windows of a text or of rows, or data on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.series.windows import RowWindows
from nnrun.data.streaming.streams import Stream
from nnrun.data.text.windows import Windows
from nnrun.engine.executors.window_batches import row_tensors, window_tensors

if TYPE_CHECKING:
    from nnrun.data.dataset import DataPart
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor


def part_tensors(tf: Any, executor: ResidentExecutor, x: Any, y: Any, part: DataPart, batch_size: int) -> Tensors:
    """Return a part as tensors.

    Args:
        tf: The TensorFlow module, or JAX under TensorFlow's names.
        executor: The executor that trains on it.
        x: What the model's inputs receive: one value, or several by their names.
        y: What its outputs are compared with, as `x`.
        part: The part.
        batch_size: Rows per step.
    """
    examples: Any = part.x
    if isinstance(examples, Windows):
        return window_tensors(tf, x, y)
    if isinstance(examples, RowWindows):
        return row_tensors(tf, x, y, part.sample_weight)
    if isinstance(examples, Stream):
        from nnrun.engine.streaming.streamed import stream_tensors

        return stream_tensors(tf, x, y, part.sample_weight, batch_size)
    return executor.to_tensors(x, y, part.sample_weight)

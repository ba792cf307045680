"""The resident executor: data live as tensors, and an epoch is one compiled program looping Keras' own steps.

Keras' overhead of about 1 ms a step is nearly the whole cost of a small model (keras#19953, #18648). Here the loop over
batches runs inside TensorFlow: it gathers each batch by the epoch's order and calls the model's own `train_step`, with
Keras' own losses, metrics, regularizers and optimizers. Without XLA the figures are bit-identical to a step at a time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


#: How long a chunk of steps should take, so that progress moves and Ctrl-C is heard, in seconds.
CHUNK_SECONDS = 0.5


#: One array, or several by the names of the model's inputs or outputs.
Fields = Union["NDArray[Any]", "dict[str, NDArray[Any]]"]


@dataclass(frozen=True)
class Tensors:
    """A part of the data as tensors: `fields` is (x, y) or (x, y, sample_weight), as Keras' steps take them."""

    fields: Any
    rows: int


class ResidentExecutor:
    """Trains and evaluates one compiled model on data that fit in memory.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model.
        batch_size: Rows per step; the last step of an epoch takes what is left.
    """

    def __init__(self, tf: Any, model: Any, batch_size: int) -> None:
        self._tf = tf
        self._model = model
        self._batch = batch_size
        self._programs: dict[tuple[str, int], Callable[..., Any]] = {}

    def put(self, x: Fields, y: Fields, sample_weight: NDArray[Any] | None = None) -> Tensors:
        """Turn a part of the data into tensors: each of `x` and `y` is an array, or several by the model's names."""
        fields = (x, y) if sample_weight is None else (x, y, sample_weight)
        first = next(iter(x.values())) if isinstance(x, dict) else x
        return Tensors(self._tf.nest.map_structure(self._tf.constant, fields), len(first))

    def weigh(self, tensors: Tensors, sample_weight: NDArray[Any] | None) -> Tensors:
        """Give the same examples with other weights, without a second copy of them."""
        return Tensors((*tensors.fields[:2], self._tf.constant(sample_weight)), tensors.rows)

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        batch = self._tf.nest.map_structure(lambda field: field[: self._batch], tensors.fields)
        # The very call that `fit` makes first; no public one builds metrics and optimizer without taking a step.
        self._model._symbolic_build(data_batch=batch)  # noqa: SLF001

    def train(
        self, tensors: Tensors, order: NDArray[np.int32], tell: Callable[[int], None], hears_steps: Any = None
    ) -> dict[str, float]:
        """Train one epoch over the rows in `order`, shape (rows,), and give the epoch's mean loss and metrics.

        Args:
            tensors: The training part.
            order: Row indexes, one epoch's worth.
            tell: Called with the number of steps done, now and then.
            hears_steps: Keras' `CallbackList` where a callback needs batches; the loop then runs a step at a time.
        """
        self._model.reset_metrics()
        self._loop("train", tensors, self._tf.constant(order), tell, hears_steps)
        return self.figures()

    def evaluate(self, tensors: Tensors) -> dict[str, float]:
        """Give the mean loss and metrics over all rows, in file order."""
        self._model.reset_metrics()
        everything = self._tf.range(tensors.rows, dtype=self._tf.int32)
        self._loop("test", tensors, everything, lambda _: None, None)
        return self.figures()

    def predict(self, tensors: Tensors) -> Any:
        """Give the model's outputs for all rows, in file order: an array (rows, ...), or a dict of them by output."""
        program = self._program("predict", tensors)
        starts = range(0, tensors.rows, self._batch)
        chunks = [program(start, min(start + self._batch, tensors.rows)) for start in starts]
        return self._tf.nest.map_structure(lambda *parts: np.concatenate([part.numpy() for part in parts]), *chunks)

    def figures(self) -> dict[str, float]:
        """Read the loss and metrics accumulated so far, by Keras' names."""
        return {name: plain(value) for name, value in self._model.get_metrics_result().items()}

    def _loop(
        self,
        kind: str,
        tensors: Tensors,
        order: Any,
        tell: Callable[[int], None],
        hears_steps: Any,
    ) -> None:
        steps, program = -(-tensors.rows // self._batch), self._program(kind, tensors)
        step, chunk = 0, 1
        while step < steps:
            if hears_steps is not None:
                hears_steps.on_train_batch_begin(step)
            began = time.perf_counter()
            stop = min(step + chunk, steps)
            program(order, np.int32(step), np.int32(stop))
            if hears_steps is not None:
                hears_steps.on_train_batch_end(step, self.figures())
                if self._model.stop_training:
                    break
            else:
                chunk = _next_chunk(chunk, time.perf_counter() - began)
            step = stop
            tell(step)

    def _program(self, kind: str, tensors: Tensors) -> Callable[..., Any]:
        key = (kind, id(tensors))
        if key not in self._programs:
            make = self._outputs if kind == "predict" else self._steps
            self._programs[key] = make(tensors, self._model.train_step if kind == "train" else self._model.test_step)
        return self._programs[key]

    def _steps(self, tensors: Tensors, take_step: Callable[..., Any]) -> Callable[..., Any]:
        tf, batch, rows = self._tf, self._batch, tensors.rows

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def steps(order: Any, start: Any, stop: Any) -> None:
            def body(step: Any) -> Any:
                # The batch's size stays unknown to the compiler, as in `fit`: with a known one TensorFlow turns
                # divisions by it into multiplications, whose last bit differs (seen with BatchNormalization).
                index = order[step * batch : tf.minimum((step + 1) * batch, rows)]
                take_step(tf.nest.map_structure(lambda field: tf.gather(field, index), tensors.fields))
                return (step + 1,)

            tf.while_loop(lambda step: step < stop, body, (start,), parallel_iterations=1)

        return lambda order, start, stop: steps(order, tf.constant(start), tf.constant(stop))

    def _outputs(self, tensors: Tensors, _: Callable[..., Any]) -> Callable[..., Any]:
        tf, model, x = self._tf, self._model, tensors.fields[0]
        signature = tf.nest.map_structure(lambda field: tf.TensorSpec((None, *field.shape[1:]), field.dtype), x)

        @tf.function(autograph=False, input_signature=[signature])  # type: ignore[untyped-decorator]
        def outputs(batch: Any) -> Any:
            return model(batch, training=False)

        return lambda start, stop: outputs(tf.nest.map_structure(lambda field: field[start:stop], x))


def plain(value: Any) -> float:
    """Give a 32-bit figure its own shortest digits: 0.001 and not 0.0010000000474974513; no bit is lost."""
    return float(str(value.numpy() if hasattr(value, "numpy") else value))


def _next_chunk(chunk: int, seconds: float) -> int:
    """Aim at `CHUNK_SECONDS` a chunk, growing at most eightfold at a time (the first chunk also pays for tracing)."""
    wanted = int(chunk * CHUNK_SECONDS / max(seconds, 1e-4))
    return max(1, min(wanted, chunk * 8))

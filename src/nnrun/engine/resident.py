"""The resident executor: data live as tensors, and an epoch is one compiled program looping Keras' own steps.

Keras' overhead of about 1 ms a step is nearly the whole cost of a small model (keras#19953, #18648). Here the loop over
batches runs inside TensorFlow: it gathers each batch by the epoch's order and calls the model's own `train_step`, with
Keras' own losses, metrics, regularizers and optimizers. Without XLA the figures are bit-identical to a step at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Union

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: How long a chunk of steps should take, so that progress moves and Ctrl-C is heard, in seconds.
CHUNK_SECONDS = 0.5


#: One array, or several by the names of the model's inputs or outputs.
Fields = Union["NDArray[Any]", "dict[str, NDArray[Any]]"]

#: How a step takes its examples: from TensorFlow, fields and row indexes (tensors) to what Keras' steps take.
Take = Callable[[Any, Any, Any], Any]


def take_rows(tf: Any, fields: Any, index: Any) -> Any:
    """Take the rows at `index` from every field."""
    return tf.nest.map_structure(lambda field: tf.gather(field, index), fields)


@dataclass(frozen=True)
class Tensors:
    """A part of the data as tensors.

    Attributes:
        fields: What `take` takes from: (x, y) or (x, y, sample_weight), or what another `take` makes these of.
        rows: How many examples there are.
        take: How a step takes its examples. Parts whose `take` are equal, and whose fields differ in nothing but their
            first dimension, share one compiled program.
    """

    fields: Any
    rows: int
    take: Take = take_rows


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
        self._programs: dict[tuple[object, ...], Callable[..., Any]] = {}

    def put(self, x: Fields, y: Fields, sample_weight: NDArray[Any] | None = None) -> Tensors:
        """Turn a part of the data into tensors: each of `x` and `y` is an array, or several by the model's names."""
        fields = (x, y) if sample_weight is None else (x, y, sample_weight)
        first = next(iter(x.values())) if isinstance(x, dict) else x
        return Tensors(self._tf.nest.map_structure(self._tf.constant, fields), len(first))

    def weigh(self, tensors: Tensors, sample_weight: NDArray[Any] | None) -> Tensors:
        """Give the same examples with other weights, without a second copy of them."""
        return replace(tensors, fields=(*tensors.fields[:2], self._tf.constant(sample_weight)))

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        batch = tensors.take(self._tf, tensors.fields, self._tf.range(min(self._batch, tensors.rows)))
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
        self._loop("test", tensors, self._everything(tensors), lambda _: None, None)
        return self.figures()

    def predict(self, tensors: Tensors) -> Any:
        """Give the model's outputs for all rows, in file order: an array (rows, ...), or a dict of them by output."""
        return self._outputs("predict", tensors)

    def score(self, tensors: Tensors) -> tuple[dict[str, float], Any]:
        """Give what `evaluate` and `predict` give, of one pass over the rows."""
        self._model.reset_metrics()
        outputs = self._outputs("score", tensors)
        return self.figures(), outputs

    def figures(self) -> dict[str, float]:
        """Read the loss and metrics accumulated so far, by Keras' names."""
        return {name: plain(value) for name, value in self._model.get_metrics_result().items()}

    def _everything(self, tensors: Tensors) -> Any:
        return self._tf.range(tensors.rows, dtype=self._tf.int32)

    def _outputs(self, kind: str, tensors: Tensors) -> Any:
        chunks = self._loop(kind, tensors, self._everything(tensors), lambda _: None, None)
        return self._tf.nest.map_structure(lambda *parts: np.concatenate([part.numpy() for part in parts]), *chunks)

    def _loop(
        self,
        kind: str,
        tensors: Tensors,
        order: Any,
        tell: Callable[[int], None],
        hears_steps: Any,
    ) -> list[Any]:
        steps, program = -(-tensors.rows // self._batch), self._program(kind, tensors)
        step, chunk, given = 0, 1, []
        while step < steps:
            if hears_steps is not None:
                hears_steps.on_train_batch_begin(step)
            began = time.perf_counter()
            stop = min(step + chunk, steps)
            given.append(program(tensors.fields, order, self._tf.constant(step), self._tf.constant(stop)))
            if hears_steps is not None:
                hears_steps.on_train_batch_end(step, self.figures())
                if self._model.stop_training:
                    break
            else:
                chunk = _next_chunk(chunk, time.perf_counter() - began)
            step = stop
            tell(step)
        return given

    def _program(self, kind: str, tensors: Tensors) -> Callable[..., Any]:
        """Give the program that runs steps of a kind on tensors such as these, traced when it first runs."""
        tf = self._tf
        fields = tf.nest.map_structure(lambda one: tf.TensorSpec((None, *one.shape[1:]), one.dtype), tensors.fields)
        key = (kind, tensors.take, repr(fields))
        if key not in self._programs:
            make = self._answering if kind in ("predict", "score") else self._stepping
            whole = tf.TensorSpec((), tf.int32)
            signature = [fields, tf.TensorSpec((None,), tf.int32), whole, whole]
            body = make(_step_of(self._model, kind), tensors.take)
            self._programs[key] = tf.function(body, autograph=False, input_signature=signature)
        return self._programs[key]

    def _batch_of(self, take: Take, fields: Any, order: Any, step: Any) -> Any:
        # The batch's size stays unknown to the compiler, as in `fit`: with a known one TensorFlow turns divisions by it
        # into multiplications, whose last bit differs (seen with BatchNormalization).
        stop = self._tf.minimum((step + 1) * self._batch, self._tf.shape(order)[0])
        return take(self._tf, fields, order[step * self._batch : stop])

    def _stepping(self, take_step: Callable[[Any], Any], take: Take) -> Callable[..., None]:
        def steps(fields: Any, order: Any, start: Any, stop: Any) -> None:
            def body(step: Any) -> Any:
                take_step(self._batch_of(take, fields, order, step))
                return (step + 1,)

            self._tf.while_loop(lambda step: step < stop, body, (start,), parallel_iterations=1)

        return steps

    def _answering(self, take_step: Callable[[Any], Any], take: Take) -> Callable[..., Any]:
        tf, outputs = self._tf, self._model.output

        def steps(fields: Any, order: Any, start: Any, stop: Any) -> Any:
            def body(step: Any, kept: Any) -> Any:
                given = take_step(self._batch_of(take, fields, order, step))
                return step + 1, tf.nest.map_structure(lambda one, more: one.write(step - start, more), kept, given)

            def room(output: Any) -> Any:
                return tf.TensorArray(output.dtype, stop - start, element_shape=output.shape, infer_shape=False)

            empty = tf.nest.map_structure(room, outputs)
            kept = tf.while_loop(lambda step, _: step < stop, body, (start, empty), parallel_iterations=1)[1]
            return tf.nest.map_structure(lambda one: one.concat(), kept)

        return steps


def _step_of(model: Any, kind: str) -> Callable[[Any], Any]:
    known: dict[str, Callable[[Any], Any]] = {
        "train": model.train_step,
        "test": model.test_step,
        "predict": model.predict_step,
        "score": lambda batch: _test_and_answer(model, batch),
    }
    return known[kind]


def _test_and_answer(model: Any, batch: Any) -> Any:
    """Take Keras' own test step, and give the outputs that it has computed."""
    own, heard = model.compute_metrics, []

    def hear(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        heard.append(y_pred)
        return own(x, y, y_pred, sample_weight)

    model.compute_metrics = hear
    try:
        model.test_step(batch)
    finally:
        del model.compute_metrics
    return heard[-1]


def plain(value: Any) -> float:
    """Give a 32-bit figure its own shortest digits: 0.001 and not 0.0010000000474974513; no bit is lost."""
    return float(str(value.numpy() if hasattr(value, "numpy") else value))


def _next_chunk(chunk: int, seconds: float) -> int:
    """Aim at `CHUNK_SECONDS` a chunk, growing at most eightfold at a time (the first chunk also pays for tracing)."""
    wanted = int(chunk * CHUNK_SECONDS / max(seconds, 1e-4))
    return max(1, min(wanted, chunk * 8))

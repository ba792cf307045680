"""The compiled steps of the resident executor: Keras' own steps, looped inside TensorFlow.

A program is traced once for a kind of step and a form of data; the data are its arguments, so that parts of one form,
folds and epochs share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nnrun.engine.executors.divided_batches import divide_batches
from nnrun.engine.executors.split_rnn_batch import split_batches

if TYPE_CHECKING:
    from nnrun.engine.model.augmentation import Augmentation


#: How a step takes its examples: from TensorFlow, fields and row indexes (tensors) to what Keras' steps take.
Take = Callable[[Any, Any, Any], Any]
#: The kinds of steps; `score` is a test step that also returns the outputs.
StepKind = Literal["train", "test", "predict", "score"]

#: The kinds of steps whose outputs are returned.
_WITH_OUTPUTS = ("predict", "score")


def take_rows(tf: Any, fields: Any, index: Any) -> Any:
    """Take the rows at `index` from every field."""
    return tf.nest.map_structure(lambda field: tf.gather(field, index), fields)


@dataclass(frozen=True)
class Tensors:
    """A part of the data as tensors.

    Attributes:
        fields: What `take` takes from: (x, y) or (x, y, sample_weight), or what another `take` turns into these.
        rows: The number of examples.
        take: How a step takes its examples; where it has `computing`, the model computes from others than its inputs.
            Parts whose `take` are equal, and whose fields differ in nothing but their first dimension, share one
            compiled program.
    """

    fields: Any
    rows: int
    take: Take = take_rows

    @property
    def targets(self) -> Any:
        """All targets."""
        return self.fields[1]

    @property
    def in_memory(self) -> Any:
        """All examples in memory, as (x, y) or (x, y, sample_weight)."""
        return self.fields

    def with_sample_weight(self, tf: Any, sample_weight: Any) -> Tensors:
        """Return the same examples with other weights, without a second copy of them."""
        return replace(self, fields=(*self.fields[:2], tf.constant(sample_weight)))

    def without_sample_weight(self) -> Tensors:
        """Return the same examples, each of which counts once."""
        # The fields of a text are its token ids, which have no weights.
        has_weights = isinstance(self.fields, tuple) and len(self.fields) == 3
        return replace(self, fields=self.fields[:2]) if has_weights else self

    def step_ranges(
        self,
        tf: Any,  # noqa: ARG002 - used for data on disk
        order: Any,
        batch_size: int,  # noqa: ARG002
        ranges: Sequence[tuple[int, int]],
    ) -> Iterator[StepRange]:
        """Yield ranges of steps with the tensors that they take from: data in memory serve all steps of an epoch."""
        yield from (StepRange(self, order, start, stop) for start, stop in ranges)


class StepRange(NamedTuple):
    """Steps that take their rows from the same tensors.

    Attributes:
        tensors: The tensors.
        order: The order of the whole epoch's rows in them.
        start: The first step.
        stop: The step after the last.
    """

    tensors: Tensors
    order: Any
    start: int
    stop: int


class CompiledSteps:
    """The compiled steps of one model.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model whose state is built.
        batch_size: Rows per step.
        xla: Whether training steps on full batches are compiled by XLA. The incomplete last one never is: one step an
            epoch would not pay for compiling it. Neither are the other kinds, so that a model has the same scores
            whatever trained it.
        split_layers: Recurrent layers that process their batch in two halves, in steps of all kinds.
        devices: The devices that training steps divide their batch over; none: they use one.
    """

    def __init__(
        self,
        tf: Any,
        model: Any,
        batch_size: int,
        *,
        xla: bool = False,
        split_layers: Sequence[Any] = (),
        devices: Sequence[str] = (),
    ) -> None:
        self._tf, self._model, self._batch_size, self._xla = tf, model, batch_size, xla
        self._split_layers, self._devices = split_layers, devices
        self._programs: dict[tuple[object, ...], Callable[..., Any]] = {}
        self._steps: dict[tuple[object, ...], Callable[[Any, Any], Any]] = {}

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        batch = tensors.take(self._tf, tensors.fields, self._tf.range(min(self._batch_size, tensors.rows)))
        # The very call that `fit` makes first; no public one builds metrics and optimizer without taking a step.
        self._model._symbolic_build(data_batch=batch)  # noqa: SLF001

    def augment(self, augmentation: Augmentation, example: Any) -> None:
        """Let the model take its training steps on augmented batches; see `Augmentation.attach`."""
        augmentation.attach(self._model, example)

    def argument(self, value: Any) -> Any:
        """Return an order of rows, or the number of a step, as programs take it."""
        return self._tf.constant(value)

    def file_order(self, rows: int) -> Any:
        """Return the order of rows in the file."""
        return self._tf.range(rows, dtype=self._tf.int32)

    def ranges(self, kind: StepKind, rows: int) -> list[tuple[int, int]]:
        """Cut an epoch of `rows` rows into ranges of steps that one program can run, as (start, stop)."""
        steps, full = -(-rows // self._batch_size), rows // self._batch_size
        if self._xla and kind == "train" and 0 < full < steps:
            return [(0, full), (full, steps)]
        return [(0, steps)]

    def get(self, kind: StepKind, tensors: Tensors, step: int) -> Callable[..., Any]:
        """Return the program that runs steps of a kind, from `step` on, on tensors of this form.

        The program takes fields, order of rows, first step and the step after the last. It returns outputs (None unless
        the kind is `predict` or `score`), and the loss and metrics of the epoch so far, which starts at step 0.
        """
        tf = self._tf
        compiled = self._xla and kind == "train" and (step + 1) * self._batch_size <= tensors.rows
        fields = tf.nest.map_structure(lambda one: tf.TensorSpec((None, *one.shape[1:]), one.dtype), tensors.fields)
        key = (kind, tensors.take, repr(fields), compiled)
        if key not in self._programs:
            number = tf.TensorSpec((), tf.int32)
            self._programs[key] = tf.function(
                self._loop(kind, self._step(kind, tensors.take, fields), static_size=compiled),
                autograph=False,
                jit_compile=compiled or None,
                input_signature=[fields, tf.TensorSpec((None,), tf.int32), number, number],
            )
        return self._programs[key]

    def _step(self, kind: StepKind, take: Take, fields: Any) -> Callable[[Any, Any], Any]:
        """Return what takes one step on the rows at some indexes, traced once for all programs that take it.

        A function of its own, as in `fit`: inside the loop TensorFlow simplifies sums in another order, which changed
        the last bits of a Transformer. A test takes the step of a score and drops its outputs.
        """
        kind = "score" if kind == "test" else kind
        tf, key = self._tf, (kind, take, repr(fields))
        if key not in self._steps:
            keras_step = _keras_step(self._model, kind)

            def step(fields: Any, index: Any) -> Any:
                devices = self._devices if kind == "train" else ()
                with (
                    split_batches(tf, self._split_layers),
                    getattr(take, "computing", nullcontext)(),
                    divide_batches(tf, self._model, devices),
                ):
                    outputs = keras_step(take(tf, fields, index))
                return outputs if kind in _WITH_OUTPUTS else None

            signature = [fields, tf.TensorSpec((None,), tf.int32)]
            self._steps[key] = tf.function(step, autograph=False, input_signature=signature)
        return self._steps[key]

    def _loop(self, kind: StepKind, step_on: Callable[[Any, Any], Any], *, static_size: bool) -> Callable[..., Any]:
        tf, model = self._tf, self._model
        loop = self._loop_with_outputs if kind in _WITH_OUTPUTS else self._loop_without_outputs

        def rows_of(order: Any, step: Any) -> Any:
            begin = step * self._batch_size
            # XLA must know the batch's size. Without XLA it stays unknown, as in `fit`: with a known one TensorFlow
            # turns divisions by it into multiplications, whose last bit differs (seen with BatchNormalization).
            size = self._batch_size if static_size else tf.minimum(self._batch_size, tf.shape(order)[0] - begin)
            return tf.slice(order, [begin], [size])

        def program(fields: Any, order: Any, start: Any, stop: Any) -> Any:
            tf.cond(tf.equal(start, 0), lambda: _call(model.reset_metrics), lambda: None)
            outputs = loop(lambda step: step_on(fields, rows_of(order, step)), start, stop)
            # A model that was only reopened has no metrics yet, and a prediction needs none.
            return outputs, {} if kind == "predict" else model.get_metrics_result()

        return program

    def _loop_without_outputs(self, take_step: Callable[[Any], Any], start: Any, stop: Any) -> None:
        def body(step: Any) -> Any:
            take_step(step)
            return (step + 1,)

        self._tf.while_loop(lambda step: step < stop, body, (start,), parallel_iterations=1)

    def _loop_with_outputs(self, take_step: Callable[[Any], Any], start: Any, stop: Any) -> Any:
        tf = self._tf

        def empty_array(output: Any) -> Any:
            # An `Input` may state a batch size; batches are those of the training, and the last is smaller.
            shape = (None, *output.shape[1:])
            return tf.TensorArray(output.dtype, stop - start, element_shape=shape, infer_shape=False)

        def body(step: Any, arrays: Any) -> Any:
            outputs = take_step(step)
            written = tf.nest.map_structure(lambda array, one: array.write(step - start, one), arrays, outputs)
            return step + 1, written

        empty = tf.nest.map_structure(empty_array, self._model.output)
        arrays = tf.while_loop(lambda step, _: step < stop, body, (start, empty), parallel_iterations=1)[1]
        return tf.nest.map_structure(lambda array: array.concat(), arrays)


def _keras_step(model: Any, kind: StepKind) -> Callable[[Any], Any]:
    steps: dict[str, Callable[[Any], Any]] = {
        "train": model.train_step,
        "predict": model.predict_step,
        "score": lambda batch: test_and_predict(model, batch),
    }
    return steps[kind]


def _call(function: Callable[[], Any]) -> None:
    """Call a function and return None, as both branches of a `tf.cond` must return alike."""
    function()


def test_and_predict(model: Any, batch: Any) -> Any:
    """Take Keras' own test step, and return the outputs that it has computed."""
    with record_outputs(model) as outputs:
        model.test_step(batch)
    return outputs[-1]


@contextmanager
def record_outputs(model: Any) -> Iterator[list[Any]]:
    """Append to a list all outputs that the model compares with targets inside the `with` block."""
    compute_metrics, outputs = model.compute_metrics, []

    def record(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        outputs.append(y_pred)
        return compute_metrics(x, y, y_pred, sample_weight)

    model.compute_metrics = record
    try:
        yield outputs
    finally:
        del model.compute_metrics

"""The compiled programs of the resident executor: Keras' own steps, looped inside TensorFlow.

A program is traced once for a kind of step and a form of data; what it works on are its arguments, so that parts of one
form, folds and epochs share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.engine.executors.split_rnn_batch import in_halves

if TYPE_CHECKING:
    from nnrun.engine.model.augmentation import Augmentation
    from nnrun.errors import Mark, Path


#: How a step takes its examples: from TensorFlow, fields and row indexes (tensors) to what Keras' steps take.
Take = Callable[[Any, Any, Any], Any]

#: Steps whose outputs are wanted, beside or instead of the figures.
_ANSWERING = ("predict", "score")


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

    @property
    def targets(self) -> Any:
        """All targets."""
        return self.fields[1]

    @property
    def everything(self) -> Any:
        """All examples in memory, as `fields` of plain rows."""
        return self.fields

    def weighed(self, tf: Any, sample_weight: Any) -> Tensors:
        """The same examples with other weights, without a second copy of them."""
        return replace(self, fields=(*self.fields[:2], tf.constant(sample_weight)))

    def held(self, tf: Any, order: Any, batch: int, spans: Sequence[tuple[int, int]]) -> Iterator[Span]:  # noqa: ARG002
        """Give steps, and what they take their rows from: data in memory serve all steps of an epoch."""
        yield from (Span(self, order, first, end) for first, end in spans)


class Span(NamedTuple):
    """Steps that take their rows from the same tensors.

    Attributes:
        tensors: What they take from.
        order: The order of the whole epoch's rows in them.
        first: The first step.
        end: The step after the last.
    """

    tensors: Tensors
    order: Any
    first: int
    end: int


class Programs:
    """The programs of one compiled model.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model whose state is built.
        batch_size: Rows per step.
        xla: Whether training steps on full batches are compiled by XLA. The incomplete last one never is: one step an
            epoch would not pay for compiling it. Neither are the other kinds, so that a model has the same scores
            whatever trained it.
        halves: Recurrent layers that take their batch in two halves, in steps of all kinds.
    """

    def __init__(self, tf: Any, model: Any, batch_size: int, *, xla: bool = False, halves: Sequence[Any] = ()) -> None:
        self._tf, self._model, self._batch, self._xla, self._halves = tf, model, batch_size, xla, halves
        self._made: dict[tuple[object, ...], Callable[..., Any]] = {}
        self._traced: dict[tuple[object, ...], Callable[[Any, Any], Any]] = {}

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        batch = tensors.take(self._tf, tensors.fields, self._tf.range(min(self._batch, tensors.rows)))
        # The very call that `fit` makes first; no public one builds metrics and optimizer without taking a step.
        self._model._symbolic_build(data_batch=batch)  # noqa: SLF001

    def augment(self, augmentation: Augmentation, example: Any, mark_of: Callable[[Path], Mark]) -> None:
        """Let the model take its training steps on augmented batches; see `Augmentation.attach`."""
        augmentation.attach(self._model, example, mark_of)

    def spans(self, kind: str, rows: int) -> list[tuple[int, int]]:
        """Cut an epoch of `rows` rows into ranges of steps that one program can run, as (first, end)."""
        steps, whole = -(-rows // self._batch), rows // self._batch
        if self._xla and kind == "train" and 0 < whole < steps:
            return [(0, whole), (whole, steps)]
        return [(0, steps)]

    def get(self, kind: str, tensors: Tensors, step: int) -> Callable[..., Any]:
        """Give the program that runs steps of a kind, from `step` on, on tensors such as these.

        The program takes fields, order of rows, first and end step. It gives the figures of the epoch so far, which
        begins at step 0; `predict` and `score` also give the outputs of their rows, before the figures.
        """
        tf = self._tf
        compiled = self._xla and kind == "train" and (step + 1) * self._batch <= tensors.rows
        fields = tf.nest.map_structure(lambda one: tf.TensorSpec((None, *one.shape[1:]), one.dtype), tensors.fields)
        key = (kind, tensors.take, repr(fields), compiled)
        if key not in self._made:
            number = tf.TensorSpec((), tf.int32)
            self._made[key] = tf.function(
                self._body(kind, self._step(kind, tensors.take, fields), static=compiled),
                autograph=False,
                jit_compile=compiled or None,
                input_signature=[fields, tf.TensorSpec((None,), tf.int32), number, number],
            )
        return self._made[key]

    def _step(self, kind: str, take: Take, fields: Any) -> Callable[[Any, Any], Any]:
        """Give what takes one step on the rows at some indexes; where two programs take it, it is traced once.

        A function of its own, as in `fit`: inside the loop TensorFlow simplifies sums in another order, which changed
        the last bits of a Transformer. A test takes the step of a score, whose outputs it lets go.
        """
        kind = "score" if kind == "test" else kind
        tf, key = self._tf, (kind, take, repr(fields))
        if key not in self._traced:
            step_of = _step_of(self._model, kind)

            def step(fields: Any, index: Any) -> Any:
                with in_halves(tf, self._halves):
                    given = step_of(take(tf, fields, index))
                return given if kind in _ANSWERING else None

            signature = [fields, tf.TensorSpec((None,), tf.int32)]
            self._traced[key] = tf.function(step, autograph=False, input_signature=signature)
        return self._traced[key]

    def _body(self, kind: str, step_on: Callable[[Any, Any], Any], *, static: bool) -> Callable[..., Any]:
        tf, model = self._tf, self._model
        loop = self._answering if kind in _ANSWERING else self._stepping

        def rows_of(order: Any, step: Any) -> Any:
            begin = step * self._batch
            # XLA must know the batch's size. Without XLA it stays unknown, as in `fit`: with a known one TensorFlow
            # turns divisions by it into multiplications, whose last bit differs (seen with BatchNormalization).
            size = self._batch if static else tf.minimum(self._batch, tf.shape(order)[0] - begin)
            return tf.slice(order, [begin], [size])

        def program(fields: Any, order: Any, start: Any, stop: Any) -> Any:
            tf.cond(tf.equal(start, 0), lambda: _nothing(model.reset_metrics), lambda: None)
            given = loop(lambda step: step_on(fields, rows_of(order, step)), start, stop)
            # A model that was only reopened has no metrics yet, and a prediction has no figures.
            return given, {} if kind == "predict" else model.get_metrics_result()

        return program

    def _stepping(self, take_step: Callable[[Any], Any], start: Any, stop: Any) -> None:
        def body(step: Any) -> Any:
            take_step(step)
            return (step + 1,)

        self._tf.while_loop(lambda step: step < stop, body, (start,), parallel_iterations=1)

    def _answering(self, take_step: Callable[[Any], Any], start: Any, stop: Any) -> Any:
        tf = self._tf

        def room(output: Any) -> Any:
            return tf.TensorArray(output.dtype, stop - start, element_shape=output.shape, infer_shape=False)

        def body(step: Any, kept: Any) -> Any:
            given = take_step(step)
            return step + 1, tf.nest.map_structure(lambda one, more: one.write(step - start, more), kept, given)

        empty = tf.nest.map_structure(room, self._model.output)
        kept = tf.while_loop(lambda step, _: step < stop, body, (start, empty), parallel_iterations=1)[1]
        return tf.nest.map_structure(lambda one: one.concat(), kept)


def _step_of(model: Any, kind: str) -> Callable[[Any], Any]:
    known: dict[str, Callable[[Any], Any]] = {
        "train": model.train_step,
        "predict": model.predict_step,
        "score": lambda batch: test_and_answer(model, batch),
    }
    return known[kind]


def _nothing(do: Callable[[], Any]) -> None:
    do()


def test_and_answer(model: Any, batch: Any) -> Any:
    """Take Keras' own test step, and give the outputs that it has computed."""
    with hearing(model) as heard:
        model.test_step(batch)
    return heard[-1]


@contextmanager
def hearing(model: Any) -> Iterator[list[Any]]:
    """Note down all outputs that the model compares with targets inside the `with` block."""
    own, heard = model.compute_metrics, []

    def hear(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        heard.append(y_pred)
        return own(x, y, y_pred, sample_weight)

    model.compute_metrics = hear
    try:
        yield heard
    finally:
        del model.compute_metrics

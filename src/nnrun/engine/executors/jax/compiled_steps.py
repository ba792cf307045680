"""The compiled programs of the resident executor on JAX: Keras' own steps, looped by XLA over a state handed around.

Keras' steps on JAX take the values of all variables and give new ones. A program takes them out of the variables,
loops, and puts what comes out back, so that between two programs a model is what callbacks and checkpoints expect.
Training loops over batches that it gathers from the whole part by the epoch's order. The other kinds are handed some
batches at a time, so that one compiled program serves parts of any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.compiled_steps import Programs, Tensors
from nnrun.engine.executors.jax.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.engine.model.augmentation import Augmentation
    from nnrun.errors import Mark, Path

    #: Makes one array of a batch's targets and outputs.
    Judge = Callable[[Any, Any], Any]

#: What the batches handed to a program at a time may take, in bytes, and how many there may be.
_BYTES, _MOST = 16 * 2**20, 256


class JaxPrograms(Programs):
    """The programs of one compiled model on JAX.

    Args:
        names: JAX under TensorFlow's names.
        model: A compiled Keras model.
        batch_size: Rows per step.
    """

    def __init__(self, names: Any, model: Any, batch_size: int) -> None:
        super().__init__(names, model, batch_size)
        #: The woken JAX, and its arrays under TensorFlow's names.
        self.jax, self.names = names.jax, names
        self.state = State(names, model)
        self._taking: dict[Any, Callable[..., Any]] = {}
        self._together: dict[Any, int] = {}

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, and note down what metrics begin each epoch with."""
        if self.state.begun:
            return
        rows = np.zeros(min(self._batch, tensors.rows), "int32")
        # Keras asks a batch for nothing but shapes and types; taking one would compile a program of its own.
        batch = self.jax.eval_shape(lambda fields, index: tensors.take(self._tf, fields, index), tensors.fields, rows)
        self._model._symbolic_build(data_batch=batch)  # noqa: SLF001 - see `Programs.build`
        self.state.begin()

    def augment(self, augmentation: Augmentation, example: Any, mark_of: Callable[[Path], Mark]) -> None:
        """Let batches of training go through random layers first; see `Augmentation.fit_to`."""
        augmentation.fit_to(example, mark_of)
        self.state.augmentation = augmentation
        self._made.clear()

    def spans(self, kind: str, rows: int) -> list[tuple[int, int]]:  # noqa: ARG002 - all kinds are cut alike
        """Cut an epoch of `rows` rows into ranges of steps that one program can run, as (first, end)."""
        steps, whole = -(-rows // self._batch), rows // self._batch
        return [span for span in ((0, whole), (whole, steps)) if span[0] < span[1]]

    def get(self, kind: str, tensors: Tensors, step: int) -> Callable[..., Any]:
        """Give what runs steps of a kind from `step` on; see `Programs.get`."""
        if kind != "predict" and not self.state.begun:
            self.build(tensors)
        whole = (step + 1) * self._batch <= tensors.rows
        if kind == "train" and whole:
            return lambda _, order, start, stop: self._train(tensors, order, int(start), int(stop))
        return lambda _, order, start, stop: self._hand(kind, tensors, np.asarray(order), int(start), int(stop))

    def _train(self, tensors: Tensors, order: Any, start: int, stop: int) -> Any:
        program = self._compiled(("train", tensors.take), lambda: self._epoch(tensors.take))
        if len(order) < tensors.rows:
            # A piece of a long order; lengths are rounded up, as each one is compiled for.
            order = np.pad(np.asarray(order), (0, (1 << (len(order) - 1).bit_length()) - len(order)))
        values, figures = program(self.state.values(fresh=start == 0), tensors.fields, order, start, stop)
        self.state.put(values)
        return None, self.jax.device_get(figures)

    def _epoch(self, take: Any) -> Callable[..., Any]:
        jax, state, size = self.jax, self.state, self._batch

        def epoch(values: Any, fields: Any, order: Any, start: Any, stop: Any) -> Any:
            def body(step: Any, values: Any) -> Any:
                rows = jax.lax.dynamic_slice_in_dim(order, step * size, size)
                return state.train(values, take(self._tf, fields, rows))

            values = jax.lax.fori_loop(start, stop, body, values)
            return values, state.figures(values)

        return epoch

    def judged(self, tensors: Tensors, judge: Judge) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Take Keras' test step over all rows, in file order.

        Args:
            tensors: The part.
            judge: Makes of a batch's targets and outputs one array, whose first dimension is 1.

        Yields:
            What it made of the next batches, one below the other, and the figures so far.
        """
        if not self.state.begun:
            self.build(tensors)
        for start, stop in self.spans("score", tensors.rows):
            yield from self._handed("score", tensors, np.arange(tensors.rows, dtype="int32"), (start, stop), judge)

    def _hand(self, kind: str, tensors: Tensors, order: np.ndarray, start: int, stop: int) -> Any:
        """Run steps on batches that are handed over, and give all outputs and the last figures."""
        parts = list(self._handed(kind, tensors, order, (start, stop)))
        joined = self.jax.tree.map(lambda *outputs: np.concatenate(outputs), *(outputs for outputs, _ in parts))
        return joined, parts[-1][1]

    def _handed(
        self, kind: str, tensors: Tensors, order: np.ndarray, steps: tuple[int, int], judge: Judge | None = None
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Hand batches over, some at a time; an incomplete last batch is one of its own."""
        start, stop = steps
        size = min(self._batch, len(order) - start * self._batch)
        most = 1 if size < self._batch else self._most(tensors)
        for first in range(start, stop, most):
            end = min(first + most, stop)
            # Beyond the end stands some row over and over; no step takes it.
            places = np.minimum(np.arange(first * self._batch, first * self._batch + most * size), len(order) - 1)
            batches = self._take(tensors)(tensors.fields, order[places])
            program = self._compiled((kind, size, most, judge), lambda: self.steps(kind, size, most, judge))
            values, outputs, figures = program(self.state.values(fresh=first == 0), batches, end - first)
            self.state.put(values)
            rows = (end - first) * (1 if judge else size)
            cut = self.jax.tree.map(lambda one, rows=rows: np.asarray(one)[:rows], outputs)
            yield cut, self.jax.device_get(figures)

    def steps(self, kind: str, size: int, most: int, judge: Judge | None) -> Callable[..., Any]:
        """Make the function that takes `count` steps of `size` rows on `most` batches that lie behind each other.

        It takes values, batches and `count`, and gives values, outputs (of what was not taken zeros) and figures.
        """
        jax, state = self.jax, self.state

        def take(values: Any, batches: Any, step: Any) -> Any:
            batch = jax.tree.map(lambda one: jax.lax.dynamic_slice_in_dim(one, step * size, size), batches)
            values, outputs = state.step(kind, values, batch)
            return values, judge(batch[1], outputs) if judge else outputs

        def steps(values: Any, batches: Any, count: Any) -> Any:
            def body(step: Any, carried: Any) -> Any:
                values, outputs = take(carried[0], batches, step)
                return values, jax.tree.map(
                    lambda room, more: jax.lax.dynamic_update_slice_in_dim(room, more, step * len(more), 0),
                    carried[1],
                    outputs,
                )

            shapes = jax.eval_shape(lambda: take(values, batches, 0)[1])
            room = jax.tree.map(lambda one: jax.numpy.zeros((most * one.shape[0], *one.shape[1:]), one.dtype), shapes)
            values, outputs = jax.lax.fori_loop(0, count, body, (values, room))
            return values, outputs, {} if kind == "predict" else state.figures(values)

        return steps

    def _compiled(self, key: tuple[object, ...], make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        if key not in self._made:
            self._made[key] = self.jax.jit(make())
        return self._made[key]

    def _take(self, tensors: Tensors) -> Callable[..., Any]:
        if tensors.take not in self._taking:
            self._taking[tensors.take] = self.jax.jit(lambda fields, index: tensors.take(self._tf, fields, index))
        return self._taking[tensors.take]

    def _most(self, tensors: Tensors) -> int:
        """Say how many batches are handed over at a time."""
        if tensors.take not in self._together:
            rows = np.zeros(self._batch, "int32")
            batch = self.jax.eval_shape(self._take(tensors), tensors.fields, rows)
            one = sum(leaf.size * leaf.dtype.itemsize for leaf in self.jax.tree.leaves(batch))
            self._together[tensors.take] = max(1, min(_BYTES // max(one, 1), _MOST))
        return self._together[tensors.take]

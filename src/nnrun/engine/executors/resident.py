"""The resident executor: data live as tensors, and an epoch is one compiled program looping Keras' own steps.

Keras' overhead of about 1 ms a step is nearly the whole cost of a small model (keras#19953, #18648). Here the loop over
batches runs inside TensorFlow: it gathers each batch by the epoch's order and calls the model's own `train_step`, with
Keras' own losses, metrics, regularizers and optimizers. Without XLA the results are bit-identical to a step at a time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from nnrun.engine.backend.devices import own_choice
from nnrun.engine.executors.compiled_steps import CompiledSteps, StepRange, Tensors
from nnrun.engine.executors.logs import scalar_logs
from nnrun.engine.executors.shuffle import MAX_ARRAY_ROWS, LongOrder, Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nnrun.engine.executors.compiled_steps import StepKind
    from nnrun.engine.executors.logs import Labels
    from nnrun.engine.model.augmentation import Augmentation


#: How long a call of a program should take, so that progress moves and Ctrl-C is noticed, in seconds.
CALL_SECONDS = 0.5
#: What TensorFlow raises if XLA has no kernel for an operation, or needs to know a size that only data have.
_XLA_ERRORS = ("InvalidArgumentError", "UnimplementedError", "InternalError")

#: Returns, for a step, the next one at which something is to be done; None: there is none.
NextBoundary = Callable[[int], "int | None"]
#: Returns the step that a call stops before, given the one that this process would choose.
Agree = Callable[[int], int]
#: Receives the number of steps that are done, and the mean loss and metrics over them.
OnSteps = Callable[[int, dict[str, float]], None]
#: One array, or several by the names of the model's inputs or outputs.
Fields = Union["NDArray[Any]", "dict[str, NDArray[Any]]"]


def no_boundary(_step: int) -> int | None:
    """Return that there is no step at which something is to be done."""
    return None


class XlaError(Exception):
    """XLA cannot compile the training steps; the message is XLA's own."""


class ResidentExecutor:
    """Trains and evaluates one compiled model on data that fit in memory.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model.
        batch_size: Rows per step; the last step of an epoch takes what is left.
        xla: Whether training is compiled by XLA.
        steps: The model's compiled steps, if they are not TensorFlow's.
        split_layers: Recurrent layers that process their batch in two halves.
        devices: The devices that training steps divide their batch over; none: they use one.
        agree: Returns the step that a call stops before, given the one that this process would choose.
        labels: What tells the figures of a metric apart that returns several, by the metric's name.
        in_lane: Whether the programs are mapped over several trainings, which call them together: no call is shorter
            because of the time that it takes.

    Attributes:
        on_xla_error: Called with the reason if XLA cannot compile the steps, and training goes on without it; if None,
            `XlaError` is raised.
    """

    on_xla_error: Callable[[str], None] | None = None

    def __init__(
        self,
        tf: Any,
        model: Any,
        batch_size: int,
        *,
        xla: bool = False,
        steps: CompiledSteps | None = None,
        split_layers: Sequence[Any] = (),
        devices: Sequence[str] = (),
        agree: Agree = own_choice,
        labels: Labels = MappingProxyType({}),
        in_lane: bool = False,
    ) -> None:
        self._tf, self._labels = tf, labels
        self._model = model
        self._batch_size = batch_size
        self._steps = steps or CompiledSteps(tf, model, batch_size, xla=xla, split_layers=split_layers, devices=devices)
        self._xla_works = not xla
        self._step_calls = _WholeCalls() if in_lane else StepCalls(agree)

    def to_tensors(self, x: Fields, y: Fields, sample_weight: NDArray[Any] | None = None) -> Tensors:
        """Turn a part of the data into tensors: each of `x` and `y` is an array, or several by the model's names."""
        fields = (x, y) if sample_weight is None else (x, y, sample_weight)
        first = next(iter(x.values())) if isinstance(x, dict) else x
        return Tensors(self._tf.nest.map_structure(self._tf.constant, fields), len(first))

    def with_sample_weight(self, tensors: Tensors, sample_weight: NDArray[Any] | None) -> Tensors:
        """Return the same examples with other weights, without a second copy of them."""
        return tensors.with_sample_weight(self._tf, sample_weight)

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        self._steps.build(tensors)

    def augment(self, augmentation: Augmentation, example: Any) -> None:
        """Let the model take its training steps on batches that went through random layers; see `Augmentation`."""
        self._steps.augment(augmentation, example)

    def train(
        self,
        tensors: Tensors,
        order: Order,
        on_steps: OnSteps,
        callbacks: Any = None,
        *,
        first_step: int = 0,
        next_boundary: NextBoundary = no_boundary,
    ) -> dict[str, float]:
        """Train one epoch over the rows in `order`, and return the epoch's mean loss and metrics.

        Args:
            tensors: The training part.
            order: Row indexes, one epoch's worth, shape (rows,).
            on_steps: Called now and then with the number of steps done, and the mean loss and metrics over them.
            callbacks: Keras' `CallbackList` if a callback needs batches; the loop then runs a step at a time.
            first_step: The number of the epoch's steps that are done already.
            next_boundary: Returns a step at which `on_steps` must be called.
        """
        rows = order if isinstance(order, LongOrder) else self._steps.argument(order)
        return self._run_epoch("train", tensors, rows, on_steps, callbacks, first_step, next_boundary)[1]

    def evaluate(self, tensors: Tensors, on_steps: OnSteps = lambda _, __: None) -> dict[str, float]:
        """Return the mean loss and metrics over all rows, in file order.

        Args:
            tensors: The part.
            on_steps: Called now and then with the number of steps done, and the mean loss and metrics over them; what
                it raises ends the evaluation.
        """
        return self._run_epoch("test", tensors, self._file_order(tensors), on_steps)[1]

    def predict(self, tensors: Tensors) -> Any:
        """Return the model's outputs for all rows, in file order: an array (rows, ...), or a dict of them by output."""
        return self._concatenated(self._run_epoch("predict", tensors, self._file_order(tensors))[0])

    def score(self, tensors: Tensors) -> tuple[dict[str, float], Any]:
        """Return what `evaluate` and `predict` return, of one pass over the rows."""
        outputs, logs = self._run_epoch("score", tensors, self._file_order(tensors))
        return logs, self._concatenated(outputs)

    def _file_order(self, tensors: Tensors) -> Any:
        if tensors.rows > MAX_ARRAY_ROWS:
            return LongOrder(0, 0, tensors.rows, shuffle=False)
        return self._steps.file_order(tensors.rows)

    def _concatenated(self, outputs: list[Any]) -> Any:
        return self._tf.nest.map_structure(lambda *parts: np.concatenate([np.asarray(one) for one in parts]), *outputs)

    def _run_epoch(
        self,
        kind: StepKind,
        tensors: Tensors,
        order: Any,
        on_steps: OnSteps = lambda _, __: None,
        callbacks: Any = None,
        first_step: int = 0,
        next_boundary: NextBoundary = no_boundary,
    ) -> tuple[list[Any], dict[str, float]]:
        outputs: list[Any] = []
        logs: dict[str, float] = {}
        for source, rows, start, stop in self._calls(
            kind, tensors, order, single=callbacks is not None, first_step=first_step, next_boundary=next_boundary
        ):
            if callbacks is not None:
                callbacks.on_train_batch_begin(start)
            some_outputs, metrics = self._call(kind, source, rows, start, stop)
            outputs.append(some_outputs)
            logs = scalar_logs(metrics, self._labels)
            if callbacks is not None:
                callbacks.on_train_batch_end(start, logs)
                if self._model.stop_training:
                    break
            on_steps(stop, logs)
        return outputs, logs

    def _order_arguments(self, order: Any, start: int, stop: int) -> tuple[Any, Any, Any]:
        """Return the order, and the steps in it, that a program needs for the steps from `start` to `stop`.

        Of a long order only these steps' rows; before them the rows of one more step, as step 0 resets the metrics.
        """
        argument = self._steps.argument
        if not isinstance(order, LongOrder):
            return order, argument(start), argument(stop)
        piece, before = order[start * self._batch_size : stop * self._batch_size], min(start, 1)
        padded = np.concatenate([np.zeros(before * self._batch_size, np.int32), piece])
        return argument(padded), argument(before), argument(before + stop - start)

    def _call(self, kind: StepKind, tensors: Tensors, order: Any, start: int, stop: int) -> Any:
        """Call a program; if XLA cannot compile the first one, before it has taken a step, continue without XLA."""
        tf = self._tf
        arguments = (tensors.fields, *self._order_arguments(order, start, stop))
        if kind != "train" or self._xla_works:
            return self._steps.get(kind, tensors, start)(*arguments)
        try:
            result = self._steps.get(kind, tensors, start)(*arguments)
        except tuple(getattr(tf.errors, name) for name in _XLA_ERRORS) as error:
            reason = _xla_message(error)
            if self.on_xla_error is None:
                raise XlaError(reason) from error
            self.on_xla_error(reason)
            self._steps = CompiledSteps(tf, self._model, self._batch_size)
            result = self._steps.get(kind, tensors, start)(*arguments)
        # The incomplete last step, with which an epoch that was stopped may go on, is never compiled by XLA.
        self._xla_works = (start + 1) * self._batch_size <= tensors.rows
        return result

    def _calls(
        self,
        kind: StepKind,
        tensors: Tensors,
        order: Any,
        *,
        single: bool,
        first_step: int,
        next_boundary: NextBoundary,
    ) -> Iterator[StepRange]:
        """Cut an epoch into calls of a program, each about `CALL_SECONDS` long, or one step if callbacks need it."""
        ranges = self._steps.ranges(kind, tensors.rows)
        left = [(max(start, first_step), stop) for start, stop in ranges if stop > first_step]
        for source, rows, first, end in tensors.step_ranges(self._tf, order, self._batch_size, left):
            for start, stop in self._step_calls.split(kind, first, end, single=single, next_boundary=next_boundary):
                yield StepRange(source, rows, start, stop)


class StepCalls(dict[str, int]):
    """Splits steps into calls of about `CALL_SECONDS`; maps a kind of step to the number that takes so long.

    Args:
        agree: Returns the step that a call stops before, given the one that this process would choose.
    """

    def __init__(self, agree: Agree = own_choice) -> None:
        super().__init__()
        self._agree = agree

    def split(
        self, kind: str, first: int, end: int, *, single: bool = False, next_boundary: NextBoundary = no_boundary
    ) -> Iterator[tuple[int, int]]:
        """Yield ranges of steps, as (start, stop); each must be done before the next is requested.

        Args:
            kind: Steps of one kind take about the same time.
            first: The first step.
            end: The step after the last.
            single: Whether each is a call of its own.
            next_boundary: Returns the next step at which a range must end.
        """
        start = first
        while start < end:
            count = 1 if single else self.get(kind, 1)
            stop = self._agree(min(start + count, end, next_boundary(start) or end))
            started = time.perf_counter()
            yield start, stop
            if stop - start == count:
                self[kind] = _next_count(count, time.perf_counter() - started)
            start = stop


class _WholeCalls(StepCalls):
    """Takes all steps in one call, but for boundaries."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - of every kind
        """Return a number of steps that no epoch has."""
        return sys.maxsize


def _xla_message(error: Exception) -> str:
    """Return the line in which XLA names the operation that it cannot compile, or the first one."""
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines() if line.strip()]
    relevant = [line for line in lines if "unsupported" in line.lower() or "compile-time constant" in line]
    message = (relevant or lines or [type(error).__name__])[0]
    return message if len(message) <= 300 else f"{message[:300]} ..."


def _next_count(count: int, seconds: float) -> int:
    """Aim at `CALL_SECONDS` a call, growing at most eightfold at a time (the first call also pays for tracing)."""
    return max(1, min(int(count * CALL_SECONDS / max(seconds, 1e-4)), count * 8))

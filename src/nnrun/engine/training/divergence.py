"""Losses that are not finite: noticed, and traced back to the step and the layer where they began."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun import interruption
from nnrun.engine.backend.devices import current_mesh
from nnrun.engine.executors.shuffle import MAX_ARRAY_ROWS, epoch_order
from nnrun.engine.model.failures import DIVERGED_HINT
from nnrun.engine.state.finite import first_not_finite, is_finite
from nnrun.engine.state.saver import MOST_TIME
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.engine.state.variables import TrainingVariables
    from nnrun.spec.training import TrainingSpec

#: Variables that take more bytes are not copied; where their loss stopped being finite is then not known.
MOST_BYTES = 500_000_000
#: After so many returns a training is given up.
MOST_ROLLBACKS = 5


class LossNotFiniteError(Exception):
    """A loss is infinite or not a number.

    Args:
        name: The loss.
        value: Its value.
        epoch: The epoch, counted from 0.
        line: The epoch's line of metrics as far as it came, if it is not written yet.
        noticed: When it was noticed; None: at the end of the epoch.
    """

    def __init__(
        self, name: str, value: float, epoch: int, line: dict[str, Any] | None = None, noticed: str | None = None
    ) -> None:
        super().__init__(f"{name} is {value}")
        self.name, self.value, self.epoch, self.line = name, value, epoch, line
        self.noticed = noticed or "at the end of the epoch"


def require_finite(
    logs: Mapping[str, float], epoch: int, line: dict[str, Any] | None = None, noticed: str | None = None
) -> None:
    """Check that all losses are finite.

    Args:
        logs: Loss and metrics.
        epoch: The epoch, counted from 0.
        line: The epoch's line of metrics as far as it came, if it is not written yet.
        noticed: When they are checked; None: at the end of the epoch.

    Raises:
        LossNotFiniteError: One is infinite or not a number.
    """
    wrong = first_diverged(logs)
    if wrong is not None:
        raise LossNotFiniteError(wrong, logs[wrong], epoch, line, noticed)


def first_diverged(logs: Mapping[str, float]) -> str | None:
    """Return the name of the first loss that is infinite or not a number; None if all are finite."""
    return next((name for name, value in logs.items() if name.endswith("loss") and not math.isfinite(value)), None)


def diverged(found: LossNotFiniteError, where: str | None = None, stopper: str | None = None) -> RunError:
    """Return the error for the user.

    Args:
        found: What was noticed.
        where: The step and the layer.
        stopper: The callback that stopped training within the epoch, if one did.
    """
    text = f"training diverged in epoch {found.epoch + 1}: {found}"
    text += f" {where}" if where is not None else ""
    text += f"; {stopper} stopped training within the epoch" if stopper is not None else ""
    return RunError(text, DIVERGED_HINT)


class DivergenceTracer:
    """Finds the step at which a loss stopped being finite, and the first layer whose outputs are not.

    A copy of all variables is kept of the start of an epoch; the steps from there are taken again.

    Args:
        keras: The Keras module.
        tf: What the executor takes its batches with.
        model: The model.
        variables: The variables of the training.
        executor: Takes the steps.
        train: The training part.
        batch_size: Rows per step.
    """

    def __init__(
        self,
        keras: ModuleType,
        tf: Any,
        model: Any,
        variables: TrainingVariables,
        executor: ResidentExecutor,
        train: Tensors,
        batch_size: int,
    ) -> None:
        self._keras, self._tf, self._model, self._variables = keras, tf, model, variables
        self._executor, self._train, self._batch_size = executor, train, batch_size
        self._kept: dict[str, np.ndarray] = {}
        self._first_step, self._cost, self._kept_at = 0, 0.0, float("-inf")
        # The learning rate and the order of each epoch since then: callbacks change the rate between epochs.
        self._epochs: list[tuple[float | None, Any]] = []

    def begin_epoch(self, order: tuple[int, int, int, bool], rate: float | None, first_step: int) -> None:
        """Note the beginning of an epoch.

        Args:
            order: Seed, epoch, number of rollbacks, and whether rows are shuffled.
            rate: The learning rate.
            first_step: The number of steps that are done already.
        """
        started = time.monotonic()
        if started - self._kept_at >= self._cost / MOST_TIME:
            self._kept, self._first_step, self._epochs = self._variables.collect(), first_step, []
            self._kept_at = time.monotonic()
            self._cost = self._kept_at - started
        self._epochs.append((rate, order))

    def trace(self) -> str | None:
        """Take the steps again up to the one whose loss is not finite, and say where it began; None: not found.

        The variables of the model are those of that step afterwards.
        """
        self._variables.restore(self._kept)
        first_step, last = self._first_step, len(self._epochs) - 1
        for number, (rate, (seed, epoch, rollbacks, shuffle)) in enumerate(self._epochs):
            if number:
                self._set_rate(rate)
            order = epoch_order(seed, epoch, self._train.rows, shuffle=shuffle, rollbacks=rollbacks)
            found = self._retake(order, first_step, single=number == last)
            if found is not None:
                return found
            first_step = 0
        return None

    def _set_rate(self, rate: float | None) -> None:
        optimizer = self._model.optimizer
        schedule = self._keras.optimizers.schedules.LearningRateSchedule
        # A schedule goes by the optimizer's count of steps, which is one of the variables.
        if optimizer is not None and not isinstance(optimizer._learning_rate, schedule):  # noqa: SLF001 - as Keras' own callbacks
            optimizer.learning_rate = rate

    def _retake(self, order: Any, first_step: int, *, single: bool) -> str | None:
        before = {} if not single else self._variables.collect()
        steps = math.ceil(self._train.rows / self._batch_size)

        def on_steps(step: int, logs: Mapping[str, float]) -> None:
            nonlocal before
            stop = interruption.pending()
            if stop is not None:
                raise stop
            if not single:
                return
            if first_diverged(logs) is not None:
                raise _FoundError(step, before)
            before = self._variables.collect()

        boundary = (lambda step: step + 1) if single else (lambda _: None)
        try:
            self._executor.train(self._train, order, on_steps, None, first_step=first_step, next_boundary=boundary)
        except _FoundError as found:
            where = self._where(found.before, order, found.step - 1)
            return f"from step {found.step} of {steps} on, and {where}"
        return None

    def _where(self, before: Mapping[str, np.ndarray], order: Any, step: int) -> str:
        """Return what is not finite first in the step after some variables."""
        wrong = first_not_finite(before)
        if wrong is not None:
            path = wrong.split("/", 2)[2]
            return f"the first value that is not finite is in the weights {path}, after the step before"
        self._variables.restore(before)
        try:
            layer = self._first_layer(order, step)
        except Exception:  # noqa: BLE001 - the message has the step; layers of the user's own may raise anything here
            return "no layer could be run alone to see where"
        if layer is None:
            return "the outputs of all layers are finite: the loss itself is not"
        return f"the first layer whose output is not finite is {layer}"

    def _first_layer(self, order: Any, step: int) -> str | None:
        """Run the layers on the batch of a step; return the first whose output is not finite."""
        model, batch = self._model, self._batch(order, step)
        layers = [layer for layer in model.layers if len(getattr(layer, "_inbound_nodes", ())) == 1]
        every = self._keras.Model(model.inputs, [layer.output for layer in layers])
        outputs = every(batch[0], training=True)
        for layer, output in zip(layers, outputs, strict=True):
            arrays = [self._keras.ops.convert_to_numpy(one) for one in self._keras.tree.flatten(output)]
            if not all(is_finite(array) for array in arrays):
                is_input = type(layer).__name__ == "InputLayer"
                return f"the input {layer.name}" if is_input else f"{layer.name} ({type(layer).__name__})"
        return None

    def _batch(self, order: Any, step: int) -> Any:
        size, tf = self._batch_size, self._tf
        rows = order if self._train.rows > MAX_ARRAY_ROWS else tf.constant(order)
        (piece,) = self._train.step_ranges(tf, rows, size, [(step, step + 1)])
        source, of_source, start, stop = piece
        return source.take(tf, source.fields, tf.constant(np.asarray(of_source[start * size : stop * size])))


def make_tracer(
    training: TrainingSpec,
    keras: ModuleType,
    tf: Any,
    model: Any,
    variables: TrainingVariables,
    executor: ResidentExecutor,
    train: Tensors,
) -> DivergenceTracer | None:
    """Return the tracer of a training that ends where a loss is not finite; None for others. See `DivergenceTracer`.

    Variables of more than `MOST_BYTES` have none, since it keeps a copy of them all the time; nor has a training on
    several devices, since what it keeps depends on time, and all processes must take the same steps.
    """
    if training.is_perceptron or training.on_nan != "stop" or current_mesh() is not None:
        return None
    if variables.nbytes() > MOST_BYTES:
        return None
    return DivergenceTracer(keras, tf, model, variables, executor, train, training.batch_size)


class _FoundError(Exception):
    """The step is found; nothing after it is computed."""

    def __init__(self, step: int, before: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.step, self.before = step, before

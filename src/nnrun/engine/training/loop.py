"""The training loop: what `fit` would run, with nnrun's own shuffling and executor."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.logs import to_float
from nnrun.engine.executors.resident import no_boundary
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.model.failures import DIVERGED_HINT
from nnrun.engine.state.saver import Position
from nnrun.engine.training.guarded_callbacks import GuardedCallbacks
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.engine.state.saver import StateSaver
    from nnrun.progress import Progress
    from nnrun.spec.training import TrainingSpec


#: Loss and metrics of an epoch: one line of `metrics.jsonl`.
EpochLogs = dict[str, float | int | None]


@dataclass
class TrainingLoop:
    """One training: model, executor, parts of the data, and callbacks.

    Attributes:
        model: The compiled model.
        executor: What runs an epoch.
        train: The training part.
        validation: The validation part, or None.
        callbacks: Keras' `CallbackList` over all callbacks.
        stepwise: Whether a callback needs every batch.
        seed: The seed of the shuffling.
        saver: Saves the state, and has the one that the training goes on from; None: no state is saved.
    """

    model: Any
    executor: ResidentExecutor
    train: Tensors
    validation: Tensors | None
    callbacks: Any
    stepwise: bool
    seed: int
    saver: StateSaver | None = None

    def __post_init__(self) -> None:
        self.callbacks = GuardedCallbacks(self.callbacks)
        self._monitors_rate = "learning_rate" in self.callbacks.monitors

    def run(self, training: TrainingSpec, progress: Progress, on_epoch_logs: Callable[[EpochLogs], None]) -> int:
        """Train for all epochs or until a callback stops it; return the number of epochs run, earlier ones included.

        Args:
            training: How long to train, and whether to shuffle.
            progress: Receives steps and epochs.
            on_epoch_logs: Receives every epoch's logs before any callback may act on them.

        Raises:
            RunError: The loss is not finite, or a callback fails; the epoch's logs are passed on first.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        position = self._restore()
        logs, epochs_run = position.logs, position.epoch
        for epoch in range(position.epoch, training.epochs):
            if position.stopped and not position.step:
                break
            line, logs = self._run_epoch(position, training, progress)
            on_epoch_logs(line)
            progress.epoch(epoch + 1, training.epochs, {key: line[key] for key in line if key not in ("epoch", "fold")})
            require_finite_loss(logs, epoch, self.callbacks.stopper_on_nan if self.model.stop_training else None)
            self.callbacks.on_epoch_end(epoch, self._epoch_logs(line, logs))
            epochs_run = epoch + 1
            position = Position(epochs_run, logs=dict(logs), stopped=bool(self.model.stop_training))
            if self.saver is not None:
                self.saver.after_epoch(position, last=position.stopped or epochs_run == training.epochs)
            if position.stopped and logs.get("updates") == 0:
                progress.say(f"No row was wrong: training ended after epoch {epochs_run} of {training.epochs}.")
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        self.callbacks.on_train_end(dict(logs))
        return epochs_run

    def _restore(self) -> Position:
        """Restore the state that the training goes on from, if there is one; return where it goes on."""
        if self.saver is None:
            return Position()
        position = self.saver.position()
        if position.step:
            # Callbacks without a state of their own are at least where an epoch has begun.
            self.callbacks.on_epoch_begin(position.epoch)
        self.saver.restore()
        self.model.stop_training = position.stopped
        return position

    def _run_epoch(
        self, position: Position, training: TrainingSpec, progress: Progress
    ) -> tuple[EpochLogs, dict[str, float]]:
        epoch, started = position.epoch, time.perf_counter() - position.seconds
        if not position.step:
            self.callbacks.on_epoch_begin(epoch)
            rate = training.step_size if self.model.optimizer is None else to_float(self.model.optimizer.learning_rate)
            position = Position(epoch, learning_rate=rate)
        steps = math.ceil(self.train.rows / training.batch_size)

        def reached(step: int, logs: Mapping[str, float] = MappingProxyType({})) -> Position:
            seconds, stopped = time.perf_counter() - started, bool(self.model.stop_training)
            return Position(epoch, step, position.learning_rate, seconds, dict(logs), stopped)

        logs = dict(position.logs) if position.step == steps else self._train(position, training, progress, reached)
        if self.saver is not None and position.step < steps:
            self.saver.after_steps(epoch * steps, lambda: reached(steps, logs), steps)
        if self.validation is not None:
            logs |= self._validate(self.validation)
        seconds = round(time.perf_counter() - started, 4)
        line = {"epoch": epoch + 1, "fold": None, **logs, "learning_rate": position.learning_rate, "seconds": seconds}
        return line, logs

    def _train(
        self, position: Position, training: TrainingSpec, progress: Progress, reached: Callable[[int], Position]
    ) -> dict[str, float]:
        """Take the steps of an epoch that are not done yet."""
        epoch, saver, steps = position.epoch, self.saver, math.ceil(self.train.rows / training.batch_size)

        def on_steps(step: int) -> None:
            progress.step(epoch + 1, training.epochs, step / steps)
            # After the last step the epoch's logs belong to the state, and only the executor's result has them.
            if saver is not None and step < steps:
                saver.after_steps(epoch * steps, lambda: reached(step), step)

        return self.executor.train(
            self.train,
            epoch_order(self.seed, epoch, self.train.rows, shuffle=training.shuffle),
            on_steps,
            self.callbacks if self.stepwise else None,
            first_step=position.step,
            next_boundary=no_boundary if saver is None else partial(saver.next_boundary, epoch * steps),
        )

    def _epoch_logs(self, line: EpochLogs, logs: Mapping[str, float]) -> dict[str, Any]:
        """Return what callbacks receive: loss and metrics, and the learning rate only if one of them monitors it.

        Keras passes it on after a callback has changed it, which would be too late for the callbacks before that one.
        """
        return {**logs, "learning_rate": line["learning_rate"]} if self._monitors_rate else dict(logs)

    def _validate(self, part: Tensors) -> dict[str, float]:
        self.callbacks.on_test_begin()
        logs = self.executor.evaluate(part)
        self.callbacks.on_test_end(dict(logs))
        return {f"val_{name}": value for name, value in logs.items()}


def require_finite_loss(logs: Mapping[str, float], epoch: int, stopper: str | None = None) -> None:
    """Refuse a loss that is not finite.

    Args:
        logs: Loss and metrics.
        epoch: The epoch, counted from 0.
        stopper: The callback that stopped training within the epoch, if one did.

    Raises:
        RunError: A loss is infinite or not a number.
    """
    diverged = [name for name, value in logs.items() if name.endswith("loss") and not math.isfinite(value)]
    if diverged:
        text = f"training diverged in epoch {epoch + 1}: {diverged[0]} is {logs[diverged[0]]}"
        text += f"; {stopper} stopped training within the epoch" if stopper is not None else ""
        raise RunError(text, DIVERGED_HINT)

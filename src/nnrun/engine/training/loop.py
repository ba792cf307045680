"""The training loop: what `fit` would run, with nnrun's own shuffling and executor."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.logs import to_float
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.training.guarded_callbacks import GuardedCallbacks
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
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
    """

    model: Any
    executor: ResidentExecutor
    train: Tensors
    validation: Tensors | None
    callbacks: Any
    stepwise: bool
    seed: int

    def __post_init__(self) -> None:
        self.callbacks = GuardedCallbacks(self.callbacks)
        self._monitors_rate = "learning_rate" in self.callbacks.monitors

    def run(self, training: TrainingSpec, progress: Progress, on_epoch_logs: Callable[[EpochLogs], None]) -> int:
        """Train for all epochs or until a callback stops it; return the number of epochs run.

        Args:
            training: How long to train, and whether to shuffle.
            progress: Receives steps and epochs.
            on_epoch_logs: Receives every epoch's logs before any callback may act on them.

        Raises:
            RunError: The loss is not finite, or a callback fails; the epoch's logs are passed on first.
        """
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        logs: Mapping[str, float] = {}
        epochs_run = 0
        for epoch in range(training.epochs):
            line, logs = self._run_epoch(epoch, training, progress)
            on_epoch_logs(line)
            progress.epoch(epoch + 1, training.epochs, {key: line[key] for key in line if key not in ("epoch", "fold")})
            require_finite_loss(logs, epoch, self.callbacks.stopper_on_nan if self.model.stop_training else None)
            self.callbacks.on_epoch_end(epoch, self._epoch_logs(line, logs))
            epochs_run = epoch + 1
            if self.model.stop_training:
                if logs.get("updates") == 0:
                    progress.say(f"No row was wrong: training ended after epoch {epochs_run} of {training.epochs}.")
                break
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        self.callbacks.on_train_end(dict(logs))
        return epochs_run

    def _run_epoch(self, epoch: int, training: TrainingSpec, progress: Progress) -> tuple[EpochLogs, dict[str, float]]:
        started = time.perf_counter()
        self.callbacks.on_epoch_begin(epoch)
        optimizer = self.model.optimizer
        learning_rate = training.step_size if optimizer is None else to_float(optimizer.learning_rate)
        steps = math.ceil(self.train.rows / training.batch_size)
        logs = self.executor.train(
            self.train,
            epoch_order(self.seed, epoch, self.train.rows, shuffle=training.shuffle),
            lambda step: progress.step(epoch + 1, training.epochs, step / steps),
            self.callbacks if self.stepwise else None,
        )
        if self.validation is not None:
            logs |= self._validate(self.validation)
        seconds = round(time.perf_counter() - started, 4)
        return {"epoch": epoch + 1, "fold": None, **logs, "learning_rate": learning_rate, "seconds": seconds}, logs

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
        raise RunError(text, "try a smaller learning_rate, clipnorm: 1.0 in the optimizer, or prepare: [Standardize]")

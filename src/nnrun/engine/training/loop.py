"""Epoch after epoch: the loop that `fit` would run, with nnrun's own order and executor."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.resident import plain
from nnrun.engine.executors.shuffle import order
from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.progress import Progress
    from nnrun.spec.training import TrainingSpec


#: One line of `metrics.jsonl`.
Epoch = dict[str, float | int | None]


@dataclass
class TrainingLoop:
    """One training: model, executor, parts of the data, and who listens.

    Attributes:
        model: The compiled model.
        executor: What runs an epoch.
        train: The training part.
        validation: The validation part, or None.
        callbacks: Keras' `CallbackList` over all callbacks.
        stepwise: Whether a callback needs every batch.
        seed: Where the order of rows starts.
    """

    model: Any
    executor: ResidentExecutor
    train: Tensors
    validation: Tensors | None
    callbacks: Any
    stepwise: bool
    seed: int

    def run(self, training: TrainingSpec, progress: Progress, keep: Callable[[Epoch], None]) -> int:
        """Train for all epochs or until a callback stops it, and give the number of epochs run.

        Args:
            training: How long, and in what order.
            progress: Hears of steps and epochs.
            keep: Takes every epoch's figures before any callback may act on them.

        Raises:
            RunError: Where the loss stops being a number, or a callback fails; the epoch's figures are kept first.
        """
        self.model.stop_training = False
        with _callbacks_named():
            self.callbacks.on_train_begin()
        figures: Mapping[str, float] = {}
        done = 0
        for epoch in range(training.epochs):
            line, figures = self._epoch(epoch, training, progress)
            keep(line)
            progress.epoch(epoch + 1, training.epochs, {key: line[key] for key in line if key not in ("epoch", "fold")})
            require_number(figures, epoch)
            with _callbacks_named():
                self.callbacks.on_epoch_end(epoch, dict(figures))
            done = epoch + 1
            if self.model.stop_training:
                why = "A callback stopped training" if figures.get("updates") != 0 else "No row was wrong: it ended"
                progress.say(f"{why} after epoch {done} of {training.epochs}.")
                break
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        with _callbacks_named():
            self.callbacks.on_train_end(dict(figures))
        return done

    def _epoch(self, epoch: int, training: TrainingSpec, progress: Progress) -> tuple[Epoch, dict[str, float]]:
        began = time.perf_counter()
        self.callbacks.on_epoch_begin(epoch)
        rate = training.step_size if self.model.optimizer is None else plain(self.model.optimizer.learning_rate)
        steps = math.ceil(self.train.rows / training.batch_size)
        rows = order(self.seed, epoch, self.train.rows, shuffle=training.shuffle)
        figures = self.executor.train(
            self.train,
            rows,
            lambda step: progress.step(epoch + 1, training.epochs, step / steps),
            self.callbacks if self.stepwise else None,
        )
        if self.validation is not None:
            figures |= self._validate(self.validation)
        seconds = round(time.perf_counter() - began, 4)
        return {"epoch": epoch + 1, "fold": None, **figures, "learning_rate": rate, "seconds": seconds}, figures

    def _validate(self, part: Tensors) -> dict[str, float]:
        self.callbacks.on_test_begin()
        figures = self.executor.evaluate(part)
        self.callbacks.on_test_end(dict(figures))
        return {f"val_{name}": value for name, value in figures.items()}


@contextmanager
def _callbacks_named() -> Iterator[None]:
    """Say that a callback is to blame: for a file it cannot write, a figure whose better side it cannot tell."""
    try:
        yield
    except NnrunError:
        raise
    except Exception as error:  # callbacks raise whatever they like
        text = f"a callback failed: {type(error).__name__}: {error}"
        raise RunError(text, "change or leave out that callback under training: callbacks:") from error


def require_number(figures: Mapping[str, float], epoch: int) -> None:
    """Refuse a loss that is no number.

    Raises:
        RunError: Naming the epoch, which is counted from 0, and the loss.
    """
    wrong = [name for name, value in figures.items() if name.endswith("loss") and not math.isfinite(value)]
    if wrong:
        text = f"training diverged in epoch {epoch + 1}: {wrong[0]} is {figures[wrong[0]]}"
        raise RunError(text, "try a smaller learning_rate, clipnorm: 1.0 in the optimizer, or prepare: [Standardize]")

"""The training loop: what `fit` would run, with nnrun's own shuffling and executor."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.executors.logs import to_float
from nnrun.engine.executors.resident import no_boundary
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.state.finite import has_nan
from nnrun.engine.state.saver import Position
from nnrun.engine.training.divergence import (
    MOST_ROLLBACKS,
    LossNotFiniteError,
    diverged,
    first_diverged,
    require_finite,
)
from nnrun.engine.training.guarded_callbacks import GuardedCallbacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.engine.state.epoch_start import EpochStart
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.state.validation_start import ValidationStart
    from nnrun.engine.training.added_figures import AddedFigures
    from nnrun.engine.training.divergence import DivergenceTracer
    from nnrun.errors import RunError
    from nnrun.progress import Progress
    from nnrun.spec.training import TrainingSpec


#: A validation that took less than this, in seconds, is not stopped within: nothing is copied before the next one.
SHORT_VALIDATION = 0.2

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
        epoch_start: Where `on_nan: rollback` goes back to; None for others.
        tracer: Finds where a loss stopped being finite; None: nobody does.
        validation_start: Where a stop within a validation goes back to; None: a validation is not stopped within.
        first_epoch: The number of epochs of earlier phases, from which a training without a saver goes on.
        added: Collects the figures that callbacks of the user's own add to an epoch; None: there are no such callbacks.
    """

    model: Any
    executor: ResidentExecutor
    train: Tensors
    validation: Tensors | None
    callbacks: Any
    stepwise: bool
    seed: int
    saver: StateSaver | None = None
    epoch_start: EpochStart | None = None
    tracer: DivergenceTracer | None = None
    validation_start: ValidationStart | None = None
    first_epoch: int = 0
    added: AddedFigures | None = None

    def __post_init__(self) -> None:
        self.callbacks = GuardedCallbacks(self.callbacks)
        self._monitors_rate = "learning_rate" in self.callbacks.monitors
        self._rollbacks = 0
        self._validation_seconds = math.inf

    def run(self, training: TrainingSpec, progress: Progress, on_epoch_logs: Callable[[EpochLogs], None]) -> int:
        """Train for all epochs or until a callback stops it; return the number of epochs run, earlier ones included.

        Args:
            training: How long to train, and whether to shuffle.
            progress: Receives steps and epochs.
            on_epoch_logs: Receives every epoch's logs: before any callback may act on them, or after callbacks that may
                add figures.

        Raises:
            RunError: The loss is not finite, or a callback fails; the epoch's logs are passed on first.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        position, ended = self._restore(), False
        while not ended:
            try:
                position, ended = self._run_epochs(position, training, progress, on_epoch_logs), True
            except LossNotFiniteError as found:
                if training.on_nan == "stop":
                    raise self._diverged(found, on_epoch_logs) from None
                position = self._roll_back(found, progress)
        if training.on_nan == "stop":
            self._require_numbers(position.epoch)
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        self.callbacks.on_train_end(dict(position.logs))
        return position.epoch

    def _run_epochs(
        self,
        position: Position,
        training: TrainingSpec,
        progress: Progress,
        on_epoch_logs: Callable[[EpochLogs], None],
    ) -> Position:
        """Train until the end; return where that is."""
        for epoch in range(position.epoch, training.epochs):
            if position.stopped and not position.step:
                break
            self._rollbacks = position.rollbacks
            line, logs = self._run_epoch(position, training, progress)
            if training.on_nan == "rollback":
                self._require_finite_epoch(logs, epoch)
            self._end_epoch(line, logs, training, progress, on_epoch_logs)
            stopped = bool(self.model.stop_training)
            position = Position(epoch + 1, logs=dict(logs), stopped=stopped, rollbacks=position.rollbacks)
            if self.saver is not None:
                self.saver.after_epoch(position, last=stopped or epoch + 1 == training.epochs)
            if stopped and logs.get("updates") == 0:
                progress.say(f"No row was wrong: training ended after epoch {epoch + 1} of {training.epochs}.")
        return position

    def _end_epoch(
        self,
        line: EpochLogs,
        logs: Mapping[str, float],
        training: TrainingSpec,
        progress: Progress,
        on_epoch_logs: Callable[[EpochLogs], None],
    ) -> None:
        """Pass on an epoch's logs, and call the callbacks: before it where they may add figures."""
        epoch = int(line["epoch"] or 0) - 1

        def pass_on(line: EpochLogs) -> None:
            on_epoch_logs(line)
            progress.epoch(epoch + 1, training.epochs, {key: line[key] for key in line if key not in ("epoch", "fold")})

        if self.added is None:
            pass_on(line)
        else:
            self.added.begin({*line, "phase"})
        try:
            if training.on_nan == "stop":
                require_finite(logs, epoch)
            self.callbacks.on_epoch_end(epoch, self._epoch_logs(line, logs))
        finally:
            if self.added is not None:
                pass_on({**line, **self.added.found()})

    def _require_finite_epoch(self, logs: Mapping[str, float], epoch: int) -> None:
        """Check losses, and the weights after the last step, before anything is kept of an epoch."""
        require_finite(logs, epoch)
        assert self.epoch_start is not None, "made where it is needed"  # noqa: S101
        wrong = self.epoch_start.first_not_finite()
        if wrong is not None:
            raise LossNotFiniteError(f"a weight of {wrong}", math.nan, epoch)
        self.epoch_start.forget()

    def _require_numbers(self, epochs: int) -> None:
        """Check the weights of a trained model: ReLU makes 0 of what is not a number, and hides it from the loss.

        Once at the end, as it costs half a millisecond, which is as much as a whole epoch of a small table. Infinite
        ones are none of its business: a layer of the user's own may have them as constants.

        Raises:
            RunError: One is not a number.
        """
        wrong = next((one.path for one in self.model.variables if has_nan(one.numpy())), None)
        if wrong is not None:
            found = LossNotFiniteError(f"a weight of {wrong}", math.nan, max(epochs - 1, 0))
            where = "as noticed after the last epoch, although the loss is finite: an activation such as ReLU hides it"
            raise diverged(found, where)

    def _diverged(self, found: LossNotFiniteError, on_epoch_logs: Callable[[EpochLogs], None]) -> RunError:
        """Return the error of a loss that is not finite, with the step and the layer where it began."""
        if found.line is not None:
            on_epoch_logs(found.line)
        stopper = self.callbacks.stopper_on_nan if self.model.stop_training else None
        if found.name.startswith("val_"):
            return diverged(found, None, stopper)
        where = None
        if self.tracer is not None:
            try:
                where = self.tracer.trace()
            except (Exception, RecursionError):  # noqa: BLE001 - the error itself matters more than where it began
                where = None
        unknown = f"as noticed {found.noticed}; the step and the layer where that began are not known"
        return diverged(found, where or unknown, stopper)

    def _roll_back(self, found: LossNotFiniteError, progress: Progress) -> Position:
        """Go back to the start of the epoch; return where the training goes on, with another order of rows.

        Raises:
            RunError: It has gone back too often.
        """
        start, rollbacks = self.epoch_start, self._rollbacks + 1
        if start is None or rollbacks > MOST_ROLLBACKS:
            raise diverged(found, f"also after {MOST_ROLLBACKS} returns to the start of an epoch")
        times = f"{rollbacks} of at most {MOST_ROLLBACKS}"
        progress.say(f"Epoch {found.epoch + 1}: {found}. Back to its start, with another order of rows ({times}).")
        start.restore()
        self.model.stop_training = False
        return Position(found.epoch, start.step, start.learning_rate, rollbacks=rollbacks)

    def _restore(self) -> Position:
        """Restore the state that the training goes on from, if there is one; return where it goes on."""
        if self.saver is None:
            return Position(self.first_epoch)
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
        if self.epoch_start is not None and not self.epoch_start.is_known:
            self.epoch_start.keep(position.step, position.learning_rate)
        if not position.step:
            self.callbacks.on_epoch_begin(epoch)
            rate = training.step_size if self.model.optimizer is None else to_float(self.model.optimizer.learning_rate)
            position = Position(epoch, learning_rate=rate, rollbacks=position.rollbacks)
        steps = math.ceil(self.train.rows / training.batch_size)

        def reached(step: int, logs: Mapping[str, float] = MappingProxyType({})) -> Position:
            seconds, stopped = time.perf_counter() - started, bool(self.model.stop_training)
            rate, rollbacks = position.learning_rate, position.rollbacks
            return Position(epoch, step, rate, seconds, dict(logs), stopped, rollbacks)

        logs = dict(position.logs) if position.step == steps else self._train(position, training, progress, reached)
        may_save = training.on_nan == "ignore" or first_diverged(logs) is None
        if self.saver is not None and position.step < steps and may_save:
            self.saver.after_steps(epoch * steps, lambda: reached(steps, logs), steps)
        if self.validation is not None:
            before = reached(steps, logs) if may_save else None
            logs |= self._validate(self.validation, math.ceil(self.validation.rows / training.batch_size), before)
        seconds = round(time.perf_counter() - started, 4)
        line = {"epoch": epoch + 1, "fold": None, **logs, "learning_rate": position.learning_rate, "seconds": seconds}
        return line, logs

    def _train(
        self, position: Position, training: TrainingSpec, progress: Progress, reached: Callable[[int], Position]
    ) -> dict[str, float]:
        """Take the steps of an epoch that are not done yet."""
        epoch, saver, steps = position.epoch, self.saver, math.ceil(self.train.rows / training.batch_size)
        of_epoch = (self.seed, epoch, position.rollbacks, training.shuffle)
        if self.tracer is not None:
            self.tracer.begin_epoch(of_epoch, position.learning_rate, position.step)

        def on_steps(step: int, logs: Mapping[str, float]) -> None:
            progress.step(epoch + 1, training.epochs, step / steps)
            if training.on_nan != "ignore" and step < steps:
                line = {"epoch": epoch + 1, "fold": None, **logs, "learning_rate": position.learning_rate}
                line["seconds"] = round(reached(step).seconds, 4)
                require_finite(logs, epoch, line, f"after step {step} of {steps}")
            # After the last step the epoch's logs belong to the state, and only the executor's result has them.
            if saver is not None and step < steps:
                saver.after_steps(epoch * steps, lambda: reached(step), step)

        return self.executor.train(
            self.train,
            epoch_order(self.seed, epoch, self.train.rows, shuffle=training.shuffle, rollbacks=position.rollbacks),
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

    def _validate(self, part: Tensors, steps: int, before: Position | None) -> dict[str, float]:
        """Evaluate a part.

        Args:
            part: The part.
            steps: The number of its steps.
            before: Where the training is, all steps of the epoch done; None: no state is saved there.

        Raises:
            StopRequestedError: A request to stop came in; the state is that before the validation.
        """
        start, began = None if self.saver is None else self.validation_start, time.perf_counter()
        is_long = start is not None and self._validation_seconds >= SHORT_VALIDATION
        if start is not None and is_long:
            start.keep(whole=self.callbacks.act_on_tests)

        def on_steps(step: int, _: Mapping[str, float]) -> None:
            stop = interruption.pending()
            if start is None or not is_long or stop is None or step == steps:
                return
            start.restore()
            if self.saver is not None and before is not None:
                self.saver.save(before)
            raise stop

        self.callbacks.on_test_begin()
        logs = self.executor.evaluate(part, on_steps)
        self.callbacks.on_test_end(dict(logs))
        if start is not None:
            start.forget()
        self._validation_seconds = time.perf_counter() - began
        return {f"val_{name}": value for name, value in logs.items()}

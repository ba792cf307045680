"""Train a compiled model on tensors: callbacks, the state, the loop; once, or once for each phase."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.executors.resident import XlaError
from nnrun.engine.model.failures import errors_at_parts
from nnrun.engine.state.validation_start import ValidationStart
from nnrun.engine.state.variables import TrainingVariables
from nnrun.engine.training import callbacks, state_options
from nnrun.engine.training.added_figures import AddedFigures, may_add_figures
from nnrun.engine.training.cached_features import cache_frozen
from nnrun.engine.training.callback_outcomes import CallbackWatcher
from nnrun.engine.training.divergence import make_tracer
from nnrun.engine.training.loop import TrainingLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path as FilePath
    from types import ModuleType

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.resident import ResidentExecutor
    from nnrun.engine.model.build import Builder
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.training.callback_outcomes import CallbackOutcome
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.training import TrainingSpec


@dataclass
class TrainingFiles:
    """Where a training writes, and who receives its figures.

    Attributes:
        folder: The run's folder, inside which callbacks may write.
        best: The file of the best epoch's model.
        progress: Receives steps and epochs.
        on_epoch_logs: Receives every epoch's loss and metrics.
        after_epoch: Called with the number of an epoch, from 1, before callbacks of the config change the model.
        saver: Saves the state of the training, and has the one that it goes on from; None: nothing is saved.
        phase: The number of the phase, from 0; None in a training without phases.
    """

    folder: FilePath
    best: FilePath
    progress: Progress
    on_epoch_logs: Callable[[EpochLogs], None]
    after_epoch: Callable[[int], None] | None = None
    saver: StateSaver | None = None
    phase: int | None = None


@dataclass
class Trainer:
    """Trains a compiled model.

    Attributes:
        keras: The started Keras.
        tf: The library that works on tensors.
        model: The compiled model.
        builder: Builds Keras objects from parts of the config.
        experiment: The experiment, with the training of the phase.
        executor: What runs an epoch.
        executor_name: Its name in the record; it changes where a callback needs every batch, or XLA cannot compile.
        executor_why: Why it was chosen.
        augmentation: The variables of the random layers in front of the model.
        outcomes: What the callbacks of the config did.
    """

    keras: ModuleType
    tf: Any
    model: Any
    builder: Builder
    experiment: Experiment
    executor: ResidentExecutor
    executor_name: str
    executor_why: str
    augmentation: list[Any]
    outcomes: list[CallbackOutcome] = field(default_factory=list)

    def best_model_callback(self, files: TrainingFiles, *, has_validation: bool) -> Any:
        """Make the callback that keeps the model of the best epoch."""
        monitor, mode = callbacks.best_epoch_rule(self.experiment, has_validation=has_validation)
        return callbacks.best_model_callback(self.keras, files.best, monitor, mode, every=callbacks.BEST_SECONDS)

    def run(
        self, train: Tensors, validation: Tensors | None, files: TrainingFiles, best_model: Any, first_epoch: int = 0
    ) -> int:
        """Train; return the number of epochs run, earlier ones included.

        Args:
            train: The training part.
            validation: The validation part, or None.
            files: Where it writes.
            best_model: What keeps the best epoch's model.
            first_epoch: The epochs of earlier phases.

        Raises:
            BuildError: A callback is refused, or XLA cannot compile what the config wants compiled.
            RunError: The loss is not finite, or a callback fails.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        saver, progress = files.saver, files.progress
        training = self.experiment.training
        if training.cache_frozen:
            place = () if files.phase is None else (files.phase,)
            of_model = (self.tf, self.model, self.builder, ("training", *place, "cache_frozen"))
            train, validation, why = cache_frozen(*of_model, train, validation, training.batch_size, progress)
            self.executor_why += why
        if first_epoch:
            training = replace(training, epochs=first_epoch + training.epochs)
        of_config = callbacks.make_callbacks(self.builder, self.experiment, files.folder)
        watcher = CallbackWatcher(self.keras, self.model, of_config, progress.warn)
        stepwise = self._is_stepwise(of_config, progress)
        self._allow_training_without_xla(progress)
        # First in the list: the best epoch is on disk before any callback of the config may stop or change anything.
        after = callbacks.after_epoch_callbacks(self.keras, files.after_epoch)
        callback_list = self._list([best_model, *after, *of_config], train.rows, training)
        variables = TrainingVariables(self.model, self.augmentation)
        with_state = [*callback_list.callbacks, watcher]
        start = state_options.attach(self.keras, training, saver, variables, with_state)
        added = AddedFigures(self.keras, best_model) if may_add_figures(self.keras, of_config) else None
        if added is not None:
            callback_list.callbacks.append(added.callback)
        tracer = make_tracer(training, self.keras, self.tf, self.model, variables, self.executor, train)
        options = (
            self.experiment.seed,
            saver,
            start,
            tracer,
            ValidationStart(variables, with_state),
            first_epoch,
            added,
        )
        loop = TrainingLoop(self.model, self.executor, train, validation, callback_list, stepwise, *options)
        try:
            with _deferred_stops(saver), self._xla_errors(), errors_at_parts(self.builder):
                last = loop.run(training, progress, files.on_epoch_logs)
            if best_model.best is None and last > first_epoch:
                progress.warn(f"no epoch has had the figure {best_model.monitor!r}, so that no best model is kept")
        finally:
            callbacks.finish(self.keras, best_model, of_config)
        # The perceptron rule ends by itself.
        self.outcomes = [] if training.is_perceptron else watcher.outcomes(last, training.epochs)
        return last

    def _list(self, callbacks: list[Any], rows: int, training: TrainingSpec) -> Any:
        """Return Keras' `CallbackList` over these callbacks and Keras' own `History`."""
        steps = -(-rows // training.batch_size)
        return self.keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self.model, verbose=0, epochs=training.epochs, steps=steps
        )

    @contextmanager
    def _xla_errors(self) -> Iterator[None]:
        """Turn what XLA cannot compile into an error at the place of the config that wants it compiled."""
        try:
            yield
        except XlaError as error:
            text = f"XLA cannot compile the steps of this model: {error}"
            hint = "write xla: auto, which goes on without XLA, or xla: false"
            raise self.builder.error(("training", "execution", "xla"), text, hint) from error

    def _is_stepwise(self, of_config: list[Any], progress: Progress) -> bool:
        """Decide whether training takes a step at a time, and tell the user why if it does."""
        requested = self.experiment.training.execution.executor
        needed = callbacks.needs_batches(self.keras, of_config)
        if requested == "resident" and needed:
            text = "a callback needs every batch, and the resident executor takes many in one call"
            hint = "write executor: auto, or leave out that callback"
            raise self.builder.error(("training", "execution", "executor"), text, hint)
        if not needed and requested != "stepwise":
            return False
        reason = "a callback needs every batch" if needed else "the config says executor: stepwise"
        if self.executor_name.startswith("resident"):
            self.executor_name = self.executor_name.replace("resident", "stepwise")
            self.executor_why = f"{reason}; {self.executor_why}"
        progress.say(f"{reason[0].upper()}{reason[1:]}: this run takes a step at a time, which is slower.")
        return True

    def _allow_training_without_xla(self, progress: Progress) -> None:
        """Continue without XLA if the rule chose it and XLA cannot compile the steps."""

        def without_xla(reason: str) -> None:
            self.executor_name = self.executor_name.removesuffix("+xla")
            self.executor_why = f"{self.executor_why}; no XLA: it cannot compile the steps: {reason}"
            progress.say(f"XLA cannot compile the steps, and training goes on without it: {reason}")

        self.executor.on_xla_error = without_xla if self.experiment.training.execution.xla == "auto" else None


def _deferred_stops(saver: StateSaver | None) -> AbstractContextManager[None]:
    """Let requests to stop wait until the state can be saved; without a `saver` there is nothing to wait for."""
    return nullcontext() if saver is None else interruption.deferred()

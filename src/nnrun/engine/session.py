"""One compiled model on a started Keras: everything that the pipeline does with it; nothing is printed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.catalog.user_code import error_location
from nnrun.engine.backend.devices import lost_processes
from nnrun.engine.backend.gradient_registry import registered_gradients_forgotten
from nnrun.engine.backend.library_errors import is_out_of_memory, library_message, original_error
from nnrun.engine.backend.redirect_output import redirect_output
from nnrun.engine.backend.start import BackendSettings, start_keras, tensor_library
from nnrun.engine.executors.split_rnn_batch import splits_rnn_batch
from nnrun.engine.generation.sequence_decoding import write_targets
from nnrun.engine.model import checkpoint
from nnrun.engine.model.build import Builder
from nnrun.engine.model.failures import errors_at_parts, part_at_fault
from nnrun.engine.model.fresh_names import fresh_names
from nnrun.engine.model.matching_weights import MatchingWeights, load_matching_weights
from nnrun.engine.model.trainability import set_trainability
from nnrun.engine.scoring import own_unit, token_texts
from nnrun.engine.scoring.evaluate import evaluate_outputs, make_predictions
from nnrun.engine.scoring.input_values import require_labels, require_token_ids
from nnrun.engine.scoring.label_sequences import decoder
from nnrun.engine.state import random_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path as FilePath

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.jax.lanes import Lane
    from nnrun.engine.generation.decoding import TextModelSpec
    from nnrun.engine.generation.generate import TextGenerator
    from nnrun.engine.generation.sampling import SamplingOptions
    from nnrun.engine.model.augmentation import Augmentation
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.training.callback_outcomes import CallbackOutcome
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.engine.training.trainer import TrainingFiles
    from nnrun.errors import BuildError, Mark, Path
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part

    Phase = Callable[[str], AbstractContextManager[None]]


class Session:
    """One compiled model on a started backend.

    Args:
        settings: What was set when Keras started.
        experiment: The experiment.
        model: The compiled model.
        builder: What builds Keras objects.
        planned_epochs: The epochs that the choice of the executor supposes; None: those of the experiment.
        lane: Its place in programs that are mapped over several trainings; None: it has its own.

    Attributes:
        restartable: Whether `restart` can bring the model back to where its first training started, by a copy of it.
        jax_steps: The model's compiled steps if they are JAX's, else None.
        callback_outcomes: What the callbacks of the config did in the last training.
        notes: What to tell the user about the model.
    """

    restartable = False

    def __init__(
        self,
        settings: BackendSettings,
        experiment: Experiment,
        model: Any,
        builder: Builder,
        planned_epochs: int | None = None,
        lane: Lane | None = None,
    ) -> None:
        self.settings, self.model = settings, model
        # The settings of the phase that has begun, which are those of a training without phases.
        self._whole, self._experiment, self._builder = experiment, experiment.in_phase(0), builder
        self.notes: list[str] = builder.notes
        self._phase = 0
        self._keras, self._facts = builder.keras, builder.facts
        self._choose_executor(None if experiment.training.phases else planned_epochs, lane)
        self._tf = tensor_library(settings.backend, model)
        self._tensors: dict[int, Tensors] = {}
        self._augmentation: Augmentation | None = None
        self._initial_state: checkpoint.ModelSnapshot | None = None
        self._initial_streams: dict[str, Any] = {}
        self._summary = ""
        self.callback_outcomes: list[CallbackOutcome] = []

    def _choose_executor(self, planned_epochs: int | None, lane: Lane | None = None) -> None:
        from nnrun.engine.executors.choice import choose_executor

        choice = choose_executor(self.model, self._experiment, self._facts, planned_epochs, lane)
        self._executor, self.executor_name, self.executor_why = choice.executor, choice.name, choice.reason
        self.jax_steps = choice.jax_steps

    @classmethod
    @contextmanager
    def open(
        cls,
        experiment: Experiment,
        facts: Facts,
        mark_of: Callable[[Path], Mark],
        *,
        threads: int,
        log: FilePath,
        phase: Phase,
        planned_epochs: int | None = None,
        lane: Lane | None = None,
        weights_dir: FilePath | None = None,
        vocabulary: Sequence[str] | None = None,
    ) -> Iterator[Session]:
        """Start Keras and compile the experiment's model; what libraries print goes to `log` until the block ends.

        Published weights of backbones are in `weights_dir`, or not loaded; vectors of words are those of `vocabulary`.

        Raises:
            BuildError: Keras refuses a part.
        """
        from nnrun.data.model_inputs import shapes as input_shapes
        from nnrun.engine.model.compile import compile_model

        with redirect_output(log), registered_gradients_forgotten(), lost_processes():
            with phase("wake"):
                settings = backend_settings(experiment, threads)
                keras = start_keras(settings)
            with phase("compile"):
                builder = Builder(keras, facts, mark_of, weights_dir, vocabulary)
                with errors_at_parts(builder):
                    shapes = input_shapes(facts, experiment.graph.inputs)
                    model = compile_model(builder, experiment, shapes)
            yield cls(settings, experiment, model, builder, planned_epochs, lane)

    @classmethod
    @contextmanager
    def reopen(
        cls,
        experiment: Experiment,
        facts: Facts,
        mark_of: Callable[[Path], Mark],
        *,
        threads: int,
        log: FilePath,
        saved: FilePath,
        architecture: dict[str, Any],
    ) -> Iterator[Session]:
        """Start Keras and load a saved model, compiled with the experiment's loss and metrics.

        Raises:
            RunError: The checkpoint cannot be read, or is of another model than `architecture`.
        """
        from nnrun.engine.model.compile import compile_training

        with redirect_output(log):
            settings = replace(backend_settings(experiment, threads), data_parallel=1)  # one device scores any model
            keras = start_keras(settings)
            model = checkpoint.load(keras, saved)
            checkpoint.require_same_model(model, architecture, saved)
            builder = Builder(keras, facts, mark_of)
            compile_training(model, builder, experiment, refuse=False)
            yield cls(settings, experiment.in_phase(-1), model, builder)

    @property
    def parameters(self) -> int:
        """The number of the model's parameters."""
        return int(self.model.count_params())

    def architecture(self) -> dict[str, Any]:
        """Return the model's config as Keras writes it, without its loss and optimizer."""
        with errors_at_parts(self._builder):
            config: dict[str, Any] = json.loads(self.model.to_json())
        config.pop("compile_config", None)
        return config

    def summary(self) -> str:
        """Return Keras' own table of the model, as it is at the first call: training adds the optimizer's variables."""
        if not self._summary:
            lines: list[str] = []
            self.model.summary(print_fn=lambda line, **_: lines.append(str(line)))
            self._summary = "\n".join(lines) + "\n"
        return self._summary

    def layer_rows(self) -> list[dict[str, Any]]:
        """Return every layer's name, output shape (batch first) and number of parameters."""
        flatten = self._keras.tree.flatten
        return [
            {"name": layer.name, "shape": flatten(layer.output)[0].shape, "parameters": int(layer.count_params())}
            for layer in self.model.layers
        ]

    def fit(
        self,
        dataset: Dataset,
        folder: FilePath,
        best: FilePath,
        progress: Progress,
        on_epoch_logs: Callable[[EpochLogs], None],
        *,
        after_epoch: Callable[[int], None] | None = None,
        saver: StateSaver | None = None,
    ) -> int:
        """Train the model; return the number of epochs run.

        Args:
            dataset: The data.
            folder: The run's folder, inside which callbacks may write.
            best: The file of the best epoch's model.
            progress: Receives steps and epochs.
            on_epoch_logs: Receives every epoch's loss and metrics.
            after_epoch: Called with the number of an epoch, from 1, before callbacks of the config change the model.
            saver: Saves the state of the training, and has the one that it goes on from; None: nothing is saved.

        Raises:
            BuildError: Loss or metrics do not fit the outputs and targets, a callback is refused, or XLA cannot compile
                what the config wants compiled.
            RunError: Training diverges, or the disk refuses a checkpoint.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        from nnrun.engine.training.phases import train_in_phases
        from nnrun.engine.training.trainer import TrainingFiles

        self.callback_outcomes = []
        files = TrainingFiles(folder, best, progress, on_epoch_logs, after_epoch, saver)
        if self._whole.training.phases:
            return train_in_phases(self, self._whole, dataset, files)
        return self.train_phase(dataset, files)[0]

    def train_phase(
        self, dataset: Dataset, files: TrainingFiles, best_model: Any = None, first_epoch: int = 0
    ) -> tuple[int, Any]:
        """Train with the settings of the phase that has begun; return the number of epochs, and what keeps the best.

        Args:
            dataset: The data.
            files: Where the training writes.
            best_model: What keeps the best epoch's model; None: it begins here.
            first_epoch: The epochs of earlier phases.
        """
        from nnrun.engine.training.trainer import Trainer

        train = self.prepare_training(dataset.train)
        validation = None if dataset.validation is None else self.scored_tensors(dataset.validation)
        augmentation = [] if self._augmentation is None else self._augmentation.variables
        of_session = (self._keras, self._tf, self.model, self._builder, self._experiment, self._executor)
        trainer = Trainer(*of_session, self.executor_name, self.executor_why, augmentation)
        best_model = best_model or trainer.best_model_callback(files, has_validation=validation is not None)
        try:
            last = trainer.run(train, validation, files, best_model, first_epoch)
        finally:
            self.executor_name, self.executor_why = trainer.executor_name, trainer.executor_why
        self.callback_outcomes += trainer.outcomes
        return last, best_model

    def begin_phase(self, number: int) -> None:
        """Take the settings of a phase, from 0: what is trained, loss, optimizer, and how steps are computed.

        The names of the optimizer's variables do not depend on earlier phases, of which a resumed run makes none.

        Raises:
            BuildError: Keras refuses a part.
        """
        from nnrun.engine.model.compile import compile_training

        for phase in self._whole.training.phases[self._phase + 1 : number + 1]:
            set_trainability(self.model, phase)
        self._phase, self._experiment = number, self._whole.in_phase(number)
        with fresh_names(), errors_at_parts(self._builder):
            compile_training(self.model, self._builder, self._experiment)
            self._choose_executor(None)
        self._augmentation = None
        self._tensors.clear()

    def prepare_training(self, part: DataPart) -> Tensors:
        """Create all variables that training changes, and return the training part as tensors.

        Raises:
            BuildError: Loss or metrics do not fit the outputs and targets.
        """
        train = self._weighted_by_class(part)
        with errors_at_parts(self._builder):
            self._build(train)
            self._augment(train)
        if self._initial_state is None and self.restartable:
            self._initial_state = checkpoint.ModelSnapshot(self.model)
            self._initial_streams = random_streams.collect()
        return train

    def restart(self) -> bool:
        """Bring everything back to where the first training started, as in a new session, and release the data.

        Only if `restartable` was set before that training.

        Returns:
            Whether that is possible: not if training made a stream of random numbers, which compiled steps still use.
        """
        if self._initial_state is not None:
            if random_streams.collect().keys() != self._initial_streams.keys():
                return False
            self._initial_state.restore()
            random_streams.restore(self._initial_streams)
        if self._augmentation is not None:
            self._augmentation.reset()
        self._tensors.clear()
        return True

    def _augment(self, train: Tensors) -> None:
        parts = self._experiment.training.augment
        if parts and self._augmentation is None:
            from nnrun.engine.model.augmentation import Augmentation

            self._augmentation = Augmentation.for_training(self._keras, self._builder, self._experiment, self._facts)
            example = train.take(self._tf, train.fields, self._tf.constant(np.zeros(1, np.int32)))[0]
            self._executor.augment(self._augmentation, example)

    def _build(self, train: Tensors) -> None:
        try:
            self._executor.build(train)
        except Exception as raised:  # Keras raises whatever its losses and metrics raise
            error = original_error(raised)
            if is_out_of_memory(error) or "No gradients provided" in str(error):
                raise
            part = part_at_fault(self._builder, error)
            if part is not None and (part.category not in ("losses", "metrics") or error_location(error) is not None):
                raise self._builder.refusal(part, error) from error
            raise self._cannot_compare(part, train, error) from error

    def _cannot_compare(self, part: Part | None, train: Tensors, error: Exception) -> BuildError:
        """Return the error that a loss or metric, or an unknown one of them, does not take the outputs and targets."""
        loss = next(iter(self._experiment.losses.values()))
        targets = train.take(self._tf, train.fields, self._tf.constant(np.zeros(1, np.int32)))[1]
        shape = self._keras.tree.map_structure(lambda tensor: list(tensor.shape[1:]), (self.model.output, targets))
        at = part or loss
        user_place = self._builder.user_place(at)
        what = f"{at.name}{user_place}" if part is not None else f"{loss.name} and metrics"
        text = f"{what} cannot compare outputs of shape {shape[0]} with targets of shape {shape[1]}"
        hint = "let the last layer's outputs have the shape of the targets"
        if at.category == "metrics":
            hint = f"leave out {at.name}, or {hint}"
        if user_place:
            hint = f"let {at.name} return numbers made with keras.ops of y_true and y_pred, one an example or one alone"
        return self._builder.error((*at.path, at.name), f"{text}: {library_message(error)}", hint)

    def evaluate(self, part: DataPart, *, detailed: bool = True, beam_width: int = 1) -> Evaluation:
        """Evaluate the model as it is now on one part of the data.

        Args:
            part: The part.
            detailed: Whether to compute more than loss, metrics and errors.
            beam_width: How many unfinished texts of an example are followed where the model writes its target.
        """
        from nnrun.data.text.windows import Windows

        tensors = self.scored_tensors(part)
        if isinstance(part.x, Windows):
            from nnrun.engine.scoring.text import evaluate_text

            with errors_at_parts(self._builder):
                return evaluate_text(self._tf, self.model, tensors, part, self._facts, self._experiment, self.jax_steps)
        with errors_at_parts(self._builder):
            logs, outputs = self._executor.score(tensors)
        targets, masks, decode = tensors.targets, self._masks(tensors), decoder(self._keras, beam_width)
        logs, outputs, targets = own_unit.scored(self._builder, part, (logs, outputs, targets), self._experiment)
        evaluation = evaluate_outputs(
            logs, outputs, targets, part, self._facts, self._experiment, detailed=detailed, masks=masks, decode=decode
        )
        if part.token_target is not None and detailed:
            written = self._written(part, tensors, beam_width)
            return token_texts.scored(evaluation, part.token_target, masks, written)
        if part.reference is None:
            return evaluation
        from nnrun.engine.scoring.forecast import with_forecast_scores

        return with_forecast_scores(evaluation, part.reference)

    def _masks(self, tensors: Tensors) -> dict[str, Any]:
        """Return which positions of each output are no padding; nothing if no layer masks any."""
        from nnrun.spec.compared_output import masks_padding

        if not masks_padding(self._experiment.graph) or self._facts.streamed:
            return {}
        from nnrun.engine.scoring.padding import output_masks

        size, names = self._experiment.training.batch_size, list(self._experiment.losses)
        masks = output_masks(self._keras, self._tf, self.model, tensors, size)
        return {name or names[0]: mask for name, mask in masks.items()}

    def predict(self, part: DataPart, *, beam_width: int = 1) -> tuple[Predictions, ...]:
        """Predict examples without truth; `beam_width` as of `evaluate`."""
        tensors, target = self.to_tensors(part), part.token_target
        with errors_at_parts(self._builder):
            outputs = self._executor.predict(tensors)
        outputs = own_unit.predicted(part, outputs, self._experiment)
        found = make_predictions(outputs, self._facts, self._experiment, decode=decoder(self._keras, beam_width))
        if target is None:
            return found
        return token_texts.with_texts(found, target, self._masks(tensors), self._written(part, tensors, beam_width))

    def _written(self, part: DataPart, tensors: Tensors, beam_width: int) -> Any:
        """Return the token numbers that the model writes for each example; None where it writes nothing."""
        with errors_at_parts(self._builder):
            started = (self._keras, self._tf, self.model)
            return write_targets(started, self._experiment, part.token_target, tensors, beam_width)

    def text_generator(
        self, spec: TextModelSpec, sampling: SamplingOptions, *, seed: int, recompute: bool
    ) -> TextGenerator:
        """Return what lets the model write text."""
        from nnrun.engine.generation.generate import TextGenerator

        return TextGenerator(self._keras, self._tf, self.model, spec, sampling, seed=seed, recompute=recompute)

    def load_matching_weights(self, saved: FilePath) -> MatchingWeights:
        """Load the weights of a saved model into the layers of the same name and shapes.

        Raises:
            RunError: The checkpoint cannot be read.
        """
        return load_matching_weights(self._keras, self.model, saved)

    def load_weights_in_order(self, saved: FilePath) -> list[str]:
        """Load the weights of a saved model layer by layer; see `nnrun.engine.model.weights_in_order`."""
        from nnrun.engine.model.weights_in_order import load_weights_in_order

        return load_weights_in_order(self._builder, self._experiment, self.model, saved)

    def save(self, path: FilePath) -> None:
        """Save the whole model atomically.

        Raises:
            BuildError: Keras cannot save a part.
            RunError: The disk refuses the file.
        """
        with errors_at_parts(self._builder):
            checkpoint.save(self.model, path)

    def to_tensors(self, part: DataPart) -> Tensors:
        """Return a part of the data as tensors, created once."""
        if id(part) not in self._tensors:
            self._tensors[id(part)] = self._new_tensors(part)
        return self._tensors[id(part)]

    def scored_tensors(self, part: DataPart) -> Tensors:
        """Return a part of the data as it is scored: each example counts once, whatever its weight in training."""
        return self.to_tensors(part).without_sample_weight()

    def release_data(self) -> None:
        """Release the tensors so far: a later part may have the `id` of one that is gone."""
        self._tensors.clear()

    def _weighted_by_class(self, part: DataPart) -> Tensors:
        """Return the training part as tensors, its examples weighted by their classes if the config says so."""
        tensors, class_weight = self.to_tensors(part), self._experiment.training.class_weight
        if class_weight is None:
            return tensors
        from nnrun.data.target_encoding import apply_class_weights

        return self._executor.with_sample_weight(
            tensors, apply_class_weights(part, self._facts, class_weight).sample_weight
        )

    def _new_tensors(self, part: DataPart) -> Tensors:
        """Create tensors, with inputs and targets under the model's names."""
        from nnrun.data.model_inputs import select
        from nnrun.engine.streaming.part_tensors import part_tensors

        graph, y = self._experiment.graph, part.y
        x = select(part.x, self._facts, graph.inputs)
        require_token_ids(self._builder, self._experiment, x)
        if not graph.chain:
            y = {one.name: y[str(one.target)] if isinstance(y, dict) else y for one in graph.outputs}
        require_labels(self._builder, self._experiment, self.model, y)
        return part_tensors(self._tf, self._executor, x, y, part, self._experiment.training.batch_size)


def backend_settings(experiment: Experiment, threads: int) -> BackendSettings:
    """Return what an experiment wants set when Keras starts."""
    settings = experiment.keras
    return BackendSettings(
        seed=experiment.seed,
        backend=experiment.backend,
        threads=threads,
        floatx=settings.floatx,
        epsilon=settings.epsilon,
        image_data_format=settings.image_data_format,
        halved=splits_rnn_batch(experiment),
        data_parallel=1 if experiment.distribution is None else experiment.distribution.data_parallel,
    )

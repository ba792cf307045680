"""A woken Keras with one compiled model: what the pipeline does with it, and nothing it prints on the screen."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nnrun.engine.backend.redirect_output import quiet
from nnrun.engine.backend.start import BackendSettings, library, start_keras
from nnrun.engine.executors.split_rnn_batch import wants_halves
from nnrun.engine.model import checkpoint
from nnrun.engine.model.build import Builder
from nnrun.engine.model.snapshot import ModelSnapshot
from nnrun.errors import BuildError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path as FilePath
    from types import ModuleType

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.generation.generate import Writer
    from nnrun.engine.generation.sampling import Sampling
    from nnrun.engine.generation.text_model_spec import TextModelSpec
    from nnrun.engine.model.augmentation import Augmentation
    from nnrun.engine.scoring.score import Answers, Outcome
    from nnrun.engine.training.loop import Epoch
    from nnrun.errors import Mark, Path
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts

    Phase = Callable[[str], AbstractContextManager[None]]


class Session:
    """One compiled model on a woken backend.

    Args:
        keras: The woken Keras.
        wake: What was set when it woke.
        experiment: What the model is for.
        facts: What its data teach.
        model: The model, compiled.
        builder: Makes Keras objects from parts.
        mark_of: Finds the place of a path in the config.
    """

    #: Whether another training shall be able to begin where the first one did; costs a copy of all weights.
    renewable = False

    def __init__(
        self,
        keras: ModuleType,
        wake: BackendSettings,
        experiment: Experiment,
        facts: Facts,
        model: Any,
        builder: Builder,
        mark_of: Callable[[Path], Mark],
    ) -> None:
        from nnrun.engine.executors.choice import choose_executor

        self.keras, self.wake, self.model = keras, wake, model
        self._experiment, self._facts, self._builder, self._mark_of = experiment, facts, builder, mark_of
        choice = choose_executor(model, experiment, facts)
        self._executor, self.executor_name, self.executor_why = choice.executor, choice.name, choice.reason
        #: The model's compiled steps if they are JAX's, else None.
        self.jax_steps = choice.jax_steps
        self._tf = library(wake.backend, model)
        self._put: dict[int, Tensors] = {}
        self._augmentation: Augmentation | None = None
        self._start: ModelSnapshot | None = None

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
    ) -> Iterator[Session]:
        """Wake Keras and compile the experiment's model; what libraries print goes to `log` until the block ends.

        Raises:
            BuildError: Where Keras refuses a part.
        """
        from nnrun.data.model_inputs import shapes as input_shapes
        from nnrun.engine.model.compile import compile_model

        with quiet(log):
            with phase("wake"):
                wake = wake_of(experiment, threads)
                keras = start_keras(wake)
            with phase("compile"):
                shapes = input_shapes(facts, experiment.graph.inputs)
                model = compile_model(keras, experiment, facts, shapes, mark_of)
            yield cls(keras, wake, experiment, facts, model, Builder(keras, facts, mark_of), mark_of)

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
        """Wake Keras and take up a saved model, compiled with the experiment's loss and metrics.

        Raises:
            RunError: Where the checkpoint cannot be read, or is of another model than `architecture`.
        """
        from nnrun.engine.model.compile import set_learning

        with quiet(log):
            wake = wake_of(experiment, threads)
            keras = start_keras(wake)
            model = checkpoint.load(keras, saved)
            checkpoint.require_same_model(model, architecture, saved)
            builder = Builder(keras, facts, mark_of)
            set_learning(model, builder, experiment)
            yield cls(keras, wake, experiment, facts, model, builder, mark_of)

    @property
    def parameters(self) -> int:
        """How many numbers the model holds."""
        return int(self.model.count_params())

    def architecture(self) -> dict[str, Any]:
        """Give the model's config as Keras writes it, without its loss and optimizer."""
        config: dict[str, Any] = json.loads(self.model.to_json())
        config.pop("compile_config", None)
        return config

    def summary(self) -> str:
        """Give Keras' own table of the model."""
        lines: list[str] = []
        self.model.summary(print_fn=lambda line, **_: lines.append(str(line)))
        return "\n".join(lines) + "\n"

    def layer_rows(self) -> list[dict[str, Any]]:
        """Give every layer's name, output shape (batch first) and parameters, for the picture."""
        return [
            {
                "name": layer.name,
                "shape": self.keras.tree.flatten(layer.output)[0].shape,
                "parameters": int(layer.count_params()),
            }
            for layer in self.model.layers
        ]

    def fit(
        self,
        dataset: Dataset,
        folder: FilePath,
        best: FilePath,
        progress: Progress,
        keep: Callable[[Epoch], None],
        *,
        after: Callable[[int], None] | None = None,
    ) -> int:
        """Train the model; gives the number of epochs run.

        Args:
            dataset: The data.
            folder: The run's folder, inside which callbacks may write.
            best: Where the best epoch's model is kept.
            progress: Hears of steps and epochs.
            keep: Takes every epoch's figures.
            after: Called with the number of an epoch, from 1, before callbacks of the config may change the model.

        Raises:
            BuildError: Where loss or metrics do not fit the outputs and targets, a callback is refused, or XLA cannot
                compile what the config wants compiled.
            RunError: Where training diverges, or the disk refuses a checkpoint.
        """
        from nnrun.engine.executors.resident import XlaRefusal
        from nnrun.engine.training.callbacks import BEST_SECONDS, afterwards, best_rule, keep_best, make_callbacks
        from nnrun.engine.training.loop import TrainingLoop

        training = self._experiment.training
        train = self.begin(dataset.train)
        validation = self.tensors(dataset.validation) if dataset.validation is not None else None
        monitor, mode = best_rule(training, {"val_loss": 0.0} if validation is not None else {})
        callbacks = make_callbacks(self._builder, training, folder, self._mark_of)
        stepwise = self._stepwise(callbacks, progress)
        self._allow_refusal(progress)
        # First in the list: the best epoch is on disk before any callback of the config may stop or change anything.
        kept = keep_best(self.keras, best, monitor, mode, every=BEST_SECONDS)
        everything = self.keras.callbacks.CallbackList(
            [kept, *afterwards(self.keras, after), *callbacks],
            add_history=True,
            model=self.model,
            epochs=training.epochs,
            steps=-(-train.rows // training.batch_size),
        )
        course = TrainingLoop(
            self.model, self._executor, train, validation, everything, stepwise, self._experiment.seed
        )
        try:
            return course.run(training, progress, keep)
        except XlaRefusal as refusal:
            text = f"XLA cannot compile the steps of this model: {refusal}"
            hint = "write xla: auto, which goes on without XLA, or xla: false"
            raise BuildError([Problem(self._mark_of(("training", "execution", "xla")), text, hint)]) from refusal
        finally:
            kept.finish()

    def _stepwise(self, callbacks: list[Any], progress: Progress) -> bool:
        """Decide whether training takes a step at a time, and tell why where it does."""
        from nnrun.engine.training.callbacks import needs_batches

        wanted, needed = self._experiment.training.execution.executor, needs_batches(self.keras, callbacks)
        if wanted == "resident" and needed:
            text = "a callback needs every batch, and the resident executor takes many in one call"
            place = self._mark_of(("training", "execution", "executor"))
            raise BuildError([Problem(place, text, "write executor: auto, or leave out that callback")])
        if not needed and wanted != "stepwise":
            return False
        why = "a callback needs every batch" if needed else "the config says executor: stepwise"
        if self.executor_name.startswith("resident"):
            self.executor_name = self.executor_name.replace("resident", "stepwise")
            self.executor_why = f"{why}; {self.executor_why}"
        progress.say(f"{why[0].upper()}{why[1:]}: this run takes a step at a time, which is slower.")
        return True

    def _allow_refusal(self, progress: Progress) -> None:
        """Let training go on without XLA where the rule chose it, and XLA cannot compile the steps."""

        def without(reason: str) -> None:
            self.executor_name = self.executor_name.removesuffix("+xla")
            self.executor_why = f"{self.executor_why}; no XLA: it cannot compile the steps: {reason}"
            progress.say(f"XLA cannot compile the steps, and training goes on without it: {reason}")

        self._executor.on_refusal = without if self._experiment.training.execution.xla == "auto" else None

    def begin(self, part: DataPart) -> Tensors:
        """Make all that training changes, and give the training part as it is trained on.

        Raises:
            BuildError: Where loss or metrics do not fit the outputs and targets.
        """
        train = self._weighed(part)
        self._build(train)
        self._augment(train)
        if self._start is None and self.renewable:
            self._start = ModelSnapshot(self.model)
        return train

    def renew(self) -> None:
        """Bring model and optimizer back to where the first training began, and let go of the data so far.

        Only where `renewable` was set before that training.
        """
        if self._start is not None:
            self._start.restore()
        if self._augmentation is not None:
            self._augmentation.renew()
        self._put.clear()

    def _augment(self, train: Tensors) -> None:
        parts = self._experiment.training.augment
        if parts and self._augmentation is None:
            from nnrun.engine.model.augmentation import Augmentation

            self._augmentation = Augmentation(self._builder, parts)
            example = train.take(self._tf, train.fields, [0])[0]
            self._executor.augment(self._augmentation, example, self._mark_of)

    def _build(self, train: Tensors) -> None:
        try:
            self._executor.build(train)
        except Exception as error:  # Keras raises whatever its losses and metrics raise
            blamed = next(iter(self._experiment.losses.values()))
            targets = train.take(self._tf, train.fields, [0])[1]
            shape = self.keras.tree.map_structure(lambda tensor: list(tensor.shape[1:]), (self.model.output, targets))
            text = (
                f"{blamed.name} and metrics cannot compare outputs of shape {shape[0]} with targets of shape {shape[1]}"
            )
            place = self._mark_of((*blamed.path, blamed.name))
            hint = "let the last layer give what the targets are"
            raise BuildError([Problem(place, f"{text}: {error}", hint)]) from error

    def score(self, part: DataPart, *, detail: bool = True) -> Outcome:
        """Score the model as it is now on one part of the data; without `detail` only loss, metrics and errors."""
        from nnrun.data.text.windows import Windows

        if isinstance(part.x, Windows):
            from nnrun.engine.scoring.text import score_text

            text = (self.tensors(part), part, self._facts, self._experiment)
            return score_text(self._tf, self.model, *text, self.jax_steps)
        from nnrun.engine.scoring.score import score

        return score(self._executor, self.tensors(part), part, self._facts, self._experiment, detail=detail)

    def answer(self, part: DataPart) -> tuple[Answers, ...]:
        """Give the model's answers for examples without truth."""
        from nnrun.engine.scoring.score import answer

        return answer(self._executor, self.tensors(part), self._facts, self._experiment)

    def writer(self, voice: TextModelSpec, sampling: Sampling, *, seed: int, recompute: bool) -> Writer:
        """Let the model write text."""
        from nnrun.engine.generation.generate import Writer

        return Writer(self.keras, self._tf, self.model, voice, sampling, seed=seed, recompute=recompute)

    def start_from(self, saved: FilePath) -> tuple[list[str], list[str]]:
        """Take the weights of a saved model, layer by layer where name and shapes agree.

        Returns:
            The names of the layers with weights that took theirs from there, and of those that begin anew.

        Raises:
            RunError: Where the checkpoint cannot be read.
        """
        known = {layer.name: layer for layer in checkpoint.load(self.keras, saved).layers}
        taken, new = [], []
        for layer in self.model.layers:
            other = known.get(layer.name)
            if not layer.weights:
                continue
            if other is None or [w.shape for w in other.weights] != [w.shape for w in layer.weights]:
                new.append(layer.name)
                continue
            layer.set_weights(other.get_weights())
            taken.append(layer.name)
        return taken, new

    def save(self, path: FilePath) -> None:
        """Write the whole model atomically."""
        checkpoint.save(self.model, path)

    def tensors(self, part: DataPart) -> Tensors:
        """Give a part of the data as tensors, made once."""
        if id(part) not in self._put:
            self._put[id(part)] = self._fitting(part)
        return self._put[id(part)]

    def forget(self) -> None:
        """Let go of the data so far: a part that comes later may lie where one lay that is gone."""
        self._put.clear()

    def _weighed(self, part: DataPart) -> Tensors:
        """Give the training part as tensors, its examples weighed by their classes where the config says so."""
        tensors, wanted = self.tensors(part), self._experiment.training.class_weight
        if wanted is None:
            return tensors
        from nnrun.data.target_encoding import apply_class_weights

        weights = apply_class_weights(part, self._facts, wanted).sample_weight
        return self._executor.weigh(tensors, weights)

    def _fitting(self, part: DataPart) -> Tensors:
        """Name inputs and targets as the model does."""
        from nnrun.data.model_inputs import select
        from nnrun.data.streaming.streams import Stream
        from nnrun.data.text.windows import Windows

        graph, y = self._experiment.graph, part.y
        x = select(part.x, self._facts, graph.inputs)
        if not graph.chain:
            y = {one.name: y[str(one.target)] if isinstance(y, dict) else y for one in graph.outputs}
        if isinstance(part.x, Windows):
            from nnrun.engine.executors.window_batches import put_windows

            return put_windows(self._tf, x, y)
        if isinstance(part.x, Stream):
            from nnrun.engine.streaming.streamed import put_stream

            return put_stream(self._tf, x, y, part.sample_weight, self._experiment.training.batch_size)
        return self._executor.put(x, y, part.sample_weight)


def wake_of(experiment: Experiment, threads: int) -> BackendSettings:
    """Say what an experiment wants set when Keras wakes."""
    settings = experiment.keras
    return BackendSettings(
        experiment.seed,
        experiment.backend,
        threads,
        True,
        settings.floatx,
        settings.epsilon,
        settings.image_data_format,
        wants_halves(experiment),
    )

"""Train several folds of a cross-validation in one JAX program, mapped over the folds (`jax.vmap`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.model import checkpoint
from nnrun.engine.scoring.evaluate import evaluate_outputs
from nnrun.engine.training.callbacks import best_epoch_rule
from nnrun.engine.training.jax_folds import FoldsTrainer, FoldTensors, Listeners, can_stack
from nnrun.pipeline.run_files import named_parts
from nnrun.spec.callback_paths import is_best_model_checkpoint
from nnrun.spec.compared_output import masks_padding
from nnrun.spec.figures import figure_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from nnrun.data.dataset import DataPart, Dataset
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment

#: The largest size of the data of folds that are trained in one program; the other folds are trained after them.
MAX_BYTES = 2**29
#: Layers that are faster in a program mapped over folds, as measured, or that are nothing but arithmetic.
_MAPPED_LAYERS = frozenset(
    """
    InputLayer Dense Embedding Flatten Reshape Permute RepeatVector Activation ReLU LeakyReLU PReLU ELU Softmax Dropout
    GaussianNoise GaussianDropout AlphaDropout BatchNormalization LayerNormalization Add Subtract Multiply Average
    Maximum Minimum Concatenate GlobalAveragePooling1D GlobalMaxPooling1D SimpleRNN LSTM GRU
    """.split()  # noqa: SIM905 - names are read more easily as words
)


@dataclass(frozen=True)
class PreparedFold:
    """A fold whose data are loaded and prepared.

    Attributes:
        number: The fold's number; None is the final fit.
        folder: Its folder.
        dataset: Its data.
        record: Its record so far.
    """

    number: int | None
    folder: RunFolder
    dataset: Dataset
    record: dict[str, Any]

    @property
    def seed(self) -> int:
        """The seed of the fold's model and training."""
        return int(self.record["seed"])

    @property
    def parts(self) -> list[DataPart]:
        """The parts that training uses."""
        return [part for part in (self.dataset.train, self.dataset.validation) if part is not None]


def reason_not_mapped(experiment: Experiment) -> str | None:
    """Return why the folds of an experiment on JAX cannot be trained in one program; None if they can."""
    training = experiment.training
    if training.is_perceptron:
        return "the perceptron rule cannot be mapped over folds"
    if training.execution.executor == "stepwise" or training.on_nan != "stop":
        return f"the config has {'executor: stepwise' if training.on_nan == 'stop' else f'on_nan: {training.on_nan}'}"
    if training.augment or experiment.data.source.arguments.get("window") is not None:
        by_fold = "augment: changes the examples of each fold separately"
        return by_fold if training.augment else "the windows of each fold are gathered from rows of its own"
    for part in training.callbacks:
        if not is_best_model_checkpoint(part):
            return f"{part.name} acts on the model of each fold separately"
    if masks_padding(experiment.graph):
        return "a layer masks padding, which is scored in each fold separately"
    others = [node.part.name for node in experiment.graph.nodes if node.part.name not in _MAPPED_LAYERS]
    return f"mapping makes {others[0]} slower, or was not measured with it" if others else None


def count_in_memory(fold: PreparedFold, count: int) -> int:
    """Return how many of `count` folds like this one fit into `MAX_BYTES`, at least one."""
    fields = [field for part in fold.parts for field in (part.x, part.y)]
    arrays = [array for field in fields for array in (field.values() if isinstance(field, dict) else [field])]
    size: int = sum(array.nbytes for array in arrays)
    return max(1, min(MAX_BYTES // max(size, 1), count))


def group_folds(folds: Sequence[PreparedFold], batch_size: int) -> Iterator[list[PreparedFold]]:
    """Group folds that can be stacked: their models are equal, and so are the batches of their parts, but for one."""

    def model(fold: PreparedFold) -> str:
        has_weights = fold.dataset.train.sample_weight is not None
        return repr((replace(fold.dataset.facts, rows={}), len(fold.parts), has_weights))

    def rows(fold: PreparedFold) -> list[int]:
        return [len(part) for part in fold.parts]

    def batches(fold: PreparedFold) -> list[int]:
        return [count // batch_size for count in rows(fold)]

    for _, same_model in groupby(sorted(folds, key=model), key=model):
        group = list(same_model)
        if all(can_stack(counts, batch_size) for counts in zip(*map(rows, group), strict=True)):
            yield group
        else:
            yield from (list(same) for _, same in groupby(sorted(group, key=batches), key=batches))


@dataclass(frozen=True)
class FoldCallbacks:
    """Functions that are called while folds are trained in one program.

    Attributes:
        open_session: Returns the untrained compiled model of a fold.
        on_epochs: Receives the metrics of an epoch, each with the number of its fold.
        on_progress: Receives the share of an epoch of one fold that was done since the last call.
        on_done: Receives each fold, the session with its last model, the number of its epochs, the time at which it
            would have started if it had been trained alone, and the evaluations of its parts.
        phase: Adds the duration of a `with` block to a phase.
    """

    open_session: Callable[[PreparedFold], Session]
    on_epochs: Callable[[list[tuple[int | None, EpochLogs]]], None]
    on_progress: Callable[[float], None]
    on_done: Callable[[PreparedFold, Session, int, float, dict[str, Evaluation]], None]
    phase: Callable[[str], AbstractContextManager[None]]


def train_mapped(
    folds: Sequence[PreparedFold], experiment: Experiment, callbacks: FoldCallbacks, saver: StateSaver
) -> None:
    """Train the folds of a group in one program, save the best and the last model of each, and score them.

    The models are saved also if training is interrupted.

    Raises:
        NnrunError: Training diverged, or a checkpoint cannot be written.
        StopRequestedError: A request to stop came in; the state of the group is saved.
    """
    start, training = perf_counter(), experiment.training
    names = _mapped_parts(folds, training.batch_size)
    inputs = []
    for fold in folds:
        session = callbacks.open_session(fold)
        with callbacks.phase("train"):
            inputs.append(_to_device(fold, session, names))
    monitor, mode = best_epoch_rule(experiment, has_validation=inputs[0].validation is not None)

    def on_epochs(lines: list[EpochLogs]) -> None:
        callbacks.on_epochs([(fold.number, line) for fold, line in zip(folds, lines, strict=True)])

    with callbacks.phase("train"):
        trainer = FoldsTrainer(
            _steps(session),
            inputs,
            training,
            monitor=monitor,
            maximize=mode == "max",
            labels=figure_labels(experiment, folds[0].dataset.facts),
        )
        # A request to stop waits until the models are saved, also where training is over.
        with interruption.deferred():
            position = trainer.restore_from(saver)
            try:
                listeners = Listeners(on_epochs, lambda share: callbacks.on_progress(share * len(folds)))
                trainer.run(position, listeners, saver)
            finally:
                _save_models(trainer, folds, session)
    with callbacks.phase("score"):
        answers = trainer.score()
    trainer.close()
    last, share = trainer.values_on_host(), (perf_counter() - start) / len(folds)
    for index, fold in enumerate(folds):
        start = perf_counter() - share
        with callbacks.phase("score"):
            trainer.load_into_model(index, last)
            evaluations = {
                name: evaluate_outputs(
                    *answers[name][index],
                    inputs[index].scored[name].targets,
                    getattr(fold.dataset, name),
                    fold.dataset.facts,
                    experiment,
                )
                for name in answers
            }
        callbacks.on_done(fold, session, training.epochs, start, evaluations)


def _steps(session: Session) -> JaxSteps:
    assert session.jax_steps is not None, "folds are mapped on JAX only"  # noqa: S101
    return session.jax_steps


def _mapped_parts(folds: Sequence[PreparedFold], batch_size: int) -> list[str]:
    """Return the names of the parts that can be scored in one program: every fold has them, and they can be stacked."""
    parts = [
        {name: part for name, part in named_parts(fold.dataset).items() if name not in fold.dataset.shared}
        for fold in folds
    ]
    return [
        name
        for name in parts[0]
        if all(name in each for each in parts) and can_stack([len(each[name]) for each in parts], batch_size)
    ]


def _to_device(fold: PreparedFold, session: Session, names: Sequence[str]) -> FoldTensors:
    """Return the fold's data on the device, with the initial values of the session's model."""
    data = fold.dataset
    train = session.prepare_training(data.train)
    validation = None if data.validation is None else session.scored_tensors(data.validation)
    scored = {name: session.scored_tensors(getattr(data, name)) for name in names}
    return FoldTensors(fold.seed, train, validation, _steps(session).state.values(), scored)


def _save_models(trainer: FoldsTrainer, folds: Sequence[PreparedFold], session: Session) -> None:
    """Save the best and the last model of each fold; the trainer keeps the last ones as they are saved, to be scored.

    A saved optimizer has finalized weights, such as moving averages.
    """
    last, optimizer, state = trainer.values_on_host(), session.model.optimizer, _steps(session).state
    finalized = []
    with checkpoint.AsyncSaver() as saver:
        for index, fold in enumerate(folds):
            if not fold.folder.path.is_dir():
                continue
            trainer.load_into_model(index, trainer.best)
            saver.save(session.model, fold.folder.best)
            trainer.load_into_model(index, last)
            optimizer.finalize_variable_values(session.model.trainable_weights)
            saver.save(session.model, fold.folder.last)
            finalized.append(state.values())
    if len(finalized) == len(folds):
        trainer.set_values(finalized)

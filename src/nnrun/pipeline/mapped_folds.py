"""Which folds of a cross-validation on JAX are trained together, and training them so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun.engine.model import checkpoint
from nnrun.engine.scoring.evaluate import evaluate_outputs
from nnrun.engine.training.callbacks import best_epoch_rule, is_best_model_checkpoint
from nnrun.engine.training.jax_folds import FoldsTrainer, FoldTensors, Listeners, can_stack
from nnrun.pipeline.run_files import named_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from nnrun.data.dataset import Dataset
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment

#: What the data of folds that are trained together may take, in bytes; folds beyond that are trained after them.
MOST_BYTES = 2**29
#: Layers whose steps gain by being mapped, beside those that are nothing but arithmetic.
_MAPPED = frozenset(
    """
    InputLayer Dense Embedding Flatten Reshape Permute RepeatVector Activation ReLU LeakyReLU PReLU ELU Softmax Dropout
    GaussianNoise GaussianDropout AlphaDropout BatchNormalization LayerNormalization Add Subtract Multiply Average
    Maximum Minimum Concatenate GlobalAveragePooling1D GlobalMaxPooling1D SimpleRNN LSTM GRU
    """.split()  # noqa: SIM905 - names are read more easily as words
)


@dataclass(frozen=True)
class PreparedFold:
    """A fold whose data are there.

    Attributes:
        number: The fold's number.
        place: Its folder.
        dataset: Its data.
        seed: Where its randomness starts.
        record: What its record says so far.
    """

    number: int | None
    place: RunFolder
    dataset: Dataset
    seed: int
    record: dict[str, Any]


def reason_not_mapped(experiment: Experiment) -> str | None:
    """Say what keeps the folds of an experiment on JAX from being trained together; None where nothing does."""
    training = experiment.training
    if training.is_perceptron:
        return "the perceptron's rule has no program"
    if training.execution.executor == "stepwise":
        return "the config says executor: stepwise"
    if training.augment:
        return "augment: changes the examples of each fold by itself"
    for part in training.callbacks:
        if not is_best_model_checkpoint(part):
            return f"{part.name} acts on the model of each fold by itself"
    monitor, mode = best_epoch_rule(training, has_validation=False)
    if mode == "auto" and monitor not in ("loss", "val_loss"):
        return f"whether more or less of {monitor} is better only Keras can say; `best: {{mode: ...}}` may say it"
    other = [node.part.name for node in experiment.graph.nodes if node.part.name not in _MAPPED]
    return f"mapping makes {other[0]} slower, or was not measured with it" if other else None


def folds_in_memory(begun: PreparedFold, count: int) -> int:
    """Say how many folds such as this one may be trained together."""
    parts = [part for part in (begun.dataset.train, begun.dataset.validation) if part is not None]
    held: int = sum(array.nbytes for part in parts for array in _arrays(part.x) + _arrays(part.y))
    return max(1, min(MOST_BYTES // max(held, 1), count))


def _arrays(fields: Any) -> list[Any]:
    return list(fields.values()) if isinstance(fields, dict) else [fields]


def groups(folds: Sequence[PreparedFold], batch_size: int) -> Iterator[list[PreparedFold]]:
    """Part folds into groups whose models are the same, and whose parts have so nearly the same rows that they map."""

    def lengths(fold: PreparedFold) -> list[int]:
        parts = (fold.dataset.train, fold.dataset.validation)
        return [len(part) for part in parts if part is not None]

    def batches(fold: PreparedFold) -> list[int]:
        return [rows // batch_size for rows in lengths(fold)]

    def key(fold: PreparedFold) -> str:
        weighed = fold.dataset.train.sample_weight is not None
        return repr((replace(fold.dataset.facts, rows={}), len(lengths(fold)), weighed))

    for _, alike in groupby(sorted(folds, key=key), key=key):
        group = list(alike)
        if all(can_stack(rows, batch_size) for rows in zip(*map(lengths, group), strict=True)):
            yield group
        else:
            yield from (list(same) for _, same in groupby(sorted(group, key=batches), key=batches))


@dataclass(frozen=True)
class FoldCallbacks:
    """Where folds that are trained together get what they need, and hand over what they made.

    Attributes:
        open: Gives the compiled model of a fold, as it is before any training.
        keep: Takes the figures of an epoch, with the number of the fold each is of.
        moved: Takes the share of an epoch of one fold that has been done since it was last called.
        finish: Takes each fold, the model that its training left, what that says of parts, and the seconds all took.
        phase: Counts the time inside a `with` block to a phase.
    """

    open: Callable[[PreparedFold], Session]
    keep: Callable[[list[tuple[int | None, EpochLogs]]], None]
    moved: Callable[[float], None]
    finish: Callable[[PreparedFold, Session, dict[str, Evaluation], float], None]
    phase: Callable[[str], AbstractContextManager[None]]


def train_together(folds: Sequence[PreparedFold], experiment: Experiment, desk: FoldCallbacks) -> None:
    """Train folds that fit together in one program, keep the best and the last model of each, and score them.

    Interrupted, the models are kept as they are then.

    Raises:
        NnrunError: Where training diverges, or the disk refuses a checkpoint.
    """
    began, training = perf_counter(), experiment.training
    parts = _scored_together(folds, training.batch_size)
    ready = []
    for fold in folds:
        session = desk.open(fold)
        with desk.phase("train"):
            ready.append(_ready(fold, session, parts))
    monitor, mode = best_epoch_rule(training, has_validation=ready[0].validation is not None)
    with desk.phase("train"):
        together = FoldsTrainer(compiled_steps_of(session), ready, training, monitor=monitor, maximize=mode == "max")
        try:
            together.run(
                Listeners(lambda lines: desk.keep(_numbered(folds, lines)), lambda s: desk.moved(s * len(folds)))
            )
        finally:
            _save(together, folds, session)
    with desk.phase("score"):
        answered = together.score()
    together.close()
    last, share = together.values_on_host(), (perf_counter() - began) / len(folds)
    for place, fold in enumerate(folds):
        since = perf_counter()
        with desk.phase("score"):
            together.load_into_model(place, last)
            made = {
                name: evaluate_outputs(
                    *each[place],
                    ready[place].scored[name].targets,
                    getattr(fold.dataset, name),
                    fold.dataset.facts,
                    experiment,
                )
                for name, each in answered.items()
            }
        desk.finish(fold, session, made, share + perf_counter() - since)


def compiled_steps_of(session: Session) -> JaxSteps:
    """Give the session's programs on JAX."""
    assert session.jax_steps is not None, "called on JAX only"  # noqa: S101
    return session.jax_steps


def _numbered(folds: Sequence[PreparedFold], lines: list[EpochLogs]) -> list[tuple[int | None, EpochLogs]]:
    return [(fold.number, line) for fold, line in zip(folds, lines, strict=True)]


def _scored_together(folds: Sequence[PreparedFold], batch_size: int) -> list[str]:
    """Name the parts that all folds have for themselves, and that have so nearly the same rows that they map."""
    own = [
        {name: part for name, part in named_parts(fold.dataset).items() if name not in fold.dataset.shared}
        for fold in folds
    ]
    return [
        name
        for name in own[0]
        if all(name in parts for parts in own) and can_stack([len(parts[name]) for parts in own], batch_size)
    ]


def _ready(fold: PreparedFold, session: Session, parts: Sequence[str]) -> FoldTensors:
    """Put a fold's data where JAX computes, and note down where its training starts."""
    data = fold.dataset
    train = session.prepare_training(data.train)
    validation = None if data.validation is None else session.to_tensors(data.validation)
    scored = {name: session.to_tensors(getattr(data, name)) for name in parts}
    return FoldTensors(fold.seed, train, validation, compiled_steps_of(session).state.values(), scored)


def _save(together: FoldsTrainer, folds: Sequence[PreparedFold], session: Session) -> None:
    """Save the best and the last model of each fold; what is scored then is what is saved last."""
    last, optimizer, state = together.values_on_host(), session.model.optimizer, compiled_steps_of(session).state
    finished = []
    with checkpoint.AsyncSaver() as settling:
        for place, fold in enumerate(folds):
            if not fold.place.path.is_dir():
                continue
            together.load_into_model(place, together.best)
            settling.save(session.model, fold.place.best)
            together.load_into_model(place, last)
            optimizer.finalize_variable_values(session.model.trainable_weights)
            settling.save(session.model, fold.place.last)
            finished.append(state.values())
    if len(finished) == len(folds):
        together.set_values(finished)

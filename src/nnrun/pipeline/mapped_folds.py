"""Which folds of a cross-validation on JAX are trained together, and training them so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun.engine import checkpoint
from nnrun.engine.callbacks import best_rule, is_best_rule
from nnrun.engine.jax_folds import FoldsTogether, OneFold, fit_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from nnrun.data.dataset import Dataset
    from nnrun.engine.fit import Epoch
    from nnrun.engine.jax_programs import JaxPrograms
    from nnrun.engine.session import Session
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.training import TrainingSpec

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
class Begun:
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


def why_not(experiment: Experiment) -> str | None:
    """Say what keeps the folds of an experiment on JAX from being trained together; None where nothing does."""
    training = experiment.training
    if training.is_perceptron:
        return "the perceptron's rule has no program"
    if training.execution.executor == "stepwise":
        return "the config says executor: stepwise"
    if training.augment:
        return "augment: changes the examples of each fold by itself"
    for part in training.callbacks:
        if not is_best_rule(part):
            return f"{part.name} acts on the model of each fold by itself"
    monitor, mode = best_rule(training, {})
    if mode == "auto" and monitor not in ("loss", "val_loss"):
        return f"whether more or less of {monitor} is better only Keras can say; `best: {{mode: ...}}` may say it"
    other = [node.part.name for node in experiment.graph.nodes if node.part.name not in _MAPPED]
    return f"mapping makes {other[0]} slower, or was not measured with it" if other else None


def in_memory(begun: Begun, count: int) -> int:
    """Say how many folds such as this one may be trained together."""
    parts = [part for part in (begun.dataset.train, begun.dataset.validation) if part is not None]
    held: int = sum(array.nbytes for part in parts for array in _arrays(part.x) + _arrays(part.y))
    return max(1, min(MOST_BYTES // max(held, 1), count))


def _arrays(fields: Any) -> list[Any]:
    return list(fields.values()) if isinstance(fields, dict) else [fields]


def groups(folds: Sequence[Begun], batch_size: int) -> Iterator[list[Begun]]:
    """Part folds into groups whose models are the same, and whose parts have so nearly the same rows that they map."""
    def lengths(fold: Begun) -> list[int]:
        parts = (fold.dataset.train, fold.dataset.validation)
        return [len(part) for part in parts if part is not None]

    def batches(fold: Begun) -> list[int]:
        return [rows // batch_size for rows in lengths(fold)]

    def key(fold: Begun) -> str:
        weighed = fold.dataset.train.sample_weight is not None
        return repr((replace(fold.dataset.facts, rows={}), len(lengths(fold)), weighed))

    for _, alike in groupby(sorted(folds, key=key), key=key):
        group = list(alike)
        if all(fit_together(rows, batch_size) for rows in zip(*map(lengths, group), strict=True)):
            yield group
        else:
            yield from (list(same) for _, same in groupby(sorted(group, key=batches), key=batches))


@dataclass(frozen=True)
class Desk:
    """Where folds that are trained together get what they need, and hand over what they made.

    Attributes:
        open: Gives the compiled model of a fold, as it is before any training.
        keep: Takes a fold's number and the figures of each of its epochs.
        finish: Takes each fold, with the model that its training left and the seconds that took.
        phase: Counts the time inside a `with` block to a phase.
    """

    open: Callable[[Begun], Session]
    keep: Callable[[int | None, Epoch], None]
    finish: Callable[[Begun, Session, float], None]
    phase: Callable[[str], AbstractContextManager[None]]


def train_together(folds: Sequence[Begun], training: TrainingSpec, desk: Desk) -> None:
    """Train folds that fit together in one program, and keep the best and the last model of each.

    Raises:
        NnrunError: Where training diverges, or the disk refuses a checkpoint.
    """
    began = perf_counter()
    ready = []
    for fold in folds:
        session = desk.open(fold)
        with desk.phase("train"):
            ready.append(_ready(fold, session))
    monitor, mode = best_rule(training, {"val_loss": 0.0} if ready[0].validation is not None else {})
    with desk.phase("train"):
        together = FoldsTogether(programs_of(session), ready, training, monitor=monitor, larger=mode == "max")
        together.run(lambda place, line: desk.keep(folds[place].number, line))
    share = (perf_counter() - began) / len(folds)
    for place, fold in enumerate(folds):
        since = perf_counter()
        with desk.phase("train"):
            _save(together, place, fold, session)
        desk.finish(fold, session, share + perf_counter() - since)


def programs_of(session: Session) -> JaxPrograms:
    """Give the session's programs on JAX."""
    assert session.on_jax is not None, "called on JAX only"  # noqa: S101
    return session.on_jax


def _ready(fold: Begun, session: Session) -> OneFold:
    """Put a fold's data where JAX computes, and note down where its training starts."""
    data = fold.dataset
    train = session.begin(data.train)
    validation = None if data.validation is None else session.tensors(data.validation)
    return OneFold(fold.seed, train, validation, programs_of(session).state.values())


def _save(together: FoldsTogether, place: int, fold: Begun, session: Session) -> None:
    """Save the best and the last model of a fold; the model is left as its training left it."""
    together.give(place, together.best)
    checkpoint.save(session.model, fold.place.best)
    together.give(place, together.last)
    session.model.optimizer.finalize_variable_values(session.model.trainable_weights)
    session.save(fold.place.last)

"""The saved states of a cross-validation's folds: how far each of them came, and what saves them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.pipeline.circumstances import differences, of_machine, refuse_or_warn, require_same
from nnrun.pipeline.run_state import planned_epochs, read_last_state
from nnrun.runs.record import code_digests, read_finished_folds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.engine.state.saver import Position, StateSaver
    from nnrun.engine.state.state_file import State
    from nnrun.pipeline.mapped_folds import PreparedFold
    from nnrun.pipeline.run_state import Resumption
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.record import Record
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.training import SaveEverySpec

    #: The number of a fold; None is the final fit.
    Number = int | None

#: The name under which the rows of all folds are compared, beside the digests of files.
_ASSIGNMENT = "the assignment of rows to folds"


@dataclass(frozen=True)
class FoldStates:
    """What a process that trains folds needs to save their states, and to go on from them.

    Attributes:
        circumstances: The circumstances that all folds share.
        planned_epochs: The epochs that the choice of the executor supposes.
        every: When states are saved.
        resumed: The folds that go on from a saved state.
        even_if_different: Whether they go on although they will not end with the same bits.
    """

    circumstances: Mapping[str, Any]
    planned_epochs: int
    every: SaveEverySpec
    resumed: frozenset[Number] = frozenset()
    even_if_different: bool = False

    def open_saver(
        self,
        folds: Sequence[PreparedFold],
        executor: str,
        progress: Progress,
        appended: Sequence[FilePath],
        before_save: Callable[[], None] = lambda: None,
    ) -> StateSaver:
        """Return what saves the state of a fold, or that of folds trained in one program in the first one's.

        Args:
            folds: The folds.
            executor: What trains them.
            progress: Receives messages.
            appended: The files to which a line is added with every epoch.
            before_save: Writes the lines that wait.

        Raises:
            RunError: The state cannot be used, or was saved under other circumstances.
        """
        from nnrun.engine.state.saver import StateSaver

        digests = {
            name if name.startswith("file:") else f"{name} of {name_of(fold.number)}": digest
            for fold in folds
            for name, digest in fold.dataset.digests.items()
        }
        own = {"executor": executor, "data": digests, "folds": [fold.number for fold in folds]}
        saved = read_last_state(folds[0].folder) if folds[0].number in self.resumed else None
        if saved is not None:
            # What all folds share was compared before any of them was trained.
            require_same(saved.document["context"], own, progress, even_if_different=self.even_if_different)
        context = {**self.circumstances, **own, "epochs": self.planned_epochs}
        return StateSaver(folds[0].folder.state, self.every, context, appended, saved, before_save=before_save)


@dataclass(frozen=True)
class EarlierAttempt:
    """What an earlier attempt left of a run's folds.

    Attributes:
        finished: The records of the folds that are done, by number.
        positions: Where the others go on that have a saved state.
    """

    finished: dict[int, dict[str, Any]] = field(default_factory=dict)
    positions: dict[Number, Position] = field(default_factory=dict)

    def epochs(self) -> dict[Number, int | None]:
        """Return how many epochs of which folds stay: None for all of them."""
        stay: dict[Number, int | None] = dict.fromkeys(sorted(self.finished))
        return stay | {number: position.epoch for number, position in self.positions.items()}

    def describe(self, count: int) -> list[str]:
        """Return a sentence on the folds that are done, and one on those that are not."""
        found, places = [], dict[str, list[str]]()
        if self.finished:
            done = len(self.finished)
            found.append(f"{done} of {count} folds {'is' if done == 1 else 'are'} done already.")
        for number, position in self.positions.items():
            places.setdefault(position.describe(), []).append(name_of(number))
        if places:
            each = "; ".join(f"{', '.join(names)} {place}" for place, names in places.items())
            found.append(f"Resumed: {each}.")
        return found or ["No state was saved before this run stopped: every fold starts at its first epoch."]


def name_of(number: Number) -> str:
    """Return how a fold is named on the screen, where folds are counted from 1."""
    return "the final fit" if number is None else f"fold {number + 1}"


def fold_states(
    record: Record, experiment: Experiment, positions: Iterable[Number], resumption: Resumption | None
) -> FoldStates:
    """Return what every process needs to save states."""
    return FoldStates(
        _circumstances(record, experiment),
        planned_epochs(record, experiment),
        experiment.training.save_every,
        frozenset(positions),
        resumption is not None and resumption.even_if_different,
    )


def read_earlier_attempt(
    folder: RunFolder,
    record: Record,
    experiment: Experiment,
    numbers: Sequence[Number],
    data: Mapping[str, str],
    progress: Progress,
    resumption: Resumption,
) -> EarlierAttempt:
    """Read how far the folds of a run came, and compare the circumstances under which they were trained with today's.

    Args:
        folder: The run's folder.
        record: The run's record.
        experiment: The experiment.
        numbers: All folds.
        data: The digests of the data, those of `data_digests`.
        progress: Receives messages.
        resumption: How the run goes on.

    Raises:
        RunError: A state cannot be used, or circumstances differ.
    """
    from nnrun.engine.state.saver import position_of

    # A fold whose predictions are lost is scored again, since the summary of all folds needs them.
    finished = {
        number: fold
        for number, fold in read_finished_folds(folder).items()
        if number in numbers and folder.fold(number).predictions.is_file()
    }
    trained = planned_epochs(record, experiment)
    done = {n for n, fold in finished.items() if fold.get("training_epochs", trained) >= experiment.training.epochs}
    positions: dict[Number, Position] = {}
    contexts = []
    for number in numbers:
        state = read_last_state(folder if number is None else folder.fold(number))
        members = [] if state is None else _members(state, number)
        if state is None or done.issuperset(members):
            continue
        # Folds that are trained in one program are done together: one of them that is not lets all be scored again.
        positions |= dict.fromkeys(members, position_of(state))
        contexts.append(state.document["context"])
    known = [record.fields.get("digests", {}), *(fold["digests"] for fold in finished.values())]
    if "folds_digest" in record.fields:
        known.append({_ASSIGNMENT: record.fields["folds_digest"]})
    changed = _unique(differences({"data": _common(one, data)}, {"data": _common(data, one)}) for one in known)
    now = _circumstances(record, experiment)
    other = _unique(differences(context, now) for context in contexts)
    refuse_or_warn([*changed, *other], progress, even_if_different=resumption.even_if_different)
    if changed:
        progress.warn("The data changed since this run began: all folds are trained again.")
        return EarlierAttempt()
    ordered = {number: positions[number] for number in numbers if number in positions}
    return EarlierAttempt({number: finished[number] for number in sorted(done - positions.keys())}, ordered)


def data_digests(files: Mapping[str, str], assignment: str) -> dict[str, str]:
    """Return the digests that tell whether the folds still have the rows that they had.

    Args:
        files: The digests of the data's files.
        assignment: The digest of the assignment of rows to folds.
    """
    return {**files, _ASSIGNMENT: assignment}


def _circumstances(record: Record, experiment: Experiment) -> dict[str, Any]:
    return {**of_machine(record.fields["threads"], experiment.backend), "code": code_digests(record.fields)}


def _members(state: State, number: Number) -> list[Number]:
    """Return the folds that a state is of."""
    context = state.document.get("context")
    members = context.get("folds") if isinstance(context, dict) else None
    is_list = isinstance(members, list) and all(one is None or isinstance(one, int) for one in members)
    return members if is_list and members else [number]


def _common(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in one.items() if name in other}


def _unique(found: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(text for texts in found for text in texts))

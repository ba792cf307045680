"""The saved state of a run or of one of its folds: opened for a training, and read where a run is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.pipeline.circumstances import of_machine, require_same
from nnrun.pipeline.lineage import changed_keys, changes_of, is_of_parent, warn_of_differences
from nnrun.pipeline.run_files import executor_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.engine.session import Session
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.state.state_file import State
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.record import Record
    from nnrun.spec.experiment import Experiment


@dataclass(frozen=True)
class Resumption:
    """How a run goes on that was stopped.

    Attributes:
        even_if_different: Whether it goes on although it will not end with the same bits.
    """

    even_if_different: bool = False


def read_last_state(folder: RunFolder) -> State | None:
    """Read the newest state of a run or fold; None if none was saved.

    Raises:
        RunError: It cannot be read, or is damaged.
    """
    from nnrun.engine.state.saver import LAST
    from nnrun.engine.state.state_file import read_state

    path = folder.state / LAST
    return read_state(path) if path.exists() else None


def open_saver(
    folder: RunFolder,
    record: Record,
    experiment: Experiment,
    session: Session,
    digests: Mapping[str, str],
    progress: Progress,
    *,
    appended: Sequence[FilePath],
    resumption: Resumption | None = None,
) -> StateSaver:
    """Return what saves the states of a training, and has the one that it goes on from.

    Args:
        folder: The folder of the run, or of a fold.
        record: The run's record.
        experiment: The experiment.
        session: The compiled model.
        digests: The digests of the data.
        progress: Receives messages.
        appended: The files that the caller appends to with every epoch.
        resumption: How the run goes on; None: it begins.

    Raises:
        RunError: The state cannot be used, or circumstances differ.
    """
    from nnrun.engine.state.saver import StateSaver, position_of

    context = {
        **of_machine(session.settings.threads, experiment.backend),
        "executor": executor_fields(session)["executor"],
        "data": dict(digests),
        "code": [one["sha256"] for one in record.fields.get("code") or ()],
        "epochs": planned_epochs(record, experiment),
    }
    saved, changes = None, None
    if resumption is not None:
        saved = read_last_state(folder)
        if saved is None:
            progress.say("No state was saved before this run stopped: training starts at its first epoch.")
        elif is_of_parent(record.fields, saved.sha256):
            changes = changes_of(record.fields, progress)
            warn_of_differences(saved.document["context"], context, changed_keys(record.fields), progress)
        else:
            before: Mapping[str, Any] = saved.document["context"]
            now = {name: value for name, value in context.items() if name != "epochs"}
            require_same(before, now, progress, even_if_different=resumption.even_if_different)
            position = position_of(saved)
            within = f", step {position.step}" if position.step else ""
            progress.say(f"Resumed after epoch {position.epoch}{within}.")
    return StateSaver(folder.state, experiment.training.save_every, context, appended, saved, changes)


def planned_epochs(record: Record, experiment: Experiment) -> int:
    """Return the epochs that the choice of the executor supposes: those of the run's beginning, also if it is extended.

    XLA pays or not by the number of steps, and another executor would compute other bits than the epochs so far.
    """
    return int(record.fields.get("planned_epochs") or experiment.training.epochs)

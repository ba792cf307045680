"""The saved state of a run or of one of its folds: opened for a training, and read where a run is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.pipeline.circumstances import differences, of_machine, refusal, require_same
from nnrun.pipeline.lineage import changed_keys, changes_of, is_of_parent, warn_of_differences
from nnrun.pipeline.run_files import executor_fields
from nnrun.runs.record import code_digests
from nnrun.runs.state_document import require_state
from nnrun.spec.sweep import LARGEST_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.engine.executors.jax.lanes import Lane
    from nnrun.engine.session import Session
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.state.state_file import State
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.record import Record
    from nnrun.spec.experiment import Experiment


class ResumeRefusedError(RunError):
    """A run cannot go on here and now; nothing of it was changed."""


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

    path = folder.state / LAST
    return read_run_state(path) if path.exists() else None


def read_run_state(path: FilePath) -> State:
    """Read a state of a run.

    Raises:
        RunError: It cannot be read, is damaged, or holds something else than a state does.
    """
    from nnrun.engine.state.state_file import read_state

    state = read_state(path)
    require_state(path, state.document)
    return state


def parse_run_state(path: FilePath, content: bytes) -> State:
    """Return the state of a run that the content of a file is.

    Raises:
        RunError: It is damaged, or holds something else than a state does.
    """
    from nnrun.engine.state.state_file import parse_state

    state = parse_state(path, content)
    require_state(path, state.document)
    return state


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
        ResumeRefusedError: The state cannot be used, or circumstances differ.
    """
    from nnrun.engine.state.saver import StateSaver

    context = {
        **of_machine(session.settings.threads, experiment.backend),
        "executor": executor_fields(session)["executor"],
        "data": dict(digests),
        "code": code_digests(record.fields),
        "epochs": planned_epochs(record, experiment),
    }
    saved = None if resumption is None else _state_to_go_on_from(folder, record, context, progress, resumption)
    is_forked = saved is not None and is_of_parent(record.fields, saved.sha256)
    changes = changes_of(record.fields, progress) if is_forked else None
    return StateSaver(folder.state, experiment.training.save_every, context, appended, saved, changes)


def require_same_data(record: Record, digests: Mapping[str, str], resumption: Resumption | None) -> None:
    """Refuse to go on with other data before a file of the run is written from them.

    Raises:
        ResumeRefusedError: The data are not those of the epochs so far.
    """
    if resumption is None or resumption.even_if_different:
        return
    before = record.fields.get("digests") or {}
    known = {name: digest for name, digest in digests.items() if name in before}
    found = differences({"data": {name: before[name] for name in known}}, {"data": known})
    if found:
        raise ResumeRefusedError(*refusal(found))


def _state_to_go_on_from(
    folder: RunFolder, record: Record, context: Mapping[str, Any], progress: Progress, resumption: Resumption
) -> State | None:
    """Read the state that a run goes on from, and tell the user where that is; None if no state was saved.

    Raises:
        ResumeRefusedError: The state cannot be used, or circumstances differ.
    """
    from nnrun.engine.state.saver import position_of

    try:
        saved = read_last_state(folder)
        if saved is None:
            progress.say("No state was saved before this run stopped: training starts at its first epoch.")
            return None
        before: Mapping[str, Any] = saved.document["context"]
        if is_of_parent(record.fields, saved.sha256):
            warn_of_differences(before, context, changed_keys(record.fields), progress)
            return saved
        now = {name: value for name, value in context.items() if name != "epochs"}
        require_same(before, now, progress, even_if_different=resumption.even_if_different)
        position = position_of(saved)
    except RunError as error:
        raise ResumeRefusedError(error.text, error.hint) from error
    progress.say(f"Resumed {position.describe()}.")
    return saved


def lane_of(fields: Mapping[str, Any]) -> Lane | None:
    """Return the place in mapped programs that a run's record names: resumed or repeated alone, it keeps its bits.

    Args:
        fields: The record; `mapped` has the number of `lanes`, and which of them the run has, `lane`.

    Raises:
        RunError: The record names no such place.
    """
    mapped = fields.get("mapped")
    if mapped is None:
        return None
    from nnrun.engine.executors.jax.lanes import Lane, Lanes

    lanes, number = (mapped.get(name) if isinstance(mapped, dict) else None for name in ("lanes", "lane"))
    if not isinstance(lanes, int) or not isinstance(number, int) or not 0 <= number < lanes <= LARGEST_GROUP:
        text = f"the record names no lane of a mapped program: expected lanes and lane, received {mapped}"
        raise RunError(text, "train again from the config")
    return Lane(Lanes(lanes), number)


def planned_epochs(record: Record, experiment: Experiment) -> int:
    """Return the epochs that the choice of the executor supposes: those of the run's beginning, also if it is extended.

    XLA pays or not by the number of steps, and another executor would compute other bits than the epochs so far.
    """
    return int(record.fields.get("planned_epochs") or experiment.training.epochs)

"""Fork a run: a child begins with its state, with other settings if wanted, and is trained as a resumed run is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.config import extends
from nnrun.errors import RunError
from nnrun.formatting import format_names
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine, kept_config
from nnrun.pipeline.cross_validate import is_cross_validated
from nnrun.pipeline.given_secrets import give_again, given_again
from nnrun.pipeline.lineage import BEST, OPTIMIZER, make_lineage
from nnrun.pipeline.run_files import source_digests
from nnrun.pipeline.run_state import Resumption, parse_run_state, read_run_state
from nnrun.pipeline.train import raise_if_errors, record_outcome, run_experiment, write_resolved_config
from nnrun.progress import LoggedProgress
from nnrun.regular_files import read_regular, require_inside, require_regular_tree
from nnrun.runs import metrics
from nnrun.runs import record as records
from nnrun.runs.disk import RunLog
from nnrun.runs.find import find
from nnrun.runs.folder import RunFolder
from nnrun.runs.lock import hold
from nnrun.runs.record import Record
from nnrun.spec.mapped_trials import reason_not_mapped_trials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.catalog.user_code import UserCode
    from nnrun.engine.state.state_file import State
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress


@dataclass(frozen=True)
class ForkRequest:
    """The arguments of `nnrun fork`.

    Attributes:
        run: The parent's path, a prefix of its id, its name, or `last`.
        options: Everything else that `train` has too; its config is not used.
        at_epoch: The epoch after which the child begins, from 1; None: where the parent's last state is.
        trust_run: Whether the copy of the user's code in the parent's folder is run.
    """

    run: str
    options: TrainRequest
    at_epoch: int | None = None
    trust_run: bool = False


@dataclass(frozen=True)
class _Fork:
    """A child before it is trained.

    Attributes:
        parent: The run that is forked.
        fields: Its record.
        examined: The child's config.
        state: The state with which the child begins.
        content: The file of that state.
        lineage: The child's lineage.
    """

    parent: RunFolder
    fields: Mapping[str, Any]
    examined: Examined
    state: State
    content: bytes
    lineage: Mapping[str, Any]


def fork(request: ForkRequest, progress: Progress) -> TrainResult:
    """Begin a child of a run, and train it to its end.

    Raises:
        RunError: The run has no such state, or what is to change cannot change in a fork; no folder is made.
        NnrunError: Anything later failed; the child's record names the reason.
    """
    options = request.options
    parent = find(options.runs_dir, request.run)
    require_regular_tree(parent.path)
    fields = records.read(parent)
    if isinstance(extends.read(parent.resolved).data.get("training"), list):
        text = f"{parent.id} was trained in phases, and a fork would have to begin within one of them"
        raise RunError(text, "train a config of its own with init_from: and the name of that run")
    with user_code.register_run_code(parent, fields, options.code, trust=request.trust_run) as codes:
        return _train(_plan(parent, fields, request), codes, options, progress)


def repeat_fork(
    child: RunFolder, fields: Mapping[str, Any], options: TrainRequest, progress: Progress, *, trust_run: bool
) -> TrainResult:
    """Fork the parent of a child again, at the same state, and train with the child's config.

    Args:
        child: A run that was forked.
        fields: Its record.
        options: As for `fork`.
        progress: Receives messages.
        trust_run: Whether the copy of the user's code in the child's folder is run.

    Raises:
        RunError: The parent, or its state, is not there any more.
        NnrunError: Anything later failed.
    """
    lineage = fields["lineage"]
    parent = _find_parent(child, lineage, options)
    path = _state_of(parent, lineage)
    with user_code.register_run_code(child, fields, options.code, trust=trust_run) as codes:
        give_again(extends.read(child.resolved), options.sets)
        examined = examine(child.resolved, options.sets, options.data_dir, options.runs_dir)
        raise_if_errors(examined)
        content = read_regular(path, None)
        planned = _Fork(parent, fields, examined, parse_run_state(path, content), content, lineage)
        return _train(planned, codes, options, progress)


def _find_parent(child: RunFolder, lineage: Mapping[str, Any], options: TrainRequest) -> RunFolder:
    for word in (lineage["folder"], lineage["run"]):
        with suppress(RunError):
            parent = find(options.runs_dir, word)
            require_regular_tree(parent.path)
            return parent
    missing = f"which is neither {lineage['folder']} nor in {options.runs_dir}"
    text = f"{child.id} was forked from {lineage['run']}, {missing}"
    raise RunError(text, f"put its folder back, as {options.runs_dir / lineage['run']}")


def _state_of(parent: RunFolder, lineage: Mapping[str, Any]) -> Path:
    """Return the file of the state with which a child of a run began, by its digest."""
    from nnrun.engine.state.saver import LAST, kept_states

    for path in (*kept_states(parent.state), parent.state / LAST):
        with suppress(RunError):
            if read_run_state(path).sha256 == lineage["sha256"]:
                return path
    text = f"{parent.id} does not keep the state after epoch {lineage['epoch']} any more, with which the fork began"
    raise RunError(text, f"reproduce the parent with that state, and fork it: nnrun reproduce {parent.path}")


def _train(planned: _Fork, codes: Sequence[UserCode], options: TrainRequest, progress: Progress) -> TrainResult:
    with interruption.deferred_until_called() as go:
        folder = _create(planned, options)
        with hold(folder):
            record = _begin_record(planned, folder, options.argv, options.given_fields)
            with record_outcome(record, folder):
                # A request that has come since is recorded: no folder is without its record.
                go()
                return _train_in(planned, folder, record, codes, options, progress)


def _train_in(
    planned: _Fork,
    folder: RunFolder,
    record: Record,
    codes: Sequence[UserCode],
    options: TrainRequest,
    progress: Progress,
) -> TrainResult:
    """Train in the child's folder, whose record is open."""
    examined = planned.examined
    with user_code.run_code(codes, examined.experiment, threads=record.fields["threads"], log=folder.log):
        progress = LoggedProgress(progress, RunLog(folder.log).write)
        for problem in examined.problems:
            progress.show_problem(problem)
        _say(planned, folder, progress)
        return run_experiment(examined, folder, record, progress, options, Resumption())


def _plan(parent: RunFolder, fields: Mapping[str, Any], request: ForkRequest) -> _Fork:
    """Read the parent's state and compare the configs, before anything is written."""
    options = request.options
    again = given_again(extends.read(parent.resolved), options.sets)
    before = examine(parent.resolved, again, options.data_dir, options.runs_dir)
    examined = examine(parent.resolved, options.sets, options.data_dir, options.runs_dir)
    raise_if_errors(examined)
    if any(is_cross_validated(one.experiment) for one in (before, examined)):
        text = f"{parent.id} is a cross-validation: every fold has a state of its own, and none of them is the run's"
        raise RunError(text, f"train it again with other settings: nnrun train {parent.resolved} --set KEY=VALUE")
    path = _choose_state(parent, request.at_epoch)
    # Read once: a parent that still runs replaces its last state.
    content = read_regular(path, None)
    state = parse_run_state(path, content)
    resolved = [kept_config(one) for one in (before, examined)]
    lineage = make_lineage(parent, state, before, examined, resolved)
    return _Fork(parent, fields, examined, state, content, lineage)


def _choose_state(parent: RunFolder, epoch: int | None) -> Path:
    """Return the file of a state.

    Raises:
        RunError: There is none after this epoch; with those that there are.
    """
    from nnrun.engine.state.saver import LAST, kept_at_epochs, position_of

    last = parent.state / LAST
    if not last.exists():
        hint = f"train its config with other settings: nnrun train {parent.resolved} --set KEY=VALUE"
        raise RunError(f"{parent.id} has no saved state, which a fork begins with", hint)
    if epoch is None:
        return last
    position = position_of(read_run_state(last))
    if (position.epoch, position.step) == (epoch, 0):
        return last
    kept = kept_at_epochs(parent.state)
    if epoch in kept:
        return kept[epoch]
    raise _no_such_state(parent, epoch, sorted({*kept, *([] if position.step else [position.epoch])}))


def _no_such_state(parent: RunFolder, epoch: int, known: Sequence[int]) -> RunError:
    named = f"those after epoch{'s' if len(known) > 1 else ''} {format_names(known, 20)} are there"
    text = (
        f"{parent.id} keeps no state after epoch {epoch}: {named if known else 'none of the end of an epoch is there'}"
    )
    keep = "write training.save_every: {epochs: 1, keep: 20} to keep the states of the last 20 epochs of a run"
    return RunError(text, f"--at-epoch {known[-1]}; {keep}" if known else keep)


def _create(planned: _Fork, options: TrainRequest) -> RunFolder:
    """Create the child's folder with everything that it has of its parent."""
    from nnrun.engine.state.saver import LAST

    parent, examined = planned.parent, planned.examined
    lengths = _lengths(parent, planned.state)
    folder = RunFolder.create(options.runs_dir, examined.experiment.name)
    for name, length in lengths.items():
        folder.write_bytes(folder.path / name, read_regular(parent.path / name, None)[:length])
    folder.write_bytes(folder.config, read_regular(parent.config, None))
    for file in sorted(parent.sources.glob("*")):
        folder.write_bytes(folder.sources / file.name, read_regular(file, None))
    if _has_best(planned):
        folder.write_bytes(folder.best, read_regular(parent.best, None))
    folder.write_bytes(folder.state / LAST, planned.content)
    write_resolved_config(folder, examined)
    return folder


def _lengths(parent: RunFolder, state: State) -> dict[str, int]:
    """Return how much of the files that grow with every epoch belongs to a state.

    Raises:
        RunError: A file is shorter, or is not inside the folder.
    """
    found = {str(name): int(length) for name, length in state.document.get("files", {}).items() if length}
    for name, length in found.items():
        path = parent.path / name
        require_inside(parent.path, path)
        if ".." in path.parts or not path.is_file() or path.stat().st_size < length:
            text = f"{path}: expected at least {length} bytes, as when the state was saved"
            raise RunError(text, "restore the file from a backup, or train again from the config")
    return found


def _has_best(planned: _Fork) -> bool:
    """Whether the parent's best model on disk is the best one of the epochs before the state."""
    from nnrun.engine.training.callbacks import best_epoch_rule

    lines, epoch = metrics.read(planned.parent.metrics), planned.lineage["epoch"]
    if BEST in planned.lineage["afresh"] or not planned.parent.best.is_file():
        return False
    monitor, mode = best_epoch_rule(planned.examined.experiment, has_validation=any("val_loss" in one for one in lines))
    values = {line["epoch"]: line[monitor] for line in lines if isinstance(line.get(monitor), int | float)}
    better = max if mode == "max" else min
    before, after = ([value for at, value in values.items() if (at <= epoch) is early] for early in (True, False))
    if not before:
        return False
    # Where nobody knows which direction is the better one, the file may be of any epoch.
    return not after or (mode != "auto" and better([*before, *after]) == better(before))


def _begin_record(planned: _Fork, folder: RunFolder, argv: Sequence[str], given: Mapping[str, Any]) -> Record:
    experiment, parent = planned.examined.experiment, planned.fields
    return Record.begin(
        folder,
        name=experiment.name,
        argv=argv,
        seed=experiment.seed,
        threads=parent["threads"],
        # The executor is chosen by the number of epochs, and the child goes on with its parent's.
        planned_epochs=parent.get("planned_epochs")
        or examine(planned.parent.resolved, (), None).experiment.training.epochs,
        digests=source_digests(folder),
        warnings=[problem.text for problem in planned.examined.problems],
        lineage=dict(planned.lineage),
        **({"code": parent["code"]} if parent.get("code") else {}),
        **_mapped(planned),
        **given,
    )


def _mapped(planned: _Fork) -> dict[str, Any]:
    """Return the place in mapped programs, which the child has from its parent: its bits depend on it."""
    mapped, examined = planned.fields.get("mapped"), planned.examined
    is_possible = reason_not_mapped_trials(examined.experiment, examined.facts) is None
    return {"mapped": mapped} if mapped and is_possible else {}


def _say(planned: _Fork, folder: RunFolder, progress: Progress) -> None:
    lineage = planned.lineage
    within = f", step {lineage['step']}" if lineage["step"] else ""
    progress.say(f"Run {folder.id}, forked from {lineage['run']} after epoch {lineage['epoch']}{within}")
    for key, one in lineage["changed"].items():
        progress.say(f"{key}: {one['now']} (was {one['before']})")
    for name in lineage["afresh"]:
        if name == BEST:
            progress.say("The best model begins afresh: its figure is another one than the parent's.")
        elif name != OPTIMIZER:
            progress.say(f"{name} begins afresh: it watches other figures than the parent's.")
    if planned.examined.experiment.training.epochs == lineage["epoch"]:
        progress.say(f"No epoch is left to train; for more of them add --set training.epochs={2 * lineage['epoch']}")

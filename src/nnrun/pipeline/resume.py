"""Resume a run that was stopped, to the bits that it would have had; or go on with one that is done for more epochs."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.config import extends
from nnrun.config.dump import dump_inline
from nnrun.config.files import find_config
from nnrun.config.render import format_value
from nnrun.errors import RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine, kept_config
from nnrun.pipeline.circumstances import config_differences, is_free
from nnrun.pipeline.given_secrets import given_again
from nnrun.pipeline.run_state import ResumeRefusedError, Resumption
from nnrun.pipeline.same_runs import find_unfinished_or_done
from nnrun.pipeline.train import (
    TrainResult,
    raise_if_errors,
    record_outcome,
    run_experiment,
    train,
    write_resolved_config,
)
from nnrun.progress import LoggedProgress
from nnrun.runs import environment
from nnrun.runs import record as records
from nnrun.runs.disk import RunLog
from nnrun.runs.documents import read_scores
from nnrun.runs.find import find
from nnrun.runs.folder import RunFolder
from nnrun.runs.lock import hold, is_running
from nnrun.runs.record import Record
from nnrun.runs.secrets import arguments_without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.train import TrainRequest
    from nnrun.progress import Progress


@dataclass(frozen=True)
class ResumeRequest:
    """The arguments of `nnrun resume`.

    Attributes:
        run: The run's path, a prefix of its id, its name, or `last`.
        options: Everything else that `train` has too; its config is not used.
        trust_run: Whether the copy of the user's code in the run folder is run.
        even_if_different: Whether the run goes on although it will not end with the same bits.
    """

    run: str
    options: TrainRequest
    trust_run: bool = False
    even_if_different: bool = False


def resume(request: ResumeRequest, progress: Progress) -> TrainResult:
    """Resume a run; one that is done is returned as it is, unless it is to be trained for more epochs.

    Raises:
        RunError: The run still runs, its state cannot be used, or circumstances differ.
        NnrunError: Anything later failed.
    """
    folder = find(request.options.runs_dir, request.run)
    _require_stopped(folder, records.read(folder))
    with hold(folder):
        return _resume_held(folder, request, progress)


def _resume_held(folder: RunFolder, request: ResumeRequest, progress: Progress) -> TrainResult:
    """Resume a run that no other process can touch."""
    options, fields = request.options, records.read(folder)
    with user_code.register_run_code(folder, fields, options.code, trust=request.trust_run) as codes:
        before, examined = _examine(folder, options)
        changed = _changes(folder, kept_config(before), kept_config(examined))
        planned = before.experiment.training.epochs
        if fields.get("status") == "done" and not _extends(folder, before, examined):
            progress.say(f"Run {folder.id} is done: nothing is left to do.")
            return _done(folder, fields)
        record = Record(folder, fields)
        with (
            interruption.deferred_until_called() as go,
            _reopened(record, planned, examined, changed, options.argv),
            record_outcome(record, folder),
        ):
            # A request that has come since is recorded: the record does not say that the run goes on.
            go()
            # Processes that share the folds read the code again: the copies that are trusted where none is given.
            options = replace(options, code=options.code or tuple(FilePath(code.file) for code in codes))
            threads = record.fields["threads"] or 0
            with user_code.run_code(codes, examined.experiment, threads=threads, log=folder.log):
                progress = LoggedProgress(progress, RunLog(folder.log).write)
                progress.say(f"Run {folder.id}, resumed")
                if old := folder.files_by_weights():
                    names = ", ".join(file.name for file in old)
                    progress.say(f"At its end, what holds for its weights so far is removed: {names}")
                resumption = Resumption(request.even_if_different)
                return run_experiment(examined, folder, record, progress, options, resumption)


def check_resume(request: ResumeRequest) -> RunFolder:
    """Check that a run can be resumed, as far as that is known before its data are loaded; return its folder.

    Raises:
        ConfigError: An option is wrong.
        RunError: The run still runs, its code is not given, or its config may not change so.
    """
    folder = find(request.options.runs_dir, request.run)
    fields = records.read(folder)
    _require_stopped(folder, fields)
    with user_code.register_run_code(folder, fields, request.options.code, trust=request.trust_run):
        before, examined = _examine(folder, request.options)
        _changes(folder, kept_config(before), kept_config(examined))
        if fields.get("status") == "done" and not _extends(folder, before, examined):
            hint = f"train it for more epochs: {_more_epochs(before)}"
            raise RunError(f"{folder.id} is done: nothing is left to do", hint)
    return folder


def _examine(folder: RunFolder, options: TrainRequest) -> tuple[Examined, Examined]:
    """Examine the config of a run as it was, and as it goes on.

    Raises:
        ConfigError: An option is wrong.
    """
    again = given_again(extends.read(folder.resolved), options.sets)
    before = examined = examine(folder.resolved, again, options.data_dir, options.runs_dir)
    if options.sets != again:
        examined = examine(folder.resolved, options.sets, options.data_dir, options.runs_dir)
    raise_if_errors(examined)
    return before, examined


def train_or_resume(request: TrainRequest, progress: Progress) -> TrainResult:
    """Continue the unfinished run of the same config, code and data; train one if there is none; else do nothing.

    Raises:
        NnrunError: As for `train` and `resume`.
    """
    config = find_config(request.config)
    with user_code.register_code(request.code, config, request.sets) as codes:
        examined = examine(config, request.sets, request.data_dir, request.runs_dir)
        raise_if_errors(examined)
        folder = find_unfinished_or_done(examined, [code.sha256 for code in codes], request.runs_dir, progress)
    if folder is None:
        return train(request, progress)
    again = given_again(extends.read(folder.resolved), request.sets)
    return resume(ResumeRequest(str(folder.path), replace(request, config="", sets=again)), progress)


def train_or_go_on(request: TrainRequest, progress: Progress) -> TrainResult:
    """Train in the folder that the request names, or go on there with the run that has begun.

    Raises:
        NnrunError: As for `train` and `resume`.
    """
    if request.folder is None:
        return train(request, progress)
    if RunFolder(request.folder).record.is_file():
        options = replace(request, config="", sets=(), given_fields={}, folder=None)
        return resume(ResumeRequest(str(request.folder), options), progress)
    # Killed before there was a record, a run has nothing to go on from.
    shutil.rmtree(request.folder, ignore_errors=True)
    return train(request, progress)


def _require_stopped(folder: RunFolder, fields: Mapping[str, Any]) -> None:
    process = fields.get("process")
    if fields.get("status") == "running" and isinstance(process, dict) and is_running(folder, process):
        text = f"{folder.id} still runs, as process {process.get('pid')} on {process.get('host')}"
        raise RunError(text, "wait for it, or stop it first")


def _changes(folder: RunFolder, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return which keys of the config change.

    Raises:
        RunError: One of them belongs to the epochs that are done.
    """
    found = config_differences(before, now)
    epochs = _epochs_key(before)
    refused = [(path, one, other) for path, one, other in found if not is_free(path) and path != epochs]
    if refused:
        named = "; ".join(f"{path} is {format_value(one)}, not {format_value(other)}" for path, one, other in refused)
        sets = " ".join(f"--set {path}={dump_inline(other)}" for path, _, other in refused)
        text = f"{folder.id} was trained so far with another config: {named}"
        hint = f"begin a run of its own from this one: nnrun fork {folder.short_id} {sets}"
        if epochs != "training.epochs":
            hint = (
                f"only its last phase can have more epochs: --set {epochs}=N; or begin a run of its own with init_from:"
            )
        raise RunError(text, hint)
    return [path for path, _, _ in found]


def _epochs_key(config: Mapping[str, Any]) -> str:
    """Return the key of the epochs that a run can have more of: of training in phases, those of the last."""
    training = config.get("training")
    return f"training.{len(training) - 1}.epochs" if isinstance(training, list) else "training.epochs"


def _extends(folder: RunFolder, before: Examined, examined: Examined) -> bool:
    """Whether a run that is done, with the config `before`, is to be trained for more epochs.

    Raises:
        RunError: It has more epochs already.
    """
    done, epochs = before.experiment.training.epochs, examined.experiment.training.epochs
    if epochs < done:
        text = f"{folder.id} has {done} epochs already, and cannot have {epochs}"
        raise RunError(text, f"write more: {_more_epochs(before)}")
    return epochs > done


def _more_epochs(examined: Examined) -> str:
    """Return the option that gives a run twice its epochs; of training in phases, its last phase."""
    training, key = examined.experiment.training, _epochs_key(kept_config(examined))
    return f"--set {key}={2 * (training.phases[-1].epochs if training.phases else training.epochs)}"


def _done(folder: RunFolder, fields: Mapping[str, Any]) -> TrainResult:
    return TrainResult(folder, read_scores(folder), callbacks=fields.get("callbacks") or ())


@contextmanager
def _reopened(
    record: Record, planned: int, examined: Examined, changed: list[str], argv: tuple[str, ...]
) -> Iterator[None]:
    """Let the record say that the run goes on, with what is changed; if that is refused, it is as it was before.

    Args:
        record: The run's record.
        planned: The epochs that the run had so far.
        examined: The config with which it goes on.
        changed: The keys in which that differs.
        argv: The command line.
    """
    folder, fields = record.folder, record.fields
    before, resolved = dict(fields), folder.resolved.read_bytes()
    attempt = {"time": records.now(), "argv": arguments_without_secrets(argv), "process": environment.process()}
    if changed:
        fields["planned_epochs"] = fields.get("planned_epochs") or planned
        attempt["changed"] = changed
    resumed = [*(fields.get("resumed") or ()), attempt]
    record.update(status="running", error=None, end=None, process=environment.process(), resumed=resumed)
    if changed:
        # After the record: killed in between, the run is one that was stopped, with its old config.
        write_resolved_config(folder, examined)
    try:
        yield
    except ResumeRefusedError:
        with suppress(RunError):  # the reason must reach the user, even where the disk is full
            folder.write_bytes(folder.resolved, resolved)
            fields.clear()
            record.update(**before)
        raise

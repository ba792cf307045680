"""Resume a cross-validation that was stopped: folds that are done are not trained again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.cross_validate import CrossValidation, is_cross_validated
from nnrun.pipeline.train import TrainResult, raise_if_errors, record_outcome
from nnrun.progress import LoggedProgress
from nnrun.runs import environment
from nnrun.runs import record as records
from nnrun.runs.disk import RunLog
from nnrun.runs.find import find
from nnrun.runs.lock import hold, is_running
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.pipeline.train import TrainRequest
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


def resume_folds(word: str, request: TrainRequest, progress: Progress) -> TrainResult:
    """Train the folds of a cross-validation that are not done yet.

    Args:
        word: The run's path, a prefix of its id, its name, or `last`.
        request: The folders of runs and data, the number of processes and the user's code; its config and its `--set`
            options are not used.
        progress: Receives messages and progress.

    Raises:
        RunError: The run is done, still runs, or is no cross-validation.
        NnrunError: Anything later failed.
    """
    folder = find(request.runs_dir, word)
    _require_stopped(folder, records.read(folder))
    with hold(folder):
        return _resume_held(folder, request, progress)


def _resume_held(folder: RunFolder, request: TrainRequest, progress: Progress) -> TrainResult:
    """Resume a run that no other process can touch."""
    fields = records.read(folder)
    _require_unfinished(folder, fields)  # another process may have finished it a moment ago
    with user_code.register_run_code(folder, fields, request.code, trust=False) as codes:
        examined = examine(folder.resolved, (), request.data_dir)
        raise_if_errors(examined)
        if not is_cross_validated(examined.experiment):
            text = f"{folder.id} is no cross-validation, so it has no folds to resume"
            raise RunError(text, f"nnrun train {folder.resolved}")
        record = Record(folder, fields)
        record.update(status="running", error=None, end=None, process=environment.process())
        with (
            record_outcome(record, folder),
            user_code.run_code(codes, examined.experiment, threads=fields["threads"], log=folder.log),
        ):
            progress = LoggedProgress(progress, RunLog(folder.log).write)
            progress.say(f"Run {folder.id}, resumed")
            scores = CrossValidation(
                examined, folder, record, progress, request.runs_dir, request.jobs, request.code
            ).run()
    return TrainResult(folder, scores, warnings=examined.problems, callbacks=record.fields.get("callbacks") or ())


def _require_stopped(folder: RunFolder, fields: Mapping[str, object]) -> None:
    _require_unfinished(folder, fields)
    process = fields.get("process")
    if fields.get("status") == "running" and isinstance(process, dict) and is_running(folder, process):
        name = f"process {process.get('pid')} on {process.get('host')}"
        raise RunError(f"{folder.id} still runs, as {name}", "wait for it, or stop it first")


def _require_unfinished(folder: RunFolder, fields: Mapping[str, object]) -> None:
    if fields.get("status") == "done":
        raise RunError(f"{folder.id} is done: no fold is left to train", f"nnrun runs show {folder.short_id}")

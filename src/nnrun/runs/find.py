"""Look up runs: by path, by a prefix of the id, by name, or the last one; and list all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.errors import RunError
from nnrun.runs import environment, metrics, record
from nnrun.runs.documents import LIST_HINT, read_scores_if_any
from nnrun.runs.folder import FOLDER_NAME, RunFolder, slug
from nnrun.runs.lock import is_running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.progress import Progress

#: The metrics that can stand for a whole run, the most informative first.
HEADLINES = ("error_percent", "bits_per_character", "mean_absolute_error", "loss")
_MOST_CANDIDATES = 10


@dataclass(frozen=True)
class RunRow:
    """One run in the list of runs.

    Attributes:
        folder: The run's folder.
        id: The folder's name.
        name: The experiment's name.
        status: The record's status; `died` where it says `running` but the process is gone, `broken` without a record.
        started: When it started, ISO 8601 in UTC.
        seconds: From start to end; None while it runs.
        epochs: How many epochs are done.
        headline: The most informative metric with its name (`("error_percent", 1.1)`).
        process: The process that runs or ran it: `host`, `pid` and `start`.
        problem: Why it cannot be used, if its status is `broken`.
    """

    folder: RunFolder
    id: str
    name: str
    status: str
    started: str | None = None
    seconds: float | None = None
    epochs: int | None = None
    headline: tuple[str, float] | None = None
    process: Mapping[str, Any] | None = None
    problem: str | None = None


def find(runs_dir: Path, word: str) -> RunFolder:
    """Find a run.

    Args:
        runs_dir: The folder of all runs.
        word: A path to a run folder, a prefix of its id or of its short id, its name (the latest so named that can be
            read), or `last`: the latest one that can be read.

    Raises:
        RunError: No run matches, several match, or the folder has no readable record.
    """
    path = Path(word)
    is_path = word and RunFolder(path).record.is_file()
    run = RunFolder(path) if is_path else _select(runs_dir, word, _folders(runs_dir))
    record.read(run)
    return run


def list_runs(runs_dir: Path) -> tuple[RunRow, ...]:
    """List every run in a folder, the oldest first; one that cannot be read is `broken`."""
    return tuple(_describe(folder) for folder in _sort_by_time(_folders(runs_dir)))


def _folders(runs_dir: Path) -> list[RunFolder]:
    """Return the folders that are runs by their name or their record, in no order."""
    try:
        paths = [path for path in runs_dir.iterdir() if path.is_dir()]
    except OSError:
        return []
    return [RunFolder(path) for path in paths if FOLDER_NAME.fullmatch(path.name) or (path / "record.json").is_file()]


def _sort_by_time(runs: list[RunFolder]) -> list[RunFolder]:
    """Sort by the second in the name; records are read only for runs of the same second."""
    stamps = {run: _stamp(run) for run in runs}
    # The trials of a sweep are all of one second: of thousands each is looked up, not counted.
    counts = Counter(stamps.values())
    keys = {
        run: (stamp, _start(run) if not stamp or counts[stamp] > 1 else "", run.id) for run, stamp in stamps.items()
    }
    return sorted(runs, key=keys.__getitem__)


def _stamp(run: RunFolder) -> str:
    match = FOLDER_NAME.fullmatch(run.id)
    return match["time"] if match else ""


def _start(run: RunFolder) -> str:
    try:
        return str(record.read(run).get("start"))
    except RunError:
        return ""


def _select(runs_dir: Path, word: str, runs: list[RunFolder]) -> RunFolder:
    if not runs:
        hint = "Make one with: nnrun train digits_mlp, or name another folder with --runs-dir DIR."
        raise RunError(f"There is no run in {runs_dir} yet.", hint)
    if word == "last":
        return _latest_usable(_sort_by_time(runs))
    exact = [run for run in runs if word in (run.id, run.short_id)]
    if not exact and (named := [run for run in runs if word and _name(run) == slug(word)]):
        exact = [_latest_usable(_sort_by_time(named))]
    found = exact or [run for run in runs if word and (run.id.startswith(word) or run.short_id.startswith(word))]
    matching = _sort_by_time(found)
    if len(matching) == 1:
        return matching[0]
    raise _ambiguous(word, matching) if matching else _unknown(runs_dir, word, runs)


def _latest_usable(runs: list[RunFolder]) -> RunFolder:
    """Return the latest run whose record can be read; the latest of all if there is none, to say what is wrong."""
    return next((run for run in reversed(runs) if _is_usable(run)), runs[-1])


def _is_usable(run: RunFolder) -> bool:
    try:
        record.read(run)
    except RunError:
        return False
    return True


def _name(run: RunFolder) -> str:
    match = FOLDER_NAME.fullmatch(run.id)
    return match["name"] if match else slug(run.id)


def _ambiguous(word: str, matching: list[RunFolder]) -> RunError:
    shown = ", ".join(run.id for run in matching[-_MOST_CANDIDATES:])
    more = f" and {len(matching) - _MOST_CANDIDATES} more" if len(matching) > _MOST_CANDIDATES else ""
    hint = f"Type more of the id, or a short id such as {matching[-1].short_id}."
    return RunError(f"'{word}' matches {len(matching)} runs: {shown}{more}.", hint)


def _unknown(runs_dir: Path, word: str, runs: list[RunFolder]) -> RunError:
    if word and Path(word).is_dir():
        return RunError(f"{word} is not a run folder: it has no record.json.", LIST_HINT)
    known = {known: run for run in runs for known in (run.id, run.short_id, _name(run))}
    hint = did_you_mean(word, known) or LIST_HINT
    return RunError(f"No run in {runs_dir} has the name '{word}' or an id that begins with it.", hint)


def _describe(folder: RunFolder) -> RunRow:
    try:
        fields, headline = record.read(folder), _headline(folder)
    except RunError as error:
        return RunRow(folder, folder.id, _name(folder), "broken", problem=error.text)
    epoch = (metrics.read_last(folder.metrics) or {}).get("epoch")
    start = fields.get("start")
    return RunRow(
        folder,
        folder.id,
        str(fields.get("name", _name(folder))),
        status_of(folder, fields),
        started=start if isinstance(start, str) else None,
        seconds=record.duration(fields),
        epochs=epoch if isinstance(epoch, int) else None,
        headline=headline,
        process=process if isinstance(process := fields.get("process"), dict) else None,
    )


def status_of(folder: RunFolder, fields: Mapping[str, Any]) -> str:
    """Return the status in the record of a run, or `died` if it says `running` but its process is gone."""
    status, process = str(fields.get("status", "broken")), fields.get("process")
    gone = status == "running" and isinstance(process, dict) and is_running(folder, process) is False
    return "died" if gone else status


def find_earlier(runs_dir: Path, run: RunFolder) -> RunFolder | None:
    """Return the last run of the same name before a run; None if there is none. Only records of one second are read."""
    named = _sort_by_time([folder for folder in _folders(runs_dir) if _name(folder) == _name(run)])
    at = next((at for at, folder in enumerate(named) if folder.id == run.id), 0)
    return named[at - 1] if at else None


def last_run_of_this_process(runs_dir: Path) -> RunRow | None:
    """Return the run that this process opened last; None where it opened none."""
    # In containers the number alone is that of many processes.
    return next((row for row in reversed(list_runs(runs_dir)) if row.process == environment.process()), None)


def run_as_json(folder: RunFolder) -> dict[str, Any]:
    """Return what the JSON document of every command on a run begins with: the run, its status and its process.

    A run that was forked has its lineage too.
    """
    fields = record.read(folder)
    return {
        "run": folder.id,
        "folder": str(folder.path),
        "status": status_of(folder, fields),
        "process": fields.get("process"),
        **({"lineage": fields["lineage"]} if "lineage" in fields else {}),
    }


def unfinished(folder: RunFolder, fields: Mapping[str, Any]) -> str | None:
    """Return how a run stands that is not done, as a sentence; None for one that is done."""
    status, process = status_of(folder, fields), fields.get("process")
    if status == "done":
        return None
    name = (
        f"process {process.get('pid')} on {process.get('host')}" if isinstance(process, dict) else "an unknown process"
    )
    ends = {
        "running": f"still runs, as {name}",
        "died": f"died: {name} is gone",
        "failed": f"failed: {fields.get('error') or 'no reason is known'}",
        "interrupted": "was interrupted",
    }
    epoch = (metrics.read_last(folder.metrics) or {}).get("epoch")
    how_far = f"after epoch {epoch}" if isinstance(epoch, int) else "before its first epoch ended"
    text = ends.get(status, f"has the status {status}")
    return f"The run {folder.id} {text} ({how_far})."


def warn_if_unfinished(folder: RunFolder, progress: Progress) -> None:
    """Warn that a run which is used is not done."""
    text = unfinished(folder, record.read(folder))
    if text is not None:
        progress.warn(text)


def _headline(folder: RunFolder) -> tuple[str, float] | None:
    """Return the most informative metric of the test part, else of the folds' mean, else of the validation part."""
    scores = read_scores_if_any(folder)
    folds = scores.get("cross_validation")
    parts = (scores.get("test"), folds.get("mean") if isinstance(folds, dict) else None, scores.get("validation"))
    part = next((part for part in parts if isinstance(part, dict)), {})
    return next(((name, part[name]) for name in HEADLINES if isinstance(part.get(name), int | float)), None)

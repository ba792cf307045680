"""How jobs of a queue look: as a table with what to type next, and as a JSON document."""

from __future__ import annotations

from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

from nnrun.cli import options
from nnrun.cli.terminal.output import Output, Table, print_table, print_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.runs.queue import Job, Queue

#: Of more jobs that have ended, the last ones are listed.
_MOST_ENDED = 20


def print_jobs(known: Queue, jobs: Sequence[Job], worker: Mapping[str, Any] | None) -> None:
    """Print jobs as a table, and what to type next."""
    output = Output.stdout()
    left = [job for job in jobs if job.status in ("waiting", "running")]
    ended = [job for job in jobs if job not in left]
    _print_table(output, ended[-_MOST_ENDED:], left)
    if len(ended) > _MOST_ENDED:
        output.write_line(f"and {len(ended) - _MOST_ENDED} before them; all: nnrun queue list --json")
    terms = list(_terms(known, ended[-_MOST_ENDED:], left, worker))
    if terms:
        output.write_line()
        print_terms(output, terms)


def _print_table(output: Output, ended: Sequence[Job], left: Sequence[Job]) -> None:
    waiting = [job.number for job in left if job.status == "waiting"]
    rows = []
    for job in sorted([*ended, *left], key=lambda job: job.number):
        status = f"waiting ({waiting.index(job.number) + 1})" if job.number in waiting else _status(job)
        run = _run_of(job)
        began = (job.started or "")[:16].replace("T", " ")
        rows.append([str(job.number), join(job.typed), status, began, _took(job), "" if run is None else run[-6:]])
    headings = ("job", "command", "status", "started (UTC)", "took", "run")
    print_table(output, Table(headings, rows, right=frozenset({"job", "took"}), optional=("took", "started (UTC)")))


def _terms(
    known: Queue, ended: Sequence[Job], left: Sequence[Job], worker: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    option = options.repeated_runs_dir(known.path.parent)
    for job in ended:
        if job.status in ("failed", "stopped"):
            yield f"job {job.number}", f"{job.error}\nlog: nnrun queue log {job.number}{option}"
        if (command := go_on_command(job)) is not None:
            yield f"job {job.number}", f"goes on with: {command}{option}"
    if worker is not None:
        yield "process", f"{worker.get('pid')} on {worker.get('host')}; its log: {known.log}"
    elif left:
        yield "process", "none works through the queue"
        yield "next", f"nnrun queue start{option}"


def _status(job: Job) -> str:
    if job.status == "running":
        return f"running, {(job.process or {}).get('pid')}"
    return f"failed, exit {job.exit_code}" if job.status == "failed" and job.exit_code is not None else job.status


def _took(job: Job) -> str:
    from nnrun.formatting import format_duration
    from nnrun.runs.record import duration, now

    end = now() if job.status == "running" else job.ended
    seconds = duration({"start": job.started, "end": end})
    return "" if seconds is None else format_duration(seconds)


def _run_of(job: Job) -> str | None:
    """Return the folder of a job's run or sweep, if it has begun."""
    return job.run if job.run is not None and Path(job.run).is_dir() else None


def go_on_command(job: Job) -> str | None:
    """Return the command that goes on with a job which did not come to its end; None where there is none to go on."""
    from contextlib import suppress

    from nnrun.errors import RunError
    from nnrun.runs import record
    from nnrun.runs.folder import RunFolder

    run = _run_of(job)
    if job.status not in ("failed", "cancelled", "stopped") or (run is None and job.status != "failed"):
        return None
    if run is not None:
        with suppress(RunError):  # a sweep has no record
            if record.read(RunFolder(Path(run))).get("status") == "done":
                return None
    return f"nnrun queue retry {job.number}"


def as_document(job: Job) -> dict[str, Any]:
    """Return a job as `--json` prints it."""
    from dataclasses import asdict

    document = {
        name: value for name, value in asdict(job).items() if name not in ("typed", "words", "run", "is_cancelled")
    }
    return {
        **document,
        "command": ["nnrun", *job.typed],
        "frozen": ["nnrun", *job.words],
        "run": _run_of(job),
        "log": str(log_of(job)),
        "next": go_on_command(job),
    }


def log_of(job: Job) -> Path:
    """Return the file of what a job prints."""
    return Path(job.folder) / "log.txt"

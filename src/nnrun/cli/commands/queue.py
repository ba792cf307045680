"""`nnrun queue`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.command_group import CommandGroup
from nnrun.cli.commands import train as train_command
from nnrun.cli.commands.queue_add import QUEUED, add

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress
    from nnrun.runs.queue import Job, Queue

#: Seconds that `queue start` waits for its process to work.
_PATIENCE = 60.0

number = click.argument("number", metavar="JOB", type=click.IntRange(min=1))


@click.group(cls=CommandGroup)
def queue() -> None:
    """Queue commands for a process that needs no terminal.

    \b
    nnrun queue add train my.yaml --set seed=3
    nnrun queue start
    nnrun queue list
    nnrun queue cancel 2
    """  # noqa: D301


queue.add_command(add)


@queue.command()
@click.option("--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="How many jobs run at the same time.")
@click.option("--keep", is_flag=True, help="Wait for more jobs at the end, instead of ending.")
@click.option("--foreground", is_flag=True, help="Stay in this terminal, or under a service manager.")
@options.runs_dir
@options.quiet
@options.as_json
def start(*, jobs: int, keep: bool, foreground: bool, runs_dir: Path, quiet: bool, as_json: bool) -> None:
    """Start a process that does the queued jobs in their order, and ends when none waits.

    It has no terminal, which may be closed. After a reboot, the same command goes on with the jobs that were under way.

    \b
    nnrun queue start
    nnrun queue start --jobs 2 --keep
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.queue_work import require_no_worker, work
    from nnrun.runs.queue import Queue

    known = Queue(runs_dir.resolve())
    require_no_worker(known)
    if foreground:
        with open_progress(quiet=quiet, json=as_json) as progress:
            work(known, jobs=jobs, keep=keep, start=lambda job: _start_job(known, job), progress=progress)
        return
    left = known.jobs("waiting", "running")
    pid = _start_detached(known, ["--jobs", str(jobs), *(["--keep"] if keep else [])]) if left or keep else None
    _print_started(known, len(left), pid, quiet=quiet, as_json=as_json)


def _start_detached(known: Queue, words: Sequence[str]) -> int | None:
    """Start this command again as a process without a terminal, and wait until it works.

    Returns:
        The number of the process; None if it has done all jobs already.

    Raises:
        RunError: It cannot work.
    """
    from nnrun.errors import RunError
    from nnrun.runs.disk import RunLog, make_folder

    make_folder(known.path)
    # A full disk is reported here, on the terminal: the process has only this log.
    RunLog(known.log).write(f"Started: nnrun queue start {' '.join(words)}")
    process = _detached(["start", "--foreground", "--quiet", *words], known, known.log)
    end = time.monotonic() + _PATIENCE
    # On a disk without locks nobody is known to work, and the process is believed.
    while process.poll() is None and time.monotonic() < end and (known.worker() or {}).get("pid") != process.pid:
        time.sleep(0.02)
    if process.poll() in (None, 0):
        return process.pid if process.poll() is None else None
    lines = known.log.read_text(encoding="utf-8", errors="replace").splitlines()
    text = next((line for line in reversed(lines) if line.startswith("error: ")), lines[-1])
    raise RunError(f"no process works through the queue: {text.removeprefix('error: ')}", f"look at {known.log}")


def _print_started(known: Queue, left: int, pid: int | None, *, quiet: bool, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph, print_terms
    from nnrun.formatting import format_count

    output = Output.stdout()
    if as_json:
        print_json({"pid": pid, "jobs": left, "log": str(known.log)})
    elif quiet:
        output.write_line("" if pid is None else str(pid))
    elif pid is None:
        text = "is done already" if left else "waits"
        print_paragraph(output, f"{'Every' if left else 'No'} job {text}. nnrun queue add train my.yaml adds one.")
    else:
        print_paragraph(output, f"{format_count(left, 'job')} to do by process {pid}, which needs no terminal")
        option = options.repeated_runs_dir(known.path.parent)
        print_terms(output, [("log", str(known.log)), ("next", f"nnrun queue list{option}")])


@queue.command()
@options.runs_dir
def stop(runs_dir: Path) -> None:
    """Stop the process that does the jobs; they save their states, and go on with the next start.

    \b
    nnrun queue stop
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_paragraph
    from nnrun.pipeline.queue_work import stop_worker
    from nnrun.runs.queue import Queue

    process = stop_worker(Queue(runs_dir.resolve()))
    text = f"Process {process.get('pid')} has ended. Go on: nnrun queue start{options.repeated_runs_dir(runs_dir)}"
    print_paragraph(Output.stdout(), text)


@queue.command("list")
@options.runs_dir
@options.as_json
def list_(runs_dir: Path, as_json: bool) -> None:
    """List the jobs: what they do, how they stand, and the runs that came of them.

    \b
    nnrun queue list
    """  # noqa: D301
    from nnrun.cli.commands.queue_jobs import as_document, print_jobs
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.runs.queue import Queue

    known = Queue(runs_dir.resolve())
    jobs, worker = known.jobs(), known.worker()
    if as_json:
        print_json({"worker": worker, "log": str(known.log), "jobs": [as_document(job) for job in jobs]})
        return
    if not jobs:
        text = f"There is no job in {known.path.parent} yet. nnrun queue add train my.yaml adds one."
        print_paragraph(Output.stderr(), text)
        return
    print_jobs(known, jobs, worker)


@queue.command()
@number
@options.runs_dir
@options.as_json
def cancel(number: int, runs_dir: Path, as_json: bool) -> None:
    """Cancel a job: one that waits is not begun, one that runs saves its state and ends.

    \b
    nnrun queue cancel 2
    """  # noqa: D301
    from nnrun.cli.commands.queue_jobs import as_document, go_on_command
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.pipeline.queue_work import cancel_job
    from nnrun.runs.queue import Queue

    known = Queue(runs_dir.resolve())
    job = cancel_job(known, number)
    if as_json:
        print_json(as_document(job))
        return
    option = options.repeated_runs_dir(runs_dir)
    if job.status == "running":
        text = f"Job {number} was asked to stop, and still saves its state: nnrun queue list{option}"
    else:
        text = f"Job {number} is {job.status}."
    if (command := go_on_command(job)) is not None:
        text += f" Go on with it: {command}{option}"
    print_paragraph(Output.stdout(), text)


@queue.command()
@number
@options.runs_dir
@options.as_json
def retry(number: int, runs_dir: Path, as_json: bool) -> None:
    """Let a job that failed, was stopped or cancelled wait again.

    Its run goes on from its last state, as with `nnrun resume`; a job that had none begins again.

    \b
    nnrun queue retry 2
    """  # noqa: D301
    from nnrun.cli.commands.queue_jobs import as_document
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.runs.queue import Queue

    known = Queue(runs_dir.resolve())
    job = known.retry(number)
    if as_json:
        print_json(as_document(job))
        return
    is_started = known.worker() is not None
    text = "" if is_started else f" Go on: nnrun queue start{options.repeated_runs_dir(runs_dir)}"
    print_paragraph(Output.stdout(), f"Job {number} waits.{text}")


@queue.command()
@click.argument("number", metavar="[JOB]", type=click.IntRange(min=1), required=False)
@click.option("--done", is_flag=True, help="Remove all jobs that are done.")
@options.runs_dir
@options.as_json
def remove(number: int | None, done: bool, runs_dir: Path, as_json: bool) -> None:
    """Remove a job that has ended, with its copies and its log.

    Runs are kept.

    \b
    nnrun queue remove 2
    nnrun queue remove --done
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.formatting import format_count
    from nnrun.runs.queue import Queue

    if (number is None) != done:
        raise click.UsageError("expected the number of a job, or --done")
    known = Queue(runs_dir.resolve())
    numbers = [job.number for job in known.jobs("done")] if number is None else [number]
    for one in numbers:
        known.remove(one)
    if as_json:
        print_json({"removed": numbers})
    else:
        print_paragraph(Output.stdout(), f"{format_count(len(numbers), 'job')} removed; the runs are kept.")


@queue.command()
@number
@options.runs_dir
def log(number: int, runs_dir: Path) -> None:
    """Print what a job has printed so far.

    \b
    nnrun queue log 2
    """  # noqa: D301
    from nnrun.cli.commands.queue_jobs import log_of
    from nnrun.cli.terminal.output import Output
    from nnrun.errors import RunError
    from nnrun.regular_files import read_regular
    from nnrun.runs.queue import Queue

    job = Queue(runs_dir.resolve()).job(number)
    file, output = log_of(job), Output.stdout()
    try:
        text = read_regular(file, None).decode("utf-8", "replace")
    except OSError as error:
        if job.status == "waiting":
            raise RunError(
                f"job {number} has not begun", f"nnrun queue list{options.repeated_runs_dir(runs_dir)}"
            ) from error
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    output.write_lines(map(output.shown, text.splitlines()))


@queue.command("run-job", hidden=True)
@number
@options.runs_dir
def run_job_(number: int, runs_dir: Path) -> None:
    """Do a job in this process; `nnrun queue start` calls it.

    \b
    nnrun queue run-job 2
    """  # noqa: D301
    from nnrun.pipeline.queue_work import run_job
    from nnrun.runs.queue import Queue

    known = Queue(runs_dir)
    run_job(known, number, lambda job: _execute(known, job))


def _execute(known: Queue, job: Job) -> None:
    from nnrun.errors import RunError

    kind, *words = job.words
    if kind not in QUEUED:
        raise RunError(f"job {job.number} is a command that a queue cannot have: {kind}", "nnrun queue add --help")
    # Records say with which command a run was made: the one that can be typed.
    sys.argv = ["nnrun", *job.words]
    command = QUEUED[kind]
    with command.make_context(kind, list(words), parent=click.get_current_context()) as context:
        if kind == "train":
            _train(known, job, context.params)
        else:
            command.invoke(context)


def _train(known: Queue, job: Job, values: dict[str, Any]) -> None:
    from nnrun.pipeline.queue_work import train_job

    settings = {name: value for name, value in values.items() if name != "is_smoke"}
    config, auto_resume = settings.pop("config"), settings.pop("auto_resume")

    def run(request: TrainRequest, progress: Progress) -> TrainResult:
        return train_job(known, job, request, progress, auto_resume=auto_resume)

    train_command.run_and_print(run, settings, config=config)


def _start_job(known: Queue, job: Job) -> subprocess.Popen[bytes]:
    from nnrun.cli.commands.queue_jobs import log_of

    return _detached(["run-job", str(job.number)], known, log_of(job))


def _detached(words: Sequence[str], known: Queue, log: Path) -> subprocess.Popen[bytes]:
    """Start `nnrun queue` as a process of a session of its own: no terminal can end it.

    Raises:
        RunError: The log cannot be written.
    """
    import subprocess

    from nnrun.regular_files import open_to_append
    from nnrun.runs.disk import disk_error

    # The folder in which it is typed must not be searched for modules, as -m alone would do.
    command = [sys.executable, "-P", "-m", "nnrun", "queue", *words, "--runs-dir", str(known.path.parent)]
    try:
        output = open_to_append(log)
    except OSError as error:
        raise disk_error(error, log) from error
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    finally:
        os.close(output)

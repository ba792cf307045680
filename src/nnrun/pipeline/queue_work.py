"""Work through a queue: each job in a process of its own, which claims it and records how it ended.

The process that starts them only watches. If it is killed, its jobs go on; whoever starts the queue again counts them,
and lets those wait again whose process is gone. A training goes on in the run folder that it had, to the same bits.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.config.files import find_config
from nnrun.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_PREEMPTED, RunError
from nnrun.formatting import format_count
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.resume import train_or_go_on, train_or_resume
from nnrun.pipeline.same_runs import changed_data
from nnrun.progress import LoggedProgress
from nnrun.runs import environment
from nnrun.runs.disk import RunLog, make_folder
from nnrun.runs.find import last_run_of_this_process
from nnrun.runs.folder import FOLDER_NAME, RunFolder, new_path
from nnrun.runs.lock import hold
from nnrun.runs.secrets import without_secrets

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress
    from nnrun.runs.queue import Job, Queue

    #: Starts the process of a job.
    Start = Callable[[Job], subprocess.Popen[bytes]]

#: Seconds between two looks at the queue and its processes.
_CHECK_SECONDS = 0.2
#: Seconds for which `cancel_job` and `stop_worker` wait for a process that saves its state.
_PATIENCE = 60.0


def work(queue: Queue, *, jobs: int, keep: bool, start: Start, progress: Progress) -> None:
    """Do the jobs of a queue in their order, until none waits.

    Args:
        queue: The queue.
        jobs: How many run at the same time.
        keep: Whether to wait for more jobs at the end.
        start: Starts the process of a job, which calls `run_job`.
        progress: The progress.

    Raises:
        RunError: Another process does this, or the queue cannot be read or written.
        StopRequestedError: A request to stop came in: the jobs have saved their states, and wait again.
    """
    require_no_worker(queue)
    make_folder(queue.lock_folder.path)
    with hold(queue.lock_folder):
        logged = LoggedProgress(progress, RunLog(queue.log).write)
        with interruption.deferred():
            _Worker(queue, jobs, keep, start, logged).run()


def require_no_worker(queue: Queue) -> None:
    """Check that no process works through a queue.

    Raises:
        RunError: One does.
    """
    worker = queue.worker()
    if worker is not None:
        text = f"process {worker.get('pid')} on {worker.get('host')} works through this queue already"
        raise RunError(text, "it takes new jobs too: nnrun queue list; it ends with: nnrun queue stop")


@dataclass
class _Worker:
    """The process that works through a queue, with those of its jobs."""

    queue: Queue
    jobs: int
    keep: bool
    start: Start
    progress: Progress
    _children: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self) -> None:
        waiting = len(self.queue.jobs("waiting", "running"))
        self.progress.say(f"{format_count(waiting, 'job')} to do, {self.jobs} at the same time")
        while interruption.pending() is None:
            self._collect()
            for job in self.queue.release_dead(except_for=self._children):
                self.progress.say(f"Job {job.number}: {job.status}: {job.error}")
            if not self._start_waiting() and not self.keep:
                self.progress.say("No job waits any more")
                return
            time.sleep(_CHECK_SECONDS)
        self.progress.say("Asked to stop: the jobs save their states, and wait for the next start")
        self._stop()

    def _collect(self) -> None:
        """Record the ends of processes that have not done it themselves: they were killed, or could not begin."""
        for number, child in list(self._children.items()):
            code = child.poll()
            if code is None:
                continue
            del self._children[number]
            job = self.queue.job(number)
            if job.status == "running" and code < 0:
                text = f"its process was killed by {signal.Signals(-code).name}"
                job = self.queue.release(number, text) or self.queue.job(number)
            elif job.status == "running" or (job.status == "waiting" and code not in _MAY_WAIT):
                text = f"its process ended with exit code {code}; see its log"
                job = self.queue.end(number, "failed", code, text) or self.queue.job(number)
            self.progress.say(f"Job {number}: {job.status}" + (f": {job.error}" if job.error else ""))

    def _start_waiting(self) -> bool:
        """Start jobs that wait as long as there is room; return whether anything is left to do."""
        known = self.queue.jobs("waiting", "running")
        # Jobs of an earlier process that was killed still run. Those of other hosts are none of this one's.
        others = [one for one in known if one.status == "running" and environment.is_alive(one.process or {})]
        busy = {one.number for one in others} | set(self._children)
        waiting = [one for one in known if one.status == "waiting" and one.number not in busy]
        for job in waiting[: max(0, self.jobs - len(busy))]:
            self._children[job.number] = self.start(job)
            self.progress.say(f"Job {job.number} begins, as process {self._children[job.number].pid}")
        return bool(waiting or busy)

    def _stop(self) -> None:
        for child in self._children.values():
            child.terminate()
        while self._children:
            self._collect()
            time.sleep(_CHECK_SECONDS)


#: Exit codes of processes whose job may wait: its claim came too late, or it was asked to stop.
_MAY_WAIT = (0, EXIT_PREEMPTED, -signal.SIGTERM)


def run_job(queue: Queue, number: int, execute: Callable[[Job], object]) -> None:
    """Do a job in this process, if it still waits, and record how it ends.

    Args:
        queue: The queue.
        number: The job.
        execute: Runs the job's command, in the folder in which it was typed.

    Raises:
        NnrunError: The command's own error.
        StopRequestedError: It was stopped.
    """
    try:
        with interruption.deferred():
            job = queue.claim(number)
        if job is None:
            return
        try:
            os.chdir(job.working_dir)
        except OSError as error:
            text = f"the folder in which the job was queued cannot be used: {job.working_dir}: {error.strerror}"
            raise RunError(text, "queue it again from another folder") from error
        execute(job)
    except BaseException as error:
        # If the disk refuses, the job is released by the process that watches.
        with interruption.shielded(), suppress(RunError):
            _record(queue, number, error)
        raise
    with interruption.deferred():
        queue.end(number, "done", 0)


def _record(queue: Queue, number: int, error: BaseException) -> None:
    if isinstance(error, interruption.StopRequestedError):
        if error.status == "preempted" and error.reason != interruption.TIME_LIMIT:
            # A signal: of the process that watches, of `cancel_job`, or of a system that shuts down.
            queue.release(number, error.reason, counts=False)
        else:
            queue.end(number, "stopped", error.exit_code, error.reason)
    elif isinstance(error, KeyboardInterrupt):
        queue.end(number, "stopped", EXIT_INTERRUPTED, "stopped by the user")
    else:
        code = getattr(error, "exit_code", None)
        text = f"a bug in nnrun: {type(error).__name__}: {error}" if code is None else str(error)
        queue.end(number, "failed", EXIT_BUG if code is None else code, without_secrets(text)[0])


def train_job(queue: Queue, job: Job, request: TrainRequest, progress: Progress, *, auto_resume: bool) -> TrainResult:
    """Train the config of a job, or go on with its run.

    Args:
        queue: The queue.
        job: The job, which this process has claimed.
        request: Its arguments.
        progress: The progress.
        auto_resume: Whether it goes on with another unfinished run of the same config.

    Raises:
        RunError: The data changed since the job was queued.
        NnrunError: As for `train` and `resume`.
    """
    _require_frozen_data(job, request, progress)
    request = replace(request, folder=_run_folder(queue, job, request.runs_dir))
    if not auto_resume:
        return train_or_go_on(request, progress)
    try:
        result = train_or_resume(request, progress)
    except BaseException:
        row = last_run_of_this_process(request.runs_dir)
        if row is not None:
            queue.set_run(job.number, row.folder.path)
        raise
    queue.set_run(job.number, result.folder.path)
    return result


def _require_frozen_data(job: Job, request: TrainRequest, progress: Progress) -> None:
    with user_code.register_code(request.code):
        examined = examine(find_config(request.config), (), request.data_dir, request.runs_dir)
        changed = changed_data(job.data, examined, progress)
    if changed:
        text = f"the data changed since the job was queued: {', '.join(changed)}"
        raise RunError(text, "restore the file, or queue the command again")


def _run_folder(queue: Queue, job: Job, runs_dir: FilePath) -> FilePath:
    """Return the run folder of a job, which the queue knows before it exists: no kill leaves one that nobody finds."""
    if job.run is not None:
        before = RunFolder(FilePath(job.run))
        if before.record.is_file():
            return before.path
        if before.path.parent == runs_dir and FOLDER_NAME.fullmatch(before.path.name):
            shutil.rmtree(before.path, ignore_errors=True)
    path = new_path(runs_dir, re.sub(r"_[0-9a-f]{6}$", "", FilePath(job.folder).name[17:]))
    queue.set_run(job.number, path)
    return path


def cancel_job(queue: Queue, number: int) -> Job:
    """Cancel a job: one that waits is not begun, one that runs saves its state and ends.

    Returns:
        The job; it still runs if it needs longer than a minute to end.

    Raises:
        RunError: There is no such job, it has ended, or it runs on another host.
    """
    job = queue.job(number)
    if job.status == "running" and environment.is_alive(job.process or {}) is None:
        text = f"job {number} runs on {(job.process or {}).get('host')}"
        raise RunError(text, f"type this there: nnrun queue cancel {number}")
    job = queue.cancel(number)
    if job.status == "running" and job.process is not None:
        _terminate(job.process)
        end = time.monotonic() + _PATIENCE
        while (job := queue.job(number)).status == "running" and time.monotonic() < end:
            if job.process is not None and environment.is_alive(job.process) is False:
                queue.release(number, "cancelled", counts=False)
            else:
                time.sleep(_CHECK_SECONDS)
    return job


def stop_worker(queue: Queue) -> dict[str, Any]:
    """Stop the process that works through a queue: its jobs save their states, and wait for the next start.

    Returns:
        The process.

    Raises:
        RunError: There is none, it is on another host, or it needs longer than a minute to end.
    """
    worker = queue.worker()
    if worker is None:
        raise RunError("no process works through this queue", "nnrun queue start")
    if environment.is_alive(worker) is None:
        raise RunError(f"the queue is worked through on {worker.get('host')}", "type this there: nnrun queue stop")
    _terminate(worker)
    end = time.monotonic() + _PATIENCE
    while environment.is_alive(worker):
        if time.monotonic() > end:
            text = f"process {worker.get('pid')} was asked to stop, and its jobs still save their states"
            raise RunError(text, "nnrun queue list")
        time.sleep(_CHECK_SECONDS)
    return worker


def _terminate(known: Mapping[str, Any]) -> None:
    import psutil

    try:
        process = psutil.Process(known["pid"])
        if environment.is_alive(known):
            process.terminate()
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        text = f"process {known['pid']} is another user's"
        raise RunError(text, "ask its owner to stop it") from error

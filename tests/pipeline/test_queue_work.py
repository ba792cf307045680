"""Working through a queue, with processes that train nothing: order, ends, kills, stops and cancelled jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import wait_for

from nnrun import interruption
from nnrun.errors import RunError
from nnrun.pipeline.queue_work import cancel_job, run_job, stop_worker, work
from nnrun.progress import NullProgress
from nnrun.runs import environment
from nnrun.runs.queue import MOST_ATTEMPTS, Job, Queue

#: What stands for the process of a job: its first word says what it does.
CHILD = """
import os, signal, sys, time
from pathlib import Path
from nnrun import interruption
from nnrun.errors import RunError
from nnrun.pipeline.queue_work import run_job
from nnrun.runs.queue import Queue

def execute(job):
    what, queue = job.words[0], Path(sys.argv[1]) / "queue"
    with (queue / "order").open("a") as file:
        file.write(f"{job.number} {job.working_dir == os.getcwd()}\\n")
    if what == "fail":
        raise RunError("this cannot be")
    if what == "exit":
        os._exit(7)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "wait" and not (queue / "go").exists():
        time.sleep(600)

if sys.argv[3:] == ["broken"]:
    sys.exit(5)
try:
    with interruption.handled():
        run_job(Queue(Path(sys.argv[1])), int(sys.argv[2]), execute)
except interruption.StopRequestedError as stop:
    sys.exit(stop.exit_code)
"""
#: The process that works through a queue.
WORKER = """
import subprocess, sys
from pathlib import Path
from nnrun import interruption
from nnrun.pipeline.queue_work import work
from nnrun.progress import NullProgress
from nnrun.runs.queue import Queue

def start(job):
    words = [sys.executable, "-c", sys.argv[2], sys.argv[1], str(job.number)]
    return subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)

with interruption.handled():
    work(Queue(Path(sys.argv[1])), jobs=2, keep=False, start=start, progress=NullProgress())
"""


def add(runs_dir: Path, *words: str, **more: Any) -> Job:
    """Add a job to the queue of a folder."""
    known = Queue(runs_dir)
    return known.add(words, words, working_dir=str(runs_dir), folder=runs_dir / "jobs", **more)


def start(runs_dir: Path, *more: str) -> Callable[[Job], subprocess.Popen[bytes]]:
    """Return the function that starts the process of a job."""

    def started(job: Job) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", CHILD, str(runs_dir), str(job.number), *more]
        return subprocess.Popen(words, stderr=subprocess.DEVNULL)

    return started


def worked(runs_dir: Path, *more: str, jobs: int = 1) -> list[Job]:
    """Work through a queue in this process; return its jobs."""
    work(Queue(runs_dir), jobs=jobs, keep=False, start=start(runs_dir, *more), progress=NullProgress())
    return Queue(runs_dir).jobs()


def running(runs_dir: Path, count: int) -> list[Job]:
    """Wait until so many jobs run; return them."""
    return wait_for(lambda: len(Queue(runs_dir).jobs("running")) == count) and Queue(runs_dir).jobs("running")


@pytest.mark.slow
def test_jobs_are_done_in_their_order_however_they_end(tmp_path: Path) -> None:
    """One that fails, or whose process says nothing or is killed, disturbs no other; a killed one is tried again."""
    for what in ("do", "fail", "exit", "kill", "do"):
        add(tmp_path, what)
    jobs = worked(tmp_path)
    assert [job.status for job in jobs] == ["done", "failed", "failed", "failed", "done"]
    assert [job.exit_code for job in jobs] == [0, 1, 7, None, 0]
    assert [job.error for job in jobs] == [
        None,
        "this cannot be",
        "its process ended with exit code 7; see its log",
        "its process was killed by SIGKILL",
        None,
    ]
    order = (tmp_path / "queue" / "order").read_text().split()
    assert order[::2] == ["1", "2", "3", *["4"] * MOST_ATTEMPTS, "5"]
    assert set(order[1::2]) == {"True"}
    text = (tmp_path / "queue" / "log.txt").read_text()
    assert "Job 2: failed: this cannot be" in text
    assert "No job waits any more" in text


def test_a_process_that_cannot_even_claim_its_job_fails_it(tmp_path: Path) -> None:
    """Otherwise it would be started for ever."""
    add(tmp_path, "do")
    (job,) = worked(tmp_path, "broken")
    assert (job.status, job.exit_code, job.attempts) == ("failed", 5, 0)


def test_only_one_process_works_through_a_queue(tmp_path: Path) -> None:
    """A second one says which one does; it is the end of the first that lets another begin."""
    add(tmp_path, "do")
    inside: list[Any] = []

    def second(job: Job) -> subprocess.Popen[bytes]:
        inside.append(Queue(tmp_path).worker())
        with pytest.raises(RunError, match=f"process {os.getpid()} on .* works through this queue already"):
            worked(tmp_path)
        return start(tmp_path, "broken")(job)

    work(Queue(tmp_path), jobs=1, keep=False, start=second, progress=NullProgress())
    assert inside == [environment.process()]
    assert Queue(tmp_path).worker() is None
    with pytest.raises(RunError, match="no process works through this queue"):
        stop_worker(Queue(tmp_path))


def test_with_keep_it_waits_for_more_jobs(tmp_path: Path) -> None:
    """Until it is asked to stop; a job that is added meanwhile is done."""
    add(tmp_path, "do")

    def go_on() -> None:
        wait_for(lambda: Queue(tmp_path).job(1).status == "failed")
        add(tmp_path, "do")
        wait_for(lambda: Queue(tmp_path).job(2).status == "failed")
        interruption.request("stopped by the test", "preempted")

    thread = threading.Thread(target=go_on)
    thread.start()
    with pytest.raises(interruption.StopRequestedError):
        work(Queue(tmp_path), jobs=1, keep=True, start=start(tmp_path, "broken"), progress=NullProgress())
    thread.join()
    interruption.clear()


@pytest.mark.slow
def test_stopped_jobs_wait_and_cancelled_ones_do_not(tmp_path: Path) -> None:
    """SIGTERM reaches every job of the process, and the next start goes on; a cancelled one stays as it is."""
    for _ in range(3):
        add(tmp_path, "wait")
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), CHILD], stderr=subprocess.PIPE)
    try:
        running(tmp_path, 2)
        assert cancel_job(Queue(tmp_path), 3).status == "cancelled"
        cancelled = cancel_job(Queue(tmp_path), 1)
        assert (cancelled.status, cancelled.error) == ("cancelled", "stopped by SIGTERM")
        with pytest.raises(RunError, match="cannot be cancelled: it is cancelled"):
            cancel_job(Queue(tmp_path), 1)
        stopped = stop_worker(Queue(tmp_path))
    finally:
        worker.kill()
        _, errors = worker.communicate()
    assert stopped["pid"] == worker.pid
    assert b"StopRequestedError" in errors
    assert [(job.status, job.attempts) for job in Queue(tmp_path).jobs()][1] == ("waiting", 0)
    (tmp_path / "queue" / "go").touch()
    assert [job.status for job in worked(tmp_path)] == ["cancelled", "done", "cancelled"]


@pytest.mark.slow
def test_after_a_kill_jobs_go_on_and_none_runs_twice(tmp_path: Path) -> None:
    """Jobs that outlive the killed process are left alone; those that were killed with it begin again."""
    for _ in range(3):
        add(tmp_path, "wait")
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), CHILD], stderr=subprocess.DEVNULL)
    jobs = running(tmp_path, 2)
    worker.kill()
    worker.wait()
    survivor, victim = (psutil.Process((job.process or {})["pid"]) for job in jobs)
    victim.kill()
    wait_for(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
    (tmp_path / "queue" / "go").touch()
    finish = threading.Timer(1.0, survivor.send_signal, [signal.SIGKILL])
    finish.start()
    assert [job.status for job in worked(tmp_path)] == ["done"] * 3
    finish.join()
    order = (tmp_path / "queue" / "order").read_text().split()[::2]
    assert sorted(order) == ["1", "1", "2", "2", "3"]
    # With one job at a time, none began beside the one that still ran.
    assert order[-1] == "3"


def test_a_job_that_does_not_wait_is_not_done(tmp_path: Path) -> None:
    """The process that was started for it ends without a word."""
    add(tmp_path, "do")
    cancel_job(Queue(tmp_path), 1)
    run_job(Queue(tmp_path), 1, lambda _: pytest.fail("it was cancelled"))
    assert Queue(tmp_path).job(1).status == "cancelled"


@pytest.mark.parametrize(
    ("error", "status", "code", "text"),
    [
        (RunError("the disk is full"), "failed", 1, "the disk is full"),
        (ZeroDivisionError("password=hunter22"), "failed", 3, "a bug in nnrun: ZeroDivisionError: password=[left out]"),
        (interruption.StopRequestedError("stopped by SIGTERM", "preempted"), "waiting", None, "stopped by SIGTERM"),
        (interruption.StopRequestedError(interruption.TIME_LIMIT, "preempted"), "stopped", 75, interruption.TIME_LIMIT),
        (interruption.StopRequestedError("by the user", "interrupted"), "stopped", 130, "by the user"),
    ],
)
def test_the_end_of_a_job_is_recorded(
    tmp_path: Path, error: BaseException, status: str, code: int | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its process itself, which raises the error all the same."""
    monkeypatch.chdir(tmp_path)
    add(tmp_path, "do")

    def execute(job: Job) -> None:
        raise error

    with pytest.raises(type(error)):
        run_job(Queue(tmp_path), 1, execute)
    job = Queue(tmp_path).job(1)
    assert (job.status, job.exit_code, job.error, job.process) == (status, code, text, None)


def test_a_working_folder_that_is_gone_is_a_message(tmp_path: Path) -> None:
    """The job fails, and says which folder."""
    known = Queue(tmp_path)
    known.add(["train"], ["train"], working_dir=str(tmp_path / "gone"), folder=tmp_path)
    with pytest.raises(RunError, match="the folder in which the job was queued cannot be used"):
        run_job(known, 1, lambda _: None)
    assert known.job(1).status == "failed"


def test_a_job_of_another_host_is_cancelled_there(tmp_path: Path) -> None:
    """Nobody here knows whether it lives; one whose process is gone is cancelled at once."""
    add(tmp_path, "do")
    known = Queue(tmp_path)
    known.claim(1)
    process = environment.process()
    _claimed_by(known, {**process, "host": "elsewhere"})
    with pytest.raises(RunError, match="job 1 runs on elsewhere"):
        cancel_job(known, 1)
    _claimed_by(known, {**process, "start": "long ago"})
    assert cancel_job(known, 1).status == "cancelled"


def _claimed_by(queue: Queue, process: dict[str, Any]) -> None:
    import json
    import sqlite3

    with sqlite3.connect(queue.path / "queue.sqlite") as connection:
        connection.execute("UPDATE jobs SET process = ?", (json.dumps(process),))

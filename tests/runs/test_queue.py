"""The queue of a folder of runs: every job is claimed by one process, and its end is recorded once."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.runs.queue import FORMAT, MOST_ATTEMPTS, Job, Queue

CLAIM = """
import sys
from pathlib import Path
from nnrun.runs.queue import Queue
queue = Queue(Path(sys.argv[1]))
for number in range(1, 61):
    if queue.claim(number) is not None:
        print(number)
        queue.end(number, "done", 0)
"""
#: What may happen to a job.
OPERATIONS = ("claim", "done", "failed", "stopped", "release", "stop", "cancel")


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """A queue of four jobs."""
    return make(tmp_path, 4)


def make(runs_dir: Path, count: int) -> Queue:
    """Create a queue with jobs."""
    made = Queue(runs_dir)
    for number in range(1, count + 1):
        add(made, f"{number}.yaml")
    return made


def add(queue: Queue, config: str) -> Job:
    """Add the training of a config."""
    words = ["train", config]
    return queue.add(words, words, working_dir="/somewhere", folder=queue.path / config, data={"file:x": "1"})


def test_a_job_is_what_was_added(queue: Queue) -> None:
    """With a number of its own, also after all others have ended."""
    job = queue.job(2)
    assert (job.typed, job.words, job.data) == (("train", "2.yaml"), ("train", "2.yaml"), {"file:x": "1"})
    assert (job.working_dir, job.folder) == ("/somewhere", str(queue.path / "2.yaml"))
    assert (job.status, job.attempts, job.process, job.run) == ("waiting", 0, None, None)
    for number in range(1, 5):
        queue.cancel(number)
    assert add(queue, "more.yaml").number == 5
    with pytest.raises(RunError, match="There is no job 9"):
        queue.job(9)


def test_a_claim_says_who_and_is_the_only_one(queue: Queue) -> None:
    """Of a job that is cancelled, there is none."""
    claimed = queue.claim(1)
    assert claimed is not None
    assert (claimed.status, claimed.process, claimed.attempts) == ("running", environment.process(), 1)
    queue.cancel(2)
    assert [queue.claim(number) for number in (1, 2, 9)] == [None, None, None]


@given(some.lists(some.tuples(some.sampled_from(OPERATIONS), some.integers(1, 3)), max_size=30))
def test_a_job_ends_once_and_never_runs_twice(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, int]]
) -> None:
    """Whatever is asked of the jobs, in whatever order: what is not possible changes nothing."""
    queue = make(tmp_path_factory.mktemp("queue"), 3)
    expected = dict.fromkeys((1, 2, 3), ("waiting", 0, False))
    for operation, number in operations:
        expected[number] = after(*expected[number], operation)
        perform(queue, operation, number)
        found = {job.number: (job.status, job.attempts, job.is_cancelled) for job in queue.jobs()}
        assert found == expected
        for job in queue.jobs():
            assert (job.process is not None) == (job.status == "running")
            assert (job.ended is not None) == (job.status not in ("waiting", "running"))


def perform(queue: Queue, operation: str, number: int) -> None:
    """Perform an operation on a job."""
    if operation == "claim":
        queue.claim(number)
    elif operation == "cancel":
        with suppress(RunError):
            queue.cancel(number)
    elif operation in ("release", "stop"):
        queue.release(number, operation, counts=operation == "release")
    else:
        queue.end(number, operation, 0)  # type: ignore[arg-type]


def after(status: str, attempts: int, is_cancelled: bool, operation: str) -> tuple[str, int, bool]:
    """Return how a job stands after an operation."""
    if status not in ("waiting", "running"):
        return status, attempts, is_cancelled
    if operation == "cancel":
        return ("cancelled" if status == "waiting" else status), attempts, True
    if operation == "claim":
        return ("running", attempts + 1, is_cancelled) if status == "waiting" else (status, attempts, is_cancelled)
    if operation in ("release", "stop"):
        if status == "waiting":
            return status, attempts, is_cancelled
        fails = operation == "release" and attempts >= MOST_ATTEMPTS
        waits = "failed" if fails else "waiting"
        return "cancelled" if is_cancelled else waits, attempts - (operation == "stop"), is_cancelled
    return "cancelled" if is_cancelled and operation != "done" else operation, attempts, is_cancelled


@pytest.mark.slow
def test_processes_that_share_a_queue_claim_no_job_twice(tmp_path: Path) -> None:
    """Three processes at once do 60 jobs, each of them once."""
    made = make(tmp_path, 60)
    processes = [
        subprocess.Popen([sys.executable, "-c", CLAIM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [int(line) for one in processes for line in one.communicate()[0].split()]
    assert sorted(printed) == list(range(1, 61))
    assert {job.status for job in made.jobs()} == {"done"}


def test_jobs_of_a_process_that_is_gone_wait_again(queue: Queue) -> None:
    """Those of this process, and of other hosts, are not: nobody here knows whether they live."""
    for number in (1, 2, 3, 4):
        queue.claim(number)
    gone = {**environment.process(), "start": "long ago"}
    for number, process in ((1, gone), (2, {**environment.process(), "host": "elsewhere"}), (4, gone)):
        change(queue, "UPDATE jobs SET process = ? WHERE number = ?", json.dumps(process), number)
    assert [job.number for job in queue.release_dead(except_for=[4])] == [1]
    assert [(job.status, job.attempts) for job in queue.jobs()] == [("waiting", 0), *[("running", 1)] * 3]


def change(queue: Queue, statement: str, *values: Any) -> None:
    """Change the file behind nnrun's back."""
    with sqlite3.connect(queue.path / "queue.sqlite") as connection:
        connection.execute(statement, values)


def test_without_a_queue_there_are_no_jobs(tmp_path: Path) -> None:
    """Looking makes no file; an empty one is no queue, and the first job makes it one."""
    assert (Queue(tmp_path).jobs(), Queue(tmp_path).worker(), list(tmp_path.iterdir())) == ([], None, [])
    Queue(tmp_path).path.mkdir()
    (Queue(tmp_path).path / "queue.sqlite").touch()
    assert Queue(tmp_path).jobs() == []
    assert add(Queue(tmp_path), "x.yaml").number == 1


def test_a_newer_format_is_refused(queue: Queue, tmp_path: Path) -> None:
    """For reading and for adding; the message names both formats."""
    change(queue, "UPDATE queue SET value = '99'")
    for refused in (lambda: Queue(tmp_path), lambda: add(queue, "x.yaml")):
        with pytest.raises(RunError, match=f"has format 99, and this version of nnrun reads {FORMAT}"):
            refused()


@pytest.mark.parametrize("value", ["{", "[" * 100_000, '"text"', "3"])
def test_a_damaged_value_is_a_message(tmp_path: Path, value: str) -> None:
    """Text that is no JSON, is nested without end, or is of another kind, in every column of such texts."""
    for column in ("typed", "words", "data", "process"):
        queue = make(tmp_path / column, 1)
        change(queue, f"UPDATE jobs SET {column} = ?", value)  # noqa: S608
        with pytest.raises(RunError, match="is damaged") as refused:
            queue.jobs()
        assert "the runs are kept" in str(refused.value.hint)


def test_a_file_that_is_no_database_is_a_message(tmp_path: Path) -> None:
    """It says what to do with the folder."""
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "queue.sqlite").write_bytes(b"no database, but long enough to be one " * 30)
    with pytest.raises(RunError, match="is damaged"):
        Queue(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither for the file nor for its folder."""
    other = make(tmp_path / "other", 1).path
    (tmp_path / "runs" / "queue").mkdir(parents=True)
    (tmp_path / "runs" / "queue" / "queue.sqlite").symlink_to(other / "queue.sqlite")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "queue").symlink_to(other)
    for runs_dir in (tmp_path / "runs", tmp_path / "more"):
        with pytest.raises(RunError, match="is a symbolic link"):
            Queue(runs_dir)


def test_a_view_in_a_queue_of_others_runs_nothing(queue: Queue, tmp_path: Path) -> None:
    """A file from other hands cannot call functions that change or read anything else."""
    change(queue, "DROP TABLE queue")
    change(queue, "CREATE VIEW queue AS SELECT 'format' AS key, load_extension('evil') AS value")
    with pytest.raises(RunError):
        Queue(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its way, and a disk that is read-only: with what to look at."""
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="a file stands where a folder is needed"):
        add(Queue(tmp_path / "file"), "x.yaml")
    made = make(tmp_path, 1)
    connect = sqlite3.connect

    def read_only(file: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{Path(file).as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(RunError, match="readonly"):
        made.cancel(1)
    assert made.job(1).status == "waiting"


@pytest.mark.parametrize("how", ["failed", "stopped", "cancelled"])
def test_a_job_that_did_not_come_to_its_end_waits_again(queue: Queue, how: str) -> None:
    """With all its attempts, and with the run that it has; one that is done, runs or waits does not."""
    run = queue.path.parent / "20260101T000000Z_x_000001"
    queue.claim(2)
    queue.set_run(2, run)
    if how == "cancelled":
        queue.cancel(2)
        queue.release(2, "stopped by SIGTERM", counts=False)
    else:
        queue.end(2, "failed" if how == "failed" else "stopped", 1, "the disk is full")
    assert queue.job(2).status == how
    job = queue.retry(2)
    assert (job.status, job.attempts, job.is_cancelled, job.error, job.exit_code) == ("waiting", 0, False, None, None)
    assert (job.run, job.ended) == (str(run), None)
    assert queue.claim(2) is not None
    for number in (1, 2):
        with pytest.raises(RunError, match=f"Job {number} cannot be tried again: it is (waiting|running)"):
            queue.retry(number)
    queue.end(2, "done", 0)
    with pytest.raises(RunError, match="Job 2 cannot be tried again: it is done"):
        queue.retry(2)


def test_a_job_that_has_ended_is_removed_with_its_copies_and_no_other(tmp_path: Path) -> None:
    """Its run and its number are kept; a job that waits or runs stays."""
    queue = Queue(tmp_path)
    folders = [queue.new_folder("tiny").path for _ in range(3)]
    for folder in folders:
        (folder / "log.txt").write_text("epoch 1/2")
        queue.add(["train"], ["train"], working_dir="/somewhere", folder=folder)
    run = tmp_path / "20260101T000000Z_tiny_000001"
    run.mkdir()
    queue.set_run(2, run)
    queue.claim(2)
    for number in (1, 2):
        with pytest.raises(RunError, match=f"Job {number} cannot be removed: it is (waiting|running)") as caught:
            queue.remove(number)
        assert caught.value.hint == f"nnrun queue cancel {number}"
    queue.end(2, "done", 0)
    assert queue.remove(2).number == 2
    assert [job.number for job in queue.jobs()] == [1, 3]
    assert [folder.exists() for folder in folders] == [True, False, True]
    assert run.is_dir()
    with pytest.raises(RunError, match="There is no job 2"):
        queue.remove(2)
    queue.cancel(3)
    queue.remove(3)
    assert add(queue, "another.yaml").number == 4


def test_a_store_from_other_hands_removes_nothing_else(tmp_path: Path) -> None:
    """A job may name any folder as its own: only folders of jobs, inside that of the queue, are removed."""
    queue = Queue(tmp_path / "runs")
    mine = tmp_path / "mine"
    jobs = tmp_path / "runs" / "queue" / "jobs"
    inside = jobs / "20260101T000000Z_x_000001"
    for folder in (mine, inside):
        folder.mkdir(parents=True)
        (folder / "thesis.txt").write_text("years")
    link = jobs / "20260101T000000Z_x_000002"
    link.symlink_to(mine)
    for folder in (mine, link, jobs, jobs / ".." / ".." / ".." / "mine", inside / ".." / "20260101T000000Z_x_000002"):
        job = queue.add(["train"], ["train"], working_dir="/", folder=folder)
        queue.cancel(job.number)
        queue.remove(job.number)
    assert (mine / "thesis.txt").read_text() == (inside / "thesis.txt").read_text() == "years"
    assert link.is_symlink()
    assert queue.jobs() == []

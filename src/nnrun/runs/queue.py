"""The queue of a folder of runs: which commands wait, which process works on one, and how each ended; a SQLite file.

Every change is one transaction that is on disk when it returns. A job belongs to the process that has claimed it; if
that is gone, the job waits again, and goes on from the last state of its run.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import RunError
from nnrun.regular_files import require_folders
from nnrun.runs import environment
from nnrun.runs.disk import disk_error, make_folder
from nnrun.runs.folder import FOLDER_NAME, RunFolder
from nnrun.runs.lock import holder
from nnrun.runs.record import now
from nnrun.runs.sqlite_file import SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

#: The format of the file; it is raised where an older nnrun could not read it.
FORMAT = 1
#: How often a job begins again whose process was killed.
MOST_ATTEMPTS = 3

JobStatus = Literal["waiting", "running", "done", "failed", "stopped", "cancelled"]

_TABLES = (
    "CREATE TABLE IF NOT EXISTS queue (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    typed TEXT NOT NULL,
    words TEXT NOT NULL,
    working_dir TEXT NOT NULL,
    folder TEXT NOT NULL,
    data TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting',
    is_cancelled INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    process TEXT,
    run TEXT,
    exit_code INTEGER,
    error TEXT,
    added TEXT NOT NULL,
    started TEXT,
    ended TEXT
) STRICT""",
)


@dataclass(frozen=True)
class Job:
    """One command of a queue.

    Attributes:
        number: Its number, counted from 1; jobs are done in this order.
        typed: The command as the user typed it.
        words: The command that is run: every path is absolute, and the files are copies.
        working_dir: The folder in which it was typed.
        folder: The folder of the copies and the log.
        data: The digests that the data files must have, by name.
        status: `waiting`, `running`, `done`, `failed`, `stopped` (by a time limit) or `cancelled`.
        is_cancelled: Whether it was asked to stop for good.
        attempts: How often it was begun.
        process: The process that has claimed it: `host`, `pid` and `start`.
        run: The folder of its run or sweep, which need not exist yet.
        exit_code: The exit code of its process; None as long as it has none, or where that was killed.
        error: Why it failed or stopped.
        added: When it was added, ISO 8601 in UTC.
        started: When it was first claimed.
        ended: When it ended.
    """

    number: int
    typed: tuple[str, ...]
    words: tuple[str, ...]
    working_dir: str
    folder: str
    data: Mapping[str, str]
    status: JobStatus = "waiting"
    is_cancelled: bool = False
    attempts: int = 0
    process: Mapping[str, Any] | None = None
    run: str | None = None
    exit_code: int | None = None
    error: str | None = None
    added: str = ""
    started: str | None = None
    ended: str | None = None


class Queue:
    """The queue of a folder of runs; it exists once a job is added.

    Args:
        runs_dir: The folder of runs.

    Raises:
        RunError: The queue is damaged, or of a newer format.

    Attributes:
        path: The folder of the queue.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.path = runs_dir / "queue"
        file = self.path / "queue.sqlite"
        self._file = SqliteFile(file, f"move the folder {self.path} away, and queue the jobs again; the runs are kept")
        require_folders(runs_dir, file)
        if self.exists:
            with self._file.connected() as connection:
                self._require_format(connection)

    @property
    def exists(self) -> bool:
        """Whether there is a queue; an empty file is none: a process was killed while it made it."""
        file = self._file.path
        return file.is_file() and file.stat().st_size > 0

    @property
    def log(self) -> Path:
        """The log of the process that works through the queue."""
        return self.path / "log.txt"

    @property
    def lock_folder(self) -> RunFolder:
        """The folder that the process which works through the queue holds; see `nnrun.runs.lock`."""
        return RunFolder(self.path / "worker")

    def worker(self) -> dict[str, Any] | None:
        """Return the process that works through the queue: `host`, `pid` and `start`; None if none does."""
        return holder(self.lock_folder)

    def new_folder(self, name: str) -> RunFolder:
        """Create a folder for the copies and the log of a job.

        Args:
            name: The name of its experiment, or the id of its run.

        Raises:
            RunError: The disk is full or read-only.
        """
        match = FOLDER_NAME.fullmatch(name)
        return RunFolder.create(self.path / "jobs", match["name"] if match else name)

    def add(
        self,
        typed: Sequence[str],
        words: Sequence[str],
        *,
        working_dir: str,
        folder: Path,
        data: Mapping[str, str] | None = None,
        run: Path | None = None,
    ) -> Job:
        """Add a job to the end of the queue; the arguments are the attributes of `Job`."""
        make_folder(self.path)
        texts = (json.dumps(list(typed)), json.dumps(list(words)), working_dir, str(folder), json.dumps(data or {}))
        with self._file.transaction() as connection:
            for table in _TABLES:
                connection.execute(table)
            connection.execute("INSERT OR IGNORE INTO queue VALUES ('format', ?)", (json.dumps(FORMAT),))
            self._require_format(connection)
            row = connection.execute(
                "INSERT INTO jobs (typed, words, working_dir, folder, data, run, added) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "RETURNING *",
                (*texts, None if run is None else str(run), now()),
            ).fetchone()
            return _job(row)

    def jobs(self, *status: JobStatus) -> list[Job]:
        """Return all jobs, or those with one of some statuses, by number."""
        if not self.exists:
            return []
        with self._file.connected() as connection:
            found = [_job(row) for row in connection.execute("SELECT * FROM jobs ORDER BY number")]
        return [job for job in found if not status or job.status in status]

    def job(self, number: int) -> Job:
        """Return a job.

        Raises:
            RunError: There is none of this number.
        """
        found = next((job for job in self.jobs() if job.number == number), None)
        if found is None:
            raise RunError(f"There is no job {number} in {self.path}.", "nnrun queue list")
        return found

    def claim(self, number: int) -> Job | None:
        """Claim a job for this process; None if it does not wait any more."""
        return self._change(
            "status = 'running', attempts = attempts + 1, process = ?, started = coalesce(started, ?), error = NULL, "
            "exit_code = NULL WHERE number = ? AND status = 'waiting'",
            (json.dumps(environment.process()), now(), number),
        )

    def set_run(self, number: int, run: Path | None) -> None:
        """State the folder of a job's run, which need not exist yet."""
        self._change("run = ? WHERE number = ?", (None if run is None else str(run), number))

    def end(self, number: int, status: JobStatus, exit_code: int | None, error: str | None = None) -> Job | None:
        """State how a job has ended that ran, or that could not begin; None if it had ended before."""
        return self._change(
            "status = CASE WHEN is_cancelled AND ? <> 'done' THEN 'cancelled' ELSE ? END, exit_code = ?, error = ?, "
            "ended = ?, process = NULL WHERE number = ? AND status IN ('waiting', 'running')",
            (status, status, exit_code, error, now(), number),
        )

    def release(self, number: int, error: str, *, counts: bool = True) -> Job | None:
        """Let a job wait again that ended through no fault of its own; it fails after three attempts.

        Args:
            number: The job.
            error: What happened.
            counts: Whether the attempt counts; one that was asked to stop does not.

        Returns:
            The job, which is cancelled if that was asked for; None if it did not run.
        """
        fails = "attempts >= ? AND ?"
        return self._change(
            f"status = CASE WHEN is_cancelled THEN 'cancelled' WHEN {fails} THEN 'failed' ELSE 'waiting' END, "
            f"ended = CASE WHEN is_cancelled OR ({fails}) THEN ? END, error = ?, attempts = attempts - ?, "
            "process = NULL WHERE number = ? AND status = 'running'",
            (MOST_ATTEMPTS, int(counts), MOST_ATTEMPTS, int(counts), now(), error, int(not counts), number),
        )

    def release_dead(self, *, except_for: Iterable[int] = ()) -> list[Job]:
        """Let all jobs wait again whose process is gone, and return them; that is no fault of theirs."""
        released = []
        for job in self.jobs("running"):
            if job.number not in except_for and environment.is_alive(job.process or {}) is False:
                after = self.release(job.number, "the process that worked on it is gone", counts=False)
                released += [after] if after is not None else []
        return released

    def cancel(self, number: int) -> Job:
        """Cancel a job that waits, or note that one which runs is to stop; return it.

        Raises:
            RunError: There is no such job, or it has ended.
        """
        found = self._change(
            "status = CASE status WHEN 'waiting' THEN 'cancelled' ELSE status END, is_cancelled = 1, "
            "ended = CASE status WHEN 'waiting' THEN ? END WHERE number = ? AND status IN ('waiting', 'running')",
            (now(), number),
        )
        if found is None:
            job = self.job(number)
            raise RunError(f"Job {number} cannot be cancelled: it is {job.status}.", "nnrun queue list")
        return found

    def retry(self, number: int) -> Job:
        """Let a job wait again that failed, was stopped or cancelled; it goes on from the last state of its run.

        Raises:
            RunError: There is no such job, or it has not ended so.
        """
        found = self._change(
            "status = 'waiting', is_cancelled = 0, attempts = 0, exit_code = NULL, error = NULL, ended = NULL "
            "WHERE number = ? AND status IN ('failed', 'stopped', 'cancelled')",
            (number,),
        )
        if found is None:
            job = self.job(number)
            raise RunError(f"Job {number} cannot be tried again: it is {job.status}.", "nnrun queue list")
        return found

    def remove(self, number: int) -> Job:
        """Remove a job that has ended, with its copies and its log; its run is kept.

        Raises:
            RunError: There is no such job, it has not ended, or its folder cannot be removed.
        """
        job = self.job(number)
        if not self._delete(number):
            hint = f"nnrun queue cancel {number}"
            raise RunError(f"Job {number} cannot be removed: it is {self.job(number).status}.", hint)
        folder = Path(job.folder)
        # In a store from other hands a job may name any folder.
        is_of_the_queue = folder.parent.resolve() == (self.path / "jobs").resolve() and not folder.is_symlink()
        if is_of_the_queue and FOLDER_NAME.fullmatch(folder.name) and folder.is_dir():
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise disk_error(error, folder) from error
        return job

    def _delete(self, number: int) -> bool:
        condition = "number = ? AND status NOT IN ('waiting', 'running')"
        with self._file.transaction() as connection:
            row = connection.execute(f"DELETE FROM jobs WHERE {condition} RETURNING number", (number,)).fetchone()  # noqa: S608
        return row is not None

    def _change(self, change: str, values: tuple[object, ...]) -> Job | None:
        """Change a job in one transaction; return it, or None if the condition held for none."""
        if not self.exists:
            return None
        with self._file.transaction() as connection:
            row = connection.execute(f"UPDATE jobs SET {change} RETURNING *", values).fetchone()  # noqa: S608
            return None if row is None else _job(row)

    def _require_format(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM queue WHERE key = 'format'").fetchone()
        known = None if row is None else json.loads(row["value"])
        if known != FORMAT:
            text = f"{self._file.path} has format {known}, and this version of nnrun reads {FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")


def _job(row: sqlite3.Row) -> Job:
    fields = dict(row)
    for name, kind in (("typed", list), ("words", list), ("data", dict), ("process", dict)):
        if name == "process" and fields[name] is None:
            continue
        fields[name] = json.loads(fields[name])
        if not isinstance(fields[name], kind) or not (fields[name] or kind is dict):
            raise TypeError(f"the {name} of job {fields['number']} are of another kind")
    for name in ("typed", "words"):
        fields[name] = tuple(str(word) for word in fields[name])
    return Job(**{**fields, "is_cancelled": bool(fields["is_cancelled"])})

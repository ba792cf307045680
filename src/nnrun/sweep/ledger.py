"""The ledger of a sweep: what is tried, who trains it, and how it ended; a SQLite file in the sweep's folder.

Every change is one transaction that is on disk when it returns. A trial belongs to the process that has claimed it; if
that is gone, whoever resumes the sweep takes the trial over, and its run continues from its last state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.runs.record import now
from nnrun.runs.sqlite_file import SqliteFile
from nnrun.sweep.space import as_options

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: The format of the file; it is raised where an older nnrun could not read it.
FORMAT = 2
#: The formats that are read and written: 1 has no column `intermediate`, and no trial that was pruned.
_KNOWN_FORMATS = (1, 2)
#: How often a trial begins again that ended through no fault of its own.
MOST_ATTEMPTS = 3

TrialStatus = Literal["waiting", "running", "done", "failed", "pruned"]

_TABLES = """
CREATE TABLE sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE trials (
    number INTEGER PRIMARY KEY,
    combination INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    parameters TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    process TEXT,
    error TEXT,
    scores TEXT,
    intermediate TEXT,
    started TEXT,
    ended TEXT
) STRICT;
CREATE INDEX by_status ON trials (status, number);
"""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        number: Its number, counted from 0.
        combination: The number of its combination of values; all seeds of one have the same.
        seed: The seed.
        parameters: The values, by path.
        status: `waiting`, `running`, `done`, `failed`, or `pruned`: stopped early, as others were better by then.
        attempts: How often it was begun.
        process: The process that has claimed it: `host`, `pid` and `start`.
        error: Why it failed or was pruned.
        scores: The content of the run's `scores.json`, without what is in lists.
        intermediate: The value of each epoch by which pruning decides, from the first; None where nothing is pruned.
        started: When it was first claimed, ISO 8601 in UTC.
        ended: When it ended.
    """

    number: int
    combination: int
    seed: int
    parameters: Mapping[str, Any]
    status: TrialStatus = "waiting"
    attempts: int = 0
    process: Mapping[str, Any] | None = None
    error: str | None = None
    scores: Mapping[str, Any] | None = None
    intermediate: Sequence[float] | None = None
    started: str | None = None
    ended: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The `--set` options that make the sweep's config that of the trial."""
        return (*as_options(self.parameters), f"seed={self.seed}")


class Ledger:
    """A ledger that exists.

    Args:
        file: The file.

    Raises:
        RunError: It is no ledger, is damaged, or is of a newer format.
    """

    def __init__(self, file: Path) -> None:
        self._file = _sqlite(file)
        if file.is_symlink() or not file.is_file():
            raise RunError(f"{file} is no file, so this is no sweep that can be read", "nnrun sweep list")
        known = self.fields().get("format")
        if known not in _KNOWN_FORMATS:
            text = f"{file} has format {known}, and this version of nnrun reads {FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")

    @classmethod
    def create(cls, file: Path, fields: Mapping[str, Any], trials: Sequence[Trial]) -> Ledger:
        """Create a ledger with its first trials, which wait.

        Args:
            file: The file, which does not exist.
            fields: What belongs to the sweep as a whole.
            trials: The trials.
        """
        with _sqlite(file).connected() as connection:
            connection.executescript(f"BEGIN; {_TABLES}")
            for key, value in {"format": FORMAT, **fields}.items():
                connection.execute("INSERT INTO sweep VALUES (?, ?)", (key, json.dumps(value)))
            _insert(connection, trials)
            connection.execute("COMMIT")
        return cls(file)

    def add(self, trials: Sequence[Trial], known: int) -> bool:
        """Add trials, which wait, if the ledger has as many as they were made from; all of them or none.

        Args:
            trials: The trials; the first has the number `known`.
            known: How many trials the ledger had when these were made.

        Returns:
            Whether they were added; another process may have added the same ones before.
        """
        with self._file.transaction() as connection:
            (count,) = connection.execute("SELECT count(*) FROM trials").fetchone()
            if count == known:
                _insert(connection, trials)
        return bool(count == known)

    def fields(self) -> dict[str, Any]:
        """Return what belongs to the sweep as a whole."""
        with self._file.connected() as connection:
            return {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM sweep")}

    def trials(self, status: TrialStatus | None = None) -> list[Trial]:
        """Return all trials, or those of one status, by number."""
        where, values = ("", ()) if status is None else (" WHERE status = ?", (status,))
        with self._file.connected() as connection:
            rows = connection.execute(f"SELECT * FROM trials{where} ORDER BY number", values)  # noqa: S608
            return [_trial(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many trials have each status."""
        with self._file.connected() as connection:
            return dict(connection.execute("SELECT status, count(*) FROM trials GROUP BY status").fetchall())

    def claim(self) -> Trial | None:
        """Claim the first trial that waits for this process; None if none does."""
        with self._file.transaction() as connection:
            row = connection.execute(
                "UPDATE trials SET status = 'running', attempts = attempts + 1, process = ?, started = "
                "coalesce(started, ?), error = NULL WHERE number = (SELECT min(number) FROM trials WHERE "
                "status = 'waiting') RETURNING *",
                (json.dumps(environment.process()), now()),
            ).fetchone()
        return None if row is None else _trial(row)

    def finish(self, number: int, scores: Mapping[str, Any], intermediate: Sequence[float] | None = None) -> None:
        """State that a trial is done, with its scores, and the values of its epochs where pruning compares them."""
        self._end(number, "done", scores=json.dumps(scores), intermediate=intermediate)

    def prune(self, number: int, reason: str, intermediate: Sequence[float]) -> None:
        """State that a trial was stopped early, with the values of its epochs up to there."""
        self._end(number, "pruned", error=reason, intermediate=intermediate)

    def fail(self, number: int, error: str) -> None:
        """State that a trial failed by its own fault."""
        self._end(number, "failed", error=error)

    def release(self, number: int, error: str, *, counts: bool = True) -> bool:
        """Let a trial wait again that ended through no fault of its own; it fails after three attempts.

        Args:
            number: The trial.
            error: What happened.
            counts: Whether the attempt counts; one that was asked to stop does not.

        Returns:
            Whether it waits.
        """
        with self._file.transaction() as connection:
            row = connection.execute(
                "UPDATE trials SET process = NULL, error = ?, attempts = attempts - ?, "
                "status = CASE WHEN attempts >= ? AND ? THEN 'failed' ELSE 'waiting' END "
                "WHERE number = ? AND status = 'running' RETURNING status",
                (error, int(not counts), MOST_ATTEMPTS, int(counts), number),
            ).fetchone()
        return row is not None and row["status"] == "waiting"

    def release_dead(self) -> list[Trial]:
        """Let all trials wait again whose process is gone; return them. A killed sweep is not the trials' fault."""
        dead = [one for one in self.trials("running") if environment.is_alive(one.process or {}) is False]
        for one in dead:
            self.release(one.number, "the process that trained it is gone", counts=False)
        return dead

    def _end(
        self,
        number: int,
        status: TrialStatus,
        *,
        scores: str | None = None,
        error: str | None = None,
        intermediate: Sequence[float] | None = None,
    ) -> None:
        with self._file.transaction() as connection:
            if intermediate is not None:  # a ledger of format 1 has no such column
                values = (json.dumps(list(intermediate)), number)
                connection.execute("UPDATE trials SET intermediate = ? WHERE number = ?", values)
            connection.execute(
                "UPDATE trials SET status = ?, scores = ?, error = ?, ended = ?, process = NULL WHERE number = ?",
                (status, scores, error, now(), number),
            )


def _sqlite(file: Path) -> SqliteFile:
    return SqliteFile(file, "begin another sweep; the runs in its folder are kept")


def _insert(connection: sqlite3.Connection, trials: Sequence[Trial]) -> None:
    rows = [(one.number, one.combination, one.seed, json.dumps(one.parameters)) for one in trials]
    connection.executemany("INSERT INTO trials (number, combination, seed, parameters) VALUES (?, ?, ?, ?)", rows)


def _trial(row: sqlite3.Row) -> Trial:
    fields = dict(row)
    for name in ("parameters", "process", "scores", "intermediate"):
        text = fields.get(name)
        fields[name] = None if text is None else json.loads(text)
    return Trial(**fields)

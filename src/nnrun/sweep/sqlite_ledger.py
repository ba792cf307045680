"""A ledger in a SQLite file in the sweep's folder, for the processes of one machine.

Every change is one transaction that is on disk when it returns. SQLite does not lock reliably on network file systems:
machines that share a folder use `file_ledger`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nnrun.atomic_files import write_atomically
from nnrun.errors import RunError
from nnrun.runs.disk import disk_error
from nnrun.runs.record import now
from nnrun.runs.sqlite_file import SqliteFile
from nnrun.sweep.ledger import FORMAT, Ledger, Trial, TrialStatus, claimant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: The formats that are read and written: 1 has no column `intermediate`, and no trial that was pruned.
_KNOWN_FORMATS = (1, 2)
#: Ends the claim of a trial, if it is still the trial's.
_END = (
    "UPDATE trials SET status = ?, attempts = attempts - ?, error = ?, scores = ?, ended = ?, process = NULL "
    "WHERE number = ? AND status = 'running' AND process = ? AND attempts = ? RETURNING number"
)

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


class SqliteLedger(Ledger):
    """A ledger that exists.

    Args:
        file: The file.

    Raises:
        RunError: It is no ledger, is damaged, or is of a newer format.
    """

    is_shared = False

    def __init__(self, file: Path) -> None:
        self._file = _sqlite(file)
        if file.is_symlink() or not file.is_file():
            raise RunError(f"{file} is no file, so this is no sweep that can be read", "nnrun sweep list")
        known = self.fields().get("format")
        if known not in _KNOWN_FORMATS:
            text = f"{file} has format {known}, and this version of nnrun reads {FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")

    @classmethod
    def create(cls, file: Path, fields: Mapping[str, Any], trials: Sequence[Trial]) -> SqliteLedger:
        """Create a ledger with its first trials, which wait; killed in the middle, there is none.

        Args:
            file: The file, which does not exist.
            fields: What belongs to the sweep as a whole.
            trials: The trials.

        Raises:
            RunError: The file cannot be written.
        """

        def write(temporary: Path) -> None:
            with _sqlite(temporary).connected() as connection:
                connection.executescript(f"BEGIN; {_TABLES}")
                for key, value in {"format": FORMAT, **fields}.items():
                    connection.execute("INSERT INTO sweep VALUES (?, ?)", (key, json.dumps(value)))
                _insert(connection, trials)
                connection.execute("COMMIT")

        try:
            write_atomically(file, write)
        except OSError as error:
            raise disk_error(error, file) from error
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

    def trials(self, status: TrialStatus | None = None, first: int = 0) -> list[Trial]:
        """Return all trials, or those of one status, by number; those before `first` are left out."""
        where, values = ("", (first,)) if status is None else (" AND status = ?", (first, status))
        with self._file.connected() as connection:
            rows = connection.execute(f"SELECT * FROM trials WHERE number >= ?{where} ORDER BY number", values)  # noqa: S608
            return [_trial(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many trials have each status."""
        with self._file.connected() as connection:
            return dict(connection.execute("SELECT status, count(*) FROM trials GROUP BY status").fetchall())

    def claim(self, number: int | None = None) -> Trial | None:
        """Claim the first trial that waits for this process, or the one of a number; None if it, or none, waits."""
        with self._file.transaction() as connection:
            row = connection.execute(
                "UPDATE trials SET status = 'running', attempts = attempts + 1, process = ?, started = "
                "coalesce(started, ?), error = NULL WHERE number = (SELECT min(number) FROM trials WHERE "
                "status = 'waiting' AND number = coalesce(?, number)) RETURNING *",
                (json.dumps(claimant()), now(), number),
            ).fetchone()
        return None if row is None else _trial(row)

    def _end(
        self,
        trial: Trial,
        status: TrialStatus,
        *,
        scores: Mapping[str, Any] | None = None,
        error: str | None = None,
        intermediate: Sequence[float] | None = None,
        less: int = 0,
    ) -> bool:
        """End a claim, if it is still the trial's; `less` attempts than before."""
        ended = None if status == "waiting" else now()
        claim = (trial.number, json.dumps(trial.process), trial.attempts)
        written = None if scores is None else json.dumps(scores)
        with self._file.transaction() as connection:
            row = connection.execute(_END, (status, less, error, written, ended, *claim)).fetchone()
            if row is not None and intermediate is not None:  # a ledger of format 1 has no such column
                values = (json.dumps(list(intermediate)), trial.number)
                connection.execute("UPDATE trials SET intermediate = ? WHERE number = ?", values)
        return row is not None


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

"""A SQLite file that several processes share: connections that end at once, transactions, and errors that say more."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.errors import DiskError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Seconds that a transaction waits for those of other processes.
_PATIENCE = 60.0
#: Result codes of a file that is no SQLite file, is damaged, or has other tables (https://sqlite.org/rescode.html).
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True)
class SqliteFile:
    """A SQLite file of nnrun's; every change is a transaction that is on disk when it returns.

    Attributes:
        path: The file.
        if_damaged: What to do where the file cannot be read, as the hint of an error.
    """

    path: Path
    if_damaged: str

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Open the file for the `with` block: no connection is kept, so that none crosses into another process.

        Raises:
            DiskError: The disk is full or read-only.
            RunError: The file is damaged.
        """
        try:
            connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                # A file from other hands may have views and triggers: they may call nothing that has effects.
                connection.execute("PRAGMA trusted_schema = OFF")
                yield connection
            finally:
                connection.close()
        except (ValueError, TypeError, RecursionError) as error:
            raise RunError(f"{self.path} is damaged: {error}", self.if_damaged) from error
        except sqlite3.Error as error:
            # The second byte of a code says more of the first, which is the kind.
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in _DAMAGED:
                raise RunError(f"{self.path} is damaged: {error}", self.if_damaged) from error
            hint = "see that the disk has room and can be written; nothing was lost"
            raise DiskError(f"{self.path}: {error}", hint) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the file in the `with` block, alone among all processes; an error in it changes nothing.

        Raises:
            DiskError, RunError: As for `connected`.
        """
        with self.connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

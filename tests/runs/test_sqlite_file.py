"""A SQLite file that processes share: a transaction is whole or nothing, and an error says what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.runs.sqlite_file import SqliteFile


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    """A file with a table."""
    made = SqliteFile(tmp_path / "some.sqlite", "make another one")
    with made.transaction() as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    return made


def test_an_error_in_a_transaction_changes_nothing(file: SqliteFile) -> None:
    """What was done in it before is undone, and the next one can begin."""
    with pytest.raises(RunError, match="UNIQUE"), file.transaction() as connection:
        connection.executemany("INSERT INTO numbers VALUES (?)", [(1,), (1,)])
    with file.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone()[0] == 0


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to be one " * 30])
def test_a_file_without_the_tables_is_told_as_damaged(tmp_path: Path, content: bytes) -> None:
    """With what to do about it, which is another thing than to free the disk."""
    file = SqliteFile(tmp_path / "some.sqlite", "make another one")
    file.path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged") as refused, file.connected() as connection:
        connection.execute("SELECT * FROM numbers")
    assert refused.value.hint == "make another one"


def test_a_full_disk_is_told_as_one(file: SqliteFile) -> None:
    """The file is not called damaged, and keeps what it had."""
    with pytest.raises(RunError, match="full") as refused:
        fill(file, pages=2)
    assert "disk has room" in str(refused.value.hint)
    with sqlite3.connect(file.path) as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone()[0] == 0


def fill(file: SqliteFile, pages: int) -> None:
    """Add more rows than a file of so many pages can hold."""
    with file.transaction() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.executemany("INSERT INTO numbers VALUES (?)", ((number,) for number in range(9999)))

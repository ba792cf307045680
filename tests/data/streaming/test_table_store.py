"""Tests of tables on disk: any rows can be read, and memory holds no more than these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.streaming.table_store import TableStore, TableWriter
from nnrun.errors import DataError

COLUMNS = {
    "a": np.array([1.5, -0.0, np.nan, 4.0]),
    "t": np.array(["x", None, "y", "x"], dtype=object),
    "b": np.array([9.0, 8.0, 7.0, 6.0]),
}
KINDS = {"a": "number", "t": "category", "b": "date"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table that was written in two blocks."""
    folder = tmp_path_factory.mktemp("table")
    writer = TableWriter(folder, KINDS)
    for piece in (slice(0, 3), slice(3, 4)):
        writer.add({name: column[piece] for name, column in COLUMNS.items()})
    writer.finish("key")
    return folder


@given(st.lists(st.integers(0, 3), max_size=9))
def test_rows_come_as_they_were_written(folder, rows: list[int]) -> None:
    """In any order, some of them twice; numbers to the last bit, missing texts as None."""
    found = TableStore.open(folder).read(np.array(rows, dtype="int64"))
    assert found.names == ("a", "t", "b")
    for name, column in COLUMNS.items():
        assert repr(found.values[name].tolist()) == repr(column[rows].tolist())


def test_columns_are_selected_and_read_whole(folder) -> None:
    """A store of some columns reads these alone; one column is an array of all rows."""
    store = TableStore.open(folder)
    assert store.only(["b", "t"]).read(np.array([1])).names == ("b", "t")
    assert store.column("b").tolist() == [9, 8, 7, 6]
    assert (store.rows, store.size, store.kinds) == (4, 4 * (2 * 8 + 4), KINDS)


def test_the_digest_depends_on_source_columns_and_rows(folder) -> None:
    """A change of any of these changes the digest."""
    store, rows = TableStore.open(folder), np.array([0, 1])
    digests = {store.digest(rows), store.digest(rows[::-1]), store.only(["a"]).digest(rows)}
    assert len(digests) == 3
    assert store.digest(rows) == TableStore.open(folder).digest(rows)


def test_a_table_that_was_changed_is_refused(tmp_path) -> None:
    """Files of another size, or a description that is none."""
    writer = TableWriter(tmp_path, {"a": "number"})
    writer.add({"a": np.arange(3.0)})
    writer.finish("key")
    (tmp_path / "numbers.f8").write_bytes(b"12345678")
    with pytest.raises(DataError, match="its files have other sizes"):
        TableStore.open(tmp_path)
    (tmp_path / "table.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        TableStore.open(tmp_path)


def test_too_many_texts_are_refused(tmp_path, monkeypatch) -> None:
    """A column with too many different texts is refused, as all of them are in memory."""
    monkeypatch.setattr("nnrun.data.streaming.table_store._MOST_TEXTS", 2)
    writer = TableWriter(tmp_path, {"t": "text"})
    with pytest.raises(DataError, match="'t' holds more than 2 different texts"):
        writer.add({"t": np.array(["a", "b", "c"], dtype=object)})
    writer.close()

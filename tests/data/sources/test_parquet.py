"""Parquet tables: columns by type, gaps only where they are filled in, and a clear word without pyarrow."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace

import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.sources.parquet import Parquet
from nnrun.errors import DataError, DefectsError, MissingExtraError


@pytest.fixture
def table(paths):
    """A Parquet file with columns of every type."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    def write(**changed: list) -> None:
        columns = {
            "age": [30, 40, 50],
            "town": ["Ulm", "Bonn", "Ulm"],
            "seen": [dt.date(1970, 1, 3), dt.date(1970, 1, 1), dt.date(1971, 1, 1)],
            "member": [True, False, True],
            "risk": [0, 1, 0],
        }
        pq.write_table(pa.table({**columns, **changed}), paths.config_dir / "t.parquet")

    write()
    return write


def test_columns_are_read_by_their_types(paths, listener, spec, table) -> None:
    """Numbers, text, dates as days since 1970, truth values; the inferred facts are those of the loaded data."""
    data = spec("parquet", file="t.parquet", prepare=(("Ordinal", {"columns": ["town"]}),))
    facts, findings = infer_facts(data, form="number", paths=paths)
    done = load(data, form="number", seed=1, paths=paths, progress=listener)
    assert findings == ()
    # What only the values show is known once they are read.
    assert replace(facts, categories={}, zero_one=True) == done.facts
    assert done.train.x.tolist() == [[30, 1, 2, 1], [40, 0, 0, 0], [50, 1, 365, 1]]


def test_missing_values_need_a_step_that_fills_them_in(paths, listener, spec, table) -> None:
    """Missing values are refused with column and row, unless there is an `Impute` step."""
    table(age=[30, None, 50])
    with pytest.raises(DataError, match="column age: expected a value, received a missing one in row 1"):
        Parquet("t.parquet").load(paths, listener)
    data = spec("parquet", file="t.parquet", features=["age"], target="risk", prepare=(("Impute", {}),))
    done = load(data, form="number", seed=1, paths=paths, progress=listener)
    assert done.train.x.tolist() == [[30], [40], [50]]


@pytest.mark.parametrize("stream", [False, True])
def test_all_defects_are_reported_at_once(paths, listener, table, stream: bool) -> None:
    """Missing and invalid values of every column are one error: the first in full, three by row, others counted."""
    rows = 1000
    table(
        age=[None if row % 100 == 7 else row for row in range(rows)],
        town=["Ulm" if row != 999 else None for row in range(rows)],
        seen=["12" if row not in {3, 500} else "soon" for row in range(rows)],
        member=[True] * rows,
        risk=[row % 2 for row in range(rows)],
    )
    source = Parquet("t.parquet", types={"seen": "number"}, stream=stream, memory=64 * 8 * 5 * 300 / 1e9)
    with pytest.raises(DefectsError) as refused:
        source.load(paths, listener)
    texts = {problem.text for problem in refused.value.problems}
    missing = "expected a value, received a missing one in row"
    assert texts == {
        f"column age: {missing} 7 (counted from 0) (likewise in rows 107, 207, 307 and 6 more)",
        f"column town: {missing} 999 (counted from 0)",
        "column seen: expected a number, received 'soon' in row 3 (counted from 0) (likewise in row 500)",
    }
    assert "(and 2 more defects)" in str(refused.value)
    assert not list((paths.cache_dir() / "streams").glob("*/*"))


def test_what_cannot_be_read_is_refused(paths, listener, spec, table) -> None:
    """Structures in a column, an unknown column, and a file that is not a Parquet file."""
    table(age=[{"a": 1}, {"a": 2}, {"a": 3}])
    with pytest.raises(DataError, match="column age: expected numbers, text or dates, received values of the type"):
        Parquet("t.parquet").load(paths, listener)
    _, findings = infer_facts(spec("parquet", file="t.parquet", target="rsik"), form="number", paths=paths)
    assert [finding.name for finding in findings] == ["unknown-column"]
    (paths.config_dir / "t.parquet").write_text("no")
    with pytest.raises(DataError, match="expected a Parquet file, but it cannot be read"):
        Parquet("t.parquet").load(paths, listener)


def test_more_rows_come_from_parquet_or_csv(paths, listener, table) -> None:
    """New examples are read from either, with the columns of the run."""
    source = Parquet("t.parquet", features=["age", "town"])
    layout = source.load(paths, listener).layout
    found = source.load_new(paths.config_dir / "t.parquet", layout, with_target=True)
    assert (found.x.values["age"].tolist(), found.y.tolist()) == ([30, 40, 50], [0, 1, 0])
    (paths.config_dir / "more.csv").write_text("town,age\nUlm,7\n")
    assert source.load_new(paths.config_dir / "more.csv", layout, with_target=False).x.values["age"].tolist() == [7]


def test_without_pyarrow_the_error_names_the_extra(paths, listener, spec, monkeypatch) -> None:
    """The hint is what to install, and so is that of the finding of `check`."""
    (paths.config_dir / "t.parquet").write_text("x")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as refused:
        Parquet("t.parquet").load(paths, listener)
    assert refused.value.hint == "pip install 'nnrun[parquet]'"
    _, findings = infer_facts(spec("parquet", file="t.parquet"), form="number", paths=paths)
    assert findings[0].hint == "pip install 'nnrun[parquet]'"

"""The columns of a new file for a finished run: by their names, and by their position only where that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.new_data import load_new_data
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.npz import Npz
from nnrun.data.sources.parquet import Parquet
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples

WITH_HEADER = "a,b,kind\n" + "1,2,x\n3,4,y\n5,6,x\n" * 4
WITHOUT_HEADER = WITH_HEADER.partition("\n")[2]


def _new(paths: DataPaths, listener, run: str, new: str, *, with_target: bool = False, **options: object) -> Examples:
    (paths.config_dir / "t.csv").write_text(run)
    (paths.config_dir / "new.csv").write_text(new)
    layout = Csv("t.csv", **options).load(paths, listener).layout
    return Csv("t.csv", **options).load_new(paths.config_dir / "new.csv", layout, with_target=with_target)


FOUND = [
    (WITH_HEADER, "b,a\n8,7\n", False, []),
    (WITH_HEADER, ",kind,b,a\n0,x,8,7\n", True, []),
    (
        WITH_HEADER,
        "b,extra,a,other\n8,0,7,1\n",
        False,
        ["has 2 columns that the run's data do not have: extra"],
    ),
    (
        WITH_HEADER,
        "7,8\n",
        False,
        ["its columns are taken in the order of the run's data: a, b."],
    ),
    (WITH_HEADER, "7,8,x\n9,9,y\n", True, ["new.csv has no header"]),
    (WITHOUT_HEADER, "7,8,x\n9,9,y\n9,9,x\n", True, []),
    (WITHOUT_HEADER, "7,8\n", False, ["new.csv has 2 columns, taken as 0, 1 of the run's data."]),
    (WITHOUT_HEADER, "b,a\n7,8\n", False, ["columns of new.csv are taken by position: 'b' as 0, 'a' as 1."]),
    (WITHOUT_HEADER, ",b,a,c\n0,7,8,x\n1,9,9,y\n", True, ["taken by position: 'b' as 0, 'a' as 1, 'c' as 2."]),
    (WITHOUT_HEADER, "label,b,a\nx,7,8\ny,9,9\n", True, ["by position: 'label' as 2, 'b' as 0, 'a' as 1."]),
]


@pytest.mark.parametrize(("run", "new", "with_target", "said"), FOUND)
def test_columns_are_found_by_name(
    paths: DataPaths, listener, run: str, new: str, with_target: bool, said: list[str]
) -> None:
    """Order and further columns do not matter; columns that are ignored or taken by position are reported."""
    found = _new(paths, listener, run, new, with_target=with_target)
    assert [column[0] for column in found.x.values.values()] == [7, 8]
    assert found.y is None or found.y[0] == "x"
    assert len(found.findings) == len(said)
    for finding, text in zip(found.findings, said, strict=True):
        assert text in finding.text
        assert (finding.severity == "warning") == ("position" in text or "no header" in finding.text)


REFUSED = [
    (WITH_HEADER, "a,kind\n1,x\n", "there is no column 'b'; there are: a, kind"),
    (WITH_HEADER, "A,B\n1,2\n", r"there are no columns 'a', 'b'; 'a': Did you mean 'A'\? 'b': Did you mean 'B'\?"),
    (WITH_HEADER, "p,q\n1,2\n", "there are no columns 'a', 'b'; there are: p, q"),
    (WITH_HEADER, "1,2,3,4\n5,6,7,8\n", "has no header, so .* by position: expected 3 or 2 columns, received 4"),
    (WITHOUT_HEADER, "1,2,3,4\n5,6,7,8\n", "expected 3 or 2 columns, received 4"),
    (WITHOUT_HEADER, "a,b,c,d\n5,6,7,8\n", "trained on a file with no header, .*: expected 3 or 2 columns, received 4"),
]


@pytest.mark.parametrize(("run", "new", "text"), REFUSED)
def test_other_columns_are_refused(paths: DataPaths, listener, run: str, new: str, text: str) -> None:
    """All missing columns are named, with the nearest of the file, and another number of nameless ones is refused."""
    with pytest.raises(DataError, match=text) as refused:
        _new(paths, listener, run, new)
    assert refused.value.hint


def test_a_header_over_the_numbers_of_a_run_without_one_is_no_row(paths: DataPaths, listener) -> None:
    """Also where the config says `header: false` of the run's own file, names are not read as values."""
    run = WITHOUT_HEADER.replace("x", "0").replace("y", "1")
    found = _new(paths, listener, run, "a,b\n7,8\n", header=False)
    assert found.x.matrix().tolist() == [[7, 8]]
    assert "by position" in found.findings[0].text


def test_parquet_is_read_by_name(paths: DataPaths, listener) -> None:
    """Columns of a Parquet file may stand in any order; further ones are reported and missing ones refused."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    folder = paths.config_dir
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4], "y": [0, 1]}), folder / "t.parquet")
    layout = Parquet("t.parquet").load(paths, listener).layout
    pq.write_table(pa.table({"more": [0], "b": [8], "a": [7]}), folder / "new.parquet")
    found = Parquet("t.parquet").load_new(folder / "new.parquet", layout, with_target=False)
    assert found.x.matrix().tolist() == [[7, 8]]
    assert [one.text for one in found.findings] == [
        "new.parquet has 1 column that the run's data do not have: more; not used."
    ]
    pq.write_table(pa.table({"A": [0], "b": [8]}), folder / "other.parquet")
    with pytest.raises(DataError, match=r"there is no column 'a'; Did you mean 'A'\?"):
        Parquet("t.parquet").load_new(folder / "other.parquet", layout, with_target=False)


def test_arrays_of_other_names_are_reported(paths: DataPaths) -> None:
    """Where a new npz file lacks the arrays that the config names, the usual ones are used and named."""
    np.savez(paths.config_dir / "new.npz", x=np.ones((2, 3)), labels=np.zeros(2))
    source = Npz("t.npz", {"x": "inputs", "y": "labels"})
    found = source.load_new(paths.config_dir / "new.npz", {}, with_target=True)
    assert [one.text for one in found.findings] == [
        "new.npz has no arrays of the config's names: x from the array 'x'."
    ]


def test_what_is_said_of_columns_reaches_the_user(paths: DataPaths, listener, spec) -> None:
    """Ignored columns are a line of progress, and columns by position a warning."""
    from nnrun.data.load import load

    (paths.config_dir / "t.csv").write_text(WITH_HEADER)
    config = spec("csv", file="t.csv")
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    for text in ("c,b,a\n1,2,3\n", "1,2\n"):
        (paths.config_dir / "new.csv").write_text(text)
        file = paths.config_dir / "new.csv"
        load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=False, progress=listener)
    assert any("not used" in note for note in listener.notes)
    assert ["new.csv has no header" in warning for warning in listener.warnings] == [True]

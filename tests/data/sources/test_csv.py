"""Tables in text files: what is read, and the error of each malformed file."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.data.data_facts import infer_facts
from nnrun.data.sources.csv import Csv
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import SourceData


def _load(paths: DataPaths, listener, text: str | bytes, name: str = "t.csv", **options: object) -> SourceData:
    content = text.encode() if isinstance(text, str) else text
    (paths.config_dir / name).write_bytes(content)
    return Csv(name, **options).load(paths, listener)


def _rows(raw: SourceData) -> list[list[float]]:
    return raw.train.x.matrix().tolist()


def test_a_header_names_the_columns_and_the_last_one_is_the_target(paths: DataPaths, listener) -> None:
    """The defaults: a comma, a header of words, all columns but the last as features."""
    raw = _load(paths, listener, "a,b,kind\n1,2.5,x\n3,4,y\n")
    assert raw.train.x.names == ("a", "b")
    assert _rows(raw) == [[1, 2.5], [3, 4]]
    assert raw.train.y.tolist() == ["x", "y"]
    assert raw.target_names == ("kind",)


def test_a_file_of_numbers_has_no_header(paths: DataPaths, listener) -> None:
    """A first line with a number is a row, and columns are named by index."""
    raw = _load(paths, listener, "1,2,0\n3,4,1\n")
    assert raw.train.x.names == ("0", "1")
    assert raw.train.y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a;b;y\n1,5;2;0\n3;4;1\n", {"separator": ";", "decimal": ","}),
        ("a\tb\ty\n1.5\t2\t0\n3\t4\t1\n", {"separator": "\t"}),
        ("  a   b  y\n 1.5\t 2  0 \n3 4 1\n", {"separator": " "}),
        ('"a", "b", "y"\n"1.5", 2, 0\n\n3, 4, 1\n', {}),
        ("\ufeffa,b,y\r\n1.5,2,0\r\n3,4,1\r\n", {}),
        ("y,b,a\n0,2,1.5\n1,4,3\n", {"target": "y", "features": ["a", "b"]}),
        ("y,b,a\n0,2,1.5\n1,4,3\n", {"target": 0, "features": [-1, 1]}),
        ("no,a,b,y\nx,1.5,2,0\n,3,4,1\n", {"features": ["a", "b"]}),
    ],
)
def test_dialects_read_alike(paths: DataPaths, listener, text: str, options: dict) -> None:
    """Separators, decimal commas, quotes, blank lines, a byte order mark and chosen columns give the same table."""
    raw = _load(paths, listener, text, **options)
    assert raw.train.x.names == ("a", "b")
    assert _rows(raw) == [[1.5, 2], [3, 4]]
    assert raw.train.y.tolist() == [0, 1]


def test_gzipped_tables_and_other_encodings_are_read(paths: DataPaths, listener) -> None:
    """`.gz` is unpacked, and a stated encoding is used."""
    packed = gzip.compress("größe,y\n1,0\n2,1\n".encode("latin-1"))
    assert _load(paths, listener, packed, "t.csv.gz", encoding="latin-1").train.x.names == ("größe",)


def test_text_stays_as_the_file_writes_it(paths: DataPaths, listener) -> None:
    """Truth values and numbers with leading zeros keep their letters where they are text."""
    raw = _load(paths, listener, "code,flag,y\n012,true,1\n7,False,2\n", types={"code": "text"})
    assert raw.train.x.values["code"].tolist() == ["012", "7"]
    assert raw.train.x.values["flag"].tolist() == ["true", "False"]


def test_several_targets_stand_side_by_side(paths: DataPaths, listener) -> None:
    """A list of targets gives one column each."""
    raw = _load(paths, listener, "a,u,v\n1,2,3\n4,5,6\n", target=["u", "v"])
    assert raw.train.y.tolist() == [[2, 3], [5, 6]]
    assert raw.target_names == ("u", "v")


NUMBERS = st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8)


@given(NUMBERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_come_back_as_written(paths: DataPaths, listener, rows: list[list[float]]) -> None:
    """Any finite numbers survive being written and read, to the last digit of float32."""
    text = "a,b,y\n" + "".join(",".join(repr(value) for value in row) + "\n" for row in rows)
    raw = _load(paths, listener, text)
    assert np.array_equal(raw.train.x.matrix(), np.array(rows, dtype="float64")[:, :2].astype("float32"))


@pytest.mark.parametrize(
    ("text", "options", "row", "column", "message"),
    [
        ("a,b,y\n1,2,0\n3,4\n", {}, 3, None, "expected 3 fields, received 2"),
        ("a,b,y\n1,2,0\n\n3,4,5,6\n", {}, 4, None, "expected 3 fields, received 4"),
        ("a,b,y\n1,2,0\n3,,1\n", {"features": ["a"]}, None, None, None),
        ("a,b,y\n1,2,0\n3,4\n", {"features": ["a"], "target": "b"}, 3, None, "expected 3 fields, received 2"),
        ("a,b,y\n1,2,0\n3,four,1\n5,6,1\n", {}, 3, "b", "expected a number, received 'four'"),
        ("1,2,0\n3,four,1\n5,6,1\n", {}, 2, "1", "expected a number, received 'four'"),
        ("a,b,y\n1,2,0\n3,1_000,1\n5,6,1\n", {}, 3, "b", "expected a number, received '1_000'"),
        ("a,b,y\n1,2,0\n3,inf,1\n5,6,1\n", {}, 3, "b", "expected a number, received 'inf'"),
        ("a,b,y\n1,2,0\n3,,1\n", {}, 3, "b", "received a missing one"),
        ("a,b,y\n1,2,0\n3,4,\n", {}, 3, "y", "received a missing one"),
        ("a,b,y\n1,2,0\n?,4,1\n", {"missing": ["?"]}, 3, "a", "received a missing one"),
        ("a,b,y\n1,x,0\n2,NA,1\n", {}, 3, "b", "received a missing one"),
        ("a,b,y\n1,5;2,0\n3,4,1\n", {"types": {"b": "number"}}, 2, "b", "expected a number, received '5;2'"),
        ('a,b,y\n1,"2\n2",0\n3,4,1\n5,6,7\n', {}, 2, "b", "expected a number"),
        ('a,b,y\n1,2,0\n3,"4,1\n', {}, 3, None, "the row cannot be read"),
        ("a,a,y\n1,2,0\n", {}, 1, "a", "names the column 'a' twice"),
        ("a,,y\n0,1,2\n", {"header": True}, 1, "1", "a column has no name"),
        ("a,b,y\n", {}, None, None, "expected rows below the header, received none"),
        ("", {}, None, None, "received an empty file"),
        ("\n\n", {}, None, None, "received an empty file"),
        ("a\n1\n2\n", {}, None, None, "expected feature columns in addition to the target"),
        (b"a,b\0,y\n1,2,3\n", {}, None, None, "received binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {}, None, None, "received binary data"),
        ("größe,y\n1,2\n".encode("latin-1"), {}, 1, None, "expected text in the encoding utf-8"),
        ("a,y\n1,2\n", {"encoding": "utf-99"}, None, None, "there is no encoding 'utf-99'"),
        ("a,b,y\n1,2,0\n", {"target": "z"}, None, None, "there is no column 'z'"),
        ("a,b,y\n1,2,0\n", {"target": 3}, None, None, "there is no column 3"),
        (
            "a,b,y\n1,2,0\n",
            {"features": ["a", "y"]},
            None,
            None,
            "the column 'y' is named as `target` and as `features`",
        ),
        ("a,b,y\n1,2,0\n", {"types": {"c": "text"}}, None, None, "there is no column 'c'"),
    ],
)
def test_malformed_tables_are_refused_with_row_and_column(
    paths: DataPaths,
    listener,
    text: str | bytes,
    options: dict,
    row: int | None,
    column: str | None,
    message: str | None,
) -> None:
    """Each defect is reported with its file, row and column; unused columns may have missing values."""
    if message is None:
        assert len(_load(paths, listener, text, **options).train) == 2
        return
    with pytest.raises(DataError, match=message) as refused:
        _load(paths, listener, text, **options)
    assert str(paths.config_dir / "t.csv") in refused.value.text
    assert refused.value.row == row
    assert column is None or str(refused.value.column) == column
    assert refused.value.hint or "column" in refused.value.text


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("a,b,y\n1,2,0\n".encode("utf-16"), "set `encoding: utf-16`"),
        ("a,b,y\n1,2,0\n".encode("utf-16-be"), "set `encoding: utf-16`"),
        (np.random.default_rng(0).bytes(4000), "check that it is the right file"),
        (np.random.default_rng(0).integers(1, 256, 4000, "uint8").tobytes(), "check that it is the right file"),
        (bytes(500), "check that it is the right file"),
        (b"\x7fELF" + bytes(5) + b"a,b\n" * 40, "check that it is the right file"),
    ],
)
def test_a_file_that_is_no_text_is_said_to_be_binary(paths: DataPaths, listener, content: bytes, hint: str) -> None:
    """An encoding is the hint for what looks like the zeros of UTF-16 alone."""
    with pytest.raises(DataError, match="expected text, received binary data") as refused:
        _load(paths, listener, content)
    assert hint in str(refused.value.hint)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
def test_damage_in_a_text_is_no_sign_of_binary_data(paths: DataPaths, listener, encoding: str) -> None:
    """A few control characters are defects of their rows."""
    content = "größe,y\n" + "\x01,1\n" * 5 + "1,2\n" * 50
    with pytest.raises(DataError, match="control character") as refused:
        _load(paths, listener, content.encode(encoding), encoding=encoding)
    assert refused.value.row == 2


def test_the_first_defect_of_a_file_leads(paths: DataPaths, listener) -> None:
    """Of several defects, the error leads with the one nearest to the top."""
    with pytest.raises(DataError) as refused:
        _load(paths, listener, "a,b,y\n1,2,0\n3,x,1\n4,5\n6,,1\n7,8,1\n")
    assert refused.value.row == 3


def test_a_truncated_gzip_file_is_refused(paths: DataPaths, listener) -> None:
    """A gzip file that was cut off is reported as unreadable."""
    with pytest.raises(DataError, match="cannot be read"):
        _load(paths, listener, gzip.compress(b"a,y\n" + b"1,2\n" * 9000)[:-20], "t.csv.gz")


@pytest.mark.parametrize("options", [{"separator": ""}, {"separator": ",,"}, {"separator": '"'}])
def test_a_separator_that_cannot_be_is_refused(options: dict) -> None:
    """Only one character separates fields."""
    if options["separator"] == "":
        assert Csv("t.csv", **options).dialect.separator == ","
        return
    with pytest.raises(ValueError, match="separator expected one character"):
        Csv("t.csv", **options)


LAYOUT_TEXT = "a,b,kind\n1,u,x\n3,v,y\n"


@pytest.mark.parametrize(
    ("text", "with_target"),
    [
        ("b,kind,a\nv,x,9\n", True),
        ("b,a\nv,9\n", False),
        ("9,v\n", False),
        ("9,v,x\n", True),
        ("more,a,b\n0,9,v\n", False),
    ],
)
def test_another_file_is_read_with_the_columns_of_the_run(
    paths: DataPaths, listener, text: str, with_target: bool
) -> None:
    """Columns are found by name in any order, by position without a header, and the target may be missing."""
    raw = _load(paths, listener, LAYOUT_TEXT)
    other = paths.config_dir / "other.csv"
    other.write_text(text)
    found = Csv("t.csv").load_new(other, raw.layout, with_target=with_target)
    assert {name: column.tolist() for name, column in found.x.values.items()} == {"a": [9.0], "b": ["v"]}
    assert (found.y is not None and found.y.tolist() == ["x"]) if with_target else found.y is None


def test_another_file_without_a_column_of_the_run_is_refused(paths: DataPaths, listener) -> None:
    """The missing column is reported, with those that the run was trained on."""
    raw = _load(paths, listener, LAYOUT_TEXT)
    other = paths.config_dir / "other.csv"
    other.write_text("a,c\n1,2\n")
    with pytest.raises(DataError, match="there is no column 'b'") as refused:
        Csv("t.csv").load_new(other, raw.layout, with_target=False)
    assert refused.value.hint == "the run was trained on the columns a, b"


@pytest.mark.parametrize(
    ("mark", "written", "number"),
    [(";", "';'", "1,5"), (";", "';'", "15"), ("\t", r'"\t"', "1,5"), ("|", "'|'", "15"), (" ", "' '", "15")],
)
def test_another_separator_is_the_hint(paths: DataPaths, spec, mark: str, written: str, number: str) -> None:
    """Where a column is not found because fields are separated by another character, the hint is that separator."""
    (paths.config_dir / "t.csv").write_text(f"x{mark}y\n" + f"{number}{mark}2\n" * 9)
    _, findings = infer_facts(spec("csv", file="t.csv", target="y"), form="number", paths=paths)
    assert (findings[0].name, findings[0].hint) == ("unknown-column", f"write `separator: {written}`")

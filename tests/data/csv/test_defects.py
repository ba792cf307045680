"""Defects of csv files: thirty kinds in one file, each reported with its row and column."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.data.csv.defects import examine
from nnrun.data.csv.dialect import CsvFile, Dialect
from nnrun.data.csv.header import read_header
from nnrun.data.csv.type_inference import ColumnRequest
from nnrun.data.data_facts import infer_facts
from nnrun.data.sources.csv import Csv
from nnrun.errors import DataError, DefectsError

GALLERY = Path(__file__).parents[2] / "errors" / "gallery" / "data-defects.files" / "visits.csv"
HEADER = b"age,weight,seen,city,counts,sick"

#: One row for each kind of defect; its column; a part of the message.
DEFECTS: list[tuple[bytes, str, str]] = [
    (b"41,70.5,2026-01-05,Ulm,1.0", "sick", "expected 6 fields, received 5: the row ends before column 'sick'"),
    (
        b"41,70.5,2026-01-05,Ulm,1.0,yes,more",
        "6",
        "expected 6 fields, received 7: 'more' is the first that belongs to no column",
    ),
    (b"forty,70.5,2026-01-05,Ulm,1.0,yes", "age", "expected a number, received 'forty'"),
    (b"41,,2026-01-05,Ulm,1.0,yes", "weight", "expected a value, received a missing one"),
    (b"41,70.5,2026-01-05,Ulm,1.0,", "sick", "expected a value, received a missing one"),
    (b"41,inf,2026-01-05,Ulm,1.0,no", "weight", "received 'inf', a number that is not finite"),
    (b'41,"1,000",2026-01-05,Ulm,1.0,no', "weight", "received '1,000', a number with thousands separators"),
    (b'41,"70,5",2026-01-05,Ulm,1.0,no', "weight", "received '70,5', a number with a decimal comma"),
    (b"41,70.5 kg,2026-01-05,Ulm,1.0,no", "weight", "received '70.5 kg', a number with a unit"),
    (b"41,70 %,2026-01-05,Ulm,1.0,no", "weight", "received '70 %', a number with a percent sign"),
    ("41,€ 70,2026-01-05,Ulm,1.0,no".encode(), "weight", "received '€ 70', an amount with its currency"),
    (b"true,70.5,2026-01-05,Ulm,1.0,no", "age", "received 'true', a truth value among numbers"),
    (b"<18,70.5,2026-01-05,Ulm,1.0,no", "age", "received '<18', a bound instead of a value"),
    (b"40-45,70.5,2026-01-05,Ulm,1.0,no", "age", "received '40-45', a range instead of a value"),
    ("\u201341,70.5,2026-01-05,Ulm,1.0,no".encode(), "age", "with a typographic dash as its minus sign"),
    (b"41,#DIV/0!,2026-01-05,Ulm,1.0,no", "weight", "received '#DIV/0!', an error of a spreadsheet"),
    (b"41,unknown,2026-01-05,Ulm,1.0,no", "weight", "received 'unknown', which often stands for a missing value"),
    (b"2026-01-05,70.5,2026-01-05,Ulm,1.0,no", "age", "expected a number, received '2026-01-05', a date"),
    ("41,70.5,2026-01-05,Ulm\u200b,1.0,no".encode(), "city", "the invisible character U+200B (ZERO WIDTH SPACE)"),
    (b"4\x001,70.5,2026-01-05,Ulm,1.0,no", "age", "the invisible character U+0000 (a control character)"),
    (b"41,70.5,2026-01-05,K\xf6ln,1.0,no", "city", "expected text in the encoding utf-8, received the byte 0xF6"),
    (b'41,70.5,2026-01-05,"Ulm,1.0,no', "city", "the quote before 'Ulm,1.0,no' is never closed"),
    (b'41,70.5,2026-01-05,"Ulm" Donau,1.0,no', "city", "text follows the closing quote ('Ulm Donau')"),
    (b"41,70.5,2026-02-30,Ulm,1.0,no", "seen", "received '2026-02-30', a day that does not exist"),
    (b"41,70.5,05/01/2026,Ulm,1.0,no", "seen", "received '05/01/2026', a date in another format (%d/%m/%Y)"),
    (b"41,70.5,45321,Ulm,1.0,no", "seen", "received '45321', a number, as spreadsheets store dates"),
    (b"41,70.5,2026-01-05,Ulm,-1.0,no", "counts", "expected a weight of at least 0, received -1"),
    (b",,,,,", "age", "expected values, received a row of missing values only"),
    (HEADER, "age", "the row repeats the header"),
    (b"41;70.5;2026-01-05;Ulm;1.0;no", "age", "expected 6 fields, received 1: the row is separated by ';'"),
]
CITIES = ("Ulm", "Bonn", "Kiel")


def sound_row(number: int) -> bytes:
    """Return a row without defects."""
    seen, kind = f"2026-01-{1 + number % 28:02d}", ("yes", "no")[number % 2]
    return f"{30 + number},{60 + number % 9}.5,{seen},{CITIES[number % 3]},1.{number % 5},{kind}".encode()


def table(defects: list[tuple[bytes, str, str]] = DEFECTS) -> bytes:
    """Return a csv with a sound row before each defective one: defect n is in line 2 n + 3."""
    rows = [row for number, (defect, *_) in enumerate(defects) for row in (sound_row(number), defect)]
    return b"\n".join([HEADER, *rows, sound_row(len(defects))]) + b"\n"


def _spec(spec, file: str = "t.csv"):
    columns = {"target": "sick", "sample_weight": "counts"}
    return spec("csv", prepare=(("OneHot", {"columns": ["city"]}),), file=file, **columns)


def test_thirty_kinds_of_defects_give_thirty_messages_with_row_and_column(paths, spec) -> None:
    """One defect of each kind in one file: each is reported once, with its row, its column and a hint."""
    (paths.config_dir / "t.csv").write_bytes(table())
    _, findings = infer_facts(_spec(spec), form="binary", paths=paths)
    assert len(findings) == len(DEFECTS) == 30
    for number, (finding, (_, column, text)) in enumerate(zip(findings, DEFECTS, strict=True)):
        row = 2 * number + 3
        assert finding.text.startswith(f"line {row}, column {column}: "), finding.text
        assert text in finding.text
        assert (finding.name, finding.severity) == ("defective-data", "error")
        assert str(finding.mark).endswith(f"t.csv:{row}")
        assert finding.hint


def test_the_gallery_shows_this_very_file() -> None:
    """The config of the gallery reads the file of these tests."""
    assert GALLERY.read_bytes() == table()


@pytest.mark.parametrize("defect", DEFECTS, ids=[text for *_, text in DEFECTS])
def test_each_defect_alone_is_reported(paths, listener, defect: tuple) -> None:
    """A file with a single defect is refused when it is loaded, with the same message."""
    (paths.config_dir / "t.csv").write_bytes(table([defect]))
    with pytest.raises(DefectsError) as refused:
        Csv("t.csv", target="sick", sample_weight="counts").load(paths, listener)
    assert (refused.value.row, str(refused.value.column)) == (3, defect[1])
    assert defect[2] in refused.value.text
    assert len(refused.value.problems) == 1
    assert refused.value.hint


def test_loading_reports_all_defects_and_their_number(paths, listener) -> None:
    """If `check` did not read all rows, loading is refused with every defect; the first one leads."""
    (paths.config_dir / "t.csv.gz").write_bytes(gzip.compress(table()))
    with pytest.raises(DefectsError, match=r"line 3, column sick: .* \(and 29 more defects\)") as refused:
        Csv("t.csv.gz", target="sick", sample_weight="counts").load(paths, listener)
    assert len(refused.value.problems) == 30


def test_many_of_one_kind_are_counted(paths, spec) -> None:
    """The first is described, three more are named by their rows, the rest is counted."""
    (paths.config_dir / "t.csv").write_text("a,b,y\n" + "1,2 kg,0\n" * 3 + "1,2,1\n" * 2000 + "1,5 kg,0\n" * 1000)
    _, findings = infer_facts(spec("csv", file="t.csv"), form="binary", paths=paths)
    (text,) = (finding.text for finding in findings)
    assert text.startswith("line 2, column b: expected a number, received '2 kg', a number with a unit ")
    assert text.endswith("(likewise in lines 3, 4, 2005 and 999 more)")


def test_only_fifty_defects_are_described(paths, spec) -> None:
    """Of more kinds of defects and columns, only the number is reported."""
    names = [f"c{index}" for index in range(80)]
    lines = [",".join(names), *(["1," * 79 + "1"] * 3), ",".join(["x"] * 79 + ["1"])]
    (paths.config_dir / "t.csv").write_text("\n".join(lines) + "\n")
    _, findings = infer_facts(spec("csv", file="t.csv"), form="number", paths=paths)
    assert len(findings) == 51
    assert findings[-1].text == "and 29 more defects"


def test_unused_columns_may_have_defects(paths, listener) -> None:
    """Columns that are neither features nor targets are not examined."""
    (paths.config_dir / "t.csv").write_text("a,b,y\n1,12 kg,0\n2,?,1\n3,,0\n")
    assert len(Csv("t.csv", features=["a"]).load(paths, listener).train) == 3


def test_missing_values_that_a_step_fills_in_are_not_defects(paths, spec) -> None:
    """With `Impute`, a feature may be missing, but not a target."""
    (paths.config_dir / "t.csv").write_text("a,b,y\n1,,0\n2,3,\n3,4 kg,0\n5,6,1\n")
    _, findings = infer_facts(spec("csv", prepare=(("Impute", {}),), file="t.csv"), form="binary", paths=paths)
    assert [finding.text.partition(":")[0] for finding in findings] == ["line 3, column y", "line 4, column b"]


def test_a_number_that_stands_for_a_missing_value_is_missing(paths, spec) -> None:
    """`missing: ['-999']` takes precedence over the number -999."""
    (paths.config_dir / "t.csv").write_text("a,y\n1,0\n-999,1\n3,0\n")
    _, findings = infer_facts(spec("csv", file="t.csv", missing=["-999"]), form="binary", paths=paths)
    text = "line 3, column a: expected a value, received a missing one ('-999')"
    assert [finding.text for finding in findings] == [text]


def test_a_field_that_runs_over_lines_is_sound(paths, listener) -> None:
    """Line ends within quotes belong to the text, also in a file with defects elsewhere."""
    text = 'note,a,y\n"one\ntwo",1,0\n"say ""hi""",2,1\nplain,3 kg,0\nplain,4,1\n'
    (paths.config_dir / "t.csv").write_text(text)
    with pytest.raises(DefectsError) as refused:
        Csv("t.csv").load(paths, listener)
    assert [problem.text.partition(":")[0] for problem in refused.value.problems] == ["line 5, column a"]
    (paths.config_dir / "t.csv").write_text(text.replace(" kg", ""))
    notes = Csv("t.csv").load(paths, listener).train.x.values["note"].tolist()
    assert notes == ["one\ntwo", 'say "hi"', "plain", "plain"]


def test_dates_are_compared_with_the_stated_format(paths, spec) -> None:
    """Days that do not exist and dates of another format are reported with the stated format."""
    fields = ("05.01.2026", "31.02.2026", "2026-01-05", "1/5/2026", "06.01.2026")
    (paths.config_dir / "t.csv").write_text("d,y\n" + "".join(f"{field},{field[0]}\n" for field in fields))
    _, findings = infer_facts(spec("csv", file="t.csv", types={"d": {"date": "%d.%m.%Y"}}), form="number", paths=paths)
    assert [finding.text.partition(", ")[2] for finding in findings] == [
        "column d: expected a date like %d.%m.%Y, received '31.02.2026', a day that does not exist",
        "column d: expected a date like %d.%m.%Y, received '2026-01-05', an ISO date among dates like %d.%m.%Y",
        "column d: expected a date like %d.%m.%Y, received '1/5/2026', a date in another format (%d/%m/%Y)",
    ]


def test_a_thousands_point_is_no_decimal_point(paths, listener) -> None:
    """With decimal commas `1.000` may be a thousand or one: it is refused, not guessed."""
    (paths.config_dir / "t.csv").write_text("a;y\n1,5;0\n1.000;1\n2,5;0\n")
    with pytest.raises(DataError, match=r"received '1\.000', a number with thousands separators"):
        Csv("t.csv", separator=";", decimal=",").load(paths, listener)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\0'), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_are_read_or_refused_with_a_row(paths, rows: list[list[str]]) -> None:
    """Every defect of any text has a row; if there is none, all rows are counted."""
    file = paths.config_dir / "t.csv"
    file.write_bytes(("a,b\n" + "\n".join(",".join(row) for row in rows) + "\n").encode())
    request = ColumnRequest({"a": "feature", "b": "target"})
    found, defects = examine(CsvFile(file, Dialect(), ("a", "b"), 1), request)
    assert all(problem.mark is not None for problem in defects.problems()) or not found.rows
    if not defects:
        assert found.rows == sum(bool(",".join(row).strip()) for row in rows)


def test_the_header_is_read_despite_invalid_bytes_below(paths) -> None:
    """Invalid bytes are reported in their row, and not when the header is read."""
    file = paths.config_dir / "t.csv"
    file.write_bytes(b"a,b\n1,\xff\n")
    assert read_header(file, Dialect()).names == ("a", "b")


def test_the_offset_of_an_invalid_byte_counts_from_the_start_of_the_file(paths, listener) -> None:
    """A byte order mark and characters of several bytes before it are counted."""
    for start in ("", "\ufeff"):
        content = f"{start}größe,y\nä,0\nü".encode() + b"\xfc,1\n"
        (paths.config_dir / "t.csv").write_bytes(content)
        with pytest.raises(DefectsError, match=rf"line 3, column größe: .* 0xFC \(byte {content.index(0xFC)} of"):
            Csv("t.csv").load(paths, listener)


def test_a_gzip_file_that_ends_at_once_is_unreadable(paths, listener) -> None:
    """A gzip file of a few bytes is reported as damaged, not as a defect of a row."""
    (paths.config_dir / "t.csv.gz").write_bytes(gzip.compress(table())[:12])
    with pytest.raises(DataError, match="cannot be read"):
        Csv("t.csv.gz", target="sick").load(paths, listener)

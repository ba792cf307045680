"""Tests of what the examples of requests may be."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nnrun.config.document import read
from nnrun.data.data_paths import DataPaths
from nnrun.data.sources.flats import Flats
from nnrun.errors import DataError, Mark, Problem
from nnrun.formatting import from_cell
from nnrun.progress import NullProgress
from nnrun.serve.inputs import ServedInput, refused_data, served_input
from nnrun.serve.refusals import RefusedRequestError
from nnrun.spec.experiment import validate
from nnrun.spec.facts import Facts

FROZEN = Path(__file__).resolve().parent.parent / "frozen_runs" / "0.1.0"
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
HOUSE = {"town": "Cádiz", "condition": "poor", "area": 82.9, "rooms": 3, "built": "20.11.1980"}


def input_of(kind: str, **changed: Any) -> ServedInput:
    """Return what a frozen run takes."""
    folder = FROZEN / kind
    facts = json.loads((folder / "record.json").read_text(encoding="utf-8"))["facts"]
    entries = json.loads((folder / "prepare.json").read_text(encoding="utf-8"))
    return served_input(validate(read(folder / "resolved.yaml")).data, entries, Facts.from_json({**facts, **changed}))


@pytest.fixture(scope="module")
def houses() -> ServedInput:
    """A table with numbers, texts, a date in a format of its own, and columns that may have gaps."""
    return input_of("table")


def details(served: ServedInput, *rows: Any) -> list[tuple[int | None, str | None, str]]:
    """Return what is wrong with rows."""
    with pytest.raises(RefusedRequestError) as caught:
        served.checked("rows", rows)
    assert caught.value.status == 422
    return [(one.row, one.column, one.message) for one in caught.value.details]


def pixel(colour: int) -> bytes:
    """Return a picture of one pixel as a PNG file."""
    content = io.BytesIO()
    Image.new("RGB", (1, 1), (colour, 0, 0)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def flats() -> ServedInput:
    """Rows of numbers, words and a picture."""
    spec = validate(read(CONFIGS / "flats.yaml")).data
    data = Flats().load(DataPaths(CONFIGS), NullProgress())
    facts = Facts("regression", "numbers", None, arrays={"photo": (16, 16, 3)}, target_names=("price",))
    return served_input(spec, [{"layout": dict(data.layout)}], facts)


def test_a_picture_is_a_column_like_others(flats: ServedInput, tmp_path: Path) -> None:
    """A cell holds a picture in Base64, and becomes a file that the row names, whatever the request called it."""
    assert [(one.name, one.kind) for one in flats.columns] == [
        ("area", "number"),
        ("town", "text"),
        ("note", "text"),
        ("photo", "picture"),
    ]
    row = {"area": 50, "town": "Bern", "note": "old, near\nstation", "photo": base64.b64encode(pixel(9)).decode()}
    cells = flats.checked("rows", [row, {**row, "photo": f"data:image/png;base64,{row['photo']}"}])
    with flats.write(cells, tmp_path).open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [(tmp_path / one["photo"]).read_bytes() for one in found] == [pixel(9)] * 2
    assert {one.parent for one in tmp_path.rglob("*")} == {tmp_path}
    assert flats.first_lines(cells) == [2, 4]
    for wrong, message in {
        "../../etc/passwd": "expected a picture in Base64, received '../../etc/passwd'",
        "PGI+PC9iPg==": "expected a picture (PNG, JPEG, GIF, BMP, TIFF or WebP), received 7 bytes of something else",
        "": "expected a picture, received a missing value",
        3: "expected a picture in Base64, received 3",
    }.items():
        assert details(flats, row, {**row, "photo": wrong}) == [(1, "photo", message)]


def test_columns_are_those_of_the_run(houses: ServedInput) -> None:
    """Each column has its kind, and whether a value may be missing."""
    assert [(one.name, one.kind, one.may_be_missing, one.date_format) for one in houses.columns] == [
        ("town", "text", True, ""),
        ("condition", "text", True, ""),
        ("area", "number", True, ""),
        ("rooms", "number", True, ""),
        ("built", "date", True, "%d.%m.%Y"),
    ]
    assert input_of("pictures").shape == (8, 8)
    assert [one.name for one in input_of("graph").columns] == ["sepal_length", "sepal_width", "petal_length"]
    assert not any(one.may_be_missing for one in input_of("k_fold").columns)
    assert input_of("text").kind == "text"


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        ({"area": "big"}, "area", "expected a number, received 'big'"),
        ({"area": True}, "area", "expected a number, received true"),
        ({"area": [1]}, "area", "expected a number, received a list"),
        ({"area": 10**400}, "area", f"expected a number, received 1{'0' * 59} ..."),
        ({"built": "1980-11-20"}, "built", "expected a date of the format %d.%m.%Y, received '1980-11-20'"),
        ({"built": {}}, "built", "expected a date of the format %d.%m.%Y, received an object"),
        ({"town": False}, "town", "expected a text, received false"),
        ({"sale": "fast"}, "sale", "the run predicts this column; leave it out"),
        ({"garden": 1}, "garden", "the run has no such column; it has: town, condition, area, rooms, built"),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_column(
    houses: ServedInput, change: dict[str, Any], column: str, message: str
) -> None:
    """What is wrong is told with the row, counted from 0, the column, and what was expected."""
    assert details(houses, HOUSE, {**HOUSE, **change}) == [(1, column, message)]


def test_missing_and_misspelt_columns_are_named() -> None:
    """A column that is missing and one that is not known are told together, with the likely name."""
    patient = {"age": 59, "sex": 2, "bmi": 32, "bp": 101, "s1": 1, "s2": 1, "s3": 1, "s4": 1, "s5": 1, "s6": 1}
    served = input_of("k_fold")
    changed = {"bm1" if name == "bmi" else name: value for name, value in patient.items()}
    assert details(served, changed, {**patient, "bp": None}, 5) == [
        (0, "bm1", "the run has no such column; Did you mean 'bmi'?"),
        (0, "bmi", "the column is missing; Did you mean 'bm1'?"),
        (1, "bp", "expected a number, received a missing value"),
        (2, None, "expected an object of columns, received 5"),
    ]


def test_rows_are_written_as_the_source_reads_them(houses: ServedInput, tmp_path: Path) -> None:
    """Gaps are empty cells; texts that a spreadsheet would run, commas and line ends come back as they were."""
    rows = [{"area": 0.1}, {**HOUSE, "town": "=a,'b'\nc", "rooms": "3", "condition": 7}]
    cells = houses.checked("rows", rows)
    with houses.write(cells, tmp_path).open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["town", "condition", "area", "rooms", "built"]
    assert found[1] == ["", "", "0.1", "", ""]
    assert [from_cell(cell) for cell in found[2]] == ["=a,'b'\nc", "7", "82.9", "3.0", "20.11.1980"]
    assert houses.first_lines(cells) == [2, 3]
    assert houses.first_lines([cells[1], cells[0]]) == [2, 4]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["town", "condition", "area", "rooms", "built", None]),
)
def test_whatever_json_holds_is_taken_or_refused(value: Any, column: str | None) -> None:
    """No value of JSON raises anything but a refusal."""
    row = value if column is None else {**HOUSE, column: value}
    try:
        (cells,) = input_of("table").checked("rows", [row])
    except RefusedRequestError as error:
        refused = error
    else:
        assert len(cells) == 5
        return
    assert (refused.status, refused.details[0].row) == (422, 0)


def test_arrays_have_the_shape_of_the_run() -> None:
    """Arrays of another shape, of texts, or with rows of different lengths are refused by their number."""
    served = input_of("pictures")
    picture = [[0.0] * 8] * 8
    assert len(served.checked("arrays", [picture, picture])) == 2
    for wrong in ([picture[:7]], [["a"] * 8] * 8, [[1, 2], [3]], 5, {}, None, [[1e400] * 8] * 8):
        with pytest.raises(RefusedRequestError) as caught:
            served.checked("arrays", [picture, wrong])
        assert [one.row for one in caught.value.details] == [1]


def test_files_of_another_kind_are_refused() -> None:
    """A picture is known by its first bytes, whatever it is called."""
    served = ServedInput("pictures", None)  # type: ignore[arg-type]
    assert served.checked("pictures", [b"\x89PNG\r\n\x1a\n..."])
    for wrong in (b"", b"RIFF....WAVEfmt ", b"<svg>", b"PK\x03\x04"):
        with pytest.raises(RefusedRequestError, match="row 1: expected a picture"):
            served.checked("pictures", [b"\xff\xd8\xff", wrong])


def test_what_the_source_refuses_is_told_by_row() -> None:
    """An error of a file is one of a request: its line is a row, and no path of the server is shown."""
    error = DataError("no such town", file="/srv/secret/rows.csv", row=5, column="town", hint="another")
    refused = refused_data(error, [2, 3, 6])
    assert refused.as_json("x")["error"] == {
        "message": "row 1, column 'town': no such town",
        "hint": "another",
        "details": [{"row": 1, "column": "town", "message": "no such town"}],
        "request_id": "x",
    }
    error.problems = (Problem(Mark("/srv/secret/rows.csv", 9), "x"),)  # type: ignore[attr-defined]
    of_file = DataError("/srv/secret/000012.png: broken", file="/srv/secret/000012.png")
    assert refused_data(of_file, []).details[0].row == 12
    assert "/srv" not in refused_data(of_file, []).message

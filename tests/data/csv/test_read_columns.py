"""A csv that is read in blocks is the same as the csv read at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nnrun.data.csv.dialect import CsvFile, Dialect
from nnrun.data.csv.header import read_header
from nnrun.data.csv.read_columns import csv_blocks, read_columns
from nnrun.data.csv.type_inference import ColumnRequest
from nnrun.errors import DataError

NUMBERS = st.one_of(
    st.integers(-999, 999).map(str),
    st.floats(-1e9, 1e9).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.6g}"),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(["1e3", "+5", " 7", "0012", "1_000", "-0", "12345678901234567890123"]),
)
WORDS = st.sampled_from(["red", "green", "012", "true", "x y", "NA", "2", "", "'q'"])
DATES = st.dates().map(str)
MOSTLY = st.one_of(NUMBERS, NUMBERS, NUMBERS, WORDS)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Draw the text of a csv file: columns of one kind each, with or without a header."""
    width, rows = draw(st.integers(1, 4)), draw(st.integers(1, 25))
    kinds = [draw(st.sampled_from([NUMBERS, NUMBERS, WORDS, DATES, MOSTLY])) for _ in range(width)]
    lines = [",".join(draw(kind) for kind in kinds) for _ in range(rows)]
    header = [",".join(f"c{index}" for index in range(width))] if draw(st.booleans()) else []
    return "\n".join([*header, *lines]) + "\n"


def _both(text: str, rows: int, *, gaps: bool, types: dict | None = None) -> tuple[object, object]:
    """Read a text at once and in blocks of so many rows; an error is returned as its message."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        file.write_text(text, encoding="utf-8")
        try:
            opened = read_header(file, Dialect())
        except DataError as error:
            return error.text, error.text
        request = ColumnRequest(dict.fromkeys(opened.names, "feature"), types or {}, opened.names if gaps else ())
        memory = rows * 32 * 8 * len(opened.names)
        return _outcome(lambda: _at_once(opened, request)), _outcome(lambda: _joined(opened, request, memory))


def _at_once(file: CsvFile, request: ColumnRequest) -> tuple[dict, dict]:
    """Return the columns read at once, integers beyond 2^53 as the floats that blocks have in their place."""
    columns, kinds = read_columns(file, request)
    return {name: one.astype("float64") if one.dtype.kind in "iu" else one for name, one in columns.items()}, kinds


def _joined(file: CsvFile, request: ColumnRequest, memory: float) -> tuple[dict, dict]:
    kinds, blocks = csv_blocks(file, request, memory)
    found = list(blocks)
    return {name: np.concatenate([block[name] for block in found]) for name in request.roles}, dict(kinds)


def _outcome(read) -> object:
    try:
        columns, kinds = read()
    except DataError as error:
        return str(error).split("t.csv")[-1]
    # Bit by bit: -0.0 is not 0.0, and NaN is NaN.
    return kinds, {name: (one.dtype.str, repr(one.tolist())) for name, one in columns.items()}


@given(tables(), st.integers(1, 9), st.booleans())
@settings(max_examples=150, deadline=None)
def test_blocks_joined_are_the_table(text: str, rows: int, gaps: bool) -> None:
    """Numbers are equal to the last bit, and so are texts, dates, missing values, types and errors."""
    # Pandas reads -0 as 0 in a column of whole numbers, and as -0.0 in one with a gap, a fraction or a number beyond 64
    # bits, which one block may have and another one not. Both are the same number.
    assume("-0" not in text)
    at_once, in_blocks = _both(text, rows, gaps=gaps)
    assert in_blocks == at_once


@pytest.mark.parametrize("kind", ["text", "category", "number"])
def test_stated_types_hold_for_every_block(kind: str) -> None:
    """A column of text that looks like numbers in one block stays text in all blocks."""
    text = "a,b\n" + "\n".join(f"{'0' * (index % 3)}{index},{index}" for index in range(20)) + "\n"
    at_once, in_blocks = _both(text, 3, gaps=False, types={"a": kind})
    assert in_blocks == at_once


def test_a_column_whose_blocks_look_different_is_one_column() -> None:
    """Integers first, then fractions, then a missing value; and integers that no float holds, next to fractions."""
    rows = [f"{index},{2**53 + index}" for index in range(6)] + ["0.5,0.5"] * 3 + [",1"] * 3
    at_once, in_blocks = _both("a,b\n" + "\n".join(rows) + "\n", 3, gaps=True)
    assert in_blocks == at_once


def test_a_defect_in_a_later_block_has_its_row_and_column() -> None:
    """The error is the one of reading at once."""
    text = "a,b\n" + "1,2\n" * 500 + "1,oops\n" + "1,2\n" * 10
    at_once, in_blocks = _both(text, 7, gaps=False)
    assert in_blocks == at_once
    assert "502" in in_blocks
    assert "column b" in in_blocks

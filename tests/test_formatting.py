"""Numbers, amounts of data and durations as text."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.formatting import (
    as_cell,
    csv_text,
    escape_steering,
    format_bytes,
    format_count,
    format_duration,
    format_number,
    from_cell,
    quoted,
    visible,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (60000, "60,000"),
        (0.0, "0.0000"),
        (0.98712, "0.9871"),
        (-999.9, "-999.9000"),
        (1234.5678, "1235"),
        (0.0000123456, "1.235e-05"),
        (inf, "inf"),
        (nan, "nan"),
        (True, "True"),
        (None, "-"),
        ("relu", "relu"),
    ],
)
def test_numbers_have_four_digits(value: object, text: str) -> None:
    """Integers are grouped by thousands; floats have four decimals, or four significant digits where those are few."""
    assert format_number(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (60000, "60,000 rows")])
def test_counts_have_the_right_plural(count: int, text: str) -> None:
    """Only a single thing is in the singular."""
    assert format_count(count, "row") == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (28881, "28.9 kB"),
        (11490434, "11.5 MB"),
        (999_960_000, "1.0 GB"),
        (2.5e12, "2.5 TB"),
    ],
)
def test_bytes_have_units_of_a_thousand(count: float, text: str) -> None:
    """Amounts of data are shown in B, kB, MB, GB or TB, never as 1000.0 of one unit."""
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.034, "34 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (4.12, "4.1 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations_have_three_digits(seconds: float, text: str) -> None:
    """Durations are shown in the unit that needs at most three digits."""
    assert format_duration(seconds) == text


STEERING = [*map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F)))]
STEERING += [*map(chr, (*range(0x2066, 0x2070), 0xD800, 0xDFFF))]


def test_what_steers_a_terminal_is_replaced_and_nothing_else() -> None:
    """Every other character of Unicode stays, whether Python would print it or not."""
    assert {letter for letter in map(chr, range(0x110000)) if visible(letter) != letter} >= set(STEERING)
    kept = (letter for letter in map(chr, range(0x110000)) if not 0xD800 <= ord(letter) < 0xE000)
    assert {letter for letter in kept if visible(letter) != letter} == set(STEERING[:-2])
    assert visible("a\x1bb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u0645\u06cc\u200c\u062e", "'\u0645\u06cc\u200c\u062e'"),
        ("a\nb\tc\\", r"'a\nb\tc\\'"),
        ("\x1b[31m\u202e", r"'\x1b[31m\u202e'"),
        ("it's", '"it\'s"'),
        ("'\"", "'\\'\"'"),
    ],
)
def test_a_quoted_text_is_one_line_of_letters(text: str, shown: str) -> None:
    """Letters stay letters, which `repr` would escape; line ends and what steers a terminal are escaped."""
    assert quoted(text) == shown


def test_escaped_json_is_the_same_document() -> None:
    """Control characters in a JSON document become escapes."""
    assert escape_steering('"\x9b\u202e\u200c"\n') == '"\\u009b\\u202e\u200c"\n'


def test_plurals_of_their_own_are_written() -> None:
    """A noun whose plural is not formed with an s has its own."""
    assert format_count(1, "class", "classes") == "1 class"
    assert format_count(3, "class", "classes") == "3 classes"


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "+49 170 1", "-ing", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=x", "=1\n2", "--1"],
)
def test_a_text_that_a_spreadsheet_runs_gets_an_apostrophe(text: str) -> None:
    """Such a cell is a text in every spreadsheet, and nnrun's own reader gives the text back."""
    assert as_cell(text) == f"'{text}"
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", ["cat", "-1", "+2.5e-3", "-inf", "-", "=", "@", "", "'", "'tis", "a=b", "é", "1-2"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    """Numbers, single signs and all other texts."""
    assert as_cell(text) == from_cell(text) == text


@given(st.text("'=+-@\t\r\n1a", max_size=6))
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    """Whatever apostrophes a text has, reading undoes what writing did, and no cell is run."""
    assert from_cell(as_cell(text)) == text
    assert len(text) < 2 or as_cell(text)[0] not in "=+-@\t\r" or float(as_cell(text)) is not None


def test_cells_of_a_table_are_not_run() -> None:
    """Texts are guarded, numbers are not touched."""
    assert csv_text(["a", "b"], [["=1", -1], ["x", -0.5]]) == "a,b\n'=1,-1\nx,-0.5\n"

"""Problems as plain text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.document import parse
from nnrun.config.render import count_problems, format_problem, format_value
from nnrun.errors import Mark, Problem


def test_a_problem_in_full() -> None:
    """Place, severity, text and name; the line; a caret under the word; the hint."""
    text = '  - Dense: {units: "8"}'
    mark = Mark("configs/x.yaml", 12, 20, 3, text)
    problem = Problem(
        mark, "expected a positive integer for 'units', received \"8\" (text)", "write units: 8", "units-type"
    )
    assert format_problem(problem).split("\n") == [
        "configs/x.yaml:12:20: error: expected a positive integer for 'units', received \"8\" (text) [units-type]",
        '   12 |   - Dense: {units: "8"}',
        "      |                    ^~~",
        "      hint: write units: 8",
    ]


def test_a_problem_without_a_place() -> None:
    """Without a place, only severity, text and hint are shown."""
    assert (
        format_problem(Problem(None, "nothing fits", "try", severity="warning"))
        == "warning: nothing fits\n      hint: try"
    )


def test_a_problem_of_a_whole_line() -> None:
    """A mark of a line of a data file is its file and line, without an excerpt."""
    assert format_problem(Problem(Mark("table.csv", 3), "expected a value", "fill it in")) == (
        "table.csv:3: error: expected a value\n      hint: fill it in"
    )


def test_wide_letters_line_up() -> None:
    """Letters of two columns push the caret by two, combining ones not at all, tabs by one."""
    line = "名: [e\u0301,\tx]"
    lines = format_problem(Problem(Mark("f", 1, 9, 1, line), "t")).split("\n")
    assert lines[1] == "    1 | 名: [e\u0301, x]"
    assert lines[2] == "      | " + " " * 8 + "^"


def test_a_long_line_is_cut_around_the_word() -> None:
    """Of a huge line only the part around the word is shown, and the caret stays under it."""
    line = "x" * 5000 + "HERE" + "y" * 5000
    lines = format_problem(Problem(Mark("f", 1, 5001, 4, line), "t")).split("\n")
    assert max(len(line) for line in lines) < 140
    start = lines[2].index("^")
    assert lines[1][start : start + 4] == "HERE"
    assert lines[2].strip().endswith("^~~~")
    assert lines[1].endswith(" ...")


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Escape sequences and direction marks of a config are not passed on."""
    shown = format_problem(Problem(Mark("f", 1, 1, 1, "\x1b[31m\u202ea"), "t"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("severities", "last"),
    [
        (["error"] * 8 + ["warning"], "8 errors, 1 warning"),
        (["error"], "1 error"),
        (["note", "note"], "2 notes"),
        ([], "no problems"),
    ],
)
def test_the_count(severities: list[str], last: str) -> None:
    """Each severity that occurs is counted."""
    problems = [Problem(None, "t", severity=severity) for severity in severities]  # type: ignore[arg-type]
    assert count_problems(problems) == last


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("8", '"8" (text)'),
        ("", '"" (text)'),
        ("a\nb", '"a\\nb" (text)'),
        (8, "8"),
        (True, "true"),
        (None, "null"),
        (1e-05, "1e-05"),
        (math.inf, ".inf"),
        ([], "an empty list"),
        ({}, "an empty mapping"),
        ([28, 28], "[28, 28] (a list of 2)"),
        ([1] * 300, "a list of 300"),
        (["x" * 80], "a list of 1"),
        ({"L2": 0.1}, "{L2: 0.1} (a mapping of 1)"),
        ({1: 2}, "a mapping of 1"),
        (1j, "1j (complex)"),
    ],
)
def test_received_values(value: object, shown: str) -> None:
    """A received value is shown as YAML, with its type in words where it is ambiguous."""
    assert format_value(value) == shown


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_received_values_fit_a_line(value: object) -> None:
    """Whatever was received, it is shown on one line of less than 100 characters."""
    shown = format_value(value)
    assert len(shown.splitlines()) == 1
    assert len(shown) < 100


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=300),
    st.integers(0, 400),
    st.integers(1, 400),
)
def test_any_mark_renders(text: str, start: int, length: int) -> None:
    """Any mark inside its line gives exactly the line and a caret line."""
    mark = Mark("f", 1, min(start, len(text)) + 1, length, text)
    lines = format_problem(Problem(mark, "t")).split("\n")
    assert len(lines) == 3
    assert lines[2].count("^") == 1


def test_the_caret_of_a_config_stands_under_its_word() -> None:
    """A mark from a real config points at its word in the rendered text."""
    document = parse("model:\n  - Dense: {units: ten}\n", "x.yaml")
    _, line, caret = format_problem(Problem(document.mark(("model", 0, "Dense", "units")), "t")).split("\n")
    assert line[caret.index("^") :].startswith("ten}")
    assert caret.endswith("^~~")

"""YAML's syntax errors in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.config import syntax

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Problem

    Refused = Callable[[str], tuple[Problem, ...]]

pytestmark = pytest.mark.usefixtures("parser")


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("a: 'x\nb: 2", 1, "this quoted text never ends", "close the quote"),
        ('a: "x\n', 1, "this quoted text never ends", "close the quote"),
        ('a: "C:\\q"', 1, "escape is unknown", "single quotes"),
        ("a: b: c", 1, "a ': ' is not allowed here", "write a: 'b: c' if it is text, or a: {b: c}"),
        ("a: {b: 1, c: [2\nd: 3", 1, "this '[' is never closed", "write a: {b: 1, c: [2]"),
        ("a: {b: 1\nd: 3", 1, "this '{' is never closed", "write a: {b: 1}"),
        ("x: 1\na: [b, c  # d\n", 2, "this '[' is never closed", "write a: [b, c]"),
        ("a:\n  b: {c: 1,\n    d: 2\ne: 3\n", 2, "this '{' is never closed", "close it with '}'"),
        ("- D: 4, e: f", 1, "a ': ' is not allowed here", "put several arguments in braces"),
        ("a: {b: 1 c: 2}", 1, "expected ',' before 'c'", "write {b: 1, c: 2}"),
        ("a: {\n  b: 1\n  c: 2}", 3, "expected ',' before 'c'", "put a ',' at the end of the line above"),
        ("a: {b: [1, 2}", 1, "expected ',' or ']'", "close it with ']'"),
        ("a: {b: 1}}\n", 1, "this '}' closes nothing", "delete it"),
        ("a: {b: ${classes}}", 1, "expected a fact of the data, received ${classes}", "write $classes"),
        ("a: 'it's'", 1, "this quote ends the text, but more follows", "'it''s'"),
        ("a:\n  b: 1\n  c:3\n  d: 4\n", 3, "expected ': ' after the key", "write c: 3"),
        ("a:\n  b: 1\n  c = 3\n  d: 4\n", 3, "expected ': ' after the key", "write c: 3"),
        ("a:\n  c 3\n  d: 4\n", 2, "expected ': ' after the key", "write c: 3"),
        ("a:\n  b: 1\n   c: 2", 3, "does not match the lines above it", "begin it with 2 spaces, as line 2"),
        ("a:\n  - b\n  -c: 1\n", 3, "expected a space after '-'", "write - c: 1"),
        ("a:\n  - b\n  c: 2\n  - d\n", 3, "expected '- ' before an item of the list", "write - c: 2"),
        ("a: @x", 1, "cannot begin with this character", "single quotes"),
        ("a: `x`", 1, "cannot begin with this character", "single quotes"),
        ("a: %x", 1, "cannot begin with this character", "single quotes"),
        ("a:\n  b: 1\n c: 2", 3, "does not match the lines above it", "begin it with 2 spaces, as line 2"),
        ("a: - b", 1, "a list item is not allowed here", "align"),
        ("a: |x\n b", 1, "expected the lines of the text below", "next line"),
        ("a: 1\nb\nc: 2", 2, "expected ': ' after the key", "key: value"),
        ("a: & b", 1, "expected a name after '&' or '*'", "single quotes"),
        ("{a: 1}\nb: 2", 2, "expected the end of the file", "one mapping"),
        ("a: ]", 1, "expected a value", "single quotes"),
        ("a: {b: 1,, c: 2}", 1, "expected a value", "delete the ','"),
        ("%YAML 7.0\n---\na: 1", 1, "begin with '%'", "delete it"),
        ("a: !%zz b", 1, "received a tag", "quotes"),
    ],
)
def test_plain_words(refused: Refused, text: str, line: int, words: str, hint: str) -> None:
    """Both parsers' errors become the same plain words, with the line and something to type."""
    (problem,) = refused(text)
    assert problem.mark is not None
    assert problem.mark.line == line
    assert words in problem.text
    assert hint in (problem.hint or "")


def test_tabs_as_indentation(refused: Refused) -> None:
    """Every line indented with a tab is reported at the tab, with the remedy."""
    problems = refused("model:\n\t- Dense: 8\n\t- Flatten\n  \tx: 1\n")
    assert [str(problem.mark) for problem in problems][:1] == ["x.yaml:2:1"]
    assert {problem.text for problem in problems} == {"expected spaces as indentation, received a tab"}
    assert all("replace each tab with spaces" in (problem.hint or "") for problem in problems)


def test_a_tab_below_a_spaced_line(refused: Refused) -> None:
    """A tab after spaces is reported even if the parser reports something else."""
    (problem,) = refused("a:\n  b: 1\n\tc: 2\n")
    assert str(problem.mark) == "x.yaml:3:1"
    assert "received a tab" in problem.text


def test_tabs_far_from_the_error_are_ignored(refused: Refused) -> None:
    """A tab inside a text far above a real error is not reported."""
    (problem,) = refused("a: |\n  x\n  \ty\n  z\nb: 1\nc: d: e\n")
    assert str(problem.mark) == "x.yaml:6:5"
    assert "': '" in problem.text


def test_the_explanation_of_deep_nesting_has_the_limit() -> None:
    """The limit in the explanation of libyaml's own error is that of the language."""
    texts = [explanation["text"] for explanation in syntax._explanations()]
    assert f"expected at most {syntax.MAX_DEPTH} levels of lists and mappings, received more" in texts

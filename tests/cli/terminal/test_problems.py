"""Problems on a terminal, and as JSON."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.terminal.output import Output, text_width
from nnrun.cli.terminal.problems import print_problem, problem_as_json
from nnrun.config.render import format_problem
from nnrun.errors import Mark, Problem


class _Sized(Output):
    columns = 40

    @property
    def width(self) -> int | None:
        """As many columns as the test says."""
        return self.columns


def _problem(before: str, word: str, after: str, hint: str | None = None) -> Problem:
    line = f"{before}{word}{after}"
    return Problem(
        Mark("x.yaml", 3, len(before) + 1, len(word), line), "expected this, received that", hint, severity="error"
    )


def test_problems_in_a_pipe_are_plain() -> None:
    """In a pipe nothing is wrapped, cut or coloured."""
    problem, stream = _problem("a: ", "word", " # and a tail " * 20, "type this"), io.StringIO()
    print_problem(Output(stream, is_terminal=False), problem)
    assert stream.getvalue() == format_problem(problem) + "\n"


@given(before=st.text("ab猫", max_size=60), after=st.text("cd犬", max_size=60), columns=st.integers(30, 90))
def test_the_caret_points_at_its_word_in_any_window(before: str, after: str, columns: int) -> None:
    """On any width the word's first letter is shown with the caret under it."""
    stream = io.StringIO()
    screen = _Sized(stream, is_terminal=False)
    object.__setattr__(screen, "columns", columns)
    print_problem(screen, _problem(before, "XYZ", after))
    lines = stream.getvalue().splitlines()
    caret = next(number for number, line in enumerate(lines) if line.strip().startswith("|"))
    text, marks = lines[caret - 1], lines[caret]
    assert text_width(text) <= columns
    assert text_width(marks) <= columns
    assert text_width(text[: text.index("X")]) == marks.index("^")


def test_a_message_of_several_lines_keeps_them() -> None:
    """The lines of Keras' message stand between the place and the hint."""
    stream = io.StringIO()
    print_problem(Output(stream, is_terminal=False), Problem(None, "Keras says:\nfirst\nsecond", "try this"))
    assert stream.getvalue().splitlines() == ["error: Keras says:", "first", "second", "      hint: try this"]


def test_a_problem_as_json() -> None:
    """A problem without a place has nulls for it."""
    assert problem_as_json(_problem("a: ", "word", ""))["column"] == 4
    assert problem_as_json(Problem(None, "nothing there")) == {
        "file": None,
        "line": None,
        "column": None,
        "severity": "error",
        "name": None,
        "text": "nothing there",
        "hint": None,
    }

"""Text on a terminal: lines fit, wide characters take two columns, nothing is lost."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.terminal.output import (
    BestEffortStream,
    Output,
    Table,
    print_json,
    print_labeled,
    print_paragraph,
    print_table,
    print_terms,
    text_width,
    wrap,
)
from nnrun.cli.terminal.problems import print_problems
from nnrun.cli.terminal.progress import LiveProgress, PlainProgress
from nnrun.errors import Mark, Problem

WORDS = st.lists(st.text("ab猫é", min_size=1, max_size=12), min_size=1, max_size=30).map(" ".join)


class _Narrow(Output):
    @property
    def width(self) -> int | None:
        """A terminal of forty columns."""
        return 40


def _lines(screen: Output) -> list[str]:
    stream = screen.stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue().splitlines()


@given(text=WORDS, width=st.integers(30, 80), lead=st.integers(0, 6))
def test_wrapped_lines_fit_and_keep_every_word(text: str, width: int, lead: int) -> None:
    """No word is lost, and no line is wider than the terminal if no word is."""
    lines = wrap(" " * lead + text, width, "    ")
    assert " ".join(lines).split() == text.split()
    assert all(text_width(line) <= width for line in lines)
    assert lines[0].startswith(" " * lead)


def test_a_word_that_is_longer_than_a_line_stays_whole() -> None:
    """A long path stays whole, so that it can be copied."""
    assert wrap("see /a/very/long/path", 10, "  ") == ["see", "  /a/very/long/path"]


def test_tables_align_wide_characters() -> None:
    """Columns stay aligned with characters that take two columns."""
    screen = Output(io.StringIO(), is_terminal=False)
    print_table(screen, Table(("name", "n"), [["猫", "1"], ["dog", "20"]], right=frozenset({"n"})))
    assert _lines(screen) == ["name   n", "猫     1", "dog   20"]


def test_a_narrow_terminal_loses_optional_columns() -> None:
    """Optional columns are left out until the table fits; a pipe gets all of them."""
    table = Table(("run", "note", "result"), [["x" * 10, "y" * 30, "z" * 10]], optional=("note",))
    narrow, pipe = _Narrow(io.StringIO(), is_terminal=False), Output(io.StringIO(), is_terminal=False)
    print_table(narrow, table)
    print_table(pipe, table)
    assert _lines(narrow)[0].split() == ["run", "result"]
    assert _lines(pipe)[0].split() == ["run", "note", "result"]


def test_terms_stand_next_to_their_meaning_or_above_it() -> None:
    """On a narrow terminal a long term has a line of its own."""
    terms = [("kernel_initializer", "how weights begin, in a sentence that needs a second line")]
    wide_screen, narrow = Output(io.StringIO(), is_terminal=False), _Narrow(io.StringIO(), is_terminal=False)
    print_terms(wide_screen, terms)
    print_terms(narrow, terms)
    assert _lines(wide_screen) == [f"kernel_initializer  {terms[0][1]}"]
    assert _lines(narrow) == [
        "kernel_initializer",
        "    how weights begin, in a sentence",
        "    that needs a second line",
    ]


def test_cells_are_no_markup_and_cannot_control_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets and colons in a cell are printed as they are, on one line, and control characters are replaced."""
    monkeypatch.setenv("NO_COLOR", "1")
    output = Output(io.StringIO(), is_terminal=True)
    print_table(output, Table(("name", "n"), [["[red]x[/red] :smile:", "1"], ["odd\x1b[2J\tname", "2"]]))
    box = "\N{REPLACEMENT CHARACTER}"
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in _lines(output)]
    assert shown == ["name                  n", "[red]x[/red] :smile:  1", f"odd{box}[2J\\tname         2"]


HOSTILE = "\x1b]0;title\x07\x9b31m\u202etxt.exe\u2066\u2028\r\x7f"
LETTERS = (
    "\u0645\u06cc\u200c\u062e\u0648 co\u00adop a\u2060b e\u0301 \U0001f469\u200d\U0001f52c \u2764\ufe0f \ue000 \u200f"
)


def _print_everything(output: Output, text: str) -> None:
    print_paragraph(output, text)
    print_labeled(output, "error", text)
    print_terms(output, [(text, text)])
    print_table(output, Table((text, "n"), [[text, text]]))
    print_problems(output, [Problem(Mark(text, 1, 1, 1, text), text, text)])
    progress = LiveProgress(output) if output.is_terminal else PlainProgress(output)
    progress.say(text)
    progress.warn(text)
    progress.epoch(1, 2, {text: 1.0})
    with progress.bar(text, None, "B"):
        pass


def test_letters_pass_to_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joiners, soft hyphens, variation selectors, combining marks and private letters are printed as they are."""
    monkeypatch.setattr(Output, "width", property(lambda _: 500))
    output = Output(io.StringIO(), is_terminal=True)
    _print_everything(output, LETTERS)
    assert "\N{REPLACEMENT CHARACTER}" not in output.stream.getvalue()
    assert output.stream.getvalue().count(LETTERS) >= 10


def test_what_steers_a_terminal_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever prints it, no control character and no direction control of a text reaches a terminal."""
    monkeypatch.setattr(Output, "width", property(lambda _: 500))
    output = Output(io.StringIO(), is_terminal=True)
    _print_everything(output, HOSTILE)
    # What is left are nnrun's own colours, and the cursor movements of the bar.
    own = re.sub(r"\x1b\[[0-9;?]*[mlhKA]|\r(?=\x1b)", "", output.stream.getvalue())
    assert set(own) & set(HOSTILE) == set("0;title31mtxt.exe]")


def test_into_a_pipe_nothing_is_replaced() -> None:
    """A file or a pipe gets every character, and a table one line a row."""
    output = Output(io.StringIO(newline=""), is_terminal=False)
    _print_everything(output, HOSTILE + LETTERS)
    lines = output.stream.getvalue().split("\n")
    assert output.stream.getvalue().count(HOSTILE + LETTERS) >= 10
    # In the excerpt of a config every character takes the columns that the caret counts.
    assert all("\N{REPLACEMENT CHARACTER}" not in line for line in lines if not line.startswith("    1 | "))


def test_a_document_on_a_terminal_stays_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """What steers a terminal is escaped in JSON, so that the document is the same; letters are not."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_json({"name": HOSTILE + LETTERS})
    shown = sys.stdout.getvalue()
    assert json.loads(shown) == {"name": HOSTILE + LETTERS}
    assert LETTERS in shown
    assert not set(shown) & (set(HOSTILE) - set("0;title31mtxt.exe]"))


class _Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_messages_that_cannot_be_written_are_dropped() -> None:
    """Progress on a closed pipe or a full disk is lost without an error, results are not."""
    quiet = PlainProgress(Output(BestEffortStream(_Broken()), is_terminal=False))
    quiet.say("Run x")
    quiet.epoch(1, 2, {"loss": 1.0})
    with pytest.raises(BrokenPipeError):
        Output(_Broken(), is_terminal=False).write("x")


def test_a_table_that_is_too_wide_wraps_its_cells() -> None:
    """Where no column is optional, long cells continue on the next line, inside the width of the terminal."""
    narrow = _Narrow(io.StringIO(), is_terminal=False)
    print_table(narrow, Table(("run", "note"), [["x" * 10, "word " * 12]]))
    lines = _lines(narrow)
    assert max(map(text_width, lines)) <= 40
    assert " ".join(line[12:].strip() for line in lines[1:]) == ("word " * 12).strip()


def test_a_table_in_a_pipe_is_never_wrapped() -> None:
    """A program reads one line per row, however long it is."""
    output = Output(io.StringIO(), is_terminal=False)
    print_table(output, Table(("run", "note"), [["x" * 3000, "word " * 400]]))
    assert len(_lines(output)) == 2

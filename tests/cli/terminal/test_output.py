"""Text on a terminal: lines fit, wide characters take two columns, nothing is lost."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.terminal.output import Output, Table, print_table, print_terms, text_width, wrap

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


def test_cells_are_no_markup_and_cannot_control_the_terminal() -> None:
    """Brackets and colons in a cell are printed as they are, and control characters are replaced."""
    output = Output(io.StringIO(), is_terminal=False)
    print_table(output, Table(("name", "n"), [["[red]x[/red] :smile:", "1"], ["odd\x1b[2J\tname", "2"]]))
    box = "\N{REPLACEMENT CHARACTER}"
    assert _lines(output) == [
        "name                  n",
        "[red]x[/red] :smile:  1",
        f"odd{box}[2J{box}name          2",
    ]


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

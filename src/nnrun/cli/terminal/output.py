"""Text for stdout and stderr: width and colours of the stream, paragraphs, lists of terms, tables, JSON documents."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO, cast

from nnrun.cli.terminal import language
from nnrun.cli.terminal.language import translated
from nnrun.errors import RunError
from nnrun.formatting import escape_steering, escaped, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table as RichTable


#: The width of a terminal whose size is unknown.
_DEFAULT_WIDTH = 80
#: A width that no table reaches: output into a pipe is never wrapped.
_UNLIMITED = 1_000_000
_GAP = 2
#: Longer terms, and all terms on a narrower terminal, stand on a line of their own.
_MAX_TERM, _NARROW = 24, 60


class BestEffortStream:
    """A stream for messages, which nothing depends on: from the first text that cannot be written on, all are dropped.

    So a closed pipe or a full disk under the log of a training does not end the training. All other attributes are
    those of the stream itself.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._failed = stream, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, unless an earlier one could not be written."""
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what the stream has buffered, as far as it can be written."""
        self._attempt(self._stream.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self._failed:
            return
        try:
            action()
        except (OSError, ValueError):  # a closed stream raises ValueError
            self._failed = True


@dataclass(frozen=True)
class Output:
    """A stream that a person or a program reads.

    Attributes:
        stream: The stream itself.
        is_terminal: Whether it is a terminal.
    """

    stream: TextIO
    is_terminal: bool

    @classmethod
    def stdout(cls) -> Output:
        """Return the output for results."""
        return cls(sys.stdout, sys.stdout.isatty())

    @classmethod
    def stderr(cls) -> Output:
        """Return the output for errors and progress; what cannot be written there is dropped."""
        return cls(cast("TextIO", BestEffortStream(sys.stderr)), sys.stderr.isatty())

    @classmethod
    @contextmanager
    def duplicate_stderr(cls) -> Iterator[Output]:
        """Open stderr by a descriptor of its own: while the engine works, descriptor 2 leads to the run's log."""
        try:
            descriptor = os.dup(sys.stderr.fileno())
        except OSError:  # a test's stream has no descriptor, and nothing redirects it
            yield cls.stderr()
            return
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        stream = os.fdopen(descriptor, "w", buffering=1, encoding=encoding, errors="backslashreplace")
        try:
            yield cls(cast("TextIO", BestEffortStream(stream)), stream.isatty())
        finally:
            with suppress(OSError):  # a rest that could not be written before
                stream.close()

    @property
    def width(self) -> int | None:
        """The number of columns of a terminal; None for a file or a pipe."""
        if not self.is_terminal:
            return None
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _DEFAULT_WIDTH
        except OSError:
            return _DEFAULT_WIDTH

    @property
    def has_colors(self) -> bool:
        """Whether colours may be written (https://no-color.org)."""
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def console(self) -> Console:
        """Return a console of rich for this stream."""
        from rich.console import Console

        return Console(
            file=self.stream,
            width=self.width or _UNLIMITED,
            color_system="standard" if self.has_colors else None,
            force_terminal=self.is_terminal,
            force_interactive=self.is_terminal,
            highlight=False,
        )

    def style(self, text: str, **styles: Any) -> str:
        """Return the text with click's styles, where the stream has colours."""
        from click import style

        return style(text, **styles) if self.has_colors and text else text

    def shown(self, text: str) -> str:
        """Return a text as it is written here: a terminal gets no character that steers it, a file or pipe all."""
        return visible(text) if self.is_terminal else text

    def write_line(self, text: str = "") -> None:
        """Write one line, in the language of the screen."""
        self.write(f"{translated(text)}\n")

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines as they are."""
        for line in lines:
            self.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Write a text as it is.

        Raises:
            RunError: The text cannot be written, for example to a full disk.
        """
        with _write_errors():
            self.stream.write(text)

    def flush(self) -> None:
        """Write what the stream has buffered; raises as `write` does."""
        with _write_errors():
            self.stream.flush()

    def can_encode(self, text: str) -> bool:
        """Return whether the stream's encoding has these characters."""
        try:
            text.encode(getattr(self.stream, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return False
        return True


@contextmanager
def _write_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        text = f"the results cannot be written: {error.strerror}"
        raise RunError(text, "free some space, or write to another disk") from error


def text_width(text: str) -> int:
    """Return the number of columns that a text takes; wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrap(text: str, width: int | None, indent: str = "", separator: str = " ") -> list[str]:
    """Break a text between words into lines of at most `width` columns; lines after the first begin with `indent`.

    A word that is longer than a line stays whole, because a path or a command must be there to copy.
    """
    if width is None:
        return [text]
    words = text.lstrip(" ")
    lines = [text[: len(text) - len(words)]]
    for word in words.split(separator):
        longer = f"{lines[-1]}{separator}{word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if text_width(longer) <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(f"{indent}{word}")
    return lines


def print_paragraph(output: Output, text: str, indent: str = "") -> None:
    """Print a text, each of its lines wrapped."""
    for line in output.shown(translated(text)).split("\n"):
        output.write_lines(part.rstrip() for part in wrap(f"{indent}{line}", output.width, indent))


def print_labeled(output: Output, label: str, text: str, **styles: Any) -> None:
    """Print a wrapped text after a label with click's styles, such as `error`."""
    print_after(output, start := f"{language.label(label)}: ", output.style(start, **styles), translated(text))


def print_after(output: Output, start: str, styled_start: str, text: str) -> None:
    """Print a text as it is, wrapped, after a start; `styled_start` is the start with its colours."""
    for line_number, line in enumerate(output.shown(f"{start}{text}").split("\n")):
        for number, part in enumerate(wrap(line, output.width, "    ")):
            begins = line_number == number == 0 and part.startswith(start)
            output.write_lines([f"{styled_start}{part[len(start) :]}" if begins else part])


def print_terms(output: Output, terms: Iterable[tuple[str, str]], indent: str = "", *, are_names: bool = False) -> None:
    """Print terms and their meanings side by side, or one below the other where there is little room.

    Args:
        output: Where to print them.
        terms: Pairs of a term and its meaning.
        indent: What stands before each line.
        are_names: Whether the terms are names of something, which are never translated.
    """
    named = ((term if are_names else translated(language.label(term)), meaning) for term, meaning in terms)
    pairs = [(output.shown(term), output.shown(translated(meaning))) for term, meaning in named]
    left = min(max((text_width(term) for term, _ in pairs), default=0), _MAX_TERM)
    narrow = output.width is not None and output.width < _NARROW and left > _NARROW // 5
    margin = " " * (len(indent) + (4 if narrow else left + _GAP))
    for term, meaning in pairs:
        lines = [line for part in meaning.split("\n") for line in wrap(f"{margin}{part}", output.width, margin)]
        if narrow or text_width(term) > left:
            lines = [output.style(f"{indent}{term}", bold=True), *(lines if meaning else [])]
        else:
            start = f"{indent}{term}{' ' * (left - text_width(term) + _GAP)}"
            lines[0] = f"{output.style(start, bold=True)}{lines[0][len(margin) :]}".rstrip()
        output.write_lines(lines)


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        headings: The headings of the columns.
        rows: The cells of each row.
        right: Headings of columns that are aligned to the right, as numbers are.
        optional: Headings of columns to leave out where the terminal is too narrow, in this order.
    """

    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()
    optional: tuple[str, ...] = ()


def print_table(output: Output, table: Table) -> None:
    """Print a table as wide as its texts; a narrower terminal loses the optional columns, then wraps cells."""
    rows = [[_cell(output.shown(translated(cell))) for cell in row] for row in table.rows]
    if output.width is None:
        shown = [_heading(heading) for heading in table.headings]
        output.write_lines(_aligned([shown, *rows], [heading in table.right for heading in table.headings]))
        return
    from rich.measure import measure_renderables

    console, headings = output.console(), list(table.headings)
    unlimited = console.options.update(width=_UNLIMITED)
    for heading in (*table.optional, None):
        grid = _rich_table(replace(table, rows=rows), headings)
        if heading is None or measure_renderables(console, unlimited, [grid]).maximum <= console.width:
            break
        headings = [each for each in headings if each != heading]
    with console.capture() as captured:
        console.print(grid)
    output.write_lines(line.rstrip() for line in captured.get().splitlines())


def _heading(heading: str) -> str:
    """Return a heading in the language of the screen: a word of its own, or several."""
    return translated(language.label(heading))


def _cell(text: str) -> str:
    """Return a text on one line: as it is, or escaped if it has line ends or tabs."""
    return escaped(text) if "\n" in text or "\t" in text else text


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """Yield the lines of a table for a program or a file: never wrapped, and nothing replaced, as rich would."""
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for cell, width, is_right in zip(row, widths, right, strict=True):
            fill = " " * (width - text_width(cell))
            cells.append(f"{fill}{cell}" if is_right else f"{cell}{fill}")
        yield (" " * _GAP).join(cells).rstrip()


def _rich_table(table: Table, headings: Sequence[str]) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(
            Text(visible(_heading(heading))), justify="right" if heading in table.right else "left", overflow="fold"
        )
    kept = [table.headings.index(heading) for heading in headings]
    for row in table.rows:
        grid.add_row(*(Text(row[column]) for column in kept))
    return grid


def print_json(value: object) -> None:
    """Print the one JSON document of a command on stdout."""
    from nnrun.runs.json_files import dumps

    output, text = Output.stdout(), dumps(value)
    # The same document: what steers a terminal stands in strings only, which may hold it escaped.
    output.write_lines([escape_steering(text) if output.is_terminal else text])


def discard_stdout() -> None:
    """Redirect stdout to nowhere, so that no later flush of it can fail on a closed pipe."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        return

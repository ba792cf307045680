"""Words on a screen: wrapped lines, lists of terms, and tables, measured in columns as wide characters take two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.cli.terminal.screen import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nnrun.cli.terminal.screen import Screen


_GAP = "  "
#: Terms longer than this, or on a narrower screen, stand in a line of their own.
_TERM, _NARROW = 24, 60


def wide(text: str) -> int:
    """Tell how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrap(text: str, width: int | None, indent: str = "", between: str = " ") -> list[str]:
    """Break a text between words, so that each line fits; lines after the first begin with `indent`.

    A word that is longer than a line stays whole: a path or a command must be there to copy.
    """
    if width is None:
        return [text]
    words = text.lstrip(" ")
    lines = [text[: len(text) - len(words)]]
    for word in words.split(between):
        longer = f"{lines[-1]}{between}{word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if wide(longer) <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(f"{indent}{word}")
    return lines


def put_paragraph(screen: Screen, text: str, indent: str = "") -> None:
    """Write a text, each of its lines wrapped."""
    for line in visible(text).split("\n"):
        for number, part in enumerate(wrap(f"{indent}{line}" if indent else line, screen.width, indent)):
            screen.put(part if number else part.rstrip())


def put_terms(screen: Screen, terms: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Write terms with what they mean, side by side, or one below the other where there is little room."""
    pairs = [(visible(term), visible(meaning)) for term, meaning in terms]
    left = min(max((wide(term) for term, _ in pairs), default=0), _TERM)
    narrow = screen.width is not None and screen.width < _NARROW and left > _NARROW // 5
    room = " " * (len(indent) + (4 if narrow else left + len(_GAP)))
    for term, meaning in pairs:
        apart = narrow or wide(term) > left
        begin = f"{indent}{term}" if apart else f"{indent}{term}{' ' * (left - wide(term))}{_GAP}"
        lines = _hung(meaning, screen.width, room)
        if apart:
            screen.put(screen.style(begin, bold=True))
            lines = [f"{room}{lines[0]}", *lines[1:]] if meaning else []
        elif lines:
            lines[0] = f"{screen.style(begin, bold=True)}{lines[0]}".rstrip()
        for line in lines:
            screen.put(line)


def _hung(text: str, width: int | None, room: str) -> list[str]:
    """Wrap a text that begins after `room`: the first line is without it."""
    lines: list[str] = []
    for part in text.split("\n"):
        lines += [
            line if number or lines else line[len(room) :]
            for number, line in enumerate(wrap(f"{room}{part}", width, room))
        ]
    return lines


@dataclass(frozen=True)
class Table:
    """Rows of words under headings.

    Attributes:
        headings: One for each column.
        rows: The cells, as they are shown.
        right: Headings of columns that align to the right, as numbers do.
        spare: Headings of columns to leave out where there is too little room, the first first.
    """

    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()
    spare: tuple[str, ...] = ()


def put_table(screen: Screen, table: Table) -> None:
    """Write a table as wide as its words; a terminal that is narrower loses the columns that matter least."""
    cells = [list(table.headings), *([visible(cell) for cell in row] for row in table.rows)]
    widths = [max(wide(row[column]) for row in cells) for column in range(len(table.headings))]
    kept = _kept(table, widths, screen.width)
    for number, row in enumerate(cells):
        line = _GAP.join(
            _cell(row[column], widths[column], right=table.headings[column] in table.right) for column in kept
        ).rstrip()
        screen.put(screen.style(line, bold=True) if number == 0 else line)


def _kept(table: Table, widths: list[int], room: int | None) -> list[int]:
    kept = list(range(len(table.headings)))
    for heading in table.spare:
        if room is None or sum(widths[column] for column in kept) + len(_GAP) * (len(kept) - 1) <= room:
            break
        if heading in table.headings:
            kept.remove(table.headings.index(heading))
    return kept


def _cell(text: str, width: int, *, right: bool) -> str:
    padding = " " * (width - wide(text))
    return f"{padding}{text}" if right else f"{text}{padding}"

"""Problems of a config on a screen: the words of `config/render`, with colours, cut to the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.cli.terminal.layout import wide, wrap
from nnrun.cli.terminal.screen import visible
from nnrun.config.render import count_problems, format_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.screen import Screen
    from nnrun.errors import Problem


_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}
_CARET = re.compile(r" {5} \| *\^~*")
_HINT = "      hint: "
#: The line number and the bar before an excerpt: `   12 | `.
_GUTTER = 8
_ELLIPSIS = "... "


def put_problems(screen: Screen, problems: Sequence[Problem], *, counted: bool = True) -> None:
    """Write problems in their order, and how many there are."""
    for problem in problems:
        put_problem(screen, problem)
    if counted:
        screen.put(screen.style(count_problems(problems), bold=True))


def put_problem(screen: Screen, problem: Problem) -> None:
    """Write one problem: its place and what is wrong, the line with a caret, the hint."""
    lines = visible(format_problem(problem)).split("\n")
    colour = _COLOURS[problem.severity]
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if _CARET.fullmatch(below):
            screen.put(_window(line, below, screen.width)[0])
        elif _CARET.fullmatch(line):
            screen.put(screen.style(_window(lines[number - 1], line, screen.width)[1], fg=colour, bold=True))
        elif line.startswith(_HINT):
            _put_wrapped(screen, line, " " * _GUTTER, fg="cyan")
        else:
            _put_head(screen, line, problem, first=number == 0)


def _put_head(screen: Screen, line: str, problem: Problem, *, first: bool) -> None:
    place = visible(f"{problem.mark}: ") if problem.mark else ""
    for number, part in enumerate(wrap(line, screen.width, "    ")):
        if not first or number or not part.startswith(f"{place}{problem.severity}:"):
            screen.put(part)
            continue
        word = screen.style(f"{problem.severity}:", fg=_COLOURS[problem.severity], bold=True)
        screen.put(f"{screen.style(place, bold=True)}{word}{part[len(place) + len(problem.severity) + 1 :]}")


def _put_wrapped(screen: Screen, line: str, indent: str, **styles: Any) -> None:
    for part in wrap(line, screen.width, indent):
        screen.put(screen.style(part, **styles))


def _window(line: str, caret: str, width: int | None) -> tuple[str, str]:
    """Cut an excerpt and its caret line alike, so that the caret stays in sight and under its word."""
    if width is None or wide(line) <= width or width < 2 * _GUTTER:
        return line, caret
    gutter, text, marks = line[:_GUTTER], line[_GUTTER:], caret[_GUTTER:]
    room = width - _GUTTER
    skipped = max(0, marks.index("^") - room // 2)
    if skipped:
        dropped = len(_ELLIPSIS)
        text, marks = f"{_ELLIPSIS}{_from(text, skipped + dropped)}", f"{' ' * dropped}{marks[skipped + dropped :]}"
    return f"{gutter}{_until(text, room)}", f"{' ' * 5} | {marks[:room]}"


def _from(text: str, columns: int) -> str:
    """Give the text without its first `columns` columns; a wide character cut in half becomes a space."""
    for number in range(len(text) + 1):
        past = wide(text[:number]) - columns
        if past >= 0:
            return " " * past + text[number:]
    return ""


def _until(text: str, columns: int) -> str:
    while wide(text) > columns:
        text = text[:-1]
    return text


def as_json(problem: Problem) -> dict[str, Any]:
    """Give a problem as plain data for `--json`."""
    mark = problem.mark
    return {
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column or None if mark else None,
        "severity": problem.severity,
        "name": problem.name,
        "text": problem.text,
        "hint": problem.hint,
    }

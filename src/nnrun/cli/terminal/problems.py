"""Problems of a config on a terminal, with colours and lines cut to its width, and as data for `--json`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.cli.terminal.language import label, translated
from nnrun.cli.terminal.output import print_after, text_width, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.cli.terminal.output import Output
    from nnrun.errors import Problem


_COLORS = {"error": "red", "warning": "yellow", "note": "blue"}
_CARET = re.compile(r" {5} \| *\^~*")
_HINT = "      hint: "
#: The width of the line number and the bar before an excerpt: `   12 | `.
_GUTTER = 8
_ELLIPSIS = "... "


@dataclass(frozen=True)
class CheckedFile:
    """The result of checking one config.

    Attributes:
        name: The file as the user named it.
        problems: Everything that was found.
    """

    name: str
    problems: tuple[Problem, ...]

    def count(self, severity: str) -> int:
        """Count the problems of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def without_notes(self) -> CheckedFile:
        """Return the same without notes."""
        return replace(self, problems=tuple(problem for problem in self.problems if problem.severity != "note"))

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        problems = [problem_as_json(problem) for problem in self.problems]
        return {"file": self.name, "ok": not self.count("error"), "problems": problems}


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain data for `--json`."""
    mark = problem.mark
    return {
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": (mark.column or None) if mark else None,
        "severity": problem.severity,
        "name": problem.name,
        "text": problem.text,
        "hint": problem.hint,
    }


def print_problems(output: Output, problems: Sequence[Problem], *, counted: bool = True) -> None:
    """Print problems in their order, and their number."""
    from nnrun.config.render import count_problems

    for problem in problems:
        print_problem(output, problem)
    if counted:
        output.write_line(output.style(count_problems(problems), bold=True))


def print_problem(output: Output, problem: Problem) -> None:
    """Print one problem: its place and text, the line with a caret, the hint."""
    from nnrun.config.render import format_problem

    shown = replace(problem, text=translated(problem.text), hint=problem.hint and translated(problem.hint))
    lines = output.shown(format_problem(shown)).split("\n")
    color = _COLORS[problem.severity]
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if _CARET.fullmatch(below):
            output.write_lines([_cut_excerpt(line, below, output.width)[0]])
        elif _CARET.fullmatch(line):
            marks = _cut_excerpt(lines[number - 1], line, output.width)[1]
            output.write_lines([output.style(marks, fg=color, bold=True)])
        elif line.startswith(_HINT):
            hint = f"      {label('hint')}: {line.removeprefix(_HINT)}"
            output.write_lines(output.style(part, fg="cyan") for part in wrap(hint, output.width, " " * _GUTTER))
        elif number:
            output.write_lines(wrap(line, output.width, "    "))
        else:
            place = output.shown(f"{problem.mark}: ") if problem.mark else ""
            severity = f"{label(problem.severity)}:"
            styled = f"{output.style(place, bold=True)}{output.style(severity, fg=color, bold=True)}"
            print_after(output, f"{place}{severity}", styled, line[len(place) + len(problem.severity) + 1 :])


def _cut_excerpt(line: str, caret: str, width: int | None) -> tuple[str, str]:
    """Cut an excerpt and its caret line alike, so that the caret stays visible and under its word."""
    if width is None or text_width(line) <= width or width < 2 * _GUTTER:
        return line, caret
    from rich.cells import set_cell_size

    text, marks, room = line[_GUTTER:], caret[_GUTTER:], width - _GUTTER
    skipped = max(0, marks.index("^") - room // 2)
    if skipped:
        dropped = len(_ELLIPSIS)
        text = f"{_ELLIPSIS}{_skip_columns(text, skipped + dropped)}"
        marks = f"{' ' * dropped}{marks[skipped + dropped :]}"
    return f"{line[:_GUTTER]}{set_cell_size(text, room).rstrip()}", f"{caret[:_GUTTER]}{marks[:room]}"


def _skip_columns(text: str, columns: int) -> str:
    """Return the text without its first columns; a wide character cut in half becomes a space."""
    for number in range(len(text) + 1):
        excess = text_width(text[:number]) - columns
        if excess >= 0:
            return " " * excess + text[number:]
    return ""

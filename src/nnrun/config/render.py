"""Problems as plain text: the place, the line with a caret under the word, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.formatting import escaped, format_count, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.errors import Mark, Problem

#: How many characters of a long line are shown, and how many of them before the marked word.
_LINE_LENGTH, _BEFORE_WORD = 110, 50
_VALUE_LENGTH = 60


def format_problem(problem: Problem) -> str:
    """Return one problem as two to four lines, without a line end."""
    place = f"{problem.mark}: " if problem.mark else ""
    name = f" [{problem.name}]" if problem.name else ""
    lines = [f"{place}{problem.severity}: {problem.text}{name}"]
    if problem.mark and problem.mark.column:
        lines += _excerpt(problem.mark)
    if problem.hint:
        lines.append(f"      hint: {problem.hint}")
    return "\n".join(lines)


def count_problems(problems: Iterable[Problem]) -> str:
    """Return the number of problems, as in `8 errors, 1 warning`; `no problems` for none."""
    severities = [problem.severity for problem in problems]
    numbers = [(severities.count(severity), severity) for severity in ("error", "warning", "note")]
    return ", ".join(format_count(number, word) for number, word in numbers if number) or "no problems"


def format_value(value: Any) -> str:
    """Return a received value for a message: as YAML, shortened, with its type where YAML is ambiguous.

    Examples: `8`, `true`, `null`, `"8" (text)`, `[28, 28] (a list of 2)`, `a list of 300`, `an empty mapping`.
    """
    if isinstance(value, str):
        return f'"{_shorten(_escape(value))}" (text)'
    if isinstance(value, (list, tuple, dict)):
        return _format_container(value, "mapping" if isinstance(value, dict) else "list")
    try:
        return _shorten(dump_inline(value))
    except (TypeError, ValueError):
        return _shorten(f"{value!r} ({type(value).__name__})")


def _format_container(value: Any, kind: str) -> str:
    if not value:
        return f"an empty {kind}"
    counted = f"a {kind} of {len(value)}"
    if len(value) > _VALUE_LENGTH:
        return counted
    try:
        text = dump_inline(value)
    except (TypeError, ValueError, RecursionError):
        return counted
    return f"{text} ({counted})" if len(text) <= _VALUE_LENGTH else counted


def _shorten(text: str) -> str:
    return text if len(text) <= _VALUE_LENGTH else f"{text[: _VALUE_LENGTH - 4]} ..."


def _escape(text: str) -> str:
    """Return the start of a text on one line."""
    return escaped(text[: _VALUE_LENGTH + 1])


def _excerpt(mark: Mark) -> list[str]:
    """Return the marked line, cut around the word where it is long, and the line with the caret."""
    from rich.cells import cell_len

    start = mark.column - 1
    first = max(0, min(start - _BEFORE_WORD, len(mark.text) - _LINE_LENGTH)) if len(mark.text) > _LINE_LENGTH else 0
    shown = visible(mark.text[first : first + _LINE_LENGTH].replace("\t", " "))
    head = "... " if first else ""
    tail = " ..." if first + _LINE_LENGTH < len(mark.text) else ""
    before = len(head) + cell_len(shown[: start - first])
    width = max(1, cell_len(shown[start - first : start - first + mark.length]))
    return [
        f"{mark.line:>5} | {head}{shown}{tail}".rstrip(),
        f"{' ' * 5} | {' ' * before}^{'~' * (width - 1)}",
    ]

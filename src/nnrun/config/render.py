"""Problems as plain text: the place, the line with a caret under the word, and what to type next."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import flow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.errors import Mark, Problem

#: How many characters of a long line are shown, and how many of them stand before the word.
_LINE, _BEFORE = 110, 50
_SHOWN = 60


def render(problem: Problem) -> str:
    """One problem in two to four lines, without a line end."""
    place = f"{problem.mark}: " if problem.mark else ""
    name = f" [{problem.name}]" if problem.name else ""
    lines = [f"{place}{problem.severity}: {problem.text}{name}"]
    if problem.mark:
        lines += _excerpt(problem.mark)
    if problem.hint:
        lines.append(f"      hint: {problem.hint}")
    return "\n".join(lines)


def render_all(problems: Iterable[Problem]) -> str:
    """All problems in their order, with a last line that counts them."""
    every = list(problems)
    return "\n".join([*(render(problem) for problem in every), count(every)])


def count(problems: Iterable[Problem]) -> str:
    """How many problems there are, as in `8 errors, 1 warning`; `no problems` where there are none."""
    severities = [problem.severity for problem in problems]
    numbers = [(severities.count(severity), severity) for severity in ("error", "warning", "note")]
    said = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in numbers if number]
    return ", ".join(said) or "no problems"


def show(value: Any) -> str:
    """A received value as a message shows it: as YAML, shortened, with its type where YAML leaves it open.

    Examples: `8`, `true`, `null`, `"8" (text)`, `[28, 28] (a list of 2)`, `a list of 300`, `an empty mapping`.
    """
    if isinstance(value, str):
        return f'"{_shortened(_visible(value))}" (text)'
    if isinstance(value, (list, tuple, dict)):
        return _show_many(value, "mapping" if isinstance(value, dict) else "list")
    try:
        return _shortened(flow(value))
    except (TypeError, ValueError):
        return _shortened(f"{value!r} ({type(value).__name__})")


def _show_many(value: Any, kind: str) -> str:
    if not value:
        return f"an empty {kind}"
    counted = f"a {kind} of {len(value)}"
    if len(value) > _SHOWN:
        return counted
    try:
        written = flow(value)
    except (TypeError, ValueError, RecursionError):
        return counted
    return f"{written} ({counted})" if len(written) <= _SHOWN else counted


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]} ..."


def _visible(text: str) -> str:
    """The text on one line: what cannot be printed becomes an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "replace").decode()
        for letter in text[: _SHOWN + 1]
    )


def _excerpt(mark: Mark) -> list[str]:
    """The marked line, cut around the word where it is long, and the caret line below it."""
    start = mark.column - 1
    first = max(0, min(start - _BEFORE, len(mark.text) - _LINE)) if len(mark.text) > _LINE else 0
    shown = mark.text[first : first + _LINE]
    head = "... " if first else ""
    tail = " ..." if first + _LINE < len(mark.text) else ""
    before = len(head) + _width(shown[: start - first])
    word = max(1, _width(shown[start - first : start - first + mark.length]))
    return [
        f"{mark.line:>5} | {head}{_printable(shown)}{tail}".rstrip(),
        f"{' ' * 5} | {' ' * before}^{'~' * (word - 1)}",
    ]


def _printable(text: str) -> str:
    return "".join(letter if _is_shown(letter) else "\N{REPLACEMENT CHARACTER}" for letter in text.replace("\t", " "))


def _is_shown(letter: str) -> bool:
    """Whether a terminal may receive the letter: no control characters, and none that turn the writing direction."""
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _width(text: str) -> int:
    """How many columns of a terminal the text takes, as `_printable` writes it."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1

"""YAML's syntax errors in plain words, each with its place and what to write instead."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.config.files import load_package_data
from nnrun.config.syntax_repairs import repair
from nnrun.errors import Problem

if TYPE_CHECKING:
    from nnrun.config.files import SourceText

#: How many lists and mappings may be nested.
MAX_DEPTH = 100
_MAX_TABS = 20

_TAB_INDENTATION = re.compile(r" *(\t+)")


@cache
def _explanations() -> list[dict[str, Any]]:
    explanations: list[dict[str, Any]] = load_package_data(Path(__file__).with_name("syntax_errors.yaml"))["errors"]
    return explanations


def syntax_problems(error: Any, source: SourceText) -> list[Problem]:
    """Return the problems behind one exception of PyYAML's scanner or parser."""
    start = _position(error, source)
    tabs = _tab_problems(source, source.line_of(start))
    if tabs:
        return tabs
    message = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = getattr(error, "context_mark", None)
    whole = f"{getattr(error, 'context', None) or ''} {message}".lower()
    found_repair = repair(source, start, None if context is None else min(context.index, len(source.text)), whole)
    if found_repair is not None:
        return [Problem(source.mark(found_repair.start, found_repair.end), found_repair.text, found_repair.hint)]
    unknown: dict[str, Any] = {"text": f"this is not YAML ({message})", "hint": None}
    matching = (each for each in _explanations() if any(part in message.lower() for part in each["fragments"]))
    found = next(matching, unknown)
    return [Problem(source.mark(start, start + 1), found["text"], found["hint"])]


def _position(error: Any, source: SourceText) -> int:
    """Return the position to show: for a quote that is never closed, where it opens."""
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    if context is not None and "quoted scalar" in str(error.context):
        mark = context if "stream" in error.problem or "document" in error.problem else mark
    position = mark.index if mark is not None else getattr(error, "position", 0)
    return min(int(position), len(source.text))


def _tab_problems(source: SourceText, line: int) -> list[Problem]:
    """Return all lines indented with tabs, if the line of the error or the one before it is among them."""
    spans = ((number, source.line_span(number)) for number in range(1, line + 1))
    found = [(number, match) for number, span in spans if (match := _TAB_INDENTATION.match(source.text, *span))]
    if not any(number >= line - 1 for number, _ in found):
        return []
    text = "expected spaces as indentation, received a tab"
    hint = "replace each tab with spaces (most editors can do it for the whole file)"
    return [Problem(source.mark(*match.span(1)), text, hint) for _, match in found[:_MAX_TABS]]

"""YAML's syntax errors in plain words, with their place and what to type instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.errors import Problem

if TYPE_CHECKING:
    from nnrun.config.files import SourceText

#: How many lists and mappings may stand inside each other.
DEEPEST = 100

_INDENT = "align this line with its neighbours, with spaces; a list's items begin with '- ', a mapping's with 'key: '"
_QUOTE = "put the text in single quotes"

#: What the two parsers of PyYAML say (libyaml first), what it means, and what to type.
_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("tab character",), "expected spaces, received a tab", "replace the tab with spaces"),
    (
        ("directive", "incompatible"),
        "a line that begins with '%' is not part of the language",
        "delete it, or quote the text",
    ),
    (("tag", "uri"), "expected a plain value, received a tag", "put text that begins with '!' in quotes"),
    (("unexpected end of stream", "unexpected document indicator"), "this quoted text never ends", "close the quote"),
    (
        ("unknown escape", "hexadecimal", "invalid unicode"),
        "this '\\' escape is unknown in double quotes",
        "use single quotes, in which '\\' is an ordinary character",
    ),
    (
        ("mapping values are not allowed",),
        "a ': ' is not allowed here",
        "put text that holds ': ' in quotes, and begin every key on a line of its own, aligned with its neighbours",
    ),
    (("sequence entries are not allowed",), "a list item is not allowed here", _INDENT),
    (("mapping keys are not allowed",), "a key is not allowed here", _INDENT),
    (
        ("',' or '}'",),
        "expected ',' or '}' in the mapping that begins with '{'",
        "separate its entries with ',' and close it with '}'",
    ),
    (
        ("',' or ']'",),
        "expected ',' or ']' in the list that begins with '['",
        "separate its items with ',' and close it with ']'",
    ),
    (("expected ':'",), "expected ':' after the key", "write it as key: value"),
    (("expected key", "expected '-' indicator", "<block end>"), "this line does not fit the lines above it", _INDENT),
    (("node content",), "expected a value", _QUOTE),
    (("<document start>",), "expected the end of the file", "keep everything in one mapping, its keys aligned"),
    (("alias", "anchor", "alphabetic or numeric"), "expected a name after '&' or '*'", _QUOTE),
    (
        ("comment", "indentation indicator", "chomping", "block scalar"),
        "expected the text's lines below '|' or '>'",
        "begin the text on the next line, indented with spaces",
    ),
    # libyaml of PyYAML 6.0.4 stops at 1,000 levels of [ and {, before it has given any event.
    (("nesting depth",), f"expected at most {DEEPEST} levels of lists and mappings, received more", "nest less deeply"),
    (("cannot start any token",), "a value cannot begin with this character", _QUOTE),
)


def syntax_problems(error: Any, source: SourceText) -> list[Problem]:
    """The problems behind one exception of PyYAML's scanner or parser."""
    start = _position(error, source)
    tabs = _tabs(source, source.line_of(start))
    if tabs:
        return tabs
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    text, hint = _plain_words(said.lower())
    return [Problem(source.mark(start, start + 1), text or f"this is not YAML ({said})", hint)]


def _position(error: Any, source: SourceText) -> int:
    """Where to look: an unclosed quote is best shown where it opens."""
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    if context is not None and "quoted scalar" in str(error.context):
        mark = context if "stream" in error.problem or "document" in error.problem else mark
    position = mark.index if mark is not None else getattr(error, "position", 0)
    return min(int(position), len(source.text))


def _plain_words(said: str) -> tuple[str | None, str | None]:
    for parts, text, hint in _WORDS:
        if any(part in said for part in parts):
            return text, hint
    return None, None


def _tabs(source: SourceText, line: int) -> list[Problem]:
    """Every line indented with a tab, where the error's line or the one before it is among them."""
    problems: list[Problem] = []
    near = False
    for number in range(1, line + 1):
        begin, end = source.line_span(number)
        found = re.compile(r" *(\t+)").match(source.text, begin, end)
        if found and len(problems) < 20:
            problems.append(
                Problem(
                    source.mark(*found.span(1)),
                    "expected spaces as indentation, received a tab",
                    "replace each tab with spaces (most editors can do it for the whole file)",
                )
            )
        near = near or bool(found and number >= line - 1)
    return problems if near else []

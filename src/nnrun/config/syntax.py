"""YAML's syntax errors in plain words, each with its place and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.errors import Problem

if TYPE_CHECKING:
    from nnrun.config.files import SourceText

#: How many lists and mappings may be nested.
MAX_DEPTH = 100
_MAX_TABS = 20

_TAB_INDENTATION = re.compile(r" *(\t+)")
_INDENT = "align this line with its neighbours, with spaces; a list's items begin with '- ', a mapping's with 'key: '"
_QUOTE = "put the text in single quotes"


class _Explanation(NamedTuple):
    """A syntax error: fragments of PyYAML's messages (libyaml's first), what is wrong, and what to write."""

    fragments: tuple[str, ...]
    text: str
    hint: str


_EXPLANATIONS = (
    _Explanation(("tab character",), "expected spaces, received a tab", "replace the tab with spaces"),
    _Explanation(
        ("directive", "incompatible"), "a config cannot have lines that begin with '%'", "delete it, or quote the text"
    ),
    _Explanation(("tag", "uri"), "expected a plain value, received a tag", "put text that begins with '!' in quotes"),
    _Explanation(
        ("unexpected end of stream", "unexpected document indicator"), "this quoted text never ends", "close the quote"
    ),
    _Explanation(
        ("unknown escape", "hexadecimal", "invalid unicode"),
        "this '\\' escape is unknown in double quotes",
        "use single quotes, in which '\\' is an ordinary character",
    ),
    _Explanation(
        ("mapping values are not allowed",),
        "a ': ' is not allowed here",
        "put text that contains ': ' in quotes, and begin every key on its own line, aligned with its neighbours",
    ),
    _Explanation(("sequence entries are not allowed",), "a list item is not allowed here", _INDENT),
    _Explanation(("mapping keys are not allowed",), "a key is not allowed here", _INDENT),
    _Explanation(
        ("',' or '}'",),
        "expected ',' or '}' in the mapping that begins with '{'",
        "separate its entries with ',' and close it with '}'",
    ),
    _Explanation(
        ("',' or ']'",),
        "expected ',' or ']' in the list that begins with '['",
        "separate its items with ',' and close it with ']'",
    ),
    _Explanation(("expected ':'",), "expected ':' after the key", "write it as key: value"),
    _Explanation(
        ("expected key", "expected '-' indicator", "<block end>"),
        "the indentation of this line does not match the lines above it",
        _INDENT,
    ),
    _Explanation(("node content",), "expected a value", _QUOTE),
    _Explanation(
        ("<document start>",), "expected the end of the file", "keep everything in one mapping, its keys aligned"
    ),
    _Explanation(("alias", "anchor", "alphabetic or numeric"), "expected a name after '&' or '*'", _QUOTE),
    _Explanation(
        ("comment", "indentation indicator", "chomping", "block scalar"),
        "expected the lines of the text below '|' or '>'",
        "begin the text on the next line, indented with spaces",
    ),
    # libyaml of PyYAML 6.0.4 stops at 1,000 levels of [ and {, before its first event.
    _Explanation(
        ("nesting depth",), f"expected at most {MAX_DEPTH} levels of lists and mappings, received more", "nest less"
    ),
    _Explanation(("cannot start any token",), "a value cannot begin with this character", _QUOTE),
)


def syntax_problems(error: Any, source: SourceText) -> list[Problem]:
    """Return the problems behind one exception of PyYAML's scanner or parser."""
    start = _position(error, source)
    tabs = _tab_problems(source, source.line_of(start))
    if tabs:
        return tabs
    message = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    found = next((each for each in _EXPLANATIONS if any(part in message.lower() for part in each.fragments)), None)
    mark = source.mark(start, start + 1)
    return [Problem(mark, found.text, found.hint) if found else Problem(mark, f"this is not YAML ({message})")]


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

"""Google-style docstrings: the first sentence, and the descriptions of the arguments."""

from __future__ import annotations

import inspect
import re

_HEADING = re.compile(r"^(?P<name>[A-Z][A-Za-z ]+):\s*$")
_NAMES = r"(?P<names>[`*\w]+(?:\s*,\s*[`*\w]+)*)"
_ARGUMENT = re.compile(rf"^[ ]+[`*-]*\s?{_NAMES}`?\s*(?:\([^)]*\))?\s*:(?:\s+|$)(?P<text>.*)$")
_SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!vs)(?<!etc)\.(?=\s+[A-Z`\"'(*-]|$)")


def first_sentence(text: str) -> str:
    """Return the first sentence of `text`, on one line."""
    flat = " ".join(text.split())
    end = _SENTENCE_END.search(flat)
    return flat[: end.end()] if end else flat


def summary(docstring: str | None) -> str:
    """Return the first sentence of the first paragraph; empty without a docstring."""
    if not docstring:
        return ""
    return first_sentence(inspect.cleandoc(docstring).split("\n\n", 1)[0])


def arguments(docstring: str | None, *headings: str) -> dict[str, str]:
    """Return the first sentence about each argument under one of `headings` (`Args`, `Call arguments`)."""
    found: dict[str, str] = {}
    for names, text in _items(_section(docstring or "", headings)):
        for name in re.findall(r"\w+", names):
            found.setdefault(name, first_sentence(text))
    return found


def _section(docstring: str, headings: tuple[str, ...]) -> list[str]:
    """Return the lines below the headings that are indented more than they are."""
    searched = {heading.lower() for heading in headings}
    depth, lines = None, []
    for line in docstring.expandtabs().splitlines():
        indent = len(line) - len(line.lstrip())
        heading = _HEADING.match(line.strip())
        if heading and heading["name"].lower() in searched:
            depth = indent
        elif depth is not None and line.strip():
            depth = depth if indent > depth else None
            lines += [line] if depth is not None else []
    return lines


def _items(lines: list[str]) -> list[tuple[str, str]]:
    """Return pairs of argument names and text; an argument begins at the section's own indentation."""
    if not lines:
        return []
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    items: list[tuple[str, str]] = []
    for line in lines:
        start = _ARGUMENT.match(line) if len(line) - len(line.lstrip()) == margin else None
        if start:
            items.append((start["names"], start["text"]))
        elif items:
            items[-1] = (items[-1][0], f"{items[-1][1]} {line.strip()}")
    return items

"""Markdown: tables and words that mean themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MEANS_SOMETHING = re.compile(r"([\\|<>*_\[\]])")
_CODE = re.compile(r"(`+[^`]*`+)")


def plain(text: str) -> str:
    """Give a text in which nothing outside of `code` is a command of Markdown."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(
        part.replace("|", "\\|") if number % 2 else _MEANS_SOMETHING.sub(r"\\\1", part)
        for number, part in enumerate(parts)
    )


def code(text: str) -> str:
    """Give a text as code that may stand in a table; nothing where there is none."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table; cells are Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def block(language: str, text: str) -> str:
    """Give a block of code."""
    return f"```{language}\n{text.strip()}\n```"


def page(*parts: str) -> str:
    """Join the parts of a page."""
    return "\n\n".join(part for part in parts if part)

"""Tokens that a text has not: which they are, and what a user most likely meant. Without numpy, for `check`."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from nnrun.config import hints

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Marks that a keyboard gives in place of those that books print, and the other way round.
_ALIKE = {
    '"': "\u00bb",
    "\u00bb": '"',
    "\u00ab": '"',
    "\u201e": '"',
    "\u201c": '"',
    "\u201d": '"',
    "'": "\u2019",
    "\u2019": "'",
    "\u2018": "'",
    "\u2013": "-",
    "\u2014": "-",
    "-": "\u2013",
    "\t": " ",
    "\u00a0": " ",
}


def missing(tokens: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """The tokens that are not in the vocabulary, each once, in the order in which they come."""
    known = set(vocabulary)
    return [token for token in dict.fromkeys(tokens) if token not in known]


def nearest(token: str, vocabulary: Sequence[str]) -> str | None:
    """The known token that a user most likely meant: the other case, the letter without its accent, a near word."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", token) if not unicodedata.combining(part))
    for other in (token.lower(), token.upper(), plain, plain.lower(), plain.upper(), _ALIKE.get(token, "")):
        if other in vocabulary:
            return other
    near = hints.nearest(token, vocabulary) if len(token) > 1 else []
    return near[0] if near else None


def said(unknown: Sequence[str], vocabulary: Sequence[str]) -> str:
    """Name tokens that are not known, each with the nearest that is."""
    named = []
    for token in unknown[:8]:
        near = nearest(token, vocabulary)
        named.append(f"{token!r} (nearest: {near!r})" if near is not None else f"{token!r}")
    return ", ".join(named) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")

"""How much of a written text stands word for word in the text that its model learned from."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

#: The length of the pieces that are looked up; shorter ones recur in any text.
GRAM = 20


@dataclass(frozen=True)
class VerbatimOverlap:
    """What was found.

    Attributes:
        longest: The longest piece that stands in the corpus as it is.
        copied_share: The share of pieces of `GRAM` characters that stand there; None where the text is shorter.
        known_words_share: The share of words that the corpus has; None where there are none.
    """

    longest: str
    copied_share: float | None
    known_words_share: float | None

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {**asdict(self), "longest_characters": len(self.longest)}


def copied(text: str, corpus: str) -> VerbatimOverlap:
    """Look a text up in its corpus."""
    grams = [text[start : start + GRAM] for start in range(len(text) - GRAM + 1)]
    words, known = _words(text), set(_words(corpus))
    return VerbatimOverlap(
        longest(text, corpus),
        sum(gram in corpus for gram in grams) / len(grams) if grams else None,
        sum(word in known for word in words) / len(words) if words else None,
    )


def longest(text: str, corpus: str) -> str:
    """Give the first of the longest pieces of `text` that stand in `corpus`."""
    found = ""
    for end in range(1, len(text) + 1):
        # A longer piece that ends here can only be longer by this character: the one before it ended sooner.
        if (piece := text[end - len(found) - 1 : end]) in corpus and len(piece) > len(found):
            found = piece
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)

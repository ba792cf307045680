"""How much of a generated text is copied word for word from the text that its model was trained on."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

#: The length of the pieces that are looked up; shorter ones recur in any text.
PIECE = 20


@dataclass(frozen=True)
class VerbatimOverlap:
    """What a text has in common with its corpus.

    Attributes:
        longest: The longest piece of the text that the corpus contains.
        copied_share: The share of pieces of `PIECE` characters that the corpus contains; None where the text is
            shorter.
        known_words_share: The share of words that the corpus contains; None where there are no words.
    """

    longest: str
    copied_share: float | None
    known_words_share: float | None

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {**asdict(self), "longest_characters": len(self.longest)}


def verbatim_overlap(text: str, corpus: str) -> VerbatimOverlap:
    """Return how much of a text its corpus contains."""
    pieces = [text[start : start + PIECE] for start in range(len(text) - PIECE + 1)]
    words, known = _words(text), set(_words(corpus))
    return VerbatimOverlap(
        longest_copy(text, corpus),
        sum(piece in corpus for piece in pieces) / len(pieces) if pieces else None,
        sum(word in known for word in words) / len(words) if words else None,
    )


def longest_copy(text: str, corpus: str) -> str:
    """Return the first of the longest pieces of `text` that `corpus` contains."""
    longest = ""
    for end in range(1, len(text) + 1):
        # A longer piece that ends here can be longer by this character only: else the one before would have been.
        if (piece := text[end - len(longest) - 1 : end]) in corpus and len(piece) > len(longest):
            longest = piece
    return longest


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)

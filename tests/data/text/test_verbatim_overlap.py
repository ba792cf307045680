"""Tests of finding what was copied."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.verbatim_overlap import PIECE, longest_copy, verbatim_overlap


@given(st.text("abc", max_size=30), st.text("abc", max_size=30))
def test_the_longest_piece_is_found(text: str, corpus: str) -> None:
    """The piece found stands in both texts, and no longer one does."""
    pieces = {text[start:end] for start in range(len(text)) for end in range(start, len(text) + 1)} | {""}
    assert len(longest_copy(text, corpus)) == max(len(piece) for piece in pieces if piece in corpus)
    assert longest_copy(text, corpus) in corpus


def test_shares_count_pieces_and_words() -> None:
    """A text taken whole is copied in full, one of its own not at all, and words count by themselves."""
    corpus = "als gregor samsa eines morgens aus unruhigen träumen erwachte"
    whole = verbatim_overlap(corpus[4:40], corpus)
    assert (whole.longest, whole.copied_share) == (corpus[4:40], 1.0)
    assert verbatim_overlap("gregor samsa xyz", corpus).known_words_share == 2 / 3
    assert verbatim_overlap("x" * (PIECE + 5), corpus).copied_share == 0


def test_a_short_text_has_no_shares() -> None:
    """A text without a piece of the length, and without a word, has no share rather than a wrong one."""
    found = verbatim_overlap("!", "abc")
    assert (found.longest, found.copied_share, found.known_words_share) == ("", None, None)

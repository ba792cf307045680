"""Tests of tokens as codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.coding import codes, missing, nearest


@given(st.one_of(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1)))
def test_codes_are_places_in_the_sorted_vocabulary(tokens: str | list[str]) -> None:
    """Every token's code leads back to it, whether tokens are characters or words."""
    vocabulary = sorted(set(tokens))
    coded = codes(tokens, vocabulary)
    assert [vocabulary[code] for code in coded] == list(tokens)


def test_codes_take_a_byte_where_bytes_suffice() -> None:
    """A text of up to 256 different characters takes one byte a character."""
    assert codes("abba", "ab").dtype == np.uint8
    many = "".join(chr(point) for point in range(1000, 1300))
    assert codes(many, many).dtype == np.uint16


def test_an_unknown_token_is_no_code() -> None:
    """A token outside the vocabulary is refused, whichever side of it it lies on."""
    for strange in "Äa\U0001f600":
        with pytest.raises(KeyError, match=strange):
            codes(f"b{strange}", "bc")


def test_missing_tokens_are_told_once_in_order() -> None:
    """Unknown tokens are told once each, in the order in which they come."""
    assert missing("hallo welt!?!", "halo wet") == ["!", "?"]


@pytest.mark.parametrize(("token", "near"), [("A", "a"), ("é", "e"), ('"', "»"), ("\N{EN DASH}", "-"), ("%", None)])
def test_the_nearest_character_is_what_was_likely_meant(token: str, near: str | None) -> None:
    """The other case, the letter without its accent, and quotation marks of books are near; else nothing is."""
    assert nearest(token, ["a", "e", "»", "-"]) == near


def test_the_nearest_word_is_a_word_alike() -> None:
    """Of words the one that differs little is near."""
    assert nearest("gregpr", ["gregor", "samsa"]) == "gregor"

"""Tests of tokens as codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.tokenizer import encode_tokens
from nnrun.data.text.windows import ALIGNMENT


@given(st.one_of(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1)))
def test_codes_are_places_in_the_sorted_vocabulary(tokens: str | list[str]) -> None:
    """Every token's code leads back to it, whether tokens are characters or words."""
    vocabulary = sorted(set(tokens))
    coded = encode_tokens(tokens, vocabulary)
    assert [vocabulary[code] for code in coded] == list(tokens)


def test_codes_take_a_byte_where_bytes_suffice() -> None:
    """A text of up to 256 different characters takes one byte a character."""
    assert encode_tokens("abba", "ab").dtype == np.uint8
    many = "".join(chr(point) for point in range(1000, 1300))
    assert encode_tokens(many, many).dtype == np.uint16


@pytest.mark.parametrize("tokens", ["abcab", ["Gregor", "Samsa", "Gregor"]])
def test_codes_begin_where_tensorflow_can_share_them(tokens: str | list[str]) -> None:
    """Codes lie aligned, so that a long text need not be there twice."""
    assert encode_tokens(tokens, sorted(set(tokens))).ctypes.data % ALIGNMENT == 0


def test_an_unknown_token_is_no_code() -> None:
    """A token outside the vocabulary is refused, whichever side of it it lies on."""
    for strange in "Äa\U0001f600":
        with pytest.raises(KeyError, match=strange):
            encode_tokens(f"b{strange}", "bc")

"""Tests of cutting texts into tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.tokenizer import Tokenizer


@given(st.text())
def test_characters_are_joined_as_they_were(text: str) -> None:
    """A text cut into characters is the same text again."""
    tokens = Tokenizer()
    assert tokens.detokenize(tokens.tokenize(tokens.normalize(text))) == text


@given(st.text())
def test_bytes_are_joined_as_they_were(text: str) -> None:
    """A text cut into bytes is the same text again."""
    tokens = Tokenizer("byte")
    assert tokens.detokenize(tokens.tokenize_input(text)).encode("latin-1").decode("utf-8", "surrogatepass") == text


@given(st.lists(st.sampled_from(["er", "sagte", "nicht's", ".", ",", "\n", "?", "(", ")"]), min_size=1))
def test_words_are_cut_as_they_were_joined(words: list[str]) -> None:
    """A text made of words is cut into the same words, also where it is made piece by piece."""
    tokens = Tokenizer("word")
    assert tokens.tokenize(tokens.detokenize(words)) == words
    pieces = [tokens.detokenize([word], before) for before, word in zip([None, *words], words, strict=False)]
    assert "".join(pieces) == tokens.detokenize(words)


def test_words_are_joined_as_people_write() -> None:
    """Marks stand where people put them, without a space before them."""
    tokens = Tokenizer("word")
    assert tokens.detokenize(tokens.tokenize("Er sagte (leise): nein, nein!\nUnd ging.")) == (
        "Er sagte (leise): nein, nein!\nUnd ging."
    )


def test_case_and_punctuation_can_be_dropped() -> None:
    """Letters are folded and punctuation taken out where the config says so."""
    assert Tokenizer(lowercase=True, keep_punctuation=False).normalize("«Ja», sagte Er!") == "ja sagte er"


def test_bytes_fold_ascii_alone() -> None:
    """Of bytes only the letters of ASCII are folded: others have no case of their own."""
    assert Tokenizer("byte", lowercase=True).tokenize_input("AÄ") == "aÃ\x84"


def test_an_alphabet_limits_the_characters() -> None:
    """Characters outside the alphabet are dropped, or replaced by one that stands for all."""
    assert Tokenizer(alphabet="abc ").normalize("a!b?c") == "abc"
    assert Tokenizer(alphabet="abc ", replacement="_").normalize("a!b?c") == "a_b_c"


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (Tokenizer("byte", alphabet="ab"), "`alphabet` consists of characters"),
        (Tokenizer(replacement="_"), "outside an `alphabet`"),
        (Tokenizer(alphabet="ab", replacement="__"), "expected one character"),
    ],
)
def test_contradictions_are_refused(tokens: Tokenizer, said: str) -> None:
    """Arguments that cannot be together are refused with the reason."""
    with pytest.raises(ValueError, match=said):
        tokens.check_arguments("text")

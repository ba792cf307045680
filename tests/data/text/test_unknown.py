"""Tests of naming tokens that a text has not."""

from __future__ import annotations

import pytest

from nnrun.data.text.tokenizer import nearest_token, unknown_tokens


def test_missing_tokens_are_told_once_in_order() -> None:
    """Unknown tokens are told once each, in the order in which they come."""
    assert unknown_tokens("hallo welt!?!", "halo wet") == ["!", "?"]


@pytest.mark.parametrize(("token", "near"), [("A", "a"), ("é", "e"), ('"', "»"), ("\N{EN DASH}", "-"), ("%", None)])
def test_the_nearest_character_is_what_was_likely_meant(token: str, near: str | None) -> None:
    """The other case, the letter without its accent, and quotation marks of books are near; else nothing is."""
    assert nearest_token(token, ["a", "e", "»", "-"]) == near


def test_the_nearest_word_is_a_word_alike() -> None:
    """Of words the one that differs little is near."""
    assert nearest_token("gregpr", ["gregor", "samsa"]) == "gregor"

"""Tests of a written text as it grows."""

from __future__ import annotations

from nnrun.data.growing import GrowingText
from nnrun.data.tokens import Tokens


def test_a_stop_text_is_held_back_until_it_is_sure() -> None:
    """What may be the beginning of a stop text waits, and comes once it is not."""
    sample = GrowingText(Tokens(), ("ende",), None)
    assert [sample.take(list(piece)) for piece in ("ab en", "d", "lich en", "de und")] == ["ab ", "", "endlich ", ""]
    assert (sample.text, sample.stopped, sample.rest()) == ("ab endlich ", True, "")


def test_what_is_held_back_comes_at_the_end() -> None:
    """A text that ends in the beginning of a stop text keeps it."""
    sample = GrowingText(Tokens(), ("ende",), None)
    assert sample.take(list("am en")) == "am "
    assert sample.rest() == "en"
    assert sample.text == "am en"


def test_bytes_become_characters_once_they_are_whole() -> None:
    """A character of several bytes appears when its last byte is there."""
    sample = GrowingText(Tokens("byte"), (), None)
    assert [sample.take([one]) for one in "Ã¼"] == ["", "ü"]

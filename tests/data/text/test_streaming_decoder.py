"""Tests of a written text as it grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.tokenizer import StreamingDecoder, Tokenizer


def test_a_stop_text_is_held_back_until_it_is_sure() -> None:
    """What may be the beginning of a stop text waits, and comes once it is not."""
    sample = StreamingDecoder(Tokenizer(), ("ende",), None)
    assert [sample.decode(list(piece)) for piece in ("ab en", "d", "lich en", "de und")] == ["ab ", "", "endlich ", ""]
    assert (sample.text, sample.stopped, sample.flush()) == ("ab endlich ", True, "")


def test_what_is_held_back_comes_at_the_end() -> None:
    """A text that ends in the beginning of a stop text keeps it."""
    sample = StreamingDecoder(Tokenizer(), ("ende",), None)
    assert sample.decode(list("am en")) == "am "
    assert sample.flush() == "en"
    assert sample.text == "am en"


def test_bytes_become_characters_once_they_are_whole() -> None:
    """A character of several bytes appears when its last byte is there."""
    sample = StreamingDecoder(Tokenizer("byte"), (), None)
    assert [sample.decode([one]) for one in "Ã¼"] == ["", "ü"]


@given(st.text("abc", max_size=60), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3), st.data())
def test_a_stop_text_never_appears(whole: str, stop: list[str], data: st.DataObject) -> None:
    """However a text is handed out, it ends before the stop text that is whole first, and misses nothing before it."""
    sample, pieces, left = StreamingDecoder(Tokenizer(), tuple(stop), None), [], whole
    while left:
        size = data.draw(st.integers(1, len(left)))
        pieces.append(sample.decode(list(left[:size])))
        left = left[size:]
    pieces.append(sample.flush())
    ends = [(place + len(one), place) for one in stop if (place := whole.find(one)) >= 0]
    first = min(ends)[1] if ends else None
    assert sample.text == "".join(pieces) == whole[:first]
    assert sample.stopped == (first is not None)
    assert not any(one in sample.text for one in stop)

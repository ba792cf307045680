"""Tests of tokens: from texts and back, as ids, unknown ones, and decoded one after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.tokenizer import StreamingDecoder, Tokenizer, encode_tokens, nearest_token, unknown_tokens
from nnrun.data.text.windows import ALIGNMENT


@given(st.text())
def test_characters_are_joined_as_they_were(text: str) -> None:
    """A text tokenized into characters is restored."""
    tokens = Tokenizer()
    assert tokens.detokenize(tokens.tokenize(tokens.normalize(text))) == text


@given(st.text())
def test_bytes_are_joined_as_they_were(text: str) -> None:
    """A text tokenized into bytes is restored."""
    tokens = Tokenizer("byte")
    assert tokens.detokenize(tokens.tokenize_input(text)).encode("latin-1").decode("utf-8", "surrogatepass") == text


@given(st.lists(st.sampled_from(["er", "sagte", "nicht's", ".", ",", "\n", "?", "(", ")"]), min_size=1))
def test_words_are_cut_as_they_were_joined(words: list[str]) -> None:
    """A text made of words is tokenized into the same words, also when made piece by piece."""
    tokens = Tokenizer("word")
    assert tokens.tokenize(tokens.detokenize(words)) == words
    pieces = [tokens.detokenize([word], before) for before, word in zip([None, *words], words, strict=False)]
    assert "".join(pieces) == tokens.detokenize(words)


def test_words_are_joined_as_people_write() -> None:
    """Punctuation has no space before it."""
    tokens = Tokenizer("word")
    assert tokens.detokenize(tokens.tokenize("Er sagte (leise): nein, nein!\nUnd ging.")) == (
        "Er sagte (leise): nein, nein!\nUnd ging."
    )


def test_case_and_punctuation_can_be_dropped() -> None:
    """Letters become lower case and punctuation is dropped where the config says so."""
    assert Tokenizer(lowercase=True, keep_punctuation=False).normalize("«Ja», sagte Er!") == "ja sagte er"


def test_bytes_fold_ascii_alone() -> None:
    """Of bytes only the letters of ASCII become lower case."""
    assert Tokenizer("byte", lowercase=True).tokenize_input("AÄ") == "aÃ\x84"


def test_an_alphabet_limits_the_characters() -> None:
    """Characters outside the alphabet are dropped, or replaced by one character."""
    assert Tokenizer(alphabet="abc ").normalize("a!b?c") == "abc"
    assert Tokenizer(alphabet="abc ", replacement="_").normalize("a!b?c") == "a_b_c"


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (Tokenizer("byte", alphabet="ab"), "`alphabet` consists of characters"),
        (Tokenizer(replacement="_"), "outside an `alphabet`"),
        (Tokenizer(alphabet="ab", replacement="__"), "expected one character"),
    ],
)
def test_contradictions_are_refused(tokens: Tokenizer, message: str) -> None:
    """Arguments that contradict each other are refused with the reason."""
    with pytest.raises(ValueError, match=message):
        tokens.check_arguments("text")


@given(st.one_of(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1)))
def test_token_ids_are_indices_in_the_sorted_vocabulary(tokens: str | list[str]) -> None:
    """The id of every token is its index in the vocabulary, for characters and words."""
    vocabulary = sorted(set(tokens))
    coded = encode_tokens(tokens, vocabulary)
    assert [vocabulary[code] for code in coded] == list(tokens)


def test_token_ids_are_bytes_where_bytes_suffice() -> None:
    """A text of up to 256 different characters takes one byte a character."""
    assert encode_tokens("abba", "ab").dtype == np.uint8
    many = "".join(chr(point) for point in range(1000, 1300))
    assert encode_tokens(many, many).dtype == np.uint16


@pytest.mark.parametrize("tokens", ["abcab", ["Gregor", "Samsa", "Gregor"]])
def test_token_ids_are_aligned_so_that_tensorflow_can_share_them(tokens: str | list[str]) -> None:
    """Token ids are aligned, so that a long text is in memory once."""
    assert encode_tokens(tokens, sorted(set(tokens))).ctypes.data % ALIGNMENT == 0


def test_an_unknown_token_has_no_id() -> None:
    """A token outside the vocabulary is refused, whichever side of it it lies on."""
    for strange in "Äa\U0001f600":
        with pytest.raises(KeyError, match=strange):
            encode_tokens(f"b{strange}", "bc")


def test_unknown_tokens_are_listed_once_in_order() -> None:
    """Unknown tokens are listed once each, in their order."""
    assert unknown_tokens("hallo welt!?!", "halo wet") == ["!", "?"]


@pytest.mark.parametrize(("token", "near"), [("A", "a"), ("é", "e"), ('"', "»"), ("\N{EN DASH}", "-"), ("%", None)])
def test_the_nearest_character_is_what_was_probably_meant(token: str, near: str | None) -> None:
    """The other case, the letter without its accent, and quotation marks of books are near; else nothing is."""
    assert nearest_token(token, ["a", "e", "»", "-"]) == near


def test_the_nearest_word_is_a_similar_word() -> None:
    """Of words a slightly different one is the nearest."""
    assert nearest_token("gregpr", ["gregor", "samsa"]) == "gregor"


def test_a_possible_stop_text_is_held_back() -> None:
    """A possible beginning of a stop text is held back until it is certain."""
    sample = StreamingDecoder(Tokenizer(), ("ende",), None)
    assert [sample.decode(list(piece)) for piece in ("ab en", "d", "lich en", "de und")] == ["ab ", "", "endlich ", ""]
    assert (sample.text, sample.stopped, sample.flush()) == ("ab endlich ", True, "")


def test_held_back_text_is_flushed() -> None:
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

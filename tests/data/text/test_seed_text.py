"""Seed texts: as the model's text was, whatever the keyboard writes; unknown characters by code point."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.seed_text import describe_unknown, seed_tokens
from nnrun.data.text.tokenizer import Tokenizer, unknown_tokens

PERSIAN = sorted(set("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06a9\u062a\u0627\u0628"))


@given(st.text(max_size=30), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_text_in_any_form_is_known_in_its_own(text: str, form: str) -> None:
    """Where the vocabulary is of one Unicode form, a seed text in another is known."""
    corpus = unicodedata.normalize(form, text)
    typed = unicodedata.normalize("NFD" if form.endswith("C") else "NFC", corpus)
    vocabulary = sorted(set(corpus.replace("\r\n", "\n").replace("\r", "\n")))
    assert not unknown_tokens(seed_tokens(typed, vocabulary, Tokenizer()), vocabulary)


@pytest.mark.parametrize(
    ("typed", "vocabulary", "tokenizer", "tokens"),
    [
        ("Caf\u00e9", "acef\u0301", Tokenizer(lowercase=True), "cafe\u0301"),
        ("cafe\u0301", "acf\u00e9", Tokenizer(), "caf\u00e9"),
        ("a\r\nb\rc", "abc\n", Tokenizer(), "a\nb\nc"),
        ("a\u00a0b", "ab ", Tokenizer(), "a b"),
        ("a, b!", "ab ", Tokenizer(keep_punctuation=False), "a b"),
        ("a?b", "ab*", Tokenizer(alphabet="ab", replacement="*"), "a*b"),
        ("e\u0301\u00e9", "e\u0301\u00e9", Tokenizer(), "e\u0301\u00e9"),
        ("\u00e9", "\u00c3\u00a9", Tokenizer("byte"), "\u00c3\u00a9"),
        ("\u0645\u06cc\u200c\u062e\u0648", PERSIAN, Tokenizer(), "\u0645\u06cc\u200c\u062e\u0648"),
    ],
)
def test_a_seed_text_is_treated_as_the_corpus_was(
    typed: str, vocabulary: str, tokenizer: Tokenizer, tokens: str
) -> None:
    """Case, line ends, dropped characters and the Unicode form are those of the corpus; what is known stays."""
    assert "".join(seed_tokens(typed, list(vocabulary), tokenizer)) == tokens
    assert describe_unknown(typed, list(vocabulary), tokenizer) is None


@pytest.mark.parametrize(
    ("typed", "named", "instead"),
    [
        ("\u0645\u064a\u200c", "U+064A ARABIC LETTER YEH '\u064a' (nearest: U+06CC '\u06cc')", "\u0645\u06cc\u200c"),
        ("\u062e\u00ad", "U+00AD SOFT HYPHEN '\u00ad'", "\u062e"),
        ("\u062e\u0301", "U+0301 COMBINING ACUTE ACCENT '\u25cc\u0301'", "\u062e"),
        ("x", "a character that the run's text does not have: 'x'", None),
        ("\x1b\u06a9", r"'\x1b'", "\u06a9"),
    ],
)
def test_unknown_characters_are_named_with_what_to_write(typed: str, named: str, instead: str | None) -> None:
    """Each has its code point, name and nearest known one, and the text to write has the nearest ones."""
    found = describe_unknown(typed, PERSIAN, Tokenizer())
    assert found is not None
    assert named in found[0]
    assert found[1] == instead


def test_unknown_words_and_bytes() -> None:
    """Words are named as they are, bytes by their value."""
    words = describe_unknown("the cta", ["cat", "the"], Tokenizer("word"))
    assert words == ("the seed text has a word that the run's text does not have: 'cta' (nearest: 'cat')", "the cat")
    found = describe_unknown("\u00e9", ["a"], Tokenizer("byte"))
    assert found == ("the seed text has bytes that the run's text does not have: the byte 0xC3, the byte 0xA9", None)

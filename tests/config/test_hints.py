"""Did you mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.hints import did_you_mean, nearest

LAYERS = (
    "Dense",
    "Dropout",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "LSTM",
    "GRU",
    "Flatten",
    "MaxPooling2D",
    "BatchNormalization",
    "SpatialDropout2D",
    "Softmax",
    "ReLU",
    "Add",
)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("conv2d", "Conv2D"),
        ("Conv2d", "Conv2D"),
        ("Dence", "Dense"),
        ("Dropuot", "Dropout"),
        ("LTSM", "LSTM"),
        ("Flaten", "Flatten"),
        ("Maxpooling2d", "MaxPooling2D"),
        ("max_pooling_2d", "MaxPooling2D"),
        ("BatchNormalisation", "BatchNormalization"),
        ("batch_normalization", "BatchNormalization"),
        ("relu", "ReLU"),
        ("dense", "Dense"),
    ],
)
def test_misspellings(word: str, meant: str) -> None:
    """The nearest name is found for a typing error, a wrong case or a joined word."""
    assert nearest(word, LAYERS) == (meant,)


@pytest.mark.parametrize("word", ["xyzzy", "Transformer", "a", "", "LR", "SeparableConvolutionOfMine", "D" * 500])
def test_far_words_have_no_hint(word: str) -> None:
    """A word that is near to no known word has no hint."""
    assert nearest(word, LAYERS) == ()
    assert did_you_mean(word, LAYERS) is None


def test_case_counts_less_than_letters() -> None:
    """Among several near names the one that differs only in case comes first."""
    assert nearest("CONV3D", LAYERS, limit=3) == ("Conv3D", "Conv1D", "Conv2D")


def test_the_question() -> None:
    """The hint is a question with the nearest name in quotes."""
    assert did_you_mean("filter", ["units", "filters"]) == "Did you mean 'filters'?"


@given(st.text(max_size=90), st.lists(st.text(max_size=90), max_size=8), st.integers(0, 4))
def test_answers_are_known_words(word: str, known: list[str], limit: int) -> None:
    """Whatever is asked, the answers are at most `limit` of the known words, each once."""
    found = nearest(word, known, limit)
    assert len(found) <= limit
    assert len(set(found)) == len(found)
    assert set(found) <= set(known)


@given(st.text(alphabet="abcdefgh", min_size=3, max_size=20))
def test_a_known_word_is_nearest_to_itself(word: str) -> None:
    """A word in another case is found before words that differ in letters."""
    assert nearest(word.upper(), [f"{word}x", word, word[1:]])[0] == word

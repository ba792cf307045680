"""Tests of PadSequences: the results of Keras' own function, on sequences of any length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.prepare.shapes import PadSequences
from nnrun.data.prepare.step import ExampleSpec

SEQUENCES = st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=5)
SIDES = st.sampled_from(["pre", "post"])


def _ragged(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = np.array(row, dtype="int32")
    return array


@given(SEQUENCES, st.integers(1, 8), SIDES, SIDES)
def test_every_sequence_keeps_what_fits_and_is_filled_up(rows, maxlen: int, padding: str, truncating: str) -> None:
    """`pre` cuts and fills the beginning, `post` the end."""
    done = PadSequences(maxlen, padding, truncating).apply(_ragged(rows))
    assert done.shape == (len(rows), maxlen)
    for row, found in zip(rows, done.tolist(), strict=True):
        kept = row[-maxlen:] if truncating == "pre" else row[:maxlen]
        filler = [0] * (maxlen - len(kept))
        assert found == (filler + kept if padding == "pre" else kept + filler)


@pytest.mark.keras
def test_padding_is_that_of_keras() -> None:
    """Keras' `pad_sequences` with the same arguments gives the same array."""
    import keras

    rows = [[1, 2, 3, 4], [], [7], [5, 6]]
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            theirs = keras.utils.pad_sequences(rows, 3, padding=padding, truncating=truncating, value=9)
            ours = PadSequences(3, padding, truncating, 9).apply(_ragged(rows))
            assert ours.dtype == theirs.dtype
            assert ours.tolist() == theirs.tolist()


def test_the_number_of_cut_sequences_is_noted() -> None:
    """A note says how many sequences are cut."""
    assert PadSequences(2).fit(_ragged([[1, 2, 3], [1]])) == [
        "PadSequences: 1 of 2 training sequences are longer than 2 and cut."
    ]


def test_equal_sequences_with_features_are_padded_too() -> None:
    """An array of steps with features keeps its last dimension."""
    done = PadSequences(3, value=0.5).apply(np.ones((2, 2, 4)))
    assert done.shape == (2, 3, 4)
    assert done[0, 0].tolist() == [0.5] * 4


def test_what_is_no_sequence_is_refused() -> None:
    """Tables and single numbers cannot be padded."""
    with pytest.raises(ValueError, match="the data are a table"):
        PadSequences(3).fit(Columns({"a": np.zeros(2)}))
    with pytest.raises(ValueError, match="an example is one number"):
        PadSequences(3).compute_output_spec(ExampleSpec(()))
    with pytest.raises(ValueError, match="the data are a table"):
        PadSequences(3).compute_output_spec(ExampleSpec((2,), ("a", "b")))
    with pytest.raises(ValueError, match="maxlen expected a positive integer, received 0"):
        PadSequences(0)
    assert PadSequences(3).compute_output_spec(ExampleSpec((None,), ragged=True)) == ExampleSpec((3,))

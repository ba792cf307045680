"""Tests of windows as views, and of where the parts and windows of a text are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.windows import Windows, scaled, split_ranges, window_counts, window_starts
from nnrun.spec.data import Split

CODES = np.array([0, 1, 2, 3, 2, 1], dtype="uint8")


@given(st.integers(1, 5), st.integers(1, 3), st.sampled_from(["codes", "scaled", "one_hot"]))
def test_windows_are_what_a_matrix_would_be(width: int, stride: int, encoding: str) -> None:
    """Shape, length, type and values are those of the matrix that is never made."""
    starts = range(0, len(CODES) - width, stride)
    windows = Windows(CODES, starts, width, encoding, 4)  # type: ignore[arg-type]
    rows = np.array([CODES[start : start + width] for start in starts])
    matrix = {
        "codes": rows.astype("int32"),
        "scaled": (rows / 4).astype("float32")[..., None],
        "one_hot": np.eye(4, dtype="float32")[rows],
    }[encoding]
    assert (len(windows), windows.shape, windows.ndim) == (len(matrix), matrix.shape, matrix.ndim)
    assert windows.dtype == matrix.dtype
    np.testing.assert_array_equal(np.asarray(windows), matrix)
    np.testing.assert_array_equal(windows[np.array([0, len(starts) - 1])], matrix[[0, -1]])
    np.testing.assert_array_equal(np.asarray(windows[1:]), matrix[1:])


def test_single_codes_have_no_dimension_of_their_own() -> None:
    """Targets of one code each are a plain row of numbers."""
    windows = Windows(CODES, range(2, 6), None, "codes", 4)
    assert windows.shape == (4,)
    assert np.asarray(windows).tolist() == [2, 3, 2, 1]


def test_a_slice_copies_nothing() -> None:
    """Some of the windows share the codes of all."""
    windows = Windows(CODES, range(3), 2, "codes", 4)
    assert windows[1:].token_ids is CODES


@pytest.mark.parametrize("vocabulary", [1, 41, 47, 65])
def test_scaled_codes_are_divided_in_double_precision(vocabulary: int) -> None:
    """Scaled codes are what dividing by the vocabulary's size gives, as the published script does."""
    assert scaled(vocabulary).tolist() == [np.float32(code / float(vocabulary)) for code in range(vocabulary)]


@given(st.integers(10, 10_000), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_parts_share_no_character(tokens: int, test: float, validation: float) -> None:
    """Training, validation and test part follow each other and together are the whole text."""
    found = split_ranges(tokens, Split(test, validation))
    train, middle, end = (found[name] for name in ("train", "validation", "test"))
    assert [*train, *middle, *end] == list(range(tokens))


@given(st.integers(2, 300), st.integers(1, 20), st.integers(1, 30))
def test_every_window_and_what_follows_it_lie_inside(length: int, window: int, stride: int) -> None:
    """No window, and no target, reaches across the end of its part; one more step would."""
    if length <= window:
        with pytest.raises(ValueError, match="need"):
            window_starts(range(length), window, stride)
        return
    paths = window_starts(range(50, 50 + length), window, stride)
    assert paths[0] == 50
    assert paths[-1] + window < 50 + length <= paths[-1] + stride + window


def test_parts_may_be_shared(split: type) -> None:
    """`validation: test` and `test: train` name the same characters."""
    assert split_ranges(100, split(0.1, "test")) == {
        "test": range(90, 100),
        "train": range(90),
        "validation": range(90, 100),
    }
    assert split_ranges(100, split("train"))["test"] == range(100)


def test_impossible_splits_are_refused(split: type) -> None:
    """A stratified split, `validation: test` without a test part, and a part without room are refused."""
    for wrong, message in (
        (split(0.1, stratify=True), "stratify"),
        (split(None, "test"), "needs a test part"),
        (split(0.01), "the test part is too short"),
    ):
        with pytest.raises(ValueError, match=message):
            window_counts(500, wrong, 10, 1)

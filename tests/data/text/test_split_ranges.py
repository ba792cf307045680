"""Tests of where parts and windows of a text lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.windows import split_ranges, window_counts, window_starts
from nnrun.spec.data import Split


@given(st.integers(10, 10_000), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_parts_share_no_character(tokens: int, test: float, validation: float) -> None:
    """Training, validation and test part stand one after the other and are together the whole text."""
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
    places = window_starts(range(50, 50 + length), window, stride)
    assert places[0] == 50
    assert places[-1] + window < 50 + length <= places[-1] + stride + window


def test_a_part_may_serve_twice(split: type) -> None:
    """`validation: test` and `test: train` name the same characters."""
    assert split_ranges(100, split(0.1, "test")) == {
        "test": range(90, 100),
        "train": range(90),
        "validation": range(90, 100),
    }
    assert split_ranges(100, split("train"))["test"] == range(100)


def test_what_cannot_be_is_refused(split: type) -> None:
    """A stratified split, `validation: test` without a test part, and a part without room are refused."""
    for wrong, said in (
        (split(0.1, stratify=True), "stratify"),
        (split(None, "test"), "needs a test part"),
        (split(0.01), "the test part is too short"),
    ):
        with pytest.raises(ValueError, match=said):
            window_counts(500, wrong, 10, 1)

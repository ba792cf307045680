"""Tests of splits: no row is lost or used twice, shares are kept, and the same seed gives the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.splits.part_sizes import part_size
from nnrun.data.splits.parts import allocate, split_rows, split_sizes

SHARES = st.one_of(st.none(), st.floats(0.01, 0.45))


@given(st.integers(10, 300), SHARES, SHARES, st.booleans(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_parts_partition_the_rows(
    rows: int, test: float | None, validation: float | None, shuffle: bool, seed: int
) -> None:
    """Every row is in exactly one part, each part in the order of the file and of the computed size."""
    config = _split(test=test, validation=validation, shuffle=shuffle)
    parts = split_rows(rows, config, None, seed)
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(rows))
    assert all((np.diff(part) > 0).all() for part in parts.values())
    assert {name: len(part) for name, part in parts.items()} == split_sizes(rows, 0, config)


@given(st.lists(st.integers(4, 60), min_size=2, max_size=6), st.floats(0.1, 0.5), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_stratified_parts_keep_the_classes_shares(sizes: list[int], share: float, seed: int) -> None:
    """The test part has its share of each class, to within one row."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    y = np.random.default_rng(seed).permutation(y)
    parts = split_rows(len(y), _split(test=share, stratify=True), y, seed)
    taken = np.bincount(y[parts["test"]], minlength=len(sizes))
    wanted = part_size(len(y), share)
    assert taken.sum() == wanted
    assert (np.abs(taken - np.array(sizes) * wanted / len(y)) < 1 + 1e-9).all()


def test_allocate_gives_the_rest_to_the_largest_remainders() -> None:
    """Of 4 rows for classes of 5, 3 and 2, two go to the first and one to each of the others."""
    assert allocate(4, np.array([5, 3, 2])).tolist() == [2, 1, 1]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    """A split is a function of its seed."""
    config = _split(test=0.5)
    first, again, other = (split_rows(100, config, None, seed)["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_without_shuffling_the_last_rows_are_the_test_part_and_those_before_validation() -> None:
    """`shuffle: false` keeps the file's order: train, validation, test."""
    parts = split_rows(10, _split(test=0.2, validation=0.25, shuffle=False), None, 0)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [0, 1, 2, 3, 4, 5],
        "validation": [6, 7],
        "test": [8, 9],
    }


def test_a_validation_share_does_not_move_the_test_rows() -> None:
    """The test part stays the same whether or not a validation part is asked for."""
    alone = split_rows(50, _split(test=0.2), None, 3)["test"]
    assert split_rows(50, _split(test=0.2, validation=0.3), None, 3)["test"].tolist() == alone.tolist()


@pytest.mark.parametrize(("rows", "share", "expected"), [(30, 0.1, 3), (1797, 0.2, 360), (10, 0.05, 1), (7, 1 / 7, 1)])
def test_shares_are_rounded_up_without_rounding_errors(rows: int, share: float, expected: int) -> None:
    """A tenth of thirty is three although the product is a little more in binary."""
    assert part_size(rows, share) == expected


def test_a_share_that_leaves_nothing_is_refused() -> None:
    """A share that takes every row is named with the number of rows."""
    with pytest.raises(ValueError, match=r"0\.9 of 2 rows leaves none"):
        part_size(2, 0.9)


@pytest.mark.parametrize(
    ("own", "config", "expected"),
    [
        (10, None, {"train": 40, "test": 10}),
        (0, None, {"train": 40}),
        (10, {"validation": "test"}, {"train": 40, "validation": 10, "test": 10}),
        (0, {"test": "train"}, {"train": 40, "test": 40}),
        (0, {"test": "train", "validation": "test"}, {"train": 40, "validation": 40, "test": 40}),
        (0, {"test": 0.1, "validation": 0.5}, {"train": 18, "validation": 18, "test": 4}),
    ],
)
def test_rows_of_shared_parts_are_counted_in_each(own: int, config: dict | None, expected: dict) -> None:
    """The computed sizes name every part, in the order train, validation, test."""
    found = split_sizes(40, own, None if config is None else _split(**config))
    assert list(found.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("own", "config", "message"),
    [
        (10, {"test": 0.1}, "a test part of its own"),
        (10, {"test": "train"}, "own"),
        (0, {"validation": "test"}, "needs a test part"),
    ],
)
def test_a_split_that_contradicts_the_source_is_refused(own: int, config: dict, message: str) -> None:
    """A second test part, and validation on a missing test part, are named."""
    with pytest.raises(ValueError, match=message):
        split_sizes(40, own, _split(**config))


def _split(*, test=None, validation=None, stratify=False, shuffle=True):
    from nnrun.spec.data import Split

    return Split(test, validation, stratify, shuffle)

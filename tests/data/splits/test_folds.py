"""Tests of folds: every row is tested once a repeat; classes keep their shares, groups stay together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.splits.folds import fold_seed, make_folds
from nnrun.data.splits.part_sizes import fold_size


@dataclass(frozen=True)
class AnyFolds:
    folds: int
    shuffle: bool = False
    repeats: int = 1
    stratify: bool = False
    groups: str | None = None
    final_fit: bool = False


SIZES = st.tuples(st.integers(2, 120), st.integers(2, 12)).filter(lambda pair: pair[0] >= pair[1])


@given(SIZES, st.booleans(), st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_folds_partition_the_rows(sizes: tuple[int, int], shuffle: bool, repeats: int, seed: int) -> None:
    """In each repeat every row is tested once and trained on in all other folds; fold sizes are those computed."""
    rows, count = sizes
    folds = make_folds(rows, AnyFolds(count, shuffle, repeats), seed=seed)
    assert [fold.number for fold in folds] == list(range(count * repeats))
    for repeat in range(repeats):
        mine = [fold for fold in folds if fold.repeat == repeat]
        assert sorted(np.concatenate([fold.test for fold in mine]).tolist()) == list(range(rows))
        assert [len(fold.test) for fold in mine] == [fold_size(rows, count, index) for index in range(count)]
    for fold in folds:
        assert np.array_equal(np.sort(np.concatenate([fold.test, fold.rest])), np.arange(rows))
        assert (np.diff(fold.test) > 0).all()
        assert (np.diff(fold.rest) > 0).all()


@given(SIZES, st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_plain_and_shuffled_folds_are_scikit_learns(sizes: tuple[int, int], shuffle: bool, seed: int) -> None:
    """The rows of the first repeat are those of `KFold`, shuffled with `random_state=seed`."""
    from sklearn.model_selection import KFold

    rows, count = sizes
    theirs = KFold(count, shuffle=shuffle, random_state=seed if shuffle else None).split(np.empty((rows, 1)))
    ours = make_folds(rows, AnyFolds(count, shuffle), seed=seed)
    for fold, (rest, test) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(fold.test, test)
        np.testing.assert_array_equal(fold.rest, rest)


@given(st.lists(st.integers(5, 40), min_size=2, max_size=5), st.integers(2, 5), st.booleans(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_stratified_folds_keep_the_classes_shares(sizes: list[int], count: int, shuffle: bool, seed: int) -> None:
    """Each fold tests its share of every class, to within one row, and fold sizes are those computed."""
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    folds = make_folds(len(y), AnyFolds(count, shuffle, stratify=True), y=y, seed=seed)
    for fold in folds:
        taken = np.bincount(y[fold.test], minlength=len(sizes))
        assert (np.abs(taken - np.array(sizes) / count) < 1).all()
        assert len(fold.test) == fold_size(len(y), count, fold.number)


@given(st.integers(3, 20), st.integers(2, 3), st.booleans(), st.booleans(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_groups_stay_in_one_fold(kinds: int, count: int, shuffle: bool, stratified: bool, seed: int) -> None:
    """No value of the column of groups is both tested and trained on, and every row is tested once."""
    rng = np.random.default_rng(seed)
    groups = np.array([f"g{number}" for number in rng.integers(0, kinds, 80)] + [f"g{n}" for n in range(kinds)], object)
    y = rng.permutation(np.arange(len(groups)) % 2) if stratified else None
    folds = make_folds(len(groups), AnyFolds(count, shuffle, groups="who"), y=y, groups=groups, seed=seed)
    for fold in folds:
        assert not set(groups[fold.test]) & set(groups[fold.rest])
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(len(groups)))


def test_repeats_differ_and_the_seed_decides() -> None:
    """Each repeat has an order of its own, the same for the same seed; the first has the experiment's own seed."""
    first, again = (make_folds(30, AnyFolds(3, shuffle=True, repeats=2), seed=7) for _ in range(2))
    assert all(np.array_equal(one.test, other.test) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(first[0].test, first[3].test)
    assert fold_seed(7, 0) == 7
    assert len({fold_seed(seed, repeat) for seed in range(20) for repeat in range(20)}) == 400


def test_too_few_rows_or_groups_are_refused() -> None:
    """The message says how many there are."""
    with pytest.raises(ValueError, match="5 folds need at least as many rows, but there are 4"):
        make_folds(4, AnyFolds(5))
    with pytest.raises(ValueError, match="3 folds need at least as many groups, but 'who' has 2"):
        make_folds(4, AnyFolds(3, groups="who"), groups=np.array([1.0, 1.0, 2.0, 2.0]))


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(2, 6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_balanced_folds_are_scikit_learns(
    sizes: list[int], count: int, shuffle: bool, grouped: bool, stratified: bool, seed: int
) -> None:
    """Stratified folds, grouped folds in the file's order and both together test the rows that scikit-learn's test."""
    from sklearn import model_selection

    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    groups = rng.integers(0, count + seed % 20, len(y)) if grouped else None
    enough = groups is None or len(np.unique(groups)) >= count
    if max(sizes) < count or len(y) < count or not enough or not (stratified or (grouped and not shuffle)):
        return
    name = {(True, False): "StratifiedKFold", (False, True): "GroupKFold"}.get(
        (stratified, grouped), "StratifiedGroupKFold"
    )
    options = {"shuffle": shuffle, "random_state": seed if shuffle else None} if stratified else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with fewer rows than folds
        theirs = list(getattr(model_selection, name)(count, **options).split(np.empty((len(y), 1)), y, groups))
    ours = make_folds(len(y), AnyFolds(count, shuffle), y=y if stratified else None, groups=groups, seed=seed)
    for fold, (rest, test) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(fold.test, test)
        np.testing.assert_array_equal(fold.rest, rest)


def test_stratified_folds_of_rare_classes_alone_are_refused() -> None:
    """Where every class has fewer rows than there are folds, the message says how many the largest has."""
    with pytest.raises(ValueError, match="need a class of at least as many rows, but the largest has 3"):
        make_folds(6, AnyFolds(4, stratify=True), y=np.array([0, 0, 0, 1, 1, 1]))


def test_a_rare_class_is_split() -> None:
    """A class with fewer rows than folds is tested in some folds."""
    folds = make_folds(12, AnyFolds(4, stratify=True), y=np.array([0] * 10 + [1] * 2))
    assert [int((fold.test >= 10).sum()) for fold in folds] == [0, 0, 1, 1]

"""Which rows are tested in which fold of a cross-validation.

All folds are made here with scikit-learn's results, to which tests hold them: importing scikit-learn takes longer (1.5
to 5 s) than ten folds of a small experiment, and `check` examines the very rows of every fold without that wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.splits.forward import forward_rows
from nnrun.data.splits.part_sizes import fold_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.data import Forward, KFold


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: Counted from 0 over all repeats.
        repeat: Counted from 0.
        test: The rows that it tests, in the order of the file, shape (rows,).
        rest: The rows that it is trained and validated on, in the order of the file: all others, but of forward folds
            those before it.
    """

    number: int
    repeat: int
    test: np.ndarray
    rest: np.ndarray


def fold_seed(seed: int, repeat: int) -> int:
    """Return the seed of every fold of a repeat: the experiment's own for the first, one derived from both for others.

    Folds of one repeat share initial weights and order of rows, so that a fold depends on its rows alone: training the
    same config on the rows of one fold gives the same scores.
    """
    return seed if repeat == 0 else int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def make_folds(
    rows: int, k_fold: KFold, *, y: np.ndarray | None = None, groups: np.ndarray | None = None, seed: int = 0
) -> list[Fold]:
    """Assign rows to the folds of all repeats; those of `forward` are made by `make_forward_folds`.

    Args:
        rows: The number of rows.
        k_fold: The config's `k_fold`.
        y: One class number a row, where the folds are stratified.
        groups: One value a row; rows of one value stay in one fold.
        seed: The seed of the experiment; the first repeat shuffles as scikit-learn does with `random_state=seed`.

    Raises:
        ValueError: There are too few rows, groups or rows of a class.
    """
    folds: list[Fold] = []
    for repeat in range(k_fold.repeats):
        for test in _test_rows(rows, k_fold, y, groups, fold_seed(seed, repeat)):
            is_rest = np.ones(rows, dtype=bool)
            is_rest[test] = False
            folds.append(Fold(len(folds), repeat, test, np.flatnonzero(is_rest)))
    return folds


def make_forward_folds(order: np.ndarray, forward: Forward) -> list[Fold]:
    """Assign rows to folds in the order of time.

    Args:
        order: The place of each row in time, as of `nnrun.data.splits.forward.time_order`.
        forward: The config's `forward`.

    Raises:
        ValueError: There are too few times.
    """
    parts = enumerate(forward_rows(order, forward))
    return [Fold(number, 0, test, rest) for number, (rest, test) in parts]


def _test_rows(
    rows: int, k_fold: KFold, y: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> Iterator[np.ndarray]:
    """Yield the rows that each fold of one repeat tests, in the order of the file."""
    sizes = [fold_size(rows, k_fold.folds, index) for index in range(k_fold.folds)]
    numbers = None
    if groups is not None:
        names, numbers = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
        if len(names) < k_fold.folds:
            has = "there are" if k_fold.groups is None else f"{k_fold.groups!r} has"
            raise ValueError(f"{k_fold.folds} folds need at least as many groups, but {has} {len(names)}")
    if y is not None:
        fold_of = _stratified(y, numbers, k_fold, seed)
        yield from (np.flatnonzero(fold_of == index) for index in range(k_fold.folds))
    elif numbers is not None and not k_fold.shuffle:
        fold_of = _balanced_groups(np.asarray(numbers), k_fold.folds)
        yield from (np.flatnonzero(fold_of == index) for index in range(k_fold.folds))
    elif numbers is not None:
        parts = np.array_split(np.random.RandomState(seed).permutation(int(numbers.max()) + 1), k_fold.folds)
        yield from (np.flatnonzero(np.isin(numbers, part)) for part in parts)
    else:
        order = np.arange(rows)
        if k_fold.shuffle:
            np.random.RandomState(seed).shuffle(order)
        yield from (np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1]))


def _balanced_groups(groups: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold that tests each row as `GroupKFold` does: the largest groups first, each to the smallest fold.

    Args:
        groups: One number a row, from 0.
        folds: The number of folds.
    """
    sizes = np.bincount(groups)
    fold_sizes, fold_of_group = np.zeros(folds, dtype=int), np.zeros(len(sizes), dtype=int)
    for group in np.argsort(sizes, kind="stable")[::-1]:
        fold_of_group[group] = np.argmin(fold_sizes)
        fold_sizes[fold_of_group[group]] += sizes[group]
    return np.asarray(fold_of_group[groups])


def _stratified(y: np.ndarray, groups: np.ndarray | None, k_fold: KFold, seed: int) -> np.ndarray:
    """Return the fold that tests each row, with each class's share of rows in every fold as far as possible.

    Args:
        y: One class number a row.
        groups: One number a row, from 0, where rows of one number stay together.
        k_fold: The config's `k_fold`.
        seed: The seed of the repeat.

    Raises:
        ValueError: Every class has fewer rows than there are folds.
    """
    _, first, numbers, counts = np.unique(y, return_index=True, return_inverse=True, return_counts=True)
    if counts.max() < k_fold.folds:
        text = f"{k_fold.folds} stratified folds need a class of at least as many rows, but the largest has"
        raise ValueError(f"{text} {counts.max()}")
    generator = np.random.RandomState(seed) if k_fold.shuffle else None
    if groups is None:
        return _stratified_rows(np.argsort(np.argsort(first))[numbers], k_fold.folds, generator)
    return _stratified_groups(numbers, groups, k_fold.folds, generator)


def _stratified_rows(y: np.ndarray, folds: int, generator: np.random.RandomState | None) -> np.ndarray:
    """Return the fold of each row as `StratifiedKFold` does; `y` numbers classes in the order of their first rows."""
    ordered, classes = np.sort(y), int(y.max()) + 1
    allocation = np.array([np.bincount(ordered[index::folds], minlength=classes) for index in range(folds)])
    fold_of = np.empty(len(y), dtype=int)
    for number in range(classes):
        of_class = np.arange(folds).repeat(allocation[:, number])
        if generator is not None:
            generator.shuffle(of_class)
        fold_of[y == number] = of_class
    return fold_of


def _stratified_groups(
    y: np.ndarray, groups: np.ndarray, folds: int, generator: np.random.RandomState | None
) -> np.ndarray:
    """Return the fold of each row as `StratifiedGroupKFold` does.

    Groups with the most uneven classes come first; each goes to the fold that leaves the classes' shares of all folds
    most alike, of equals to the one with the fewest rows.
    """
    by_group = np.zeros((int(groups.max()) + 1, int(y.max()) + 1))
    np.add.at(by_group, (groups, y), 1)
    order = np.arange(len(by_group))
    if generator is not None:
        generator.shuffle(order)
    by_fold, fold_of_group = np.zeros((folds, by_group.shape[1])), np.zeros(len(by_group), dtype=int)
    totals = by_group.sum(axis=0)
    for group in order[np.argsort(-np.std(by_group[order], axis=1), kind="stable")]:
        fold_of_group[group] = _best_fold(by_fold, by_group[group], totals)
        by_fold[fold_of_group[group]] += by_group[group]
    return np.asarray(fold_of_group[groups])


def _best_fold(by_fold: np.ndarray, group: np.ndarray, totals: np.ndarray) -> int:
    best, least, fewest = 0, np.inf, np.inf
    for index in range(len(by_fold)):
        by_fold[index] += group
        unevenness = float(np.mean(np.std(by_fold / totals, axis=0)))
        by_fold[index] -= group
        rows = by_fold[index].sum()
        if unevenness < least or (np.isclose(unevenness, least) and rows < fewest):
            best, least, fewest = index, unevenness, rows
    return best

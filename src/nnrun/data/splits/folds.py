"""Which rows are tested in which fold of a cross-validation.

Plain and shuffled folds, and shuffled groups, are made here with scikit-learn's results: importing scikit-learn takes
longer (1.5 to 5 s) than ten folds of a small experiment. Stratified folds, and groups in the order of the file, are
scikit-learn's own.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.splits.parts import fold_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.data import KFold


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: Counted from 0 over all repeats.
        repeat: Counted from 0.
        test: The rows that it tests, in the order of the file, shape (rows,).
        rest: All other rows, in the order of the file.
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
    """Assign rows to the folds of all repeats.

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
            folds.append(Fold(len(folds), repeat, test, np.setdiff1d(np.arange(rows), test, assume_unique=True)))
    return folds


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
    if y is not None or (numbers is not None and not k_fold.shuffle):
        yield from _balanced(rows, k_fold, y, numbers, seed)
    elif numbers is not None:
        parts = np.array_split(np.random.RandomState(seed).permutation(int(numbers.max()) + 1), k_fold.folds)
        yield from (np.flatnonzero(np.isin(numbers, part)) for part in parts)
    else:
        order = np.arange(rows)
        if k_fold.shuffle:
            np.random.RandomState(seed).shuffle(order)
        yield from (np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1]))


def _balanced(
    rows: int, k_fold: KFold, y: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> Iterator[np.ndarray]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

    shuffled = {"shuffle": k_fold.shuffle, "random_state": seed if k_fold.shuffle else None}
    if y is None:
        splitter = GroupKFold(k_fold.folds)
    else:
        splitter = (StratifiedKFold if groups is None else StratifiedGroupKFold)(k_fold.folds, **shuffled)
    with warnings.catch_warnings():
        # `load_folded` itself warns of a class with fewer rows than folds.
        warnings.simplefilter("ignore", UserWarning)
        yield from (test for _, test in splitter.split(np.empty((rows, 1)), y, groups))

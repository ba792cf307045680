"""Which rows are tested in which fold of a cross-validation.

Plain and shuffled folds, and groups in a random order, are dealt out here as scikit-learn does: importing it takes
longer (1.5 to 5 s) than ten folds of a small experiment. What needs its balancing is left to scikit-learn itself.
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
    """The seed of every fold of a repeat: the experiment's own for the first one, and a pure function of both for more.

    Folds of one repeat share initial weights and order of rows, so that a fold depends on its rows alone: whoever
    trains the same config on the rows of one fold gets the same figures.
    """
    return seed if repeat == 0 else int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def make_folds(
    rows: int, k_fold: KFold, *, y: np.ndarray | None = None, groups: np.ndarray | None = None, seed: int = 0
) -> list[Fold]:
    """Deal rows out to the folds of all repeats.

    Args:
        rows: How many rows there are.
        k_fold: The config's `k_fold`.
        y: One class number a row, where the folds are stratified.
        groups: One value a row, where rows of one value must not part.
        seed: The experiment's seed; the first repeat shuffles as scikit-learn does with `random_state=seed`.

    Raises:
        ValueError: There are too few rows, groups or rows of a class.
    """
    found: list[Fold] = []
    everything = np.arange(rows)
    for repeat in range(k_fold.repeats):
        for test in _tests(rows, k_fold, y, groups, fold_seed(seed, repeat)):
            found.append(Fold(len(found), repeat, test, np.setdiff1d(everything, test, assume_unique=True)))
    return found


def _tests(
    rows: int, k_fold: KFold, y: np.ndarray | None, groups: np.ndarray | None, seed: int
) -> Iterator[np.ndarray]:
    """The rows that each fold of one repeat tests, in the order of the file."""
    sizes = [fold_size(rows, k_fold.folds, index) for index in range(k_fold.folds)]
    if groups is not None:
        kinds, numbers = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
        if len(kinds) < k_fold.folds:
            has = "there are" if k_fold.groups is None else f"{k_fold.groups!r} has"
            text = f"{k_fold.folds} folds need at least as many groups, but {has} {len(kinds)}"
            raise ValueError(text)
        if k_fold.shuffle and y is None:
            dealt = np.array_split(np.random.RandomState(seed).permutation(len(kinds)), k_fold.folds)
            yield from (np.flatnonzero(np.isin(numbers, part)) for part in dealt)
            return
        groups = numbers
    if groups is None and y is None:
        order = np.arange(rows)
        if k_fold.shuffle:
            np.random.RandomState(seed).shuffle(order)
        yield from (np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1]))
        return
    yield from _balanced(rows, k_fold, y, groups, seed)


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
        # Of a class with fewer rows than folds `FoldedData` warns in nnrun's own words.
        warnings.simplefilter("ignore", UserWarning)
        yield from (test for _, test in splitter.split(np.empty((rows, 1)), y, groups))

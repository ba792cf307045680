"""How many rows a share of them is, and how many a fold tests."""

from __future__ import annotations

from math import ceil


def part_size(rows: int, share: float) -> int:
    """Return how many of `rows` a share is, rounded up as scikit-learn's `train_test_split` does.

    Raises:
        ValueError: Nothing would be left.
    """
    # 0.1 * 30 is 3.0000000000000004 in binary: without the slack it would round up to 4.
    size = ceil(rows * share - 1e-9)
    if size >= rows:
        raise ValueError(f"a share of {share:g} of {rows} rows leaves none for training")
    return size


def fold_size(rows: int, folds: int, index: int) -> int:
    """Return how many rows fold `index` (from 0) tests: the first ones take one more where `rows` does not divide.

    Raises:
        ValueError: There are fewer rows than folds.
    """
    if folds > rows:
        raise ValueError(f"{folds} folds need at least as many rows, but there are {rows}")
    return rows // folds + (index < rows % folds)

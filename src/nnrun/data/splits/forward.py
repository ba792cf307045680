"""Parts in the order of time: every test part lies after the rows that its model is trained on.

The sizes are those of scikit-learn's `TimeSeriesSplit`, to which tests hold them. Rows of one time stay together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.splits.part_sizes import part_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.data import Forward, Split


def time_order(rows: int, times: np.ndarray | None) -> np.ndarray:
    """Return the place of each row in time, counted from 0: rows of one time have one; shape (rows,).

    Args:
        rows: The number of rows.
        times: Their times, shape (rows,); None: they are in order.
    """
    return np.arange(rows) if times is None else np.unique(times, return_inverse=True)[1]


def forward_ranges(count: int, forward: Forward) -> Iterator[tuple[range, range]]:
    """Yield the times that each fold trains on and tests, in order.

    Args:
        count: The number of different times.
        forward: The config's `forward`.

    Raises:
        ValueError: There are too few times.
    """
    folds, gap = forward.n_splits, forward.gap
    if forward.test_size is None:
        size = count // (folds + 1)
    elif isinstance(forward.test_size, int):
        size = forward.test_size
    else:
        size = part_size(count, forward.test_size)
    if size < 1 or count - gap - size * folds < 1:
        parts = f"{folds} test parts of {size}" if folds > 1 else f"a test part of {size}"
        after = f" after a gap of {gap}" if gap else ""
        raise ValueError(f"{parts} rows or times{after} leave none of {count} for training")
    for start in range(count - folds * size, count, size):
        end = start - gap
        first = 0 if forward.max_train_size is None else max(0, end - forward.max_train_size)
        yield range(first, end), range(start, start + size)


def forward_rows(order: np.ndarray, forward: Forward) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows that each fold trains on and tests, in the order of the file.

    Args:
        order: What `time_order` returned.
        forward: The config's `forward`.

    Raises:
        ValueError: There are too few times.
    """
    for trained, tested in forward_ranges(_count(order), forward):
        yield _rows_in(order, trained), _rows_in(order, tested)


def cut_off_end(order: np.ndarray, rows: np.ndarray, share: float, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows before a gap, and the rows of the last share of the times of `rows` after it.

    Args:
        order: What `time_order` returned.
        rows: The rows to cut.
        share: The share of their different times.
        gap: How many times lie between the two.

    Raises:
        ValueError: Nothing would be left for training.
    """
    places, of_row = np.unique(order[rows], return_inverse=True)
    start = len(places) - part_size(len(places), share)
    if start - gap < 1:
        raise ValueError(f"a share of {share:g} after a gap of {gap} leaves none of {len(places)} times for training")
    return rows[of_row < start - gap], rows[of_row >= start]


def cut_in_order(order: np.ndarray, split: Split | None) -> dict[str, np.ndarray]:
    """Return the rows of `train`, and of `test` and `validation` where a split has them, cut by time.

    Args:
        order: What `time_order` returned.
        split: The config's split, without folds.

    Raises:
        ValueError: Nothing would be left for training.
    """
    left = np.arange(len(order))
    if split is None:
        return {"train": left}
    parts: dict[str, np.ndarray] = {}
    gap = 0 if split.forward is None else split.forward.gap
    if split.cross_validation is None and split.forward is not None:
        ((left, parts["test"]),) = forward_rows(order, split.forward)
    elif isinstance(split.test, float):
        left, parts["test"] = cut_off_end(order, left, split.test, gap)
    if isinstance(split.validation, float):
        left, parts["validation"] = cut_off_end(order, left, split.validation, gap)
    return {"train": left, **parts}


def _count(order: np.ndarray) -> int:
    return int(order.max(initial=-1)) + 1


def _rows_in(order: np.ndarray, places: range) -> np.ndarray:
    return np.flatnonzero((order >= places.start) & (order < places.stop))

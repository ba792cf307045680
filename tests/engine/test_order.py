"""The order of rows is a pure function of seed and epoch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.order import order


@given(some.integers(0, 2**32 - 1), some.integers(0, 10_000), some.integers(0, 300))
def test_every_row_is_seen_once(seed: int, epoch: int, rows: int) -> None:
    """An epoch's order is a permutation, and the same when asked again."""
    once = order(seed, epoch, rows)
    assert sorted(once.tolist()) == list(range(rows))
    np.testing.assert_array_equal(once, order(seed, epoch, rows))


def test_epochs_and_seeds_differ() -> None:
    """Unlike Keras' own, the order changes with the epoch, and with the seed."""
    assert len({tuple(order(seed, epoch, 50)) for seed in range(5) for epoch in range(5)}) == 25


def test_the_files_order_can_be_kept() -> None:
    """`shuffle: false` takes rows as they stand."""
    assert order(7, 3, 4, shuffle=False).tolist() == [0, 1, 2, 3]

"""The order of rows is a pure function of seed and epoch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.executors.shuffle import MAX_ARRAY_ROWS, LongOrder, epoch_order


@given(some.integers(0, 2**32 - 1), some.integers(0, 10_000), some.integers(0, 300))
def test_every_row_is_seen_once(seed: int, epoch: int, rows: int) -> None:
    """An epoch's order is a permutation, and the same when asked again."""
    once = epoch_order(seed, epoch, rows)
    assert sorted(once.tolist()) == list(range(rows))
    np.testing.assert_array_equal(once, epoch_order(seed, epoch, rows))


def test_epochs_and_seeds_differ() -> None:
    """Unlike Keras' own, the order changes with the epoch, and with the seed."""
    assert len({tuple(epoch_order(seed, epoch, 50)) for seed in range(5) for epoch in range(5)}) == 25


def test_the_files_order_can_be_kept() -> None:
    """`shuffle: false` takes rows as they stand."""
    assert epoch_order(7, 3, 4, shuffle=False).tolist() == [0, 1, 2, 3]


@given(some.integers(0, 2**32 - 1), some.integers(0, 10_000), some.integers(2, 5000), some.data())
def test_any_piece_of_a_long_order_can_be_computed(seed: int, epoch: int, rows: int, data: some.DataObject) -> None:
    """A long order is a permutation as well, of which any piece can be computed by itself."""
    long = LongOrder(seed, epoch, rows)
    whole = np.asarray(long)
    assert len(long) == rows
    assert sorted(whole.tolist()) == list(range(rows))
    first = data.draw(some.integers(0, rows))
    last = data.draw(some.integers(first, rows + 3))
    np.testing.assert_array_equal(long[first:last], whole[first:last])


def test_long_orders_differ_and_are_well_mixed() -> None:
    """Long orders change with epoch and seed; neighbours come apart, and every part of the file comes in each piece."""
    orders = [np.asarray(LongOrder(seed, epoch, 100_000)) for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    for number, one in enumerate(orders):
        assert abs(np.corrcoef(one, np.arange(100_000))[0, 1]) < 0.02
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.02
        counts = np.histogram2d(np.arange(100_000) // 1000, one // 1000, bins=(100, 100))[0]
        # 10,000 cells of 10 rows each: the sum of squares over the mean is about 10,000, give or take 141.
        assert abs(((counts - 10) ** 2 / 10).sum() - 99 * 99) < 800
        assert (one == orders[number - 1]).mean() < 0.001


def test_the_order_of_very_many_rows_is_never_one_array() -> None:
    """Above a limit an order takes no memory, shuffled or not; up to it the order is an array."""
    assert isinstance(epoch_order(7, 0, MAX_ARRAY_ROWS), np.ndarray)
    piece = epoch_order(7, 0, 10**9)[5:9]
    assert isinstance(epoch_order(7, 0, MAX_ARRAY_ROWS + 1), LongOrder)
    assert (piece.dtype, piece.shape) == (np.int32, (4,))
    assert epoch_order(7, 0, MAX_ARRAY_ROWS + 1, shuffle=False)[5:9].tolist() == [5, 6, 7, 8]

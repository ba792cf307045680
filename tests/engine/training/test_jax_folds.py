"""Parts of several folds are one, and no row is lost or taken twice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.training.jax_folds import StackedPart, can_stack

#: What JAX's `tree.map` does to pairs.
NEST = SimpleNamespace(map=lambda do, *trees: tuple(do(*leaves) for leaves in zip(*trees, strict=True)))


def _part(rows: int) -> Tensors:
    return Tensors((np.arange(1, rows * 2 + 1.0).reshape(rows, 2), np.arange(1, rows + 1.0)), rows)


@given(st.integers(1, 7), st.integers(0, 5), st.lists(st.integers(0, 7), min_size=1, max_size=4))
def test_batches_and_rests_are_all_rows_in_order(batch: int, whole: int, left: list[int]) -> None:
    """The full batches of a fold and its incomplete batch are its rows in the order of the file."""
    rows = [whole * batch + more for more in left]
    if min(rows) < 1 or not can_stack(rows, batch):
        return
    parts = [_part(one) for one in rows]
    stacked = StackedPart.of(NEST, parts, batch)
    for place, part in enumerate(parts):
        pieces = [stacked.batches(0, stacked.full_batches, stacked.full_batches)] if stacked.full_batches else []
        pieces += [stacked.rest(size) for size in stacked.rest_sizes if stacked.has_rest(size)[place]]
        for field in (0, 1):
            np.testing.assert_array_equal(np.concatenate([one[field][place] for one in pieces]), part.fields[field])


def test_blocks_are_padded() -> None:
    """A program takes as many batches as it was compiled for; those beyond the last are zeros."""
    batches = StackedPart.of(NEST, [_part(5), _part(4)], 2).batches(1, 2, 3)
    assert batches[0].shape == (2, 6, 2)
    np.testing.assert_array_equal(batches[1], [[3, 4, 0, 0, 0, 0]] * 2)


def test_folds_with_one_incomplete_batch_at_most_can_be_stacked() -> None:
    """Beyond the batches that all have in full, none may have more than one batch."""
    assert can_stack([455, 456], 5)
    assert can_stack([24, 25], 5)
    assert not can_stack([20, 26], 5)

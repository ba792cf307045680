"""The sliding patch: it covers every pixel, and changes nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnrun.engine.explanation.occlusion import SlidingPatch, occluded

sides = st.integers(1, 40)


@given(sides, sides, st.none() | st.integers(1, 50))
def test_every_pixel_is_covered(height: int, width: int, size: int | None) -> None:
    """Positions lie inside of the picture and cover all of it, so that a constant has that constant as its mean."""
    patch = SlidingPatch.over(height, width, size)
    assert all(0 <= top <= height - patch.size and 0 <= left <= width - patch.size for top, left in patch.corners)
    means = patch.mean_over_positions(np.full((1, len(patch.corners)), 2.5))
    np.testing.assert_allclose(means, np.full((1, height, width), 2.5))


def test_copies_differ_in_the_patch_alone() -> None:
    """Of each example one copy a position, in order; columns next to the picture stay."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2 + 5 * 6 * 3 + 1)).astype("float32")
    patch, fill = SlidingPatch.over(5, 6, 2), np.array([7, 8, 9], "float32")
    copies = np.concatenate(list(occluded(x, (2, 92), patch, fill)))
    assert len(copies) == 3 * len(patch.corners)
    for at, copy in enumerate(copies):
        example, (top, left) = x[at // len(patch.corners)], patch.corners[at % len(patch.corners)]
        expected = example.copy()
        expected[2:92].reshape(5, 6, 3)[top : top + 2, left : left + 2] = fill
        np.testing.assert_array_equal(copy, expected)


def test_the_mean_over_positions_points_at_the_position() -> None:
    """A pixel that one of several positions covers has a share of its value."""
    patch = SlidingPatch.over(1, 1)
    assert patch.corners == [(0, 0)]
    patch = SlidingPatch(1, 3, 1, 1)
    np.testing.assert_array_equal(patch.mean_over_positions(np.array([[1.0, 0.0, 4.0]])), [[[1.0, 0.0, 4.0]]])
    patch = SlidingPatch(2, 3, 2, 1)
    np.testing.assert_array_equal(patch.mean_over_positions(np.array([[1.0, 3.0]])), [[[1.0, 2.0, 3.0]] * 2])

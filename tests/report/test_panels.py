"""Pictures next to each other, and maps over them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnrun.report.panels import AGAINST, FOR, enlarged, heat_overlay, side_by_side


def test_what_is_between_pictures_is_transparent() -> None:
    """A page that is dark has no white stripes; small pictures are enlarged by whole pixels."""
    grey, colour = np.full((60, 60, 1), 9, "uint8"), np.full((40, 50, 3), 200, "uint8")
    found = side_by_side([grey, colour])
    assert found.shape == (120, 120 + 6 + 150, 4)
    assert not found[:, 120:126, 3].any()
    assert (found[:, :120] == [9, 9, 9, 255]).all()
    assert (found[:, 126:] == [200, 200, 200, 255]).all()


def test_a_map_colours_what_speaks_for_and_against() -> None:
    """The strongest place has most of its colour, none where the map is 0, the other colour where it is negative."""
    picture = np.full((120, 120, 1), 128, "uint8")
    heat = np.zeros((3, 3))
    heat[0, 0], heat[2, 2] = 2, -2
    found = heat_overlay(picture, heat).astype(int)
    middle = found[60, 60]
    assert len({*middle.tolist()}) == 1
    for place, colour in (((0, 0), FOR), ((119, 119), AGAINST)):
        assert np.abs(found[place] - colour).sum() < np.abs(middle - colour).sum() / 4
    assert (heat_overlay(picture, heat * 1e-9) == found).all()
    assert (heat_overlay(picture, heat * 0) == middle).all()


@given(arrays("float64", st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-5, 5)))
def test_enlarging_stays_between_the_values(values: np.ndarray) -> None:
    """Interpolation adds no larger values, and the same size changes nothing."""
    np.testing.assert_array_equal(enlarged(values, values.shape), values)
    found = enlarged(values, (12, 17))
    assert found.shape == (12, 17)
    assert found.min() >= values.min() - 1e-9
    assert found.max() <= values.max() + 1e-9

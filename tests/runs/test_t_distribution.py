"""Student's t in plain Python agrees with SciPy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.runs.statistics import t_quantile, two_sided_p


@given(st.floats(1e-3, 1e3), st.integers(1, 10_000))
def test_probabilities_are_scipys(t: float, degrees: int) -> None:
    """The two-sided probability is right to ten digits."""
    from scipy.stats import t as theirs

    assert two_sided_p(t, degrees) == pytest.approx(2 * theirs.sf(t, degrees), abs=1e-10)
    assert two_sided_p(-t, degrees) == two_sided_p(t, degrees)


@pytest.mark.parametrize("degrees", [1, 2, 9, 29, 99])
def test_quantiles_are_scipys(degrees: int) -> None:
    """The ends of 95 % intervals are right to eight digits."""
    from scipy.stats import t as theirs

    assert t_quantile(0.95, degrees) == pytest.approx(theirs.ppf(0.975, degrees), rel=1e-8)


def test_the_ends_of_the_scale() -> None:
    """No difference is no evidence, an infinite one is all there can be."""
    assert two_sided_p(0.0, 9) == 1.0
    assert two_sided_p(float("inf"), 9) == 0.0

"""How many repeats a t-test needs: its power is that of SciPy, and the numbers are the smallest that do."""

from __future__ import annotations

from math import isfinite, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.runs.power import MOST_REPEATS, POWER, repeats_needed, t_test_power
from nnrun.runs.statistics import t_quantile


@settings(max_examples=60, deadline=None)
@given(some.floats(0, 5), some.integers(1, 400))
def test_the_power_is_that_of_the_noncentral_distribution(effect: float, degrees: int) -> None:
    """As SciPy computes it, to five digits."""
    stats = pytest.importorskip("scipy.stats")
    bound = t_quantile(0.95, degrees)
    # Where one of the tails is next to nothing, SciPy has NaN for it.
    tails = [stats.nct.sf(bound, degrees, effect), stats.nct.cdf(-bound, degrees, effect)]
    expected = sum(tail for tail in tails if isfinite(tail))
    assert t_test_power(effect, degrees) == pytest.approx(expected, abs=1e-5)


def test_known_sample_sizes_are_found() -> None:
    """Those of Cohen's tables: 64 in each of two groups for a medium effect, 34 pairs; 26 for a large one."""
    assert repeats_needed(0.5, 1.0, paired=False) == 64
    assert repeats_needed(0.5, 1.0, paired=True) == 34
    assert repeats_needed(-0.8, 1.0, paired=False) == 26


@settings(max_examples=40, deadline=None)
@given(some.floats(0.2, 20), some.booleans())
def test_one_repeat_less_would_not_do(effect: float, paired: bool) -> None:
    """The number found has the power that is asked for, and the number before it has not."""
    count = repeats_needed(effect, 1.0, paired=paired)
    assert count is not None

    def power(repeats: int) -> float:
        degrees = repeats - 1 if paired else 2 * repeats - 2
        return t_test_power(effect * sqrt(repeats if paired else repeats / 2), degrees)

    assert power(count) >= POWER
    assert count == 2 or power(count - 1) < POWER


def test_a_difference_that_is_none_needs_no_number() -> None:
    """Nor one of which ten thousand repeats would not be enough; one without any spread is seen at once."""
    assert repeats_needed(0.0, 1.0, paired=True) is None
    assert repeats_needed(1e-6, 1.0, paired=True) is None
    assert repeats_needed(1.0, 0.0, paired=True) == 2
    assert MOST_REPEATS == 10_000

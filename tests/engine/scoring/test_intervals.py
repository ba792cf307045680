"""Confidence intervals of shares."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from nnrun.engine.scoring.intervals import wilson_interval

rows = st.integers(1, 10**6)
confidences = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@pytest.mark.parametrize(
    ("errors", "n", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3 (Wilson's score, no correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals_are_met(errors: int, n: int, low: float, high: float) -> None:
    """The interval equals the published one to the four digits printed."""
    assert wilson_interval(errors, n) == pytest.approx((low, high), abs=5e-5)


def test_the_closed_form_solves_wilsons_equation() -> None:
    """Both ends are the rates at which the observed share is exactly 1.959963984540054 standard errors away."""
    for end in wilson_interval(110, 10_000):
        assert abs(0.011 - end) / (end * (1 - end) / 10_000) ** 0.5 == pytest.approx(1.959963984540054, rel=1e-9)


@given(rows, st.data(), confidences)
def test_the_interval_is_that_of_scipy(n: int, data: st.DataObject, confidence: float) -> None:
    """Both ends equal SciPy's Wilson interval without continuity correction."""
    errors = data.draw(st.integers(0, n))
    theirs = binomtest(errors, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(errors, n, confidence) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


@given(rows, st.data(), confidences)
def test_the_interval_holds_the_share_and_stays_within_bounds(n: int, data: st.DataObject, confidence: float) -> None:
    """For any count, 0 <= low <= share <= high <= 1, and it has a width."""
    errors = data.draw(st.integers(0, n))
    low, high = wilson_interval(errors, n, confidence)
    assert 0 <= low <= errors / n <= high <= 1
    assert low < high


@given(rows, st.data())
def test_errors_and_hits_mirror_each_other(n: int, data: st.DataObject) -> None:
    """The interval of the hits is one minus that of the errors."""
    errors = data.draw(st.integers(0, n))
    low, high = wilson_interval(errors, n)
    assert wilson_interval(n - errors, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(st.integers(1, 10**4), st.data(), st.integers(2, 100))
def test_more_rows_narrow_the_interval(n: int, data: st.DataObject, times: int) -> None:
    """The same share from more rows is known better."""
    errors = data.draw(st.integers(0, n))
    few, many = wilson_interval(errors, n), wilson_interval(errors * times, n * times)
    assert many[1] - many[0] < few[1] - few[0]


@given(rows, st.data(), confidences, confidences)
def test_more_confidence_widens_the_interval(n: int, data: st.DataObject, one: float, other: float) -> None:
    """An interval that holds the true rate more often is wider and holds the narrower one."""
    assume(one < other)
    errors = data.draw(st.integers(0, n))
    narrow, wide = wilson_interval(errors, n, one), wilson_interval(errors, n, other)
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


@pytest.mark.parametrize(
    ("errors", "n", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)]
)
def test_impossible_counts_are_refused(errors: int, n: int, confidence: float) -> None:
    """Counts that cannot be, and a confidence of 0 or 1, are refused."""
    with pytest.raises(ValueError, match="expected 0 <= errors <= rows"):
        wilson_interval(errors, n, confidence)

"""Means over folds: the corrected interval is wider than the usual one by exactly what Nadeau and Bengio say."""

from __future__ import annotations

import statistics
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.runs.statistics import corrected_mean, summarize_folds

VALUES = st.lists(st.floats(-1e3, 1e3).filter(lambda value: value == 0 or abs(value) > 1e-3), min_size=2, max_size=30)


@given(VALUES, st.floats(0.01, 1))
def test_the_interval_is_the_corrected_one(values: list[float], share: float) -> None:
    """Its half width is t times the standard deviation (ddof 1) times the root of 1/J + tested/trained."""
    from scipy.stats import t

    found = corrected_mean(values, share)
    half = t.ppf(0.975, len(values) - 1) * statistics.stdev(values) * sqrt(1 / len(values) + share)
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert found.high - found.low == pytest.approx(2 * half, rel=1e-7, abs=1e-9)
    assert found.low <= found.mean <= found.high


@given(VALUES, st.floats(0.01, 1))
def test_the_interval_and_the_test_agree(values: list[float], share: float) -> None:
    """0 lies outside the 95 % interval exactly where p is below 0.05."""
    found = corrected_mean(values, share)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_folds_that_all_agree() -> None:
    """Without any spread the interval is a point, and only 0 is no difference."""
    same = corrected_mean([2.0, 2.0, 2.0], 0.5)
    assert (same.low, same.mean, same.high, same.p) == (2.0, 2.0, 2.0, 0.0)
    assert corrected_mean([0.0, 0.0], 0.5).p == 1.0


def test_what_scores_json_says() -> None:
    """The summary has mean, population standard deviation (ddof 0), interval and each fold, of plain numbers only."""
    folds = [
        {"fold": 0, "repeat": 0, "rows": 5, "loss": 1.0, "classes": {"a": 1}, "error_percent_interval_95": [0, 1]},
        {"fold": 1, "repeat": 0, "rows": 5, "loss": 3.0, "classes": {"a": 1}, "error_percent_interval_95": [0, 1]},
    ]
    summary = summarize_folds(folds, repeats=1, share=1.0)
    assert (summary["folds"], summary["repeats"]) == (2, 1)
    assert summary["mean"] == {"loss": 2.0}
    assert summary["sd"] == {"loss": 1.0}
    assert summary["each"] == [{"fold": 0, "rows": 5, "loss": 1.0}, {"fold": 1, "rows": 5, "loss": 3.0}]
    assert summarize_folds([*folds, *folds], repeats=2, share=1.0)["each"][3]["repeat"] == 0

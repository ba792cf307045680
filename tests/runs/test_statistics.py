"""Means over folds: the corrected interval is wider than the usual one by exactly what Nadeau and Bengio say."""

from __future__ import annotations

import statistics
from math import inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog.figures import Figure, figure_of
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


RANGES = [Figure(0, 1), Figure(0, 100), Figure(-1, 1), Figure(0, inf), Figure(1, inf), Figure(-inf, 1)]


@given(st.sampled_from(RANGES), st.data(), st.floats(0.01, 1))
def test_the_interval_stays_within_the_range_and_holds_the_mean(
    figure: Figure, data: st.DataObject, share: float
) -> None:
    """Whatever the folds and their number, no end leaves the range; only equal folds give a point."""
    low, high = max(figure.low, -1e6), min(figure.high, 1e6)
    values = data.draw(st.lists(st.floats(low, high), min_size=2, max_size=12))
    found = corrected_mean(values, share, figure)
    assert figure.low <= found.low <= found.mean <= found.high <= figure.high
    if found.mean not in (figure.low, figure.high) and statistics.stdev(values) > 1e-9 * (1 + abs(found.mean)):
        assert found.low < found.high


def test_shares_and_errors_have_one_interval() -> None:
    """The interval of an accuracy is that of the error rate, seen from the other end, and per cent are 100 times it."""
    errors = [0.0, 0.05, 0.1, 0.02]
    rate = corrected_mean(errors, 0.25, figure_of("error_rate"))
    accuracy = corrected_mean([1 - one for one in errors], 0.25, figure_of("accuracy"))
    percent = corrected_mean([100 * one for one in errors], 0.25, figure_of("error_percent"))
    assert (1 - accuracy.high, 1 - accuracy.low) == pytest.approx((rate.low, rate.high))
    assert (percent.low, percent.high) == pytest.approx((100 * rate.low, 100 * rate.high))


def test_the_interval_is_that_of_the_logit_and_of_the_logarithm() -> None:
    """Its ends are those of the transformed mean plus and minus t standard errors by the delta method (SciPy)."""
    from math import exp, log

    from scipy.special import expit, logit
    from scipy.stats import t

    values, share = [0.9, 0.8, 0.97], 0.5
    mean = statistics.fmean(values)
    reach = t.ppf(0.975, 2) * statistics.stdev(values) * sqrt(1 / 3 + share)
    shares, errors = corrected_mean(values, share, Figure(0, 1)), corrected_mean(values, share, Figure(0, inf))
    ends = (expit(logit(mean) - reach / mean / (1 - mean)), expit(logit(mean) + reach / mean / (1 - mean)))
    assert (shares.low, shares.high) == pytest.approx(ends)
    ends = (exp(log(mean) - reach / mean), exp(log(mean) + reach / mean))
    assert (errors.low, errors.high) == pytest.approx(ends)
    best = corrected_mean([1 - value for value in values], share, Figure(-inf, 1))
    assert (1 - best.high, 1 - best.low) == pytest.approx((errors.low, errors.high))


def test_a_range_that_does_not_hold_is_no_range() -> None:
    """Where a fold lies outside, as a loss with a reward may, the interval is the plain one; NaN has none."""
    assert corrected_mean([-1.0, 1.0], 1.0, Figure(0, inf)) == corrected_mean([-1.0, 1.0], 1.0)
    assert str(corrected_mean([float("nan"), 1.0], 1.0, Figure(0, inf)).low) == "nan"


def test_scores_of_folds_keep_to_their_ranges() -> None:
    """Errors are between none and all rows, shares between 0 and 1, the loss is as the experiment says."""
    folds = [
        {"fold": number, "repeat": 0, "rows": 10, "loss": loss, "errors": errors, "y_accuracy": 1 - errors / 10}
        for number, (loss, errors) in enumerate([(0.1, 0), (5.0, 3), (0.2, 0)])
    ]
    summary = summarize_folds(folds, repeats=1, share=0.5, figures={"loss": Figure(0, inf, "smaller")})
    intervals = summary["interval_95"]
    assert 0 < intervals["loss"][0] < intervals["loss"][1]
    assert 0 < intervals["errors"][0] < intervals["errors"][1] < 10
    assert 0 < intervals["y_accuracy"][0] < intervals["y_accuracy"][1] < 1
    assert summary["ddof"] == {"sd": 0, "interval_95": 1}


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


def test_naive_forecasts_are_summarized_over_folds() -> None:
    """The errors of the last value and the last season have mean, deviation and interval, as the model's own have."""
    names = ("last_value", "seasonal_naive")
    folds = [
        {
            "fold": fold,
            "rows": 9,
            "mean_absolute_error": 2.0 + fold,
            "naive_forecasts": {
                name: {"mean_absolute_error": 4.0 + fold, "mean_absolute_scaled_error": None, "rows": 9, "season": 12}
                for name in names
            },
        }
        for fold in range(3)
    ]
    found = summarize_folds(folds, repeats=1, share=0.5)
    assert found["mean"] == {"mean_absolute_error": 3.0, **{f"{name}_mean_absolute_error": 5.0 for name in names}}
    assert all(0 < found["interval_95"][name][0] < found["mean"][name] for name in found["mean"])
    assert found["each"][1]["last_value_mean_absolute_error"] == 5.0

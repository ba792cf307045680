"""Statistics of the metrics of folds: mean, spread, and their uncertainty.

Folds share most of their training rows, so their metrics are not independent and the usual t interval is far too
narrow. C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003), 239-281, correct
the variance of the mean of J metrics from 1/J to 1/J + (rows tested / rows trained on); for repeated k-fold
cross-validation R. R. Bouckaert and E. Frank (PAKDD 2004) found its test to be the most replicable.

An accuracy lies between 0 and 1, an error is not negative, and a t interval knows neither. The interval of the mean of
such a metric is computed on a scale without ends and transformed back: the logit between two ends, the logarithm of the
distance from a single end, with the standard error that the delta method gives there. So survey statistics compute
intervals of proportions with t quantiles: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data", Survey Methodology 24 (1998), 193-201, and Stata's
`svy: tabulate`; M. S. Pepe, "The statistical evaluation of medical tests for classification and prediction" (2003),
section 5.2, for areas under ROC curves. The mean is transformed, not each fold's value, so that a fold at 0 or 1 needs
no correction and the interval holds the mean.

Student's t distribution is in plain Python because importing SciPy for it takes longer than a small experiment
(docs/decisions/0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, inf, isfinite, lgamma, log, log1p, nan, sqrt
from statistics import fmean, pstdev, stdev
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnrun.catalog.figures import UNKNOWN, Figure, figure_of
from nnrun.catalog.kinds import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SMALLEST = 1e-300
_CLOSE = 1e-15
#: `exp` overflows soon after.
_LARGEST_EXPONENT = 700


def two_sided_p(t: float, degrees: float) -> float:
    """Return the two-sided p value of `t` under Student's distribution with `degrees` degrees of freedom."""
    if t in (inf, -inf):
        return 0.0
    if t * t < degrees:  # where the first form would lose small t in rounding
        return 1 - _incomplete_beta(0.5, degrees / 2, t * t / (degrees + t * t))
    return _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


@cache
def t_quantile(confidence: float, degrees: float) -> float:
    """Return the t whose absolute value is not exceeded with probability `confidence`, by bisection."""
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if two_sided_p(middle, degrees) > 1 - confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Compute the regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # The fraction converges quickly on this side of the mean only; the other side follows by symmetry.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front (Lentz)."""
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _off_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST


#: What `scores.json` calls the interval.
INTERVAL = "corrected resampled t (Nadeau and Bengio 2003), on the logit or log scale of the score's range"
#: The divisor of the standard deviations, for readers of `scores.json` and of tables: of `sd` the number of folds, as
#: results are usually published; of the intervals the number of folds less 1.
SD_DDOF, INTERVAL_DDOF = 0, 1
CONFIDENCE = 0.95
#: Entries of the scores of a part that are no metric.
_COUNTS = ("rows", "fold", "repeat")


@dataclass(frozen=True)
class MeanEstimate:
    """The mean of a metric over folds.

    Attributes:
        mean: The mean.
        low: The lower end of its 95 % interval.
        high: The upper end.
        p: The two-sided p value of the hypothesis that the true mean is 0; 1 if all values are 0.
    """

    mean: float
    low: float
    high: float
    p: float


def corrected_mean(values: Sequence[float], share: float, figure: Figure = UNKNOWN) -> MeanEstimate:
    """Estimate the mean of a metric over folds, with the corrected interval and test.

    Args:
        values: The metric of each fold of all repeats; two or more.
        share: Rows tested divided by rows trained on: 1/9 in 10 folds.
        figure: The range of the metric, to which the interval keeps unless a value lies outside.
    """
    count, mean = len(values), fmean(values)
    if not all(map(isfinite, values)):
        return MeanEstimate(mean, nan, nan, nan)
    error = stdev(values) * sqrt(1 / count + share)
    reach = t_quantile(CONFIDENCE, count - 1) * error
    t = mean / error if error else (inf if mean else 0.0)
    is_range = figure.low <= min(values) and max(values) <= figure.high
    low, high = interval_within(mean, reach, figure if is_range else UNKNOWN)
    return MeanEstimate(mean, low, high, two_sided_p(t, count - 1))


def interval_within(mean: float, reach: float, figure: Figure) -> tuple[float, float]:
    """Return the interval of a mean whose half width would be `reach` on a scale without ends.

    Args:
        mean: The mean, within the figure's range.
        reach: The t quantile times the standard error of the mean.
        figure: The range.
    """
    if reach == 0 or mean in (figure.low, figure.high):
        return mean, mean
    if isfinite(figure.low) and isfinite(figure.high):
        width = figure.high - figure.low
        share = (mean - figure.low) / width
        if not 0 < share < 1:
            return mean, mean
        shrink = exp(-reach / width / (share * (1 - share)))
        low = figure.low + width * share * shrink / (share * shrink + 1 - share)
        high = figure.low + width * share / (share + (1 - share) * shrink)
    elif isfinite(figure.low):
        below, above = _around(mean - figure.low, reach)
        low, high = figure.low + below, figure.low + above
    elif isfinite(figure.high):
        below, above = _around(figure.high - mean, reach)
        low, high = figure.high - above, figure.high - below
    else:
        return mean - reach, mean + reach
    # Rounding must not push an end past the mean or past the end of the range.
    return max(figure.low, min(low, mean)), min(figure.high, max(high, mean))


def _around(distance: float, reach: float) -> tuple[float, float]:
    """Return the interval of a positive mean on the log scale."""
    exponent = reach / distance
    return distance * exp(-exponent), distance * exp(exponent) if exponent < _LARGEST_EXPONENT else inf


def summarize_folds(
    folds: Sequence[Mapping[str, Any]],
    *,
    repeats: int,
    share: float,
    figures: Mapping[str, Figure] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the entry `cross_validation` of `scores.json`.

    Args:
        folds: The scores of each fold's test part, with `fold` and `repeat`; nested ones are left out,
            but for the errors of naive forecasts.
        repeats: The number of repeats of the cross-validation.
        share: Rows tested divided by rows trained on.
        figures: The ranges of scores whose names do not say them; see `nnrun.spec.figures`.
    """
    each = [{**_plain_numbers(fold, repeated=repeats > 1), **_naive_figures(fold)} for fold in folds]
    names = [name for name in each[0] if name not in _COUNTS and all(name in fold for fold in each)]
    by_name = {name: [float(fold[name]) for fold in each] for name in names}
    rows = max((fold.get("rows", inf) for fold in each), default=inf)
    ranges = {name: figure_of(name, figures) for name in names} | {"errors": Figure(0, rows, "smaller")}
    means = {name: corrected_mean(values, share, ranges[name]) for name, values in by_name.items()}
    return {
        "folds": len(folds) // repeats,
        "repeats": repeats,
        "mean": {name: mean.mean for name, mean in means.items()},
        "sd": {name: _spread(values) for name, values in by_name.items()},
        "interval_95": {name: [mean.low, mean.high] for name, mean in means.items()},
        "interval": INTERVAL,
        "ddof": {"sd": SD_DDOF, "interval_95": INTERVAL_DDOF},
        "each": each,
    }


def _naive_figures(fold: Mapping[str, Any]) -> dict[str, float]:
    """Return the errors of naive forecasts of a fold: `last_value_mean_absolute_error`, `seasonal_naive_...`."""
    return {
        f"{forecast}_{name}": value
        for forecast, errors in (fold.get("naive_forecasts") or {}).items()
        for name, value in errors.items()
        if isinstance(value, float)
    }


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation (ddof 0); NaN where a value is not finite."""
    return pstdev(values) if all(map(isfinite, values)) else nan


def _plain_numbers(fold: Mapping[str, Any], *, repeated: bool) -> dict[str, float | int]:
    """Return the scores of a fold that are plain numbers."""
    return {name: value for name, value in fold.items() if is_number(value) and (repeated or name != "repeat")}

"""Statistics of the metrics of folds: mean, spread, and their uncertainty.

Folds share most of their training rows, so their metrics are not independent and the usual t interval is far too
narrow. C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003), 239-281, correct
the variance of the mean of J metrics from 1/J to 1/J + (rows tested / rows trained on); for repeated k-fold
cross-validation R. R. Bouckaert and E. Frank (PAKDD 2004) found its test to be the most replicable.

Student's t distribution is in plain Python because importing SciPy for it takes longer than a small experiment
(docs/decisions/0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p, sqrt
from statistics import fmean, pstdev, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SMALLEST = 1e-300
_CLOSE = 1e-15


def two_sided_p(t: float, degrees: float) -> float:
    """Return the two-sided p value of `t` under Student's distribution with `degrees` degrees of freedom."""
    if t in (inf, -inf):
        return 0.0
    if t * t < degrees:  # where the first form would lose small t in rounding
        return 1 - _incomplete_beta(0.5, degrees / 2, t * t / (degrees + t * t))
    return _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


def t_quantile(confidence: float, degrees: float) -> float:
    """Return the t whose absolute value is not exceeded with probability `confidence`, by bisection."""
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
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
INTERVAL = "corrected resampled t (Nadeau and Bengio 2003)"
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


def corrected_mean(values: Sequence[float], share: float) -> MeanEstimate:
    """Estimate the mean of a metric over folds, with the corrected interval and test.

    Args:
        values: The metric of each fold of all repeats; two or more.
        share: Rows tested divided by rows trained on: 1/9 in 10 folds.
    """
    count, mean = len(values), fmean(values)
    error = stdev(values) * sqrt(1 / count + share)
    reach = t_quantile(CONFIDENCE, count - 1) * error
    t = mean / error if error else (inf if mean else 0.0)
    return MeanEstimate(mean, mean - reach, mean + reach, two_sided_p(t, count - 1))


def summarize_folds(folds: Sequence[Mapping[str, Any]], *, repeats: int, share: float) -> dict[str, Any]:
    """Return the entry `cross_validation` of `scores.json`.

    Args:
        folds: The scores of each fold's test part, with `fold` and `repeat`; nested ones are left out.
        repeats: The number of repeats of the cross-validation.
        share: Rows tested divided by rows trained on.
    """
    each = [_plain_numbers(fold, repeated=repeats > 1) for fold in folds]
    names = [name for name in each[0] if name not in _COUNTS and all(name in fold for fold in each)]
    by_name = {name: [float(fold[name]) for fold in each] for name in names}
    means = {name: corrected_mean(values, share) for name, values in by_name.items()}
    return {
        "folds": len(folds) // repeats,
        "repeats": repeats,
        "mean": {name: mean.mean for name, mean in means.items()},
        "sd": {name: pstdev(values) for name, values in by_name.items()},
        "interval_95": {name: [mean.low, mean.high] for name, mean in means.items()},
        "interval": INTERVAL,
        "each": each,
    }


def _plain_numbers(fold: Mapping[str, Any], *, repeated: bool) -> dict[str, float | int]:
    """Return the scores of a fold that are plain numbers."""
    return {
        name: value
        for name, value in fold.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and (repeated or name != "repeat")
    }

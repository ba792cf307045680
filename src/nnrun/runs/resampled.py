"""What the figures of folds say together: mean, spread, and how sure one can be of either.

Folds share most of their training rows, so that their figures are not independent and the usual t interval is far too
narrow. C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003), 239-281, correct
the variance of the mean of J figures from 1/J to 1/J + (rows tested / rows trained on); for repeated k-fold
cross-validation R. R. Bouckaert and E. Frank (PAKDD 2004) found its test to be the one that repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, pstdev, stdev
from typing import TYPE_CHECKING, Any

from nnrun.runs.student import quantile, two_sided

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What `scores.json` calls the interval.
INTERVAL = "corrected resampled t (Nadeau and Bengio 2003)"
CONFIDENCE = 0.95
#: What is said of a part and is no figure of the model.
_COUNTS = ("rows", "fold", "repeat")


@dataclass(frozen=True)
class Mean:
    """The mean of a figure over folds.

    Attributes:
        mean: The mean.
        low: The lower end of its 95 % interval.
        high: The upper end.
        p: How often a mean so far from 0 would come about by chance if the true one were 0; 1 where all are 0.
    """

    mean: float
    low: float
    high: float
    p: float


def corrected(values: Sequence[float], share: float) -> Mean:
    """The mean of folds' figures with its corrected interval and test.

    Args:
        values: One figure a fold, of all repeats; two or more.
        share: Rows tested for each row trained on: 1/9 in 10 folds.
    """
    count, mean = len(values), fmean(values)
    error = stdev(values) * sqrt(1 / count + share)
    reach = quantile(CONFIDENCE, count - 1) * error
    t = mean / error if error else (inf if mean else 0.0)
    return Mean(mean, mean - reach, mean + reach, two_sided(t, count - 1))


def summary(folds: Sequence[Mapping[str, Any]], *, repeats: int, share: float) -> dict[str, Any]:
    """What `scores.json` says under `cross_validation`.

    Args:
        folds: The scores of each fold's test part, with `fold` and `repeat`; nested ones are left out.
        repeats: How many times all rows were dealt out.
        share: Rows tested for each row trained on.
    """
    each = [_numbers(fold, repeated=repeats > 1) for fold in folds]
    names = [name for name in each[0] if name not in _COUNTS and all(name in fold for fold in each)]
    by_name = {name: [float(fold[name]) for fold in each] for name in names}
    means = {name: corrected(values, share) for name, values in by_name.items()}
    return {
        "folds": len(folds) // repeats,
        "repeats": repeats,
        "mean": {name: mean.mean for name, mean in means.items()},
        "sd": {name: pstdev(values) for name, values in by_name.items()},
        "interval_95": {name: [mean.low, mean.high] for name, mean in means.items()},
        "interval": INTERVAL,
        "each": each,
    }


def _numbers(fold: Mapping[str, Any], *, repeated: bool) -> dict[str, float | int]:
    """The plain figures of a fold."""
    return {
        name: value
        for name, value in fold.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and (repeated or name != "repeat")
    }

"""From probabilities to decisions: a temperature that calibrates them, and a threshold that weighs mistakes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.metrics import expected_calibration_error, log_loss
from nnrun.engine.scoring.outputs import TINY, class_probabilities, is_multi_label, probabilities_from_logits
from nnrun.spec.compared_output import has_logits

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.spec.part import Part

#: Temperatures are looked for between these; a network that needs others is not calibrated by one number.
LOWEST, HIGHEST = 0.05, 20.0
#: Samples of the rows with replacement for an interval, and their seed.
_RESAMPLES, _SEED = 2000, 0


@dataclass(frozen=True)
class Goal:
    """What a threshold is chosen by: the mean cost of a row, or a score.

    Attributes:
        name: `cost`, or `accuracy`, `balanced_accuracy`, `f1` or `matthews_corrcoef`, as scikit-learn names them.
        false_positive: The cost of a row of the first class that is taken for the second.
        false_negative: The cost of a row of the second class that is taken for the first.
    """

    name: str
    false_positive: float = 1.0
    false_negative: float = 1.0

    @property
    def is_cost(self) -> bool:
        """Whether less is better."""
        return self.name == "cost"

    def value(self, true_positive: Any, false_positive: Any, false_negative: Any, true_negative: Any) -> NDArray[Any]:
        """Compute it from counts of rows, which may be arrays of one shape.

        A score whose denominator is 0 is 0, as in scikit-learn.
        """
        tp, fp, fn, tn = (
            np.asarray(one, np.float64) for one in (true_positive, false_positive, false_negative, true_negative)
        )
        return np.asarray(_VALUES[self.name](self, tp, fp, fn, tn))


def _cost(goal: Goal, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (goal.false_positive * fp + goal.false_negative * fn) / (tp + fp + fn + tn)


def _accuracy(_: Goal, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (tp + tn) / (tp + fp + fn + tn)


def _balanced_accuracy(_: Goal, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (_share(tp, tp + fn) + _share(tn, tn + fp)) / 2


def _f1(_: Goal, tp: Any, fp: Any, fn: Any, _tn: Any) -> Any:
    return _share(2 * tp, 2 * tp + fp + fn)


def _matthews_corrcoef(_: Goal, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return _share(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def _share(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros_like(np.asarray(part, np.float64)), where=np.asarray(whole) > 0)


_VALUES: dict[str, Callable[..., Any]] = {
    "cost": _cost,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "matthews_corrcoef": _matthews_corrcoef,
}
#: The scores that a threshold may be chosen by.
SCORES = tuple(name for name in _VALUES if name != "cost")


def probabilities_of(one: Predictions, loss: Part) -> NDArray[np.float64] | None:
    """Return the probability of each class, shape (rows, classes); None if the outputs have none for each row."""
    if one.facts.task != "classification" or one.kind != "predictions" or is_multi_label(one.facts):
        return None
    if one.outputs.ndim != 2 or one.predicted is None:
        return None
    found = class_probabilities(one.outputs, loss)
    return None if found is None else np.asarray(found, np.float64)


def at_temperature(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Divide the logarithms of probabilities, shape (rows, classes), by a temperature, and let them sum to 1 again.

    Temperature scaling: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks (2017).
    """
    return probabilities_from_logits(np.log(np.maximum(probabilities.astype(np.float64), TINY)) / temperature)


def fit_temperature(probabilities: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the temperature with the least log loss on rows whose classes are known.

    Args:
        probabilities: Shape (rows, classes).
        truth: Class numbers, shape (rows,).
    """
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        return log_loss(truth, at_temperature(probabilities, float(np.exp(logarithm))))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def calibration(probabilities: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """Compute log loss and expected calibration error."""
    predicted = probabilities.argmax(axis=1)
    error = expected_calibration_error(predicted == truth, probabilities.max(axis=1))
    return {"log_loss": log_loss(truth, probabilities), "expected_calibration_error": error}


def best_threshold(positive: NDArray[Any], truth: NDArray[Any], goal: Goal) -> float:
    """Return the threshold of the second class's probability that is best for a goal.

    Every threshold between two neighbouring probabilities decides the same, so that the middle is taken; of several
    that are as good the one nearest to .5.

    Args:
        positive: The probability of the second class, shape (rows,).
        truth: Class numbers, 0 or 1, shape (rows,).
        goal: What is best.
    """
    order = np.argsort(-positive, kind="stable")
    values, is_positive = positive[order].astype(np.float64), truth[order] == 1
    # Where the first `count` rows are taken for the second class; never between equal probabilities.
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    hits = np.concatenate([[0], np.cumsum(is_positive)])[cuts]
    total = hits[-1]
    found = goal.value(hits, cuts - hits, total - hits, len(values) - cuts - (total - hits))
    higher = np.concatenate([[_above(values[0])], values])[cuts]
    lower = np.concatenate([values, [0.0]])[cuts]
    middles = (higher + lower) / 2
    # The middle of two neighbouring floats is one of them.
    middles = np.where(middles > lower, middles, higher)
    is_best = found == (found.min() if goal.is_cost else found.max())
    return float(min(middles[is_best], key=lambda one: abs(one - 0.5)))


def _above(highest: float) -> float:
    """Return a number above the highest probability, by as much as there is room below 1."""
    return max(2 - highest, float(np.nextafter(highest, 2)))


def counts(positive: NDArray[Any], truth: NDArray[Any], threshold: float) -> dict[str, int]:
    """Count the rows that a threshold decides rightly and wrongly, as `tp`, `fp`, `fn` and `tn`."""
    taken, is_positive = positive >= threshold, truth == 1
    return {
        "tp": int((taken & is_positive).sum()),
        "fp": int((taken & ~is_positive).sum()),
        "fn": int((~taken & is_positive).sum()),
        "tn": int((~taken & ~is_positive).sum()),
    }


def gain_interval(
    positive: NDArray[Any], truth: NDArray[Any], goal: Goal, thresholds: tuple[float, float]
) -> tuple[float, float]:
    """Return the 95 % interval of how much a goal changes from the first threshold to the second.

    The percentiles of the difference over samples of the rows with replacement, each with both thresholds (Efron's
    bootstrap, 1979).
    """
    # What a row is under both thresholds is one of eight cases, so that a sample is eight counts.
    cases = (truth == 1) * 4 + (positive >= thresholds[0]) * 2 + (positive >= thresholds[1])
    shares = np.bincount(cases, minlength=8) / len(cases)
    drawn = np.random.default_rng(_SEED).multinomial(len(cases), shares, size=_RESAMPLES)
    values = [_of_cases(drawn, goal, bit) for bit in (2, 1)]
    low, high = np.percentile(values[1] - values[0], [2.5, 97.5])
    return float(low), float(high)


def _of_cases(drawn: NDArray[Any], goal: Goal, bit: int) -> NDArray[Any]:
    """Compute a goal from counts of the eight cases, shape (samples, 8), of which `bit` says what is taken."""
    taken = np.arange(8) & bit > 0
    is_positive = np.arange(8) >= 4
    sums = [
        drawn[:, one].sum(axis=1)
        for one in (taken & is_positive, taken & ~is_positive, ~taken & is_positive, ~taken & ~is_positive)
    ]
    return goal.value(*sums)


def with_decision(one: Predictions, loss: Part, temperature: float, threshold: float | None) -> Predictions:
    """Return predictions whose probabilities have a temperature, and whose two classes are divided by a threshold.

    Outputs stay what they are: logits are divided by the temperature, one column is the second class's.
    """
    probabilities = probabilities_of(one, loss)
    if probabilities is None:
        return one
    calibrated = at_temperature(probabilities, temperature)
    outputs = one.outputs
    if temperature != 1:
        shown = outputs / temperature if has_logits(loss) else calibrated[:, -outputs.shape[1] :]
        outputs = np.asarray(shown, outputs.dtype)
    predicted = one.predicted
    if threshold is not None and calibrated.shape[1] == 2:
        predicted = np.asarray(calibrated[:, 1] >= threshold, np.int64)
    return replace(one, outputs=outputs, predicted=predicted)

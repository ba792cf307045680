"""Metrics of classes, probabilities and numbers.

Plain NumPy, because importing scikit-learn for the same metrics takes 1.6 s, a whole small run; tests hold each to
scikit-learn's result. Every example counts once, whatever its sample weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


#: Bins of the calibration error, as in C. Guo et al., "On calibration of modern neural networks", ICML 2017.
CALIBRATION_BINS = 15
#: How many of the worst mistakes are listed.
MAX_MISTAKES = 20
#: With more classes than this (words, say) they have no scores of their own.
MAX_CLASSES = 100
#: Of a target with more numbers than this (a picture) R2 means nothing.
MAX_R2_TARGETS = 100
#: The quantiles of the residuals.
QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


def per_class_scores(truth: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return `per_class` and `confusion_matrix` of class numbers, each of shape (rows,).

    Rows of the matrix are true classes, columns predicted ones. A precision without predictions and a recall without
    examples are None.
    """
    count = len(names)
    matrix = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    scores = _scores_by_name(names, np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1))
    return {"per_class": scores, "confusion_matrix": matrix.tolist()}


def per_label_scores(truth: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return `per_class` of a multi-label target: 0 and 1 of shape (rows, labels)."""
    hits = (truth & predicted).sum(axis=0)
    return {"per_class": _scores_by_name(names, hits, predicted.sum(axis=0), truth.sum(axis=0))}


def _scores_by_name(
    names: Sequence[str], hits: NDArray[Any], predicted: NDArray[Any], support: NDArray[Any]
) -> dict[str, Any]:
    return {
        name: {
            "precision": float(hit / made) if made else None,
            "recall": float(hit / there) if there else None,
            "f1": float(2 * hit / (made + there)) if made + there else None,
            "support": int(there),
        }
        for name, hit, made, there in zip(names, hits, predicted, support, strict=True)
    }


def areas_under_curves(is_class: NDArray[Any], scores: NDArray[Any]) -> dict[str, Any]:
    """Return `roc_auc` and `pr_auc`, each the mean over the columns: one class against the rest.

    Args:
        is_class: Whether the class is the true one, shape (rows, classes).
        scores: The score of each class, same shape.

    Returns:
        The area under the ROC curve, and the average precision as the area under the precision-recall curve (its
        steps, not the trapezia between them, which flatter). Classes without or with nothing but examples are left
        out; None if no class is left.
    """
    columns = [index for index in range(is_class.shape[1]) if 0 < is_class[:, index].sum() < len(is_class)]

    def mean(area: Callable[..., float]) -> float | None:
        return float(np.mean([area(is_class[:, one], scores[:, one]) for one in columns])) if columns else None

    return {"roc_auc": mean(roc_auc), "pr_auc": mean(average_precision)}


def roc_auc(is_class: NDArray[Any], scores: NDArray[Any]) -> float:
    """Compute the share of pairs of a positive and a negative in which the positive scores more; ties count half."""
    true_positives, false_positives = threshold_counts(is_class, scores)
    pairs = np.diff(false_positives, prepend=0) @ (true_positives + np.concatenate([[0], true_positives[:-1]])) / 2
    return float(pairs / true_positives[-1] / false_positives[-1])


def average_precision(is_class: NDArray[Any], scores: NDArray[Any]) -> float:
    """Compute the mean of the precisions at all thresholds, each weighted by the recall that it adds."""
    true_positives, false_positives = threshold_counts(is_class, scores)
    precision = true_positives / (true_positives + false_positives)
    return float(np.diff(true_positives, prepend=0) @ precision / true_positives[-1])


def threshold_counts(is_class: NDArray[Any], scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Count true and false positives at each threshold, the highest threshold first."""
    order = np.argsort(-scores, kind="stable")
    is_threshold = np.concatenate([np.diff(scores[order]) != 0, [True]])
    true_positives = np.cumsum(is_class[order], dtype=np.float64)[is_threshold]
    return true_positives, np.flatnonzero(is_threshold) + 1 - true_positives


def log_loss(truth: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Compute the mean negative logarithm of the true class's probability, clipped to its type's epsilon."""
    given = probabilities[np.arange(len(truth)), truth]
    return float(-np.mean(np.log(np.clip(given, np.finfo(given.dtype).eps, 1), dtype=np.float64)))


def expected_calibration_error(correct: NDArray[Any], confidence: NDArray[Any]) -> float:
    """Compute how far the share of correct predictions lies from the mean confidence, over bins of equal width.

    Args:
        correct: Whether each prediction is right, shape (rows,).
        confidence: The probability of the predicted class, same shape.
    """
    confidence = confidence.astype(np.float64)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)
    gap = np.bincount(bins, weights=correct - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gap).sum() / len(correct))


def worst_mistakes(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    confidence: NDArray[Any],
    rows: NDArray[Any],
    names: Sequence[str],
) -> list[dict[str, object]]:
    """List the most confident mistakes, by their row in the source."""
    wrong = np.flatnonzero(truth != predicted)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_MISTAKES]
    return [
        {
            "row": int(rows[index]),
            "truth": names[int(truth[index])],
            "prediction": names[int(predicted[index])],
            "confidence": float(confidence[index]),
        }
        for index in worst
    ]


def regression_scores(outputs: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    """Return errors, R2 and quantiles of the residuals (truth less prediction), both arrays of one size."""
    true = truth.reshape(len(truth), -1).astype(np.float64)
    residuals = true - outputs.reshape(true.shape)
    squared = float(np.mean(residuals**2))
    quantiles = np.quantile(residuals, list(QUANTILES.values()))
    return {
        "mean_squared_error": squared,
        "root_mean_squared_error": squared**0.5,
        "mean_absolute_error": float(np.mean(np.abs(residuals))),
        "r2": r2(true, residuals) if true.shape[1] <= MAX_R2_TARGETS else None,
        "residual_quantiles": dict(zip(QUANTILES, map(float, quantiles), strict=True)),
    }


def r2(truth: NDArray[Any], residuals: NDArray[Any]) -> float | None:
    """Compute the mean R2 over the columns; None if a column of the truth is constant."""
    variation = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return float(np.mean(1 - (residuals**2).sum(axis=0) / variation)) if variation.all() else None

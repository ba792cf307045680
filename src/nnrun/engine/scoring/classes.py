"""What the predictions of classes are worth: by class, by threshold, and as probabilities.

Plain NumPy: importing scikit-learn for the same figures takes 1.5 s, a whole small run. Every example counts once,
whatever its sample weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


#: Bins of the calibration error, as in C. Guo et al., "On calibration of modern neural networks", ICML 2017.
BINS = 15
#: How many of the worst mistakes are told.
WORST = 20
#: With more classes than this (words, say) they are not told one by one.
MOST_CLASSES = 100


def by_class(truth: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Give `per_class` and `confusion_matrix` of class numbers, each of shape (rows,).

    Rows of the matrix are the truth, columns what is predicted. A precision without predictions and a recall without
    examples are None.
    """
    count = len(names)
    matrix = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    hits, said, there = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    told = {name: _class(*figures) for name, *figures in zip(names, hits, said, there, strict=True)}
    return {"per_class": told, "confusion_matrix": matrix.tolist()}


def by_label(truth: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Give `per_class` of several labels, each of which may hold: 0 and 1 of shape (rows, labels)."""
    hits, said, there = (truth & predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0)
    return {"per_class": {name: _class(*figures) for name, *figures in zip(names, hits, said, there, strict=True)}}


def _class(hits: int, said: int, there: int) -> dict[str, Any]:
    return {
        "precision": float(hits / said) if said else None,
        "recall": float(hits / there) if there else None,
        "f1": float(2 * hits / (said + there)) if said + there else None,
        "support": int(there),
    }


def areas(holds: NDArray[Any], scores: NDArray[Any]) -> dict[str, Any]:
    """Give `roc_auc` and `pr_auc`, each the mean over the columns: one class against the rest.

    Args:
        holds: Whether the class is the true one, shape (rows, classes).
        scores: How much speaks for it, same shape.

    Returns:
        The area under the ROC curve, and the average precision as the area under the precision-recall curve (its
        steps, not the trapezia between them, which flatter). Classes without or with nothing but examples are left
        out; None where no class is left.
    """
    columns = [index for index in range(holds.shape[1]) if 0 < holds[:, index].sum() < len(holds)]
    return {"roc_auc": _mean(roc_auc, holds, scores, columns), "pr_auc": _mean(pr_auc, holds, scores, columns)}


def _mean(
    area: Callable[..., float], holds: NDArray[Any], scores: NDArray[Any], columns: Sequence[int]
) -> float | None:
    return float(np.mean([area(holds[:, one], scores[:, one]) for one in columns])) if columns else None


def roc_auc(holds: NDArray[Any], scores: NDArray[Any]) -> float:
    """Give the share of pairs, one that holds and one that does not, in which the right one scores more; ties half."""
    hits, false = steps(holds, scores)
    right = np.diff(false, prepend=0) @ (hits + np.concatenate([[0], hits[:-1]])) / 2
    return float(right / hits[-1] / false[-1])


def pr_auc(holds: NDArray[Any], scores: NDArray[Any]) -> float:
    """Give the average precision: the precision at every threshold, by how much recall it adds."""
    hits, false = steps(holds, scores)
    return float(np.diff(hits, prepend=0) @ (hits / (hits + false)) / hits[-1])


def steps(holds: NDArray[Any], scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Count what holds and what does not above each threshold, the highest first."""
    order = np.argsort(-scores, kind="stable")
    falls = np.concatenate([np.diff(scores[order]) != 0, [True]])
    hits = np.cumsum(holds[order], dtype=np.float64)[falls]
    return hits, np.flatnonzero(falls) + 1 - hits


def log_loss(truth: NDArray[Any], shares: NDArray[Any]) -> float:
    """Give the mean negative logarithm of the true class's share, which counts as at least its type's epsilon."""
    told = shares[np.arange(len(truth)), truth]
    return float(-np.mean(np.log(np.clip(told, np.finfo(told.dtype).eps, 1), dtype=np.float64)))


def calibration_error(right: NDArray[Any], confidence: NDArray[Any]) -> float:
    """Give the expected calibration error: how far the share of right answers lies from the confidence, bin by bin.

    `BINS` bins of equal width, each counted by its examples, over the predicted class's share.
    """
    bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gap = np.bincount(bins, weights=right - confidence.astype(np.float64), minlength=BINS)
    return float(np.abs(gap).sum() / len(right))


def worst(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    confidence: NDArray[Any],
    rows: NDArray[Any],
    named: Callable[[int], object],
) -> list[dict[str, object]]:
    """List the most confident mistakes, by their row in the source."""
    wrong = np.flatnonzero(truth != predicted)
    first = wrong[np.argsort(-confidence[wrong], kind="stable")][:WORST]
    return [
        {
            "row": int(rows[one]),
            "truth": named(int(truth[one])),
            "prediction": named(int(predicted[one])),
            "confidence": float(confidence[one]),
        }
        for one in first
    ]

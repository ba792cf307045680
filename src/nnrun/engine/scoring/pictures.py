"""Scores of predictions that are pictures: masks with a class at each pixel, and pictures of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.outputs import is_multi_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nnrun.engine.scoring.predictions import Predictions

#: The largest number of a picture of one byte a channel.
_BYTE = 255.0


def are_masks(one: Predictions) -> bool:
    """Return whether an output predicts a class at each pixel of a picture, or at each voxel of a volume."""
    is_class = one.facts.task == "classification" and not is_multi_label(one.facts)
    return is_class and one.kind == "predictions" and one.predicted is not None and one.predicted.ndim > 2


def are_pictures(one: Predictions) -> bool:
    """Return whether an output predicts pictures of numbers, of shape (rows, height, width, channels)."""
    shape = one.outputs.shape
    is_number = one.facts.task == "regression" and one.predicted is not None
    is_like_truth = one.truth is None or one.truth.shape == shape
    return is_number and len(shape) == 4 and shape[3] in (1, 3) and is_like_truth


def iou_scores(truth: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return `mean_iou`, the `iou` of each class and `pixel_accuracy` of masks.

    The intersection over union of a class is the number of pixels that are and are predicted as the class, over the
    number of those that are or are predicted as it (Jaccard's index). The mean is that of Keras' `MeanIoU`: over the
    classes that occur in the truth or the predictions.

    Args:
        truth: Class numbers, shape (rows, ...).
        predicted: Class numbers of the same shape.
        names: The names of the classes.
    """
    shares = intersection_over_union(truth, predicted, len(names))
    known = shares[~np.isnan(shares)]
    return {
        "pixel_accuracy": float(np.mean(truth == predicted)),
        "mean_iou": float(known.mean()) if known.size else None,
        "iou": {name: None if np.isnan(one) else float(one) for name, one in zip(names, shares, strict=True)},
    }


def intersection_over_union(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Return the intersection over union of each class, shape (classes,); NaN where a class does not occur."""
    both = np.bincount(truth[truth == predicted].ravel(), minlength=classes)[:classes]
    either = np.bincount(truth.ravel(), minlength=classes) + np.bincount(predicted.ravel(), minlength=classes) - both
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = both / either
    return shares


def peak(truth: NDArray[Any]) -> float | None:
    """Return the largest number that pictures can have: 1 or 255; None where they have others, or negative ones."""
    low, high = float(truth.min(initial=0)), float(truth.max(initial=0))
    if low < 0 or high > _BYTE:
        return None
    return _BYTE if high > 1 else 1.0


def peak_signal_to_noise(truth: NDArray[Any], outputs: NDArray[Any], largest: float) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio of each picture in decibels: 10 log10(largest^2 / mean squared error).

    As in Keras' `ops.psnr`, of each picture by itself; infinite where a picture is predicted exactly.

    Args:
        truth: Pictures, shape (rows, height, width, channels).
        outputs: Predictions of the same shape.
        largest: The largest number that a picture can have.
    """
    squared = (truth.astype(np.float64) - outputs).reshape(len(truth), -1) ** 2
    with np.errstate(divide="ignore"):
        ratio: NDArray[np.float64] = 10 * np.log10(largest**2 / squared.mean(axis=1))
    return ratio


def picture_scores(truth: NDArray[Any], outputs: NDArray[Any]) -> dict[str, Any]:
    """Return `psnr`, the mean over pictures of their peak signal-to-noise ratio, and the `psnr_peak` that it is for."""
    largest = peak(truth)
    if largest is None:
        return {}
    return {"psnr": float(peak_signal_to_noise(truth, outputs, largest).mean()), "psnr_peak": largest}


def row_scores(one: Predictions) -> dict[str, NDArray[np.float64]]:
    """Return the scores of each picture by itself, the deciding one first; those of masks and pictures with a truth."""
    assert one.truth is not None and one.predicted is not None, "pictures with a truth are scored"  # noqa: S101, PT018
    rows = len(one.truth)
    if are_masks(one):
        truth, predicted = one.truth.reshape(rows, -1), one.predicted.reshape(rows, -1)
        count = int(max(truth.max(initial=0), predicted.max(initial=0))) + 1
        pairs = zip(truth, predicted, strict=True)
        shares = [float(np.nanmean(intersection_over_union(*pair, count))) for pair in pairs]
        return {"mean_iou": np.array(shares), "pixel_accuracy": (truth == predicted).mean(axis=1)}
    squared = (one.outputs.reshape(one.truth.shape).astype(np.float64) - one.truth).reshape(rows, -1) ** 2
    scores = {"mean_squared_error": squared.mean(axis=1)}
    largest = peak(one.truth) if are_pictures(one) else None
    if largest is not None:
        scores["psnr"] = peak_signal_to_noise(one.truth, one.outputs, largest)
    return scores

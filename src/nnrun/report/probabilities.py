"""Predicted probabilities: ROC curves, precision-recall curves and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson
from nnrun.report.style import CLASS_COLOURS, FIRST, GRID, MUTED, WIDTH, Plot, new_figure, short_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nnrun.report.predictions import OneVsRest

#: More curves than this in one plot cannot be distinguished.
MAX_CURVES = len(CLASS_COLOURS)
_DASHED: dict[str, Any] = {"color": MUTED, "linewidth": 1, "linestyle": "--"}


def roc_plot(classes: Sequence[OneVsRest], prefix: str = "") -> Plot:
    """Return the ROC curve of each class against the others."""
    from sklearn.metrics import RocCurveDisplay

    figure, axes = _curve_axes(classes)
    displays = [
        RocCurveDisplay.from_predictions(
            one.holds, one.scores, ax=axes, plot_chance_level=number == 0, chance_level_kw=_DASHED
        )
        for number, one in enumerate(classes)
    ]
    areas = [float(display.roc_auc) for display in displays]
    _finish_curves(figure, classes, [display.line_ for display in displays], areas, "area under the curve")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1))
    caption = "Dashed: chance level." if len(classes) == 1 else "Each class against all others. Dashed: chance level."
    alt = f"ROC curve; area under the curve: {_by_class(classes, areas)}."
    return Plot(f"{prefix}roc", "ROC curve", alt, figure, caption)


def precision_recall_plot(classes: Sequence[OneVsRest], prefix: str = "") -> Plot:
    """Return the precision-recall curve of each class against the others."""
    from sklearn.metrics import PrecisionRecallDisplay

    figure, axes = _curve_axes(classes)
    displays = [
        PrecisionRecallDisplay.from_predictions(
            one.holds, one.scores, ax=axes, plot_chance_level=len(classes) == 1, chance_level_kw=_DASHED
        )
        for one in classes
    ]
    areas = [float(display.average_precision) for display in displays]
    _finish_curves(figure, classes, [display.line_ for display in displays], areas, "average precision")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    caption = "Each class against all others." if len(classes) > 1 else "Dashed: chance level, the share of the class."
    alt = f"Precision-recall curve; average precision: {_by_class(classes, areas)}."
    return Plot(f"{prefix}precision_recall", "Precision-recall curve", alt, figure, caption)


def _curve_axes(classes: Sequence[OneVsRest]) -> tuple[Figure, Any]:
    return new_figure(height=3.9 if len(classes) == 1 else 4.7)


def _finish_curves(
    figure: Figure, classes: Sequence[OneVsRest], lines: Sequence[Any], areas: Sequence[float], measure: str
) -> None:
    """Give the curves their colours, and replace the legend of the last display by one of all curves."""
    axes = figure.axes[0]
    if len(classes) == 1:
        lines[0].set(color=FIRST, clip_on=False, label=f"{measure} {areas[0]:.4f}")
        axes.legend(handles=list(lines), loc="lower right" if "curve" in measure else "lower left")
        return
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    for one, line, area, colour in zip(classes, lines, areas, CLASS_COLOURS, strict=False):
        line.set(color=colour, clip_on=False, label=f"{short_label(one.name, 12)}: {area:.4f}")
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": 3, "columnspacing": 1.2}
    figure.legend(handles=list(lines), title=measure, title_fontsize=8, **place)


def _by_class(classes: Sequence[OneVsRest], areas: Sequence[float]) -> str:
    if len(classes) == 1:
        return f"{areas[0]:.4f}"
    return ", ".join(f"{one.name} {area:.4f}" for one, area in zip(classes, areas, strict=True))


@dataclass(frozen=True)
class CalibrationBins:
    """Predictions binned by the probability of the predicted class; a bin without predictions has NaN.

    Attributes:
        confidence: The mean probability of the predicted class, shape (bins,).
        accuracy: The share of right predictions, shape (bins,).
        counts: The number of predictions, shape (bins,).
        error: The expected calibration error, as in `scores.json`.
    """

    confidence: NDArray[Any]
    accuracy: NDArray[Any]
    counts: NDArray[Any]
    error: float


def calibration_bins(truth: NDArray[Any], predicted: NDArray[Any], probabilities: NDArray[Any]) -> CalibrationBins:
    """Bin predictions, shape (examples,), by the probability, shape (examples, classes), of the predicted class."""
    import numpy as np

    from nnrun.engine.scoring.classes import BINS, calibration_error

    confidence = probabilities[np.arange(len(probabilities)), predicted]
    rounded = confidence.astype(np.float32)  # the precision of the model's outputs, in which the scores are computed
    right = truth == predicted
    at = np.clip(np.ceil(rounded.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(at, minlength=BINS)
    sums = (np.bincount(at, weights=values, minlength=BINS) for values in (confidence, right))
    means = [np.divide(total, counts, out=np.full(BINS, np.nan), where=counts > 0) for total in sums]
    return CalibrationBins(means[0], means[1], counts, calibration_error(right, rounded))


def calibration_plot(
    truth: NDArray[Any], predicted: NDArray[Any], probabilities: NDArray[Any], prefix: str = ""
) -> Plot:
    """Return the reliability diagram.

    scikit-learn's `CalibrationDisplay` bins the probability of one class; the expected calibration error of
    `scores.json` bins that of the predicted class of several, and its bins are the ones drawn.
    """
    bins = calibration_bins(truth, predicted, probabilities)
    alt = f"Reliability diagram: accuracy by the probability of the predicted class; ECE {bins.error:.3f}."
    caption = (
        f"Expected calibration error {bins.error:.4f} over {len(bins.counts)} bins. On the dashed line, predictions "
        "are right as often as their probability states; below it, less often. With 95 % Wilson intervals. Below: the "
        "number of predictions in each bin."
    )
    return Plot(f"{prefix}calibration", "Calibration", alt, _calibration_figure(bins), caption)


def _calibration_figure(bins: CalibrationBins) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    axes.plot([0, 1], [0, 1], **_DASHED)
    filled = bins.counts > 0
    x, y, counts = bins.confidence[filled], bins.accuracy[filled], bins.counts[filled]
    ends = [wilson(round(share * count), int(count)) for share, count in zip(y, counts, strict=True)]
    reach = [y - [low for low, _ in ends], [high for _, high in ends] - y]
    axes.errorbar(x, y, yerr=reach, fmt="o", markersize=5, color=FIRST, elinewidth=1, capsize=2.5, clip_on=False)
    axes.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    width = 1 / len(bins.counts)
    centres = [(number + 0.5) * width for number in range(len(bins.counts))]
    below.bar(centres, bins.counts, width=0.9 * width, color=FIRST, alpha=0.6, edgecolor=GRID)
    below.set(xlabel="probability of the predicted class", ylabel="predictions")
    return figure

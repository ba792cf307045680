"""Predicted probabilities: ROC curves, precision-recall curves and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson_interval
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

    figure, areas = _draw_curves(RocCurveDisplay, classes, "roc_auc", "area under the curve")
    figure.axes[0].set(xlabel="false positive rate", ylabel="true positive rate")
    caption = "Dashed: chance level." if len(classes) == 1 else "Each class against all others. Dashed: chance level."
    return Plot(f"{prefix}roc", "ROC curve", f"ROC curve; area under the curve: {areas}.", figure, caption)


def precision_recall_plot(classes: Sequence[OneVsRest], prefix: str = "") -> Plot:
    """Return the precision-recall curve of each class against the others."""
    from sklearn.metrics import PrecisionRecallDisplay

    figure, areas = _draw_curves(PrecisionRecallDisplay, classes, "average_precision", "average precision")
    figure.axes[0].set(xlabel="recall", ylabel="precision")
    caption = "Dashed: chance level, the share of the class." if len(classes) == 1 else "Each class against all others."
    alt = f"Precision-recall curve; average precision: {areas}."
    return Plot(f"{prefix}precision_recall", "Precision-recall curve", alt, figure, caption)


def _draw_curves(display: Any, classes: Sequence[OneVsRest], attribute: str, measure: str) -> tuple[Figure, str]:
    """Draw a scikit-learn display of each class in our colours, with one legend; return the areas as text, too."""
    is_roc, is_single = attribute == "roc_auc", len(classes) == 1
    figure, axes = new_figure(height=3.9 if is_single else 4.7)
    lines: list[Any] = []
    areas: list[str] = []
    for one, colour in zip(classes, (FIRST,) if is_single else CLASS_COLOURS, strict=False):
        # The chance level of a precision-recall curve differs between classes.
        chance = is_single or (is_roc and not lines)
        drawn = display.from_predictions(
            one.holds, one.scores, ax=axes, plot_chance_level=chance, chance_level_kw=_DASHED
        )
        areas.append(f"{getattr(drawn, attribute):.4f}")
        label = f"{measure} {areas[0]}" if is_single else f"{short_label(one.name, 12)}: {areas[-1]}"
        drawn.line_.set(color=colour, clip_on=False, label=label)
        lines.append(drawn.line_)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    if is_single:
        axes.legend(handles=lines, loc="lower right" if is_roc else "lower left")
        return figure, areas[0]
    if (legend := axes.get_legend()) is not None:
        legend.remove()
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": 3, "columnspacing": 1.2}
    figure.legend(handles=lines, title=measure, title_fontsize=8, **place)
    return figure, ", ".join(f"{one.name} {area}" for one, area in zip(classes, areas, strict=True))


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

    from nnrun.engine.scoring.metrics import CALIBRATION_BINS, expected_calibration_error

    confidence = probabilities[np.arange(len(probabilities)), predicted]
    rounded = confidence.astype(np.float32)  # the precision of the model's outputs, in which the scores are computed
    right = truth == predicted
    at = np.clip(np.ceil(rounded.astype(np.float64) * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)
    counts = np.bincount(at, minlength=CALIBRATION_BINS)
    sums = (np.bincount(at, weights=values, minlength=CALIBRATION_BINS) for values in (confidence, right))
    means = [np.divide(total, counts, out=np.full(CALIBRATION_BINS, np.nan), where=counts > 0) for total in sums]
    return CalibrationBins(means[0], means[1], counts, expected_calibration_error(right, rounded))


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
    ends = [wilson_interval(round(share * count), int(count)) for share, count in zip(y, counts, strict=True)]
    reach = [y - [low for low, _ in ends], [high for _, high in ends] - y]
    axes.errorbar(x, y, yerr=reach, fmt="o", markersize=5, color=FIRST, elinewidth=1, capsize=2.5, clip_on=False)
    axes.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    width = 1 / len(bins.counts)
    centres = [(number + 0.5) * width for number in range(len(bins.counts))]
    below.bar(centres, bins.counts, width=0.9 * width, color=FIRST, alpha=0.6, edgecolor=GRID)
    below.set(xlabel="probability of the predicted class", ylabel="predictions")
    return figure

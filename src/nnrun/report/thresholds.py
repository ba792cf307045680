"""ROC and precision-recall curves, and how far probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson
from nnrun.report.style import FIRST, GRID, MANY, MUTED, Plot, label, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: With more classes than this, curves one above the other tell nothing.
MOST = 10


@dataclass(frozen=True)
class Curve:
    """One class against the rest.

    Attributes:
        name: The class.
        x: The false positive rate, or the recall; from 0 to 1.
        y: The true positive rate, or the precision.
        area: The area under it, as `scores.json` counts it.
        base: What guessing gives: the height of the diagonal's counterpart.
    """

    name: str
    x: NDArray[Any]
    y: NDArray[Any]
    area: float
    base: float = 0.5


def roc_of(name: str, holds: NDArray[Any], scores: NDArray[Any]) -> Curve:
    """The share found over the share of false alarms, threshold by threshold; both of shape (rows,)."""
    import numpy as np

    from nnrun.engine.scoring.classes import roc_auc, steps

    hits, false = steps(holds, scores)
    x, y = (np.concatenate([[0.0], counts / counts[-1]]) for counts in (false, hits))
    return Curve(name, x, y, roc_auc(holds, scores))


def precision_recall_of(name: str, holds: NDArray[Any], scores: NDArray[Any]) -> Curve:
    """The precision over the recall, threshold by threshold; both of shape (rows,)."""
    import numpy as np

    from nnrun.engine.scoring.classes import pr_auc, steps

    hits, false = steps(holds, scores)
    precision = hits / (hits + false)
    x, y = np.concatenate([[0.0], hits / hits[-1]]), np.concatenate([precision[:1], precision])
    return Curve(name, x, y, pr_auc(holds, scores), float(np.mean(holds)))


def roc_plot(curves: Sequence[Curve], prefix: str = "") -> Plot:
    """The ROC curves."""
    alt = f"ROC curves; area under the curve: {_areas(curves)}."
    caption = "" if len(curves) == 1 else "Each class against all others."
    return Plot(f"{prefix}roc", "ROC", alt, roc_figure(curves), caption)


def roc_figure(curves: Sequence[Curve]) -> Figure:
    """Draw the share found over the share of false alarms."""
    figure, axes = new_figure(height=3.9 if len(curves) == 1 else 4.7)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
    for curve, colour in zip(curves, _colours(curves), strict=True):
        named = f"area {curve.area:.4f}" if len(curves) == 1 else f"{label(curve.name, 12)}: {curve.area:.4f}"
        axes.plot(curve.x, curve.y, color=colour, label=named, clip_on=False)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    _legend(figure, curves, "area under the curve")
    return figure


def precision_recall_plot(curves: Sequence[Curve], prefix: str = "") -> Plot:
    """The precision-recall curves."""
    alt = f"Precision-recall curves; average precision: {_areas(curves)}."
    caption = "Dashed: what guessing gives." if len(curves) == 1 else "Each class against all others."
    return Plot(f"{prefix}precision_recall", "Precision and recall", alt, precision_recall_figure(curves), caption)


def precision_recall_figure(curves: Sequence[Curve]) -> Figure:
    """Draw precision over recall, as the steps whose area is the average precision."""
    figure, axes = new_figure(height=3.9 if len(curves) == 1 else 4.7)
    if len(curves) == 1:
        axes.axhline(curves[0].base, color=MUTED, linewidth=1, linestyle="--")
    for curve, colour in zip(curves, _colours(curves), strict=True):
        named = f"average precision {curve.area:.4f}" if len(curves) == 1 else None
        axes.plot(
            curve.x,
            curve.y,
            color=colour,
            drawstyle="steps-pre",
            clip_on=False,
            label=named or f"{label(curve.name, 12)}: {curve.area:.4f}",
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    _legend(figure, curves, "average precision")
    return figure


def _legend(figure: Figure, curves: Sequence[Curve], title: str) -> None:
    if len(curves) == 1:
        figure.axes[0].legend(loc="lower right" if "curve" in title else "lower left")
    else:
        figure.legend(loc="outside lower center", ncols=3, title=title, title_fontsize=8, columnspacing=1.2)


def _colours(curves: Sequence[Curve]) -> Sequence[str]:
    return [FIRST] if len(curves) == 1 else MANY[: len(curves)]


def _areas(curves: Sequence[Curve]) -> str:
    if len(curves) == 1:
        return f"{curves[0].area:.4f}"
    return ", ".join(f"{curve.name} {curve.area:.4f}" for curve in curves)


@dataclass(frozen=True)
class Bins:
    """Answers by how sure the model was; bins without answers are NaN.

    Attributes:
        confidence: The mean share of the predicted class, shape (bins,).
        right: The share of right answers, shape (bins,).
        counts: How many answers, shape (bins,).
        error: The expected calibration error, as `scores.json` counts it.
    """

    confidence: NDArray[Any]
    right: NDArray[Any]
    counts: NDArray[Any]
    error: float


def bins_of(truth: NDArray[Any], predicted: NDArray[Any], shares: NDArray[Any]) -> Bins:
    """Put answers, shape (rows,), into bins by the share, shape (rows, classes), of the class that was predicted."""
    import numpy as np

    from nnrun.engine.scoring.classes import BINS, calibration_error

    confidence = shares[np.arange(len(shares)), predicted]
    right = truth == predicted
    # As the scores' own bins: those of float32, in which the model spoke.
    at = np.clip(np.ceil(confidence.astype(np.float32).astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(at, minlength=BINS)
    means = [
        np.divide(np.bincount(at, weights=values, minlength=BINS), counts, out=np.full(BINS, np.nan), where=counts > 0)
        for values in (confidence, right)
    ]
    return Bins(means[0], means[1], counts, calibration_error(right, confidence.astype(np.float32)))


def calibration_plot(bins: Bins, prefix: str = "") -> Plot:
    """The reliability diagram."""
    alt = f"Reliability diagram: how often answers are right by how sure the model was; ECE {bins.error:.3f}."
    caption = (
        f"Expected calibration error {bins.error:.4f} over {len(bins.counts)} bins. On the dashed line, the model is "
        "right as often as it is sure; below it, less often. With 95 % Wilson intervals; the bars count the answers."
    )
    return Plot(f"{prefix}calibration", "Calibration", alt, calibration_figure(bins), caption)


def calibration_figure(bins: Bins) -> Figure:
    """Draw how often answers are right over how sure the model was, and below how many there are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 4.3), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1])
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
    there = bins.counts > 0
    x, y, counts = bins.confidence[there], bins.right[there], bins.counts[there]
    ends = [wilson(round(share * count), int(count)) for share, count in zip(y, counts, strict=True)]
    reach = [
        [share - low for share, (low, _) in zip(y, ends, strict=True)],
        [high - share for share, (_, high) in zip(y, ends, strict=True)],
    ]
    axes.errorbar(x, y, yerr=reach, fmt="o", markersize=5, color=FIRST, elinewidth=1, capsize=2.5, clip_on=False)
    axes.set(ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1))
    width = 1 / len(bins.counts)
    centres = [(at + 0.5) * width for at in range(len(bins.counts))]
    below.bar(centres, bins.counts, width=0.9 * width, color=FIRST, alpha=0.6, edgecolor=GRID)
    below.set(xlabel="share of the predicted class", ylabel="answers")
    return figure

"""Predicted numbers beside the true ones, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.report.style import FIRST, INK, MUTED, Plot, label, new_figure
from nnrun.report.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nnrun.report.answers import Output

#: More numbers a row than this are drawn as one cloud.
APART = 4
#: More points than this become a picture inside the drawing, which would else be megabytes.
_MANY = 2000
#: Lines of the table of the largest residuals.
WORST = 20


@dataclass(frozen=True)
class Numbers:
    """The truth and the prediction of one number, or of all numbers of a row together.

    Attributes:
        name: What the number is called; empty where it is the only one.
        truth: Shape (rows,).
        predicted: Shape (rows,).
        rows: Each one's row in the source, shape (rows,).
    """

    name: str
    truth: NDArray[Any]
    predicted: NDArray[Any]
    rows: NDArray[Any]

    @property
    def residuals(self) -> NDArray[Any]:
        """Truth less prediction, shape (rows,)."""
        residuals: NDArray[Any] = self.truth - self.predicted
        return residuals


def numbers_of(output: Output) -> list[Numbers]:
    """The numbers to draw: each by itself where they are few; what is no number is left out."""
    import numpy as np

    width = output.truth.shape[1]
    columns = [(output.names[at], output.truth[:, at], output.predicted[:, at], output.rows) for at in range(width)]
    if width > APART:
        rows = np.repeat(output.rows, width)
        columns = [("", output.truth.ravel(), output.predicted.ravel(), rows)]
    made = []
    for name, truth, predicted, rows in columns:
        there = np.isfinite(truth) & np.isfinite(predicted)
        if there.any():
            made.append(Numbers(name, truth[there], predicted[there], rows[there]))
    return made


def number_plots(numbers: Numbers, prefix: str = "") -> list[Plot]:
    """The three plots of one number."""
    of = f" of {label(numbers.name, 40)}" if numbers.name else ""
    off = float(abs(numbers.residuals).max())
    low, high = float(numbers.truth.min()), float(numbers.truth.max())
    count = f"{len(numbers.truth):,} points"
    return [
        Plot(
            f"{prefix}predicted_true",
            f"Predicted against true{of}",
            f"Predicted over true values{of}: {count}, truth from {short(low)} to {short(high)}.",
            predicted_figure(numbers),
            "On the dashed line, the prediction is the truth.",
        ),
        Plot(
            f"{prefix}residuals",
            f"Residuals against predicted{of}",
            f"Residuals over predicted values{of}: {count}, at most {short(off)} off.",
            residuals_figure(numbers),
            "A residual is the truth less the prediction.",
        ),
        Plot(
            f"{prefix}residual_histogram",
            f"Residuals{of}",
            f"Histogram of the residuals{of}: mean {short(float(numbers.residuals.mean()))}, "
            f"standard deviation {short(float(numbers.residuals.std()))}.",
            histogram_figure(numbers),
            f"Dashed: their mean, {short(float(numbers.residuals.mean()))}.",
        ),
    ]


def predicted_figure(numbers: Numbers) -> Figure:
    """Draw predicted over true values, both on the same scale."""
    figure, axes = new_figure(height=4.1)
    both = [*numbers.truth, *numbers.predicted]
    low, high = min(both), max(both)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--")
    _scatter(axes, numbers.truth, numbers.predicted)
    axes.set(xlabel="true", ylabel="predicted", aspect="equal")
    axes.locator_params(nbins=7)
    return figure


def residuals_figure(numbers: Numbers) -> Figure:
    """Draw residuals over predicted values."""
    figure, axes = new_figure(height=3.4)
    axes.axhline(0, color=MUTED, linewidth=1, linestyle="--")
    _scatter(axes, numbers.predicted, numbers.residuals)
    axes.set(xlabel="predicted", ylabel="residual")
    return figure


def _scatter(axes: Axes, x: NDArray[Any], y: NDArray[Any]) -> None:
    many = len(x) > _MANY
    axes.scatter(x, y, s=6 if many else 14, color=FIRST, alpha=0.25 if many else 0.55, linewidths=0, rasterized=many)


def histogram_figure(numbers: Numbers) -> Figure:
    """Draw how often residuals of each size are."""
    figure, axes = new_figure(height=3.4)
    bins = max(5, min(50, round(2 * len(numbers.residuals) ** (1 / 3))))
    axes.hist(numbers.residuals, bins=bins, color=FIRST, alpha=0.6, edgecolor=INK, linewidth=0.4)
    axes.axvline(float(numbers.residuals.mean()), color=MUTED, linewidth=1.2, linestyle="--")
    axes.set(xlabel="residual", ylabel="rows")
    return figure


def largest(numbers: Numbers) -> list[tuple[int, float, float, float]]:
    """The largest residuals: row in the source, truth, prediction, residual."""
    import numpy as np

    order = np.argsort(-abs(numbers.residuals), kind="stable")[:WORST]
    told = zip(numbers.rows, numbers.truth, numbers.predicted, numbers.residuals, strict=True)
    lines = list(told)
    return [(int(row), float(true), float(said), float(gap)) for row, true, said, gap in (lines[at] for at in order)]

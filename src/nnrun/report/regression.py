"""Predicted numbers: true against predicted values, and the residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count
from nnrun.report.style import FIRST, INK, MUTED, Plot, new_figure, short_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nnrun.report.elements import ReportSection
    from nnrun.report.predictions import OutputPredictions

#: Rows of more numbers than this, such as the pixels of an image, are drawn together.
MAX_SEPARATE = 4
#: More points than this are drawn as a bitmap inside the SVG, which would otherwise take megabytes.
_MAX_POINTS = 2000
#: Rows of the table of the largest residuals.
MAX_RESIDUALS = 20


@dataclass(frozen=True)
class TargetPredictions:
    """True and predicted values of one target, or of all targets together.

    Attributes:
        name: The target's name; empty if it is the only one.
        truth: Shape (examples,).
        predicted: Shape (examples,).
        rows: The row in the source of each example, shape (examples,).
    """

    name: str
    truth: NDArray[Any]
    predicted: NDArray[Any]
    rows: NDArray[Any]

    @property
    def residuals(self) -> NDArray[Any]:
        """True minus predicted values, shape (examples,)."""
        residuals: NDArray[Any] = self.truth - self.predicted
        return residuals


def regression_section(output: OutputPredictions, section: ReportSection) -> ReportSection:
    """Return the section with the plots and tables of an output that predicts numbers."""
    plots: list[Plot] = []
    tables = []
    for number, target in enumerate(split_targets(output)):
        plots += regression_plots(target, f"{output.prefix}{number}_" if number else output.prefix)
        caption = f"Largest residuals of {target.name}" if target.name else "Largest residuals"
        tables.append(output.table(caption, ("true", "predicted", "residual"), largest_residuals(target)))
    width, notes = output.truth.shape[1], section.notes
    if plots and width > MAX_SEPARATE:
        notes = (*notes, f"The {width} numbers of each row are drawn together.")
    return replace(section, notes=notes, plots=tuple(plots), tables=tuple(tables))


def split_targets(output: OutputPredictions) -> list[TargetPredictions]:
    """Return each target by itself, or all together if they are many; without values that are not finite."""
    import numpy as np

    width = output.truth.shape[1]
    columns = list(zip(output.names, output.truth.T, output.predicted.T, strict=False))
    rows = output.rows
    if width > MAX_SEPARATE:
        columns, rows = [("", output.truth.ravel(), output.predicted.ravel())], np.repeat(rows, width)
    finite = [np.isfinite(truth) & np.isfinite(predicted) for _, truth, predicted in columns]
    return [
        TargetPredictions(name, truth[at], predicted[at], rows[at])
        for (name, truth, predicted), at in zip(columns, finite, strict=True)
        if at.any()
    ]


def regression_plots(target: TargetPredictions, prefix: str = "") -> list[Plot]:
    """Return the plots of one target: true against predicted values, residuals, and their histogram."""
    of = f" of {short_label(target.name, 40)}" if target.name else ""
    count, residuals = format_count(len(target.truth), "point"), target.residuals
    mean, sd = float(residuals.mean()), float(residuals.std())
    values = f"true values from {float(target.truth.min()):.3g} to {float(target.truth.max()):.3g}"

    def plot(name: str, title: str, details: str, figure: Figure, caption: str) -> Plot:
        return Plot(f"{prefix}{name}", f"{title}{of}", f"{title}{of}: {details}.", figure, caption)

    error = _error_figure(target, "actual_vs_predicted")
    residual = _error_figure(target, "residual_vs_predicted")
    histogram = _histogram(residuals)
    largest = f"{count}, the largest {float(abs(residuals).max()):.3g}"
    spread = f"mean {mean:.3g}, standard deviation {sd:.3g}"
    on_line = "On the dashed line, the prediction is right."
    difference = "A residual is the true value minus the prediction."
    return [
        plot("predicted_true", "True against predicted values", f"{count}, {values}", error, on_line),
        plot("residuals", "Residuals against predicted values", largest, residual, difference),
        plot("residual_histogram", "Histogram of the residuals", spread, histogram, f"Dashed: mean {mean:.3g}."),
    ]


def _error_figure(target: TargetPredictions, kind: str) -> Figure:
    from matplotlib.ticker import AutoLocator
    from sklearn.metrics import PredictionErrorDisplay

    square = kind == "actual_vs_predicted"
    figure, axes = new_figure(height=4.1 if square else 3.4)
    many = len(target.truth) > _MAX_POINTS
    points = {"s": 6 if many else 14, "color": FIRST, "alpha": 0.25 if many else 0.55, "linewidths": 0}
    PredictionErrorDisplay(y_true=target.truth, y_pred=target.predicted).plot(
        ax=axes,
        kind=kind,
        scatter_kwargs={**points, "rasterized": many},
        line_kwargs={"color": MUTED, "linewidth": 1, "linestyle": "--", "alpha": 1},
    )
    axes.set(xlabel="predicted", ylabel="true" if square else "residual")
    for axis in (axes.xaxis, axes.yaxis):  # the display places five ticks at uneven numbers
        axis.set_major_locator(AutoLocator())
    return figure


def _histogram(residuals: NDArray[Any]) -> Figure:
    figure, axes = new_figure(height=3.4)
    bins = max(5, min(50, round(2 * len(residuals) ** (1 / 3))))
    axes.hist(residuals, bins=bins, color=FIRST, alpha=0.6, edgecolor=INK, linewidth=0.4)
    axes.axvline(float(residuals.mean()), color=MUTED, linewidth=1.2, linestyle="--")
    axes.set(xlabel="residual", ylabel="rows")
    return figure


def largest_residuals(target: TargetPredictions) -> list[tuple[int, float, float, float]]:
    """Return the rows with the largest residuals: row in the source, true value, prediction, residual."""
    import numpy as np

    order = np.argsort(-abs(target.residuals), kind="stable")[:MAX_RESIDUALS]
    columns = (target.rows, target.truth, target.predicted, target.residuals)
    return list(zip(*(column[order].tolist() for column in columns), strict=True))

"""The folds of a cross-validation side by side: their scores, the mean, and how sure it is."""

from __future__ import annotations

from math import isclose, isfinite
from typing import TYPE_CHECKING, Any

from nnrun.report.contents import mapping, number
from nnrun.report.style import FIRST, SECOND, Plot, new_figure
from nnrun.report.words import short, title, words
from nnrun.runs.folds import headline_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

#: What says the same as another figure in other words, and what is no figure.
_TWICE = ("errors", "error_rate", "rows", "fold", "repeat", "log_loss")
_MOST = 6


def fold_values(crossed: Mapping[str, Any]) -> dict[str, list[float]]:
    """The figures of the folds that are worth a plot, by name, the most telling first."""
    each = [mapping(fold) for fold in crossed.get("each") or ()]
    if not each:
        return {}
    values = {name: [number(fold.get(name)) for fold in each] for name in each[0] if name not in _TWICE}
    told = {
        name: [value for value in found if value is not None]
        for name, found in values.items()
        if all(value is not None and isfinite(value) for value in found)
    }
    if any(name != "loss" and _same(found, told.get("loss", [])) for name, found in told.items()):
        del told["loss"]  # a metric of the same name as the loss says it better
    first = headline_figure(each[0])[0]
    names = sorted(told, key=lambda name: name != first)[:_MOST]
    return {name: told[name] for name in names}


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(isclose(a, b, rel_tol=1e-5) for a, b in zip(one, other, strict=True))


def fold_plots(crossed: Mapping[str, Any]) -> list[Plot]:
    """A box plot for each figure."""
    plots = []
    for name, values in fold_values(crossed).items():
        mean = number(mapping(crossed.get("mean")).get(name))
        ends = [number(end) for end in mapping(crossed.get("interval_95")).get(name) or ()]
        interval = (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None
        around = f", 95 % interval {short(interval[0])} to {short(interval[1])}" if interval is not None else ""
        alt = f"Box plot of {words(name)} over {len(values)} folds, from {short(min(values))} to {short(max(values))}"
        told = f"; mean {short(mean)}{around}" if mean is not None else ""
        figure = fold_figure(words(name), values, mean, interval)
        plots.append(Plot(f"folds_{name}", title(name), f"{alt}{told}.", figure))
    return plots


def fold_figure(name: str, values: Sequence[float], mean: float | None, interval: tuple[float, float] | None) -> Figure:
    """Draw a box with each fold as a point, and above it the mean with its interval."""
    figure, axes = new_figure(height=1.9)
    box = axes.boxplot([list(values)], positions=[0], orientation="horizontal", widths=0.55, showfliers=False)
    for line in (line for lines in box.values() for line in lines):
        line.set(color=FIRST, linewidth=1.2)
    axes.scatter(values, [0] * len(values), s=16, color=FIRST, alpha=0.55, linewidths=0, zorder=3, label="each fold")
    if mean is not None:
        ends = interval or (mean, mean)
        axes.errorbar(
            [mean],
            [0.75],
            xerr=[[mean - ends[0]], [ends[1] - mean]],
            fmt="D",
            markersize=5,
            color=SECOND,
            capsize=3,
            elinewidth=1.4,
            label="mean, 95 % interval",
        )
    axes.set(xlabel=name, ylim=(-0.6, 1.1))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, handletextpad=0.4)
    return figure

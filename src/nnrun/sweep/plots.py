"""The plots of a sweep's report: curves of the best combinations, parallel coordinates, importance of parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite, log10
from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import is_number
from nnrun.errors import RunError
from nnrun.formatting import format_count
from nnrun.report.elements import score_name, score_title
from nnrun.report.learning import LearningCurve, curves_of, mean_curve, set_curve_axes
from nnrun.report.style import (
    CLASS_COLOURS,
    FIRST,
    GRID,
    INK,
    MUTED,
    PAPER,
    SECOND,
    WIDTH,
    Plot,
    new_figure,
    short_label,
)
from nnrun.runs import metrics
from nnrun.sweep.importance import as_key, varying_parameters
from nnrun.sweep.space import shown_value
from nnrun.sweep.study import summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.importance import Importance
    from nnrun.sweep.study import Group, Objective

#: Combinations whose curves are drawn, and metrics that are.
MOST_CURVES, _MOST_METRICS = 5, 4
#: Seeds whose own curves are drawn, and the room above and below the curves, as a share of what they span.
_MOST_SEEDS, _MARGIN = 20, 0.08
#: Lines and axes of the parallel coordinates.
MOST_LINES, MOST_AXES = 250, 12
_COLOURS = (FIRST, SECOND, CLASS_COLOURS[3], CLASS_COLOURS[7], CLASS_COLOURS[5])
#: Numbers whose largest is this many times the smallest are drawn by their logarithm.
_LOG_RATIO = 10.0
#: Texts at an axis of parallel coordinates, and characters of each.
_MOST_TICKS, _TICK_LENGTH = 8, 22
#: The height of the place for combinations that do not have a parameter.
_MISSING = -0.12


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the shortest ends of paths that tell them from each other: `learning_rate`."""
    found = {}
    for path in paths:
        words = path.split(".")
        ends = (".".join(words[at:]) for at in range(len(words) - 1, -1, -1))
        others = [other for other in paths if other != path]
        fitting = (
            end
            for end in ends
            if not end.isdigit() and not any(other.endswith(f".{end}") or other == end for other in others)
        )
        found[path] = next(fitting, path)
    return found


def tick_labels(texts: Sequence[str]) -> list[str]:
    """Return short labels of values; of whole layers that begin alike, their ends."""
    plain = [text[1:-1] if text.startswith("{") and text.endswith("}") else text for text in texts]
    labels = [short_label(text, _TICK_LENGTH) for text in plain]
    if len(set(labels)) == len(labels):
        return labels
    return [text if len(text) <= _TICK_LENGTH else f"\u2026{short_label(text[1 - _TICK_LENGTH :])}" for text in plain]


def describe_values(group: Group, names: Mapping[str, str]) -> str:
    """Return the values of a combination in a line: `learning_rate=0.01, batch_size=8`."""
    parts = [f"{names[path]}={shown_value(value)}" for path, value in group.parameters.items() if path in names]
    return ", ".join(parts) or "the config as it is"


def curve_plots(folder: SweepFolder, groups: Sequence[Group], goal: Objective) -> tuple[list[Plot], list[str]]:
    """Return the learning curves of the best combinations on the validation part, and what could not be read.

    Of several seeds, each curve is their mean, in a band that is the 95 % interval of the mean; of folds the mean of
    these. Of one combination alone the curve of each seed is drawn, too.

    Args:
        folder: The sweep's folder.
        groups: The combinations that are drawn, the best first.
        goal: The score by which they were chosen; its curve comes first.
    """
    damaged, epochs = [], {}
    for group in groups:
        for trial in group.trials:
            try:
                epochs[trial.number] = metrics.read_complete_lines(folder.run(trial.number).metrics)
            except (RunError, OSError) as error:
                damaged.append(f"trial {trial.number}: {error}")
    names = list(dict.fromkeys(str(name) for rows in epochs.values() for row in rows for name in row))
    shown = [name for name in names if name.startswith("val_")] or [name for name in names if name == "loss"]
    first = f"val_{goal.path.rpartition('.')[2]}"
    shown.sort(key=lambda name: (name != first, name == "val_loss"))
    plots = [_curve_plot(name, groups, epochs) for name in shown[:_MOST_METRICS]]
    return [plot for plot in plots if plot is not None], damaged


@dataclass(frozen=True)
class _Band:
    """The curve of a combination.

    Attributes:
        mean: The mean over its seeds.
        low: The lower end of the mean's 95 % interval (Student's t over the seeds), by epoch; of one seed the mean.
        high: The upper end.
        seeds: The values of each seed.
    """

    mean: LearningCurve
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: tuple[tuple[float, ...], ...]


def _band(group: Group, name: str, epochs: Mapping[int, Sequence[Mapping[str, Any]]]) -> _Band | None:
    curves = []
    for trial in group.trials:
        found = curves_of(epochs.get(trial.number, ()), name)
        if found:
            curves.append(mean_curve(found) or found[0])
    if not curves:
        return None
    by_epoch = [dict(zip(curve.epochs, curve.values, strict=True)) for curve in curves]
    shared = sorted(set.intersection(*(set(one) for one in by_epoch)))
    columns = [[one[at] for one in by_epoch] for at in shared]
    finite = [(at, column) for at, column in zip(shared, columns, strict=True) if all(map(isfinite, column))]
    if not finite:
        return None
    summaries = [summarize(column, name) for _, column in finite]
    means = tuple(mean for mean, _, _ in summaries)
    ends = [(mean, mean) if known is None else (known.low, known.high) for mean, known, _ in summaries]
    low, high = zip(*ends, strict=True)
    seeds = tuple(zip(*(column for _, column in finite), strict=True))
    return _Band(LearningCurve(None, tuple(at for at, _ in finite), means), low, high, seeds)


def _curve_plot(name: str, groups: Sequence[Group], epochs: Mapping[int, Sequence[Mapping[str, Any]]]) -> Plot | None:
    bands = [(group, band) for group in groups if (band := _band(group, name, epochs)) is not None]
    if not bands:
        return None
    figure, axes = new_figure()
    for (group, band), colour in zip(bands, _COLOURS, strict=False):
        label = f"combination {group.combination}"
        marker = "o" if len(band.mean.epochs) == 1 else None
        axes.plot(band.mean.epochs, band.mean.values, color=colour, label=label, marker=marker, markersize=4)
        if band.low != band.high:
            axes.fill_between(band.mean.epochs, band.low, band.high, color=colour, alpha=0.15, linewidth=0)
        for seed in band.seeds if len(bands) == 1 < len(band.seeds) <= _MOST_SEEDS else ():
            axes.plot(band.mean.epochs, seed, color=colour, alpha=0.35, linewidth=0.8)
    plain = name.removeprefix("val_")
    part = "validation part" if name.startswith("val_") else "training part"
    set_curve_axes(axes, short_label(f"{score_name(plain)}, {part}", 60), [band.mean for _, band in bands])
    _keep_to_seeds(axes, [value for _, band in bands for seed in band.seeds for value in seed])
    axes.legend(loc="best")
    title = short_label(f"{score_title(plain)} on the {part}", 60)
    ends = "; ".join(f"combination {group.combination} ends at {band.mean.values[-1]:.3g}" for group, band in bands)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]
    return Plot(f"sweep_curve_{safe}", title, f"{title} over the epochs: {ends}.", figure)


def _keep_to_seeds(axes: Axes, values: Sequence[float]) -> None:
    """Show the range of the seeds: the interval of two of them may be many times as wide as what they differ by."""
    low, high = min(values), max(values)
    if axes.get_yscale() == "log" and low > 0:
        axes.set_ylim(low / (1 + _MARGIN), high * (1 + _MARGIN))
    elif low < high:
        axes.set_ylim(low - _MARGIN * (high - low), high + _MARGIN * (high - low))


def parallel_plot(groups: Sequence[Group], goal: Objective, first: Sequence[str]) -> Plot | None:
    """Return a plot with an axis for each parameter that varies, and a line for each combination.

    Args:
        groups: The combinations that have a score, the best first.
        goal: The score, which has the last axis.
        first: Parameters in the order of their importance; of many, those that are drawn.
    """
    varying = varying_parameters(groups)
    kept = set([*first, *varying][:MOST_AXES])
    paths = [path for path in varying if path in kept]
    if not paths:
        return None
    shown = _spread(groups)
    names = short_names(paths)
    axes_of = [_Axis.of([group.parameters.get(path) for group in groups]) for path in paths]
    score = _Axis.of([group.value for group in groups])
    figure, axes = new_figure(max(2 * WIDTH, 1.5 * (len(paths) + 1)), 3.6)
    top = max(5, len(groups) // 10)
    for rank, group in reversed(list(enumerate(shown))):
        heights = [axis.height(group.parameters.get(path)) for axis, path in zip(axes_of, paths, strict=True)]
        style: dict[str, Any] = {"color": MUTED, "alpha": 0.3, "linewidth": 0.7}
        if group is groups[0]:
            style = {"color": SECOND, "linewidth": 2.6}
        elif rank < top:
            style = {"color": FIRST, "alpha": 0.75, "linewidth": 1.2}
        axes.plot([*heights, score.height(group.value)], **style)
    for at, (axis, label) in enumerate(
        zip([*axes_of, score], [*(names[path] for path in paths), goal.path], strict=True)
    ):
        _draw_axis(axes, at, axis, short_label(label, 26))
    axes.set_axis_off()
    axes.set(
        xlim=(-0.35, len(paths) + 0.45), ylim=(_MISSING - 0.06 if any(axis.lacks for axis in axes_of) else -0.05, 1.14)
    )
    best = describe_values(groups[0], names)
    alt = f"Each combination as a line over its values and its {goal.path}; the best one has {best}."
    others = f"; the coloured lines are the next {min(top, len(groups)) - 1}" if len(groups) > 1 else ""
    caption = f"The thick line is the best combination{others}. {_shown_lines(len(shown), len(groups))}"
    return Plot("sweep_parallel", "Parallel coordinates", short_label(alt, 400), figure, caption.strip(), wide=True)


def _shown_lines(shown: int, total: int) -> str:
    return (
        "" if shown == total else f"{shown} of {format_count(total, 'combination')} are drawn: the best, and each n-th."
    )


def _spread(groups: Sequence[Group]) -> list[Group]:
    """Return the best combinations, and of many others each n-th."""
    if len(groups) <= MOST_LINES:
        return list(groups)
    half = MOST_LINES // 2
    step = -(-(len(groups) - half) // half)
    return [*groups[:half], *groups[half::step]]


@dataclass(frozen=True)
class _Axis:
    """The scale of an axis of parallel coordinates.

    Attributes:
        low: The smallest number, or its logarithm.
        high: The largest one.
        is_log: Whether the scale is logarithmic.
        keys: The values of a scale that is none of numbers, in their order.
        ticks: The texts with their heights.
    """

    low: float
    high: float
    is_log: bool
    keys: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]

    @property
    def lacks(self) -> bool:
        """Whether a combination does not have the parameter."""
        return any(height == _MISSING for height, _ in self.ticks)

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Axis:
        """Return the scale for some values, of which None is a combination that does not have the parameter."""
        known = [value for value in values if value is not None]
        missing = ((_MISSING, "not there"),) if len(known) < len(values) else ()
        if known and all(map(is_number, known)):
            return cls._of_numbers(sorted({float(one) for one in known}), missing)
        texts = {as_key(value): shown_value(value) for value in known}
        keys = tuple(texts)
        last = max(1, len(keys) - 1)
        step = -(-len(keys) // _MOST_TICKS)
        labels = tick_labels(list(texts.values()))
        ticks = [(at / last, label) for at, label in enumerate(labels) if at % step == 0]
        return cls(0.0, float(last), False, keys, (*missing, *ticks))

    @classmethod
    def _of_numbers(cls, numbers: Sequence[float], missing: tuple[tuple[float, str], ...]) -> _Axis:
        is_log = numbers[0] > 0 and numbers[-1] >= _LOG_RATIO * numbers[0]
        low, high = (log10(numbers[0]), log10(numbers[-1])) if is_log else (numbers[0], numbers[-1])
        axis = cls(low, high, is_log, (), missing)
        if len(numbers) <= _MOST_TICKS:
            shown = list(numbers)
        else:
            between = [low + (high - low) * at / 4 for at in range(5)]
            shown = [10**one if is_log else one for one in between]
        ticks = [(axis.height(one), f"{one:.4g}" if len(numbers) <= _MOST_TICKS else f"{one:.3g}") for one in shown]
        return cls(low, high, is_log, (), (*missing, *ticks))

    def height(self, value: Any) -> float:
        """Return the height of a value: from 0 to 1, or below for none."""
        if value is None:
            return _MISSING
        place = self.keys.index(as_key(value)) if self.keys else log10(value) if self.is_log else float(value)
        return 0.5 if self.high == self.low else (place - self.low) / (self.high - self.low)


def _draw_axis(axes: Axes, at: int, axis: _Axis, label: str) -> None:
    axes.plot([at, at], [0, 1], color=GRID, linewidth=1.2, zorder=0.5)
    for height, text in axis.ticks:
        axes.plot([at - 0.015, at + 0.015], [height, height], color=MUTED, linewidth=0.8, zorder=3)
        box = {"facecolor": PAPER, "alpha": 0.75, "edgecolor": "none", "boxstyle": "round,pad=0.1"}
        axes.text(at + 0.03, height, text, fontsize=7.5, color=INK, va="center", zorder=4, bbox=box)
    axes.text(at, 1.07, label, fontsize=8.5, color=INK, ha="center", va="bottom", fontweight="bold")


def importance_plot(found: Importance) -> Plot:
    """Return a bar for each parameter."""
    shares = list(found.shares.items())[:MOST_AXES]
    names = short_names(list(found.shares))
    figure, axes = new_figure(2 * WIDTH, 0.7 + 0.28 * len(shares))
    places = range(len(shares) - 1, -1, -1)
    axes.barh(list(places), [share for _, share in shares], color=FIRST, height=0.6)
    axes.set_yticks(list(places), [short_label(names[path], 40) for path, _ in shares])
    axes.set(xlabel="share of the variance of ranks")
    axes.grid(visible=False, axis="y")
    described = ", ".join(f"{names[path]} {share:.2f}" for path, share in shares[:6])
    alt = short_label(f"The importance of each parameter: {described}.", 400)
    return Plot("sweep_importance", "Importance of the parameters", alt, figure, wide=True)

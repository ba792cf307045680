"""The progress of training: the learning curves with their numbers, and the texts that a text model generated."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import isclose, isfinite, isnan, log, nan
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count
from nnrun.report.elements import ReportSection, ReportTable, TextBlock, format_value, score_name, score_title
from nnrun.report.predictions import is_cross_validated, scored_part
from nnrun.report.style import FIRST, SECOND, THIRD, Plot, new_figure, short_label
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from nnrun.report.run_contents import RunContents

_NOT_METRICS = ("epoch", "fold", "phase", "seconds", "learning_rate")
#: The axis is logarithmic if the largest value is more than this many times the smallest.
_LOG_RATIO = 100.0
#: Rows of the table of epochs at most; of more, every second, fifth, ... is shown, and the last.
_MAX_ROWS = 200
#: Characters of a metric's name in a label and in a file name.
_NAME_LENGTH = 80
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000)
#: Metrics that are drawn at most, and the largest value: sums of larger ones are no numbers any more.
_MAX_PLOTS, _LARGEST_DRAWN = 40, 1e100
#: Generated texts that are shown: the first ones and the last ones.
_FIRST_SAMPLES, _LAST_SAMPLES = 3, 7


@dataclass(frozen=True)
class LearningCurve:
    """One metric over the epochs of one fit.

    Attributes:
        fold: The fold; None for a run without folds, or for the final fit.
        epochs: The epochs, counted from 1.
        values: The values; NaN where one is missing.
    """

    fold: int | None
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class MetricCurves:
    """The curves of one metric on the training part and the validation part, one for each fold."""

    name: str
    training: list[LearningCurve]
    validation: list[LearningCurve]

    @property
    def values(self) -> list[float]:
        """All values, training first."""
        return [value for curve in (*self.training, *self.validation) for value in curve.values]

    def equals(self, other: MetricCurves) -> bool:
        """Return whether both have the same values, up to the order of their summation."""
        pairs = list(zip(self.values, other.values, strict=False))
        near = all(isclose(a, b, rel_tol=1e-4) or (isnan(a) and isnan(b)) for a, b in pairs)
        return len(self.values) == len(other.values) and near


#: A `prepare_target:` that is no empty list, in `resolved.yaml`.
_PREPARED_TARGET = re.compile(r"^  prepare_target:\s*(?!\[\])[\[\n]", re.MULTILINE)


def learning_section(run: RunContents) -> ReportSection:
    """Return the learning curves and the table of their values."""
    section = ReportSection("learning", "Learning curves", ("No epoch was completed.",))
    if not run.epochs:
        return section
    part = scored_part(run)[1]
    loss, nats = as_number(part.get("loss")), as_number(part.get("nats_per_character"))
    in_nats = loss is not None and nats is not None and isclose(loss, nats, rel_tol=1e-3)
    plots = learning_plots(run.epochs, in_nats=in_nats)
    return replace(section, notes=tuple(_notes(run)), plots=tuple(plots), tables=(_epoch_table(run),))


def _notes(run: RunContents) -> Iterator[str]:
    rates = {value for curve in curves_of(run.epochs, "learning_rate") for value in curve.values if isfinite(value)}
    if len(rates) == 1:
        yield f"The learning rate was {rates.pop():.4g} throughout."
    for row in run.epochs:
        numbers = [as_number(value) for value in row.values()]
        if any(number is not None and (not isfinite(number) or _is_too_large(number)) for number in numbers):
            fold = f" of fold {row['fold']}" if row.get("fold") is not None else ""
            yield f"From epoch {row.get('epoch')}{fold} on, some values are not finite: the curves have gaps there."
            break
    if _PREPARED_TARGET.search(run.resolved):
        yield "The curves are those of the prepared target; scores and predictions are in the target's own unit."
    count = len(metric_curves(run.epochs))
    if count > _MAX_PLOTS:
        yield f"The first {_MAX_PLOTS} of {count} metrics are drawn; the table has all."


def _epoch_table(run: RunContents) -> ReportTable:
    names = list(dict.fromkeys(name for row in run.epochs for name in row))
    if not is_cross_validated(run):
        names = [name for name in names if name != "fold"]
    count = len(run.epochs)
    step = next(step for step in _STEPS if count <= step * _MAX_ROWS or step == _STEPS[-1])
    shown = [row for number, row in enumerate(run.epochs, 1) if number % step == 0 or number == count]
    rows = tuple(tuple(format_value(row.get(name)) for name in names) for row in shown)
    caption = f"Values of {format_count(count, 'epoch')}{f', every {step}th row' if step > 1 else ''}"
    return ReportTable(caption, tuple(map(score_name, names)), rows, collapsed=True)


def curves_of(epochs: Sequence[Mapping[str, Any]], name: str) -> list[LearningCurve]:
    """Return the curves of a metric, one for each fold; empty if no epoch has a finite value of it."""
    found: dict[int | None, dict[int, float]] = {}
    for row in epochs:
        epoch, fold, value = row.get("epoch"), row.get("fold"), as_number(row.get(name))
        if isinstance(epoch, int) and (fold is None or isinstance(fold, int)):
            found.setdefault(fold, {})[epoch] = nan if value is None or _is_too_large(value) else value
    curves = [
        LearningCurve(fold, tuple(sorted(values)), tuple(values[epoch] for epoch in sorted(values)))
        for fold, values in found.items()
    ]
    return curves if any(isfinite(value) for curve in curves for value in curve.values) else []


def _is_too_large(value: float) -> bool:
    return isfinite(value) and abs(value) > _LARGEST_DRAWN


def mean_curve(curves: Iterable[LearningCurve]) -> LearningCurve | None:
    """Return the mean over the folds at each epoch that all of them reached; None if there are not several."""
    folds = [dict(zip(curve.epochs, curve.values, strict=True)) for curve in curves if curve.fold is not None]
    if len(folds) < 2:
        return None
    epochs = sorted(set.intersection(*(set(fold) for fold in folds)))
    return LearningCurve(None, tuple(epochs), tuple(sum(fold[at] for fold in folds) / len(folds) for at in epochs))


def metric_curves(epochs: Sequence[Mapping[str, Any]]) -> dict[str, MetricCurves]:
    """Return the curves of each metric, in the order of `metrics.jsonl`."""
    names = dict.fromkeys(str(name).removeprefix("val_") for row in epochs for name in row if name not in _NOT_METRICS)
    found = {name: MetricCurves(name, curves_of(epochs, name), curves_of(epochs, f"val_{name}")) for name in names}
    return {name: curves for name, curves in found.items() if curves.training or curves.validation}


def learning_plots(epochs: Sequence[Mapping[str, Any]], *, in_nats: bool = False) -> list[Plot]:
    """Return a plot of each metric, and one of the learning rate if it changes.

    Args:
        epochs: The lines of `metrics.jsonl`.
        in_nats: Whether the loss is in nats per character, so that it can be converted to bits.
    """
    metrics, plots = metric_curves(epochs), []
    loss = metrics.get("loss")
    if in_nats and loss and loss.training:
        in_bits = MetricCurves("bits_per_character", _in_bits(loss.training), _in_bits(loss.validation))
        plots.append(_metric_plot(in_bits, "The loss, in nats, divided by ln 2."))
    same = [name for name in metrics if loss and name != "loss" and metrics[name].equals(loss)]
    for name, curves in list(metrics.items())[:_MAX_PLOTS]:
        if name not in same:
            is_loss = f"The loss is the {' and the '.join(map(score_name, same))}." if name == "loss" and same else ""
            plots.append(_metric_plot(curves, is_loss))
    rates = curves_of(epochs, "learning_rate")
    if len({value for curve in rates for value in curve.values if isfinite(value)}) > 1:
        plots.append(_rate_plot(rates))
    return plots


def _in_bits(curves: list[LearningCurve]) -> list[LearningCurve]:
    return [replace(curve, values=tuple(value / log(2) for value in curve.values)) for curve in curves]


def _metric_plot(curves: MetricCurves, caption: str) -> Plot:
    figure, axes = new_figure()
    _draw(axes, curves.training, FIRST, "training", "-")
    _draw(axes, curves.validation, SECOND, "validation", (0, (4, 1.5)))
    set_curve_axes(axes, short_label(score_name(curves.name), _NAME_LENGTH), [*curves.training, *curves.validation])
    axes.legend(loc="best")
    parts = (("training", curves.training), ("validation", curves.validation))
    described = "; ".join(_description(part, lines) for part, lines in parts if lines)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", curves.name)[:_NAME_LENGTH]
    title = short_label(score_title(curves.name), _NAME_LENGTH)
    return Plot(f"curve_{safe}", title, f"{title} over the epochs: {described}.", figure, caption)


def _rate_plot(rates: list[LearningCurve]) -> Plot:
    figure, axes = new_figure()
    _draw(axes, rates, THIRD, "learning rate", "-")
    set_curve_axes(axes, "learning rate", rates)
    first, last = rates[0].values[0], rates[0].values[-1]
    alt = f"The learning rate over the epochs, from {first:.3g} to {last:.3g}."
    return Plot("curve_learning_rate", "Learning rate", alt, figure)


def _draw(axes: Axes, curves: list[LearningCurve], colour: str, label: str, linestyle: Any) -> None:
    """Draw the only curve, or each fold as a thin line and their mean as a thick one."""
    mean = mean_curve(curves)

    def line(curve: LearningCurve, name: str | None, **style: Any) -> None:
        marker = "o" if len(curve.epochs) == 1 else None
        style |= {"color": colour, "linestyle": linestyle, "marker": marker, "markersize": 4}
        axes.plot(curve.epochs, curve.values, label=name, **style)

    if mean is None:
        for curve in curves:
            line(curve, label)
        return
    for number, curve in enumerate(curves):
        line(curve, f"{label}, each fold" if number == 0 else None, linewidth=0.8, alpha=0.35)
    line(mean, f"{label}, mean of {len(curves)} folds", linewidth=2.2)


def set_curve_axes(axes: Axes, name: str, curves: Sequence[LearningCurve]) -> None:
    """Set the labels and scales of curves over epochs; values of several magnitudes have a logarithmic scale."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    axes.set(xlabel="epoch", ylabel=name)
    epochs = [epoch for curve in curves for epoch in curve.epochs]
    margin = 0.02 * (max(epochs) - min(epochs)) or 0.5
    axes.set_xlim(min(epochs) - margin, max(epochs) + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    values = [value for curve in curves for value in curve.values if isfinite(value)]
    if min(values) > 0 and max(values) > _LOG_RATIO * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylabel(f"{name} (logarithmic)")


def _description(part: str, curves: list[LearningCurve]) -> str:
    mean = mean_curve(curves)
    values = [value for value in (mean or curves[0]).values if isfinite(value)]
    folds = "mean of the folds, " if mean else ""
    return f"{part}, {folds}from {values[0]:.3g} to {values[-1]:.3g}" if values else f"{part}, no finite values"


def samples_section(run: RunContents) -> ReportSection:
    """Return the texts that the model generated during training: the first ones and the last ones."""
    samples, limit = run.samples, _FIRST_SAMPLES + _LAST_SAMPLES
    shown = samples if len(samples) <= limit else (*samples[:_FIRST_SAMPLES], *samples[-_LAST_SAMPLES:])
    notes = () if len(shown) == len(samples) else (f"{len(shown)} of {len(samples)} texts: the first and the last.",)
    texts = [
        (f"After epoch {sample.get('epoch')}", f"{sample.get('seed_text') or ''}{sample['text']}") for sample in shown
    ]
    blocks = tuple(TextBlock(title, text, collapsed=False, wrapped=True) for title, text in texts)
    return ReportSection("samples", "Generated text", notes, texts=blocks)

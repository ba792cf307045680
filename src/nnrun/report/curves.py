"""Learning curves: each figure of `metrics.jsonl` over the epochs, a line for each fold and their mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose, isfinite, isnan, log, nan
from typing import TYPE_CHECKING, Any

from nnrun.report.contents import number
from nnrun.report.style import FIRST, SECOND, THIRD, Plot, new_figure
from nnrun.report.words import short, title, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NO_FIGURE = ("epoch", "fold", "seconds", "learning_rate")
#: Above this ratio of the largest to the smallest figure, equal steps hide what the later epochs do.
_MUCH = 100.0


@dataclass(frozen=True)
class Line:
    """One figure over the epochs of one fold.

    Attributes:
        fold: The fold; None for a run without, or for the final fit.
        epochs: The epochs, counted from 1.
        values: The figures, NaN where one is missing.
    """

    fold: int | None
    epochs: tuple[int, ...]
    values: tuple[float, ...]


def lines_of(epochs: Sequence[Mapping[str, Any]], name: str) -> list[Line]:
    """The lines of a figure, one for each fold; empty where no epoch tells it."""
    found: dict[int | None, dict[int, float]] = {}
    for row in epochs:
        epoch, fold, value = row.get("epoch"), row.get("fold"), number(row.get(name))
        if isinstance(epoch, int) and (fold is None or isinstance(fold, int)):
            found.setdefault(fold, {})[epoch] = nan if value is None else value
    made = [
        Line(fold, tuple(sorted(told)), tuple(told[epoch] for epoch in sorted(told))) for fold, told in found.items()
    ]
    return made if any(isfinite(value) for line in made for value in line.values) else []


def mean_of(lines: Iterable[Line]) -> Line | None:
    """The mean of the folds at each epoch that all of them came to; None where there are not several."""
    folds = [dict(zip(line.epochs, line.values, strict=True)) for line in lines if line.fold is not None]
    if len(folds) < 2:
        return None
    shared = sorted(set.intersection(*(set(fold) for fold in folds)))
    return Line(None, tuple(shared), tuple(sum(fold[epoch] for fold in folds) / len(folds) for epoch in shared))


def names_of(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures that training tells, in their order; `val_` ones go with their own."""
    names = dict.fromkeys(str(name) for row in epochs for name in row if name not in _NO_FIGURE)
    return list(dict.fromkeys(name.removeprefix("val_") for name in names))


def curves(epochs: Sequence[Mapping[str, Any]], *, nats: bool = False) -> list[Plot]:
    """A plot for each figure, and one of the learning rate where it changes.

    Args:
        epochs: The lines of `metrics.jsonl`.
        nats: Whether the loss is that of a text's characters in nats, so that bits can be told.
    """
    plots = [_bits(epochs)] if nats and lines_of(epochs, "loss") else []
    told = {name: both for name in names_of(epochs) if (both := _both(epochs, name)) != ([], [])}
    same = [name for name in told if name != "loss" and "loss" in told and _same(told[name], told["loss"])]
    plots += [_curve(name, *both, same if name == "loss" else ()) for name, both in told.items() if name not in same]
    rates = lines_of(epochs, "learning_rate")
    if len({value for line in rates for value in line.values if isfinite(value)}) > 1:
        plots.append(_rate(rates))
    return plots


def _both(epochs: Sequence[Mapping[str, Any]], name: str) -> tuple[list[Line], list[Line]]:
    return lines_of(epochs, name), lines_of(epochs, f"val_{name}")


def _same(one: tuple[list[Line], list[Line]], other: tuple[list[Line], list[Line]]) -> bool:
    """Whether two figures are one: a metric that the loss is too, up to how it was summed."""
    values, others = ([value for lines in both for line in lines for value in line.values] for both in (one, other))
    near = (isclose(a, b, rel_tol=1e-4) or (isnan(a) and isnan(b)) for a, b in zip(values, others, strict=False))
    return len(values) == len(others) and all(near)


def _curve(name: str, training: list[Line], validation: list[Line], also: Sequence[str] = ()) -> Plot:
    figure = curve_figure(words(name), training, validation)
    caption = f"The loss is the {' and the '.join(map(words, also))}." if also else ""
    return Plot(f"curve_{_file(name)}", title(name), _said(name, training, validation), figure, caption)


def _bits(epochs: Sequence[Mapping[str, Any]]) -> Plot:
    training, validation = ([_in_bits(line) for line in lines] for lines in _both(epochs, "loss"))
    figure = curve_figure("bits per character", training, validation)
    alt = _said("bits_per_character", training, validation)
    return Plot("curve_bits_per_character", "Bits per character", alt, figure, "The loss, in nats, divided by ln 2.")


def _in_bits(line: Line) -> Line:
    return Line(line.fold, line.epochs, tuple(value / log(2) for value in line.values))


def _rate(lines: list[Line]) -> Plot:
    figure, axes = new_figure()
    _draw(axes, lines, THIRD, "learning rate", "-")
    _finish(axes, "learning rate", lines)
    first, last = lines[0].values[0], lines[0].values[-1]
    alt = f"The learning rate over the epochs, from {short(first)} to {short(last)}."
    return Plot("curve_learning_rate", "Learning rate", alt, figure)


def curve_figure(name: str, training: list[Line], validation: list[Line]) -> Figure:
    """Draw one figure over the epochs."""
    figure, axes = new_figure()
    _draw(axes, training, FIRST, "training", "-")
    _draw(axes, validation, SECOND, "validation", (0, (4, 1.5)))
    _finish(axes, name, [*training, *validation])
    axes.legend(loc="best")
    return figure


def _draw(axes: Axes, lines: list[Line], colour: str, what: str, style: Any) -> None:
    """Draw folds thinly and their mean over them, or the one line there is."""
    mean = mean_of(lines)
    for at, line in enumerate(lines):
        named = f"{what}, each fold" if at == 0 else None
        thin = {"linewidth": 0.8, "alpha": 0.35, "label": named}
        thick: dict[str, Any] = {"label": what}
        marker = "o" if len(line.epochs) == 1 else None
        axes.plot(
            line.epochs,
            line.values,
            color=colour,
            linestyle=style,
            marker=marker,
            markersize=4,
            **(thick if mean is None else thin),
        )
    if mean is not None:
        marker = "o" if len(mean.epochs) == 1 else None
        axes.plot(
            mean.epochs,
            mean.values,
            color=colour,
            linestyle=style,
            linewidth=2.2,
            marker=marker,
            label=f"{what}, mean of {len(lines)} folds",
        )


def _finish(axes: Axes, name: str, lines: list[Line]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    axes.set(xlabel="epoch", ylabel=name)
    first, last = (pick(epoch for line in lines for epoch in line.epochs) for pick in (min, max))
    margin = 0.02 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    values = [value for line in lines for value in line.values if isfinite(value)]
    if min(values) > 0 and max(values) > _MUCH * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylabel(f"{name} (logarithmic)")


def _said(name: str, training: list[Line], validation: list[Line]) -> str:
    told = [_course(what, lines) for what, lines in (("training", training), ("validation", validation)) if lines]
    return f"{title(name)} over the epochs: {'; '.join(told)}."


def _course(what: str, lines: list[Line]) -> str:
    line = mean_of(lines) or lines[0]
    values = [value for value in line.values if isfinite(value)]
    mean = "mean of the folds, " if mean_of(lines) is not None else ""
    return f"{what}, {mean}from {short(values[0])} to {short(values[-1])}" if values else f"{what}, no numbers"


def _file(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "_" for letter in name)

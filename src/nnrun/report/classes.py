"""What was taken for what: the confusion matrix, and each class's precision, recall and errors."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson
from nnrun.report.style import FIRST, INK, MUTED, SECOND, THIRD, Plot, label, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nnrun.report.answers import Output

#: Up to so many classes a cell holds count and share, up to so many the count alone.
_BOTH, _COUNTS = 12, 30
#: Charts with a line for each class show the worst so many; the table shows all.
MOST = 30
#: How many of the most frequent confusions are listed.
PAIRS = 15
#: From this share on, white is easier to read on a cell than ink.
_DARK = 0.75
_ON_DARK = "#fefefe"


@dataclass(frozen=True)
class Class:
    """How one class fared.

    Attributes:
        name: Its name.
        support: How many examples of it there are.
        errors: How many of them were taken for another class.
        precision: Of what was taken for it, the share that is; None where nothing was.
        recall: Of its examples, the share that was found; None where there are none.
        f1: The harmonic mean of both; None where there is neither an example nor a prediction.
        interval: The 95 % Wilson interval of its error rate; None without examples.
    """

    name: str
    support: int
    errors: int
    precision: float | None
    recall: float | None
    f1: float | None
    interval: tuple[float, float] | None


def matrix_of(output: Output) -> NDArray[Any] | None:
    """The confusion matrix, truth by rows: that of the scores, or counted from the predictions."""
    import numpy as np

    told = output.figures.get("confusion_matrix")
    if told is not None:
        return np.array(told, dtype=np.int64)
    count = len(output.names)
    if output.kind != "classes":
        return None
    return np.bincount(output.truth * count + output.predicted, minlength=count * count).reshape(count, count)


def classes_of(matrix: NDArray[Any], names: Sequence[str]) -> list[Class]:
    """How each class fared, from the confusion matrix."""
    there, said = matrix.sum(axis=1), matrix.sum(axis=0)
    return [_class(names[at], int(matrix[at, at]), int(said[at]), int(there[at])) for at in range(len(names))]


def labels_of(output: Output) -> list[Class]:
    """How each of several labels fared; an error is an example that has the label and was not given it."""
    hits = (output.truth & output.predicted).sum(axis=0)
    said, there = output.predicted.sum(axis=0), output.truth.sum(axis=0)
    return [_class(name, int(hits[at]), int(said[at]), int(there[at])) for at, name in enumerate(output.names)]


def _class(name: str, hits: int, said: int, there: int) -> Class:
    return Class(
        name,
        there,
        there - hits,
        hits / said if said else None,
        hits / there if there else None,
        2 * hits / (said + there) if said + there else None,
        wilson(there - hits, there) if there else None,
    )


def confusions(matrix: NDArray[Any], names: Sequence[str]) -> list[tuple[str, str, int, float]]:
    """The most frequent confusions: truth, prediction, how often, and as a share of the true class."""
    import numpy as np

    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(at), len(names)) for at in order if wrong.flat[at]]
    return [(names[i], names[j], int(matrix[i, j]), float(matrix[i, j] / matrix[i].sum())) for i, j in places]


def confusion_plot(matrix: NDArray[Any], names: Sequence[str], prefix: str = "") -> Plot:
    """The confusion matrix, coloured by the share of each row."""
    wide = len(names) > 6
    right, rows = int(matrix.trace()), int(matrix.sum())
    top = confusions(matrix, names)
    often = f" Most often {top[0][0]} was taken for {top[0][1]}, {top[0][2]:,} times." if top else ""
    alt = f"Confusion matrix of {len(names)} classes: {right:,} of {rows:,} on the diagonal.{often}"
    cells = "counts and shares of the row" if len(names) <= _BOTH else "counts"
    inside = f"; {cells} in the cells" if len(names) <= _COUNTS else ""
    caption = f"Rows: what is true. Columns: what was predicted. Colour: share of the row{inside}."
    return Plot(f"{prefix}confusion_matrix", "Confusion matrix", alt, confusion_figure(matrix, names), caption, wide)


def confusion_figure(matrix: NDArray[Any], names: Sequence[str]) -> Figure:
    """Draw the matrix; its size grows with the classes, so that names and counts stay readable."""
    import numpy as np

    count = len(names)
    side = 2.9 + 0.4 * count if count <= 22 else max(11.7, 0.14 * count)
    figure, axes = new_figure(side, side - 0.5 if count < 6 else side)
    sums = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, sums, out=np.zeros(matrix.shape), where=sums > 0)
    axes.imshow(shares, cmap=_blues(), vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    small = 8.5 if count <= 12 else 7 if count <= 40 else 6
    labels = [label(name, 14 if count > 12 else 18) for name in names]
    turned = max(len(one) for one in labels) > (3 if count > 12 else 5 if count > 6 else 9)
    axes.set_xticks(range(count), labels, rotation=90 if turned else 0, fontsize=small)
    axes.set_yticks(range(count), labels, fontsize=small)
    axes.set(xlabel="prediction", ylabel="truth")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    if count <= _COUNTS:
        _write_cells(axes, matrix, shares)
    return figure


def _write_cells(axes: Axes, matrix: NDArray[Any], shares: NDArray[Any]) -> None:
    count = len(matrix)
    for row in range(count):
        for column in range(count):
            told = int(matrix[row, column])
            if not told and count > _BOTH:
                continue
            colour = _ON_DARK if shares[row, column] > _DARK else INK if told else MUTED
            share = f"\n{100 * shares[row, column]:.3g} %" if count <= _BOTH and told else ""
            axes.text(
                column,
                row,
                f"{told:,}{share}",
                ha="center",
                va="center",
                color=colour,
                fontsize=9 if count <= 4 else 7.5 if count <= _BOTH else 7,
                linespacing=1.25,
            )


def _blues() -> Any:
    """Blue that covers more the larger the share, so that it reads on a light and on a dark page."""
    import numpy as np
    from matplotlib.colors import ListedColormap, to_rgb

    alpha = np.sqrt(np.linspace(0, 1, 256))
    return ListedColormap(np.column_stack([np.tile(to_rgb(FIRST), (256, 1)), alpha]))


def shown(classes: Sequence[Class]) -> tuple[list[Class], str]:
    """The classes that a chart has room for: all, or the worst; and what to say of that."""
    if len(classes) <= MOST:
        return list(classes), ""
    worst = sorted(classes, key=lambda one: (one.f1 is None, one.f1 or 0.0))[:MOST]
    return worst, f"The {MOST} classes with the lowest F1 of {len(classes)}; the table has all."


def by_class_plot(classes: Sequence[Class], prefix: str = "") -> Plot:
    """Precision, recall and F1 of each class."""
    told, caption = shown(classes)
    known = [one for one in told if one.f1 is not None]
    lowest = min(known, key=lambda one: one.f1 or 0.0, default=None)
    worst = f"; the lowest F1 is {lowest.f1:.3f}, of {lowest.name}" if lowest is not None else ""
    alt = f"Precision, recall and F1 of {len(told)} classes{worst}."
    return Plot(f"{prefix}per_class", "Precision, recall and F1", alt, by_class_figure(told), caption)


def by_class_figure(classes: Sequence[Class]) -> Figure:
    """Draw three marks a class, one below the other."""
    figure, axes = _lines_for(classes)
    places = range(len(classes))
    for name, marker, colour in (("precision", ">", FIRST), ("recall", "<", SECOND), ("f1", "o", THIRD)):
        values = [nan if (told := getattr(one, name)) is None else told for one in classes]
        axes.plot(
            values,
            places,
            linestyle="",
            marker=marker,
            markersize=5.5,
            color=colour,
            alpha=0.85,
            clip_on=False,
            label="F1" if name == "f1" else name,
        )
    lowest = min(
        (value for one in classes for value in (one.precision, one.recall, one.f1) if value is not None), default=0.0
    )
    axes.set_xlim(max(0.0, lowest - 0.05 * (1 - lowest) - 0.01) if lowest > 0.5 else -0.02, 1.0)
    axes.set_xlabel("share")
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.2, columnspacing=1.2)
    return figure


def errors_plot(classes: Sequence[Class], prefix: str = "") -> Plot:
    """The error rate of each class with its interval."""
    there = [one for one in classes if one.interval is not None]
    told, caption = shown(there)
    total = sum(one.support for one in there)
    overall = sum(one.errors for one in there) / total if total else 0.0
    worst = max(told, key=lambda one: one.errors / one.support, default=None)
    most = f"; the highest is {100 * worst.errors / worst.support:.3g} %, of {worst.name}" if worst is not None else ""
    alt = f"Error rate of {len(told)} classes with 95 % intervals{most}."
    caption = f"With 95 % Wilson intervals; dashed: all classes together. {caption}".strip()
    return Plot(f"{prefix}error_rates", "Error rate by class", alt, errors_figure(told, overall), caption)


def errors_figure(classes: Sequence[Class], overall: float) -> Figure:
    """Draw each class's share of errors, in per cent, and its interval; dashed, that of all classes together."""
    figure, axes = _lines_for(classes)
    rates = [100 * one.errors / one.support for one in classes]
    ends = [one.interval or (0.0, 0.0) for one in classes]
    reach = [
        [rate - 100 * low for rate, (low, _) in zip(rates, ends, strict=True)],
        [100 * high - rate for rate, (_, high) in zip(rates, ends, strict=True)],
    ]
    axes.errorbar(
        rates,
        range(len(classes)),
        xerr=reach,
        fmt="o",
        markersize=4.5,
        color=SECOND,
        elinewidth=1.2,
        capsize=2.5,
        clip_on=False,
    )
    axes.axvline(100 * overall, color=MUTED, linewidth=1, linestyle="--")
    axes.set(xlabel="errors, % of the class")
    axes.set_xlim(left=0)
    return figure


def _lines_for(classes: Sequence[Class]) -> tuple[Figure, Axes]:
    """Axes with a line for each class, the first above."""
    figure, axes = new_figure(height=max(1.5, 0.9 + 0.2 * len(classes)))
    axes.set_yticks(range(len(classes)), [label(one.name, 18) for one in classes])
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=7)
    return figure, axes

"""Predicted classes and labels: the confusion matrix, the scores of each class, and the most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.formatting import format_count
from nnrun.report.elements import EmbeddedImage, ReportTable, format_percent, format_value, png_url
from nnrun.report.predictions import class_probabilities, one_vs_rest
from nnrun.report.probabilities import MAX_CURVES, calibration_plot, precision_recall_plot, roc_plot
from nnrun.report.run_contents import as_mapping
from nnrun.report.style import FIRST, INK, MUTED, SECOND, THIRD, Plot, new_figure, short_label
from nnrun.runs.json_files import as_number
from nnrun.spec.facts import padded_class_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nnrun.report.elements import ReportSection
    from nnrun.report.predictions import OutputPredictions
    from nnrun.report.run_contents import RunContents

#: Up to this many classes, a cell of the matrix shows count and share; up to this many, the count alone.
_MAX_WITH_SHARES, _MAX_WITH_COUNTS = 12, 30
#: A matrix of more classes is not drawn: it takes a minute and gigabytes.
_MAX_IN_MATRIX = 200
#: Classes in a chart at most: those with the lowest F1. The table shows all.
MAX_IN_CHART = 30
#: Rows of the table of confusions, and of that of mistakes.
MAX_CONFUSIONS, _MAX_MISTAKES = 15, 20
#: Above this share, a white text is easier to read on a cell than a dark one.
_DARK_CELL = 0.75
_ON_DARK_CELL = "#fefefe"


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class or label.

    Attributes:
        name: Its name.
        support: The number of its examples.
        errors: The number of its examples that were predicted to be another class.
        precision: The share of the predictions of it that are right; None without predictions.
        recall: The share of its examples that were predicted; None without examples.
        f1: The harmonic mean of both; None without predictions and examples.
        interval: The 95 % Wilson interval of its error rate; None without examples.
    """

    name: str
    support: int
    errors: int
    precision: float | None
    recall: float | None
    f1: float | None
    interval: tuple[float, float] | None

    @property
    def error_rate(self) -> float:
        """The share of its examples that are errors."""
        return self.errors / self.support


def classification_section(output: OutputPredictions, run: RunContents, section: ReportSection) -> ReportSection:
    """Return the section with the plots and tables of an output that predicts classes or labels."""
    matrix, probabilities = confusion_matrix(output), class_probabilities(output)
    # A run of a target with one class has fewer names than outputs.
    names = output.names if matrix is None else padded_class_names(output.names, len(matrix))
    scores = label_scores(output) if matrix is None else class_scores(matrix, names)
    against_others = one_vs_rest(output)
    curves = []
    if 0 < len(against_others) <= MAX_CURVES:
        curves += [roc_plot(against_others, output.prefix), precision_recall_plot(against_others, output.prefix)]
    if probabilities is not None:
        curves.append(calibration_plot(output.truth, output.predicted, probabilities, output.prefix))
    by_class = [class_scores_plot(scores, output.prefix), error_rate_plot(scores, output.prefix)]
    is_drawn = matrix is not None and len(matrix) <= _MAX_IN_MATRIX
    matrices = [confusion_plot(matrix, names, output.prefix)] if matrix is not None and is_drawn else []
    # The page has two columns: plots of a similar height should be neighbours.
    plots = [*matrices, *by_class, *curves] if matrices and matrices[0].wide else [*matrices, *curves, *by_class]
    mistakes = _most_confident_mistakes(output, probabilities) if output.kind == "classes" else []
    tables = [
        class_table(scores),
        _confusion_table(matrix, names),
        output.table("Most confident mistakes", ("true", "predicted", "probability"), mistakes),
    ]
    notes = [f"Each row has {output.positions} predictions; all are counted."] if output.positions > 1 else []
    if matrix is not None and not is_drawn:
        notes.append(f"The confusion matrix of {len(matrix)} classes is not drawn; a table has the largest confusions.")
    return replace(
        section,
        notes=(*section.notes, *notes),
        plots=tuple(plots),
        images=tuple(_mistake_images(mistakes, run, output.origin.get("file", {}))) if not output.name else (),
        tables=tuple(table for table in tables if table.rows),
    )


def confusion_matrix(output: OutputPredictions) -> NDArray[Any] | None:
    """Return the confusion matrix, true classes by rows: that of the scores, else counted; None for labels."""
    import numpy as np

    if output.scores.get("confusion_matrix") is not None:
        return np.array(output.scores["confusion_matrix"], dtype=np.int64)
    if output.kind != "classes":
        return None
    count = len(output.names)
    return np.bincount(output.truth * count + output.predicted, minlength=count * count).reshape(count, count)


def class_scores(matrix: NDArray[Any], names: Sequence[str]) -> list[ClassScores]:
    """Compute the scores of each class from the confusion matrix."""
    return _class_scores(names, matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1))


def label_scores(output: OutputPredictions) -> list[ClassScores]:
    """Compute the scores of each of several labels; an error is an example that has the label and was not given it."""
    hits = (output.truth & output.predicted).sum(axis=0)
    return _class_scores(output.names, hits, output.predicted.sum(axis=0), output.truth.sum(axis=0))


def _class_scores(
    names: Sequence[str], hits: NDArray[Any], predicted: NDArray[Any], support: NDArray[Any]
) -> list[ClassScores]:
    return [
        ClassScores(
            name,
            total,
            total - hit,
            hit / guesses if guesses else None,
            hit / total if total else None,
            2 * hit / (guesses + total) if guesses + total else None,
            wilson_interval(total - hit, total) if total else None,
        )
        for name, hit, guesses, total in zip(names, hits.tolist(), predicted.tolist(), support.tolist(), strict=True)
    ]


def confusions(matrix: NDArray[Any], names: Sequence[str]) -> list[tuple[str, str, int, float]]:
    """Return the most frequent confusions: true class, predicted class, count, and its share of the true class."""
    import numpy as np

    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSIONS]
    cells = [divmod(int(at), len(names)) for at in order if wrong.flat[at]]
    return [(names[i], names[j], int(matrix[i, j]), float(matrix[i, j] / matrix[i].sum())) for i, j in cells]


def class_table(scores: Sequence[ClassScores]) -> ReportTable:
    """Return the table of the scores of each class, with the interval of its error rate."""
    rows = []
    for one in scores:
        error, interval = "-", "-"
        if one.interval is not None:
            low, high = one.interval
            error, interval = format_percent(one.error_rate), f"{format_percent(low)} to {format_percent(high)}"
        numbers = (format_value(value) for value in (one.precision, one.recall, one.f1))
        rows.append((one.name, *numbers, error, interval, format_value(one.errors), format_value(one.support)))
    headings = ("class", "precision", "recall", "F1", "error rate", "95 % interval (Wilson)", "errors", "examples")
    return ReportTable("Scores of each class", headings, tuple(rows))


def _confusion_table(matrix: NDArray[Any] | None, names: Sequence[str]) -> ReportTable:
    found = [] if matrix is None else confusions(matrix, names)
    rows = tuple((*pair, format_value(count), format_percent(share)) for *pair, count, share in found)
    return ReportTable("Most frequent confusions", ("true", "predicted", "count", "share of the true class"), rows)


def _most_confident_mistakes(output: OutputPredictions, probabilities: NDArray[Any] | None) -> list[tuple[Any, ...]]:
    """Return row, true class, prediction and probability: those of the scores, or over folds of the predictions."""
    import numpy as np

    worst = output.scores.get("worst")
    if isinstance(worst, list):
        keys = ("row", "truth", "prediction", "confidence")
        return [tuple(as_mapping(one).get(key) for key in keys) for one in worst]
    if probabilities is None:
        return []
    confidence = probabilities[np.arange(len(probabilities)), output.predicted]
    wrong = np.flatnonzero(output.truth != output.predicted)
    first = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MAX_MISTAKES]
    names = np.array(output.names, dtype=object)
    columns = (output.rows, names[output.truth], names[output.predicted], confidence)
    return list(zip(*(column[first].tolist() for column in columns), strict=True))


def _mistake_images(
    mistakes: Sequence[tuple[Any, ...]], run: RunContents, files: Mapping[int, str]
) -> Iterator[EmbeddedImage]:
    for row, true, predicted, confidence in mistakes:
        image = run.mistakes.get(int(as_number(row) or 0))
        if image is not None:
            what = f"{true}, predicted {predicted}"
            file = f", {files[row]}" if row in files else ""
            caption = f"{what} ({format_value(confidence)}); row {row}{file}"
            yield EmbeddedImage(png_url(image), f"Row {row}: {what}", caption, thumbnail=True)


def confusion_plot(matrix: NDArray[Any], names: Sequence[str], prefix: str = "") -> Plot:
    """Return the confusion matrix, coloured by the share of each row."""
    top = confusions(matrix, names)
    most = ""
    if top:
        true, predicted, count, _ = top[0]
        most = f" The most frequent confusion: {true} predicted as {predicted}, {format_count(count, 'time')}."
    right = f"{int(matrix.trace()):,} of {int(matrix.sum()):,} on the diagonal"
    alt = f"Confusion matrix of {format_count(len(names), 'class', 'classes')}: {right}.{most}"
    cells = "counts and shares of the row" if len(names) <= _MAX_WITH_SHARES else "counts"
    inside = f"; in the cells: {cells}" if len(names) <= _MAX_WITH_COUNTS else ""
    caption = f"Rows: true class. Columns: predicted class. Colour: share of the row{inside}."
    figure = _confusion_figure(matrix, names)
    return Plot(f"{prefix}confusion_matrix", "Confusion matrix", alt, figure, caption, wide=len(names) > 6)


def _confusion_figure(matrix: NDArray[Any], names: Sequence[str]) -> Figure:
    """Draw the matrix in a size that grows with the classes, so that names and counts stay readable."""
    import numpy as np
    from sklearn.metrics import ConfusionMatrixDisplay

    count = len(names)
    side = 2.9 + 0.4 * count if count <= 22 else max(11.7, 0.14 * count)
    figure, axes = new_figure(side, side - 0.5 if count < 6 else side)
    sums = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, sums, out=np.zeros(matrix.shape), where=sums > 0)
    labels = [short_label(name, 14 if count > 12 else 18) for name in names]
    turned = max(map(len, labels)) > (3 if count > 12 else 5 if count > 6 else 9)
    display = ConfusionMatrixDisplay(shares, display_labels=labels).plot(
        ax=axes,
        cmap=_blues(),
        colorbar=False,
        include_values=count <= _MAX_WITH_COUNTS,
        xticks_rotation="vertical" if turned else "horizontal",
        im_kw={"vmin": 0, "vmax": 1},
    )
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0, labelsize=8.5 if count <= 12 else 7 if count <= 40 else 6)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    for (row, column), cell in np.ndenumerate(display.text_ if count <= _MAX_WITH_COUNTS else np.empty((0, 0))):
        number, share = int(matrix[row, column]), shares[row, column]
        percent = f"\n{100 * share:.3g} %" if count <= _MAX_WITH_SHARES and number else ""
        cell.set_text(f"{number:,}{percent}" if number or count <= _MAX_WITH_SHARES else "")
        cell.set_color(_ON_DARK_CELL if share > _DARK_CELL else INK if number else MUTED)
        cell.set(fontsize=9 if count <= 4 else 7.5 if count <= _MAX_WITH_SHARES else 7, linespacing=1.25)
    return figure


def _blues() -> Any:
    """Return a colour map from transparent to blue, readable on a light and on a dark page."""
    import numpy as np
    from matplotlib.colors import ListedColormap, to_rgb

    alpha = np.sqrt(np.linspace(0, 1, 256))
    return ListedColormap(np.column_stack([np.tile(to_rgb(FIRST), (256, 1)), alpha]))


def _chart_classes(scores: Sequence[ClassScores]) -> tuple[list[ClassScores], str]:
    """Return the classes of a chart (all, or those with the lowest F1) and the part of the caption on that."""
    if len(scores) <= MAX_IN_CHART:
        return list(scores), ""
    lowest = sorted(scores, key=lambda one: (one.f1 is None, one.f1 or 0.0))[:MAX_IN_CHART]
    return lowest, f"The {MAX_IN_CHART} classes with the lowest F1 of {len(scores)}; the table has all."


def class_scores_plot(scores: Sequence[ClassScores], prefix: str = "") -> Plot:
    """Return a chart of precision, recall and F1 of each class."""
    shown, caption = _chart_classes(scores)
    figure, axes = _class_axes(shown)
    for name, marker, colour in (("precision", ">", FIRST), ("recall", "<", SECOND), ("f1", "o", THIRD)):
        values = [nan if getattr(one, name) is None else getattr(one, name) for one in shown]
        style: dict[str, Any] = {"linestyle": "", "marker": marker, "markersize": 5.5, "color": colour, "alpha": 0.85}
        axes.plot(values, range(len(shown)), clip_on=False, label="F1" if name == "f1" else name, **style)
    known = [value for one in shown for value in (one.precision, one.recall, one.f1) if value is not None]
    lowest = min(known, default=0.0)
    axes.set_xlim(max(0.0, lowest - 0.05 * (1 - lowest) - 0.01) if lowest > 0.5 else -0.02, 1.0)
    axes.set_xlabel("score")
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.2, columnspacing=1.2)
    worst = min((one for one in shown if one.f1 is not None), key=lambda one: one.f1 or 0.0, default=None)
    lowest_f1 = f"; the lowest F1 is {worst.f1:.3f}, of {worst.name}" if worst is not None else ""
    alt = f"Precision, recall and F1 of {format_count(len(shown), 'class', 'classes')}{lowest_f1}."
    return Plot(f"{prefix}per_class", "Precision, recall and F1", alt, figure, caption)


def error_rate_plot(scores: Sequence[ClassScores], prefix: str = "") -> Plot:
    """Return a chart of the error rate of each class in %, with its interval; dashed, that of all classes together."""
    known = [one for one in scores if one.interval is not None]
    shown, caption = _chart_classes(known)
    figure, axes = _class_axes(shown)
    rates = [100 * one.error_rate for one in shown]
    ends = [one.interval or (0.0, 0.0) for one in shown]
    reach = [[rate - 100 * low for rate, (low, _) in zip(rates, ends, strict=True)]]
    reach.append([100 * high - rate for rate, (_, high) in zip(rates, ends, strict=True)])
    style: dict[str, Any] = {"fmt": "o", "markersize": 4.5, "color": SECOND, "elinewidth": 1.2, "capsize": 2.5}
    axes.errorbar(rates, range(len(shown)), xerr=reach, clip_on=False, **style)
    total = sum(one.support for one in known)
    axes.axvline(100 * sum(one.errors for one in known) / total if total else 0, color=MUTED, linewidth=1, ls="--")
    axes.set(xlabel="errors in % of the class")
    axes.set_xlim(left=0)
    worst = max(shown, key=lambda one: one.error_rate, default=None)
    highest = f"; the highest is {100 * worst.error_rate:.3g} %, of {worst.name}" if worst is not None else ""
    alt = f"Error rate of {format_count(len(shown), 'class', 'classes')} with 95 % intervals{highest}."
    caption = f"With 95 % Wilson intervals; dashed: all classes together. {caption}".strip()
    return Plot(f"{prefix}error_rates", "Error rate by class", alt, figure, caption)


def _class_axes(scores: Sequence[ClassScores]) -> tuple[Figure, Axes]:
    """Create axes with a row for each class, the first at the top."""
    figure, axes = new_figure(height=max(1.5, 0.9 + 0.2 * len(scores)))
    axes.set_yticks(range(len(scores)), [short_label(one.name, 18) for one in scores])
    axes.set_ylim(len(scores) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=7)
    return figure, axes

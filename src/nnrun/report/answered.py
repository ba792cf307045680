"""The sections of what the model answered: one for each output, and what it wrote."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from nnrun.report import classes, numbers, thresholds
from nnrun.report.answers import against_rest, is_cross_validated, outputs_of, part_of, shares_of
from nnrun.report.contents import mapping, number
from nnrun.report.headlines import PARTS
from nnrun.report.section import Picture, Section, Table, Text
from nnrun.report.words import figure, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.report.answers import Output
    from nnrun.report.contents import Contents
    from nnrun.report.style import Plot

#: Lines of the table of the worst mistakes.
_WORST = 20
#: Pieces of a text that are shown: the first ones and the last.
_FIRST_SAMPLES, _LAST_SAMPLES = 3, 7


def answers(contents: Contents) -> list[Section]:
    """A section for each output of which there is more to tell than a score."""
    outputs = outputs_of(contents)
    made = []
    for at, output in enumerate(outputs):
        title = f"Answers of {output.name}" if output.name else "Answers"
        prefix = f"{at}_" if output.name else ""
        notes, plots, tables = _numbers(output, prefix) if output.kind == "numbers" else _classes(output, prefix)
        pictures = tuple(_pictures(output, contents)) if not output.name else ()
        section = Section(
            f"answers-{at}" if output.name else "answers",
            title,
            (_where(contents), *notes),
            plots=tuple(plots),
            pictures=pictures,
            tables=tuple(tables),
        )
        made.append(section)
    return made


def _where(contents: Contents) -> str:
    if is_cross_validated(contents):
        return (
            "Every row as it was answered by the fold that had not seen it, all folds together: areas and "
            "calibration of all rows are not the means of the folds."
        )
    return f"On the {PARTS.get(part_of(contents)[0], 'part that was scored')}."


def _classes(output: Output, prefix: str) -> tuple[list[str], list[Plot], list[Table]]:
    notes, plots, tables = [], [], []
    if output.positions > 1:
        notes.append(f"Each row has {output.positions} answers; every one is counted.")
    matrix = classes.matrix_of(output)
    told = classes.labels_of(output) if matrix is None else classes.classes_of(matrix, output.names)
    each = [classes.by_class_plot(told, prefix), classes.errors_plot(told, prefix)]
    by_threshold, shares = _thresholds(output, prefix), shares_of(output)
    if shares is not None:
        bins = thresholds.bins_of(output.truth, output.predicted, shares)
        by_threshold.append(thresholds.calibration_plot(bins, prefix))
    if matrix is not None:
        plots.append(classes.confusion_plot(matrix, output.names, prefix))
    # Two by two on a page, plots of a height should stand side by side.
    plots += [*each, *by_threshold] if plots and plots[0].wide else [*by_threshold, *each]
    if matrix is not None:
        tables.append(_confusions(matrix, output.names))
    if output.kind == "classes":
        tables.append(_mistakes(output, shares))
    return notes, plots, [_by_class(told), *(table for table in tables if table.rows)]


def _thresholds(output: Output, prefix: str) -> list[Plot]:
    told = against_rest(output)
    if not 0 < len(told) <= thresholds.MOST:
        return []
    return [
        thresholds.roc_plot([thresholds.roc_of(*one) for one in told], prefix),
        thresholds.precision_recall_plot([thresholds.precision_recall_of(*one) for one in told], prefix),
    ]


def _by_class(told: Sequence[classes.Class]) -> Table:
    rows = tuple((one.name, *map(figure, (one.precision, one.recall, one.f1)), *_error_cells(one)) for one in told)
    headings = ("class", "precision", "recall", "F1", "error rate", "95 % interval (Wilson)", "errors", "examples")
    return Table("Each class", headings, rows)


def _error_cells(one: classes.Class) -> Iterator[str]:
    if one.interval is None:
        yield from ("-", "-")
    else:
        yield percent(one.errors / one.support)
        yield f"{percent(one.interval[0])} to {percent(one.interval[1])}"
    yield figure(one.errors)
    yield figure(one.support)


def _confusions(matrix: NDArray[Any], names: Sequence[str]) -> Table:
    rows = tuple(
        (true, said, figure(count), percent(share)) for true, said, count, share in classes.confusions(matrix, names)
    )
    return Table("What was most often taken for what", ("true", "predicted", "times", "of the true class"), rows)


def _mistakes(output: Output, shares: NDArray[Any] | None) -> Table:
    """The most confident mistakes, as the scores list them; over folds, from the predictions."""
    told = output.figures.get("worst")
    if isinstance(told, list):
        rows = [
            tuple(figure(mapping(one).get(key)) for key in ("row", "truth", "prediction", "confidence")) for one in told
        ]
    else:
        rows = _worst(output, shares)
    headings = ("row in the source", "true", "predicted", "share of the prediction")
    return Table("The worst mistakes: wrong, and most sure of it", headings, tuple(rows))


def _pictures(output: Output, contents: Contents) -> Iterator[Picture]:
    """The worst mistakes as the model saw them, where the run has kept them."""
    told = output.figures.get("worst")
    for one in map(mapping, told if isinstance(told, list) else ()):
        picture = contents.mistakes.get(int(number(one.get("row")) or 0))
        if picture is not None:
            true, said, sure = one.get("truth"), one.get("prediction"), figure(one.get("confidence"))
            alt = f"Row {one.get('row')}: {true}, taken for {said}"
            yield Picture(_png(picture), alt, f"{true}, taken for {said} ({sure}); row {one.get('row')}", small=True)


def _png(picture: NDArray[Any]) -> str:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(content, format="png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _worst(output: Output, shares: NDArray[Any] | None) -> list[tuple[str, ...]]:
    import numpy as np

    if shares is None:
        return []
    confidence = shares[np.arange(len(shares)), output.predicted]
    wrong = np.flatnonzero(output.truth != output.predicted)
    first = wrong[np.argsort(-confidence[wrong], kind="stable")][:_WORST]
    return [
        (
            figure(int(output.rows[at])),
            output.names[output.truth[at]],
            output.names[output.predicted[at]],
            figure(float(confidence[at])),
        )
        for at in first
    ]


def _numbers(output: Output, prefix: str) -> tuple[list[str], list[Plot], list[Table]]:
    plots, tables, notes = [], [], []
    for at, one in enumerate(numbers.numbers_of(output)):
        plots += numbers.number_plots(one, f"{prefix}{at}_" if at else prefix)
        rows = tuple((figure(row), *map(figure, told)) for row, *told in numbers.largest(one))
        of = f" of {one.name}" if one.name else ""
        headings = ("row in the source", "true", "predicted", "residual")
        tables.append(Table(f"The largest residuals{of}", headings, rows))
    if len(plots) and output.truth.shape[1] > numbers.APART:
        notes.append(f"Each row has {output.truth.shape[1]} numbers, drawn together.")
    return notes, plots, tables


def samples(contents: Contents) -> Section:
    """What a model of a text wrote while it trained: the first pieces and the last."""
    told, most = contents.samples, _FIRST_SAMPLES + _LAST_SAMPLES
    chosen = told if len(told) <= most else (*told[:_FIRST_SAMPLES], *told[-_LAST_SAMPLES:])
    notes = () if len(told) == len(chosen) else (f"{len(chosen)} of {len(told)} pieces: the first and the last.",)
    texts = tuple(Text(f"After epoch {one.get('epoch')}", _written(one), folded=False, wrapped=True) for one in chosen)
    return Section("samples", "What it wrote", notes, texts=texts)


def _written(sample: Mapping[str, Any]) -> str:
    return f"{sample.get('seed_text') or ''}{sample['text']}"

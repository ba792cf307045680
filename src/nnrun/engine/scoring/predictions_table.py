"""Predictions as a table: the columns and rows of `predictions.csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.label_sequences import labels_of
from nnrun.engine.scoring.outputs import is_multi_label
from nnrun.engine.scoring.pictures import are_masks, row_scores
from nnrun.spec.facts import padded_class_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.spec.facts import Facts


#: An output with more numbers or classes a row than this (a picture, a mask) has its scores alone in the table.
MAX_NUMBERS = 100


def predictions_table(
    predictions: tuple[Predictions, ...], rows: NDArray[Any] | range, origin: Mapping[str, NDArray[Any]] | None = None
) -> tuple[tuple[str, ...], list[list[object]]]:
    """Return columns and lines: row, its origin, truth if it is known, prediction, and each class's output.

    Of several targets each has its columns: `truth_price`, `truth_area`, `prediction_price`, `prediction_area`. The
    only unit of two classes is the output of the second: `output_yes`.

    Sets of labels stand before that as text, as `labels` and `predicted_labels`; of tags, and of a text that the model
    has written, there are the texts alone.

    Of a picture the table has the scores, and of a mask without a truth the share of each class: `share_yes`.

    Rows are counted from 0 in the source, and `line` from 1 in its file, so that a mistake can be looked up there. Of a
    text, predictions are of its first rows only.

    Args:
        predictions: The predictions of every output.
        rows: The row of each example in its source.
        origin: Columns to put after the row, as of `DataPart`.
    """
    count, origin = len(predictions[0].outputs), origin or {}
    columns = ["row", *origin]
    places = [np.asarray(values[:count]).tolist() for values in (rows, *origin.values())]
    lines: list[list[object]] = [list(place) for place in zip(*places, strict=True)]
    for one in predictions:
        names, values = columns_and_lines(one)
        columns += [f"{name}_{one.name}" if one.name else name for name in names]
        lines = [[*line, *more] for line, more in zip(lines, values, strict=True)]
    return tuple(columns), lines


def columns_and_lines(one: Predictions) -> tuple[list[str], list[list[object]]]:
    """Return the columns of one output, and the fields of each row; as of `predictions_table`."""
    if one.text is None:
        return _numbers_and_classes(one)
    columns = ("labels", "predicted_labels") if one.is_label_set else ("truth", "prediction")
    texts = [one.text] if one.true_text is None else [one.true_text, one.text]
    names, lines = list(columns[-len(texts) :]), [list[object](row) for row in zip(*texts, strict=True)]
    if not one.is_label_set:
        return names, lines
    more, values = _numbers_and_classes(one)
    return [*names, *more], [[*line, *row] for line, row in zip(lines, values, strict=True)]


def _numbers_and_classes(one: Predictions) -> tuple[list[str], list[list[object]]]:
    if one.truth is None and are_masks(one):
        return _shares(one)
    names, lines = _columns(one), _lines(one)
    if one.truth is None:
        return names, lines
    truth = one.truth.reshape(len(one.truth), -1)
    if one.kind == "label_sequences":
        return ["truth", *names], [[_joined(true), *line] for true, line in zip(truth, lines, strict=True)]
    is_picture = are_masks(one) or one.facts.task == "regression"
    if truth.shape[1] > MAX_NUMBERS and one.predicted is not None and is_picture:
        scores = row_scores(one)
        return list(scores), [list(map(float, values)) for values in zip(*scores.values(), strict=True)]
    targets = [f"truth_{name}" for name in _targets(one)] or ["truth"]
    true = _named_classes(truth, one.facts, several=len(targets) > 1)
    return [*targets, *names], [[*values, *line] for values, line in zip(true, lines, strict=True)]


def _shares(one: Predictions) -> tuple[list[str], list[list[object]]]:
    """Return which share of the pixels of each mask is predicted as each class."""
    assert one.predicted is not None, "masks are predictions"  # noqa: S101
    flat = one.predicted.reshape(len(one.predicted), -1)
    count = max(int(flat.max(initial=0)) + 1, len(one.facts.class_names))
    names = padded_class_names(one.facts.class_names, count)
    lines: list[list[object]] = [(np.bincount(row, minlength=count) / flat.shape[1]).tolist() for row in flat]
    return [f"share_{name}" for name in names], lines


def _columns(one: Predictions) -> list[str]:
    if one.kind == "label_sequences":
        return ["prediction"]
    if one.predicted is None:
        return [f"output_{number}" for number in range(_shown_width(one))]
    predictions = [f"prediction_{name}" for name in _targets(one)] or ["prediction"]
    return predictions if one.facts.task == "regression" else [*predictions, *_output_columns(one)]


def _targets(one: Predictions) -> tuple[str, ...]:
    """Return the names of several numbers or labels a row; none where a row has one, or a class at each position."""
    width = int(np.prod(one.outputs.shape[1:]))
    is_one_target = one.facts.task == "classification" and not is_multi_label(one.facts)
    return (
        () if width == 1 or is_one_target or one.predicted is None else _numbered(one.facts.numbered_targets(), width)
    )


def _output_columns(one: Predictions) -> list[str]:
    """Name the units of an output after classes or labels; a single unit belongs to the second of two classes."""
    width, facts = int(np.prod(one.outputs.shape[1:])), one.facts
    if is_multi_label(facts):
        return [f"output_{name}" for name in _numbered(facts.target_names, width)]
    if width == 1:
        return [f"output_{facts.class_names[1]}"] if len(facts.class_names) == 2 else ["output"]
    return [f"output_{name}" for name in _numbered(facts.class_names, width)]


def _numbered(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    return names if len(names) == count else tuple(map(str, range(count)))


def _lines(one: Predictions) -> list[list[object]]:
    """Return a line a row: the prediction, and for classes the model's outputs."""
    if one.kind == "label_sequences" and one.predicted is not None:
        return [[_joined(labels)] for labels in one.predicted]
    lines: list[list[object]] = one.outputs.reshape(len(one.outputs), -1).tolist()
    if one.predicted is None:
        return [line[: _shown_width(one)] for line in lines]
    if one.facts.task == "regression":
        return lines
    predicted = one.predicted.reshape(len(one.predicted), -1)
    classes = _named_classes(predicted, one.facts, several=bool(_targets(one)))
    return [[*values, *line] for values, line in zip(classes, lines, strict=True)]


def _shown_width(one: Predictions) -> int:
    """Return how many outputs of a row that are no predictions are shown: none if they are a picture."""
    width = int(np.prod(one.outputs.shape[1:]))
    return width if width <= MAX_NUMBERS else 0


def _joined(labels: NDArray[Any]) -> str:
    """Write the labels of a sequence with spaces between, without what fills it up."""
    return " ".join(map(str, labels_of(labels)))


def _named_classes(values: NDArray[Any], facts: Facts, *, several: bool) -> list[list[object]]:
    """Return the fields of each row: classes by name if they have names, and numbers as they are.

    Args:
        values: Classes or numbers, shape (rows, targets or positions).
        facts: The facts of the target.
        several: Whether each value has a field of its own; positions stand in one field, with spaces between.
    """
    names = facts.class_names if facts.task == "classification" else ()
    if names:
        names = padded_class_names(names, max(int(values.max(initial=0)) + 1, len(names)))
    fields: list[list[object]] = []
    for row in values.tolist():
        shown = [names[int(value)] if int(value) < len(names) else value for value in row] if names else row
        fields.append(shown if several or len(shown) == 1 else [" ".join(map(str, shown))])
    return fields

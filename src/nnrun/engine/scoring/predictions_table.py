"""Predictions as a table: the columns and rows of `predictions.csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.label_sequences import labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nnrun.engine.scoring.evaluate import Predictions
    from nnrun.spec.facts import Facts


#: An output with more numbers a row than this (a picture) has its squared error alone in the table.
MAX_NUMBERS = 100


def predictions_table(
    predictions: tuple[Predictions, ...], rows: NDArray[Any] | range, origin: Mapping[str, NDArray[Any]] | None = None
) -> tuple[tuple[str, ...], list[list[object]]]:
    """Return columns and lines: row, its origin, truth if it is known, prediction, and each class's output.

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
        names, values = _columns_and_lines(one)
        columns += [f"{name}_{one.name}" if one.name else name for name in names]
        lines = [[*line, *more] for line, more in zip(lines, values, strict=True)]
    return tuple(columns), lines


def _columns_and_lines(one: Predictions) -> tuple[list[str], list[list[object]]]:
    if one.truth is None:
        return _columns(one), _lines(one)
    truth = one.truth.reshape(len(one.truth), -1)
    if one.kind == "label_sequences":
        return ["truth", *_columns(one)], [
            [_joined(true), *line] for true, line in zip(truth, _lines(one), strict=True)
        ]
    if truth.shape[1] > MAX_NUMBERS and one.predicted is not None:
        squared = (one.outputs.reshape(truth.shape).astype(np.float64) - truth) ** 2
        return ["mean_squared_error"], [[float(value)] for value in squared.mean(axis=1)]
    lines = [[_class_names(true, one.facts), *line] for true, line in zip(truth.tolist(), _lines(one), strict=True)]
    return ["truth", *_columns(one)], lines


def _columns(one: Predictions) -> list[str]:
    width, facts = int(np.prod(one.outputs.shape[1:])), one.facts
    if one.kind == "label_sequences":
        return ["prediction"]
    if one.predicted is None:
        return [f"output_{number}" for number in range(_shown_width(one))]
    names = facts.target_names if facts.task == "regression" else facts.class_names
    names = names if len(names) == width else tuple(map(str, range(width)))
    if facts.task == "regression":
        return ["prediction"] if width == 1 else [f"prediction_{name}" for name in names]
    return ["prediction", *(["output"] if width == 1 else [f"output_{name}" for name in names])]


def _lines(one: Predictions) -> list[list[object]]:
    """Return a line a row: the prediction, and for classes the model's outputs."""
    if one.kind == "label_sequences" and one.predicted is not None:
        return [[_joined(labels)] for labels in one.predicted]
    lines: list[list[object]] = one.outputs.reshape(len(one.outputs), -1).tolist()
    if one.predicted is None:
        return [line[: _shown_width(one)] for line in lines]
    if one.facts.task == "regression":
        return lines
    predicted = one.predicted.reshape(len(one.predicted), -1).tolist()
    return [[_class_names(classes, one.facts), *line] for classes, line in zip(predicted, lines, strict=True)]


def _shown_width(one: Predictions) -> int:
    """Return how many outputs of a row that are no predictions are shown: none if they are a picture."""
    width = int(np.prod(one.outputs.shape[1:]))
    return width if width <= MAX_NUMBERS else 0


def _joined(labels: NDArray[Any]) -> str:
    """Write the labels of a sequence with spaces between, without what fills it up."""
    return " ".join(map(str, labels_of(labels)))


def _class_names(values: list[Any], facts: Facts) -> object:
    """Name classes if they have names; several values stand in one field, with spaces between."""
    names = facts.class_names if facts.task == "classification" else ()
    shown = [names[int(value)] if int(value) < len(names) else value for value in values] if names else values
    return shown[0] if len(shown) == 1 else " ".join(map(str, shown))

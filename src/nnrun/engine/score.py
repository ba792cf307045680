"""A trained model against a part of the data: loss, metrics, errors with their interval, predictions."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.data.dataset import DataPart
    from nnrun.engine.resident import ResidentExecutor, Tensors
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part

#: Losses whose outputs lie around 0, so that 0 divides the two classes (they compare with -1 and 1).
_AROUND_ZERO = ("Hinge", "SquaredHinge", "hinge", "squared_hinge")


@dataclass(frozen=True)
class Outcome:
    """What a model says of one part of the data.

    Attributes:
        scores: Loss, metrics, rows; for classification errors, error rate and its interval.
        outputs: The model's outputs, shape (rows, ...).
        truth: Class numbers or target numbers, shape (rows, ...).
        predicted: The same for what the model says.
    """

    scores: dict[str, Any]
    outputs: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]

    def truth_words(self, facts: Facts) -> list[object]:
        """Give every example's truth as a reader wants it: a class's name, or a number."""
        return [_named(true, facts) for true in self.truth.reshape(len(self.truth), -1)]


def score(executor: ResidentExecutor, tensors: Tensors, part: DataPart, facts: Facts, loss: Part) -> Outcome:
    """Score the executor's model on one part of the data."""
    figures = executor.evaluate(tensors)
    outputs = executor.predict(tensors)
    predicted = decide(outputs, facts, loss)
    truth = true_classes(part.y, facts) if facts.task == "classification" else part.y
    scores: dict[str, Any] = {"rows": len(part.rows), **figures}
    if facts.task == "classification":
        scores |= error_figures(int(np.sum(truth != predicted.reshape(truth.shape))), int(truth.size))
    return Outcome(scores, outputs, truth, predicted)


def decide(outputs: NDArray[Any], facts: Facts, loss: Part) -> NDArray[Any]:
    """Turn outputs, shape (rows, ..., units), into class numbers, shape (rows, ...), or leave numbers as they are."""
    if facts.task == "regression":
        return outputs
    if outputs.shape[-1] > 1:
        return np.asarray(np.argmax(outputs, axis=-1), dtype=np.int64)
    around_zero = loss.name in _AROUND_ZERO or loss.arguments.get("from_logits") is True
    return np.asarray(outputs[..., 0] > (0.0 if around_zero else 0.5), dtype=np.int64)


def true_classes(y: NDArray[Any], facts: Facts) -> NDArray[np.int64]:
    """Turn encoded targets back into class numbers."""
    if facts.form == "one_hot" or (y.ndim > 1 and y.shape[-1] > 1 and facts.form == "binary"):
        return np.asarray(np.argmax(y, axis=-1), dtype=np.int64)
    squeezed = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
    return np.asarray(squeezed, dtype=np.int64)


def error_figures(errors: int, rows: int) -> dict[str, Any]:
    """Give the error rate with its 95 % Wilson score interval, in per cent."""
    low, high = wilson(errors, rows)
    return {
        "errors": errors,
        "error_rate": errors / rows,
        "error_percent": 100 * errors / rows,
        "error_percent_interval_95": [round(100 * low, 4), round(100 * high, 4)],
        "interval": "Wilson",
    }


def predictions_csv(outcome: Outcome, part: DataPart, facts: Facts) -> str:
    """Give the text of `predictions.csv`: row, truth, prediction, and each class's output.

    Rows are counted from 0 in the source, so that a mistake can be looked up there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "truth", *prediction_columns(outcome.outputs, facts)])
    lines = prediction_lines(outcome.outputs, outcome.predicted, facts)
    writer.writerows(
        [row, true, *line]
        for row, true, line in zip(part.rows.tolist(), outcome.truth_words(facts), lines, strict=True)
    )
    return text.getvalue()


def prediction_columns(outputs: NDArray[Any], facts: Facts) -> list[str]:
    """Name the columns that `prediction_lines` gives."""
    width = int(np.prod(outputs.shape[1:]))
    if facts.task == "regression":
        names = (
            facts.target_names
            if len(facts.target_names) == width and width > 1
            else [str(index) for index in range(width)]
        )
        return ["prediction"] if width == 1 else [f"prediction_{name}" for name in names]
    names = facts.class_names if len(facts.class_names) == width else [str(index) for index in range(width)]
    return ["prediction", *(["output"] if width == 1 else [f"output_{name}" for name in names])]


def prediction_lines(outputs: NDArray[Any], predicted: NDArray[Any], facts: Facts) -> list[list[object]]:
    """Give one line per row: what is predicted, and for classes the model's outputs."""
    flat = outputs.reshape(len(outputs), -1)
    if facts.task == "regression":
        return [[float(value) for value in row] for row in flat]
    return [
        [_named(np.atleast_1d(one), facts), *(float(value) for value in row)]
        for one, row in zip(predicted, flat, strict=True)
    ]


def _named(values: NDArray[Any], facts: Facts) -> object:
    """Name classes by their names where there are names; several values stand in one field, with spaces between."""
    shown = [
        facts.class_names[int(value)]
        if facts.task == "classification" and int(value) < len(facts.class_names)
        else value.item()
        for value in values.ravel()
    ]
    return shown[0] if len(shown) == 1 else " ".join(map(str, shown))

"""Predictions as plain data for JSON: the label and the probabilities of each example by the names of the classes."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.outputs import is_multi_label
from nnrun.engine.scoring.predictions_table import columns_and_lines

if TYPE_CHECKING:
    from nnrun.engine.scoring.predictions import Predictions


def prediction_objects(predictions: tuple[Predictions, ...]) -> list[dict[str, Any]]:
    """Return what is predicted for each example.

    `prediction` is the label or number, `probabilities` those of the classes. Of several targets or labels,
    `predictions` has each by its name. Where the outputs are neither, `outputs` has them. Of several outputs of the
    model, `outputs` has the same for each by its name.

    Args:
        predictions: The predictions of every output, without truth.
    """
    by_output = {one.name: _objects(one) for one in predictions}
    if len(predictions) == 1:
        return next(iter(by_output.values()))
    count = len(predictions[0].outputs)
    return [{"outputs": {name: rows[row] for name, rows in by_output.items()}} for row in range(count)]


def _objects(one: Predictions) -> list[dict[str, Any]]:
    columns, lines = columns_and_lines(one)
    facts = one.facts
    classes = set(facts.target_names if is_multi_label(facts) else facts.class_names)
    units = [name.removeprefix("output_") for name in columns if name.startswith("output_")]
    are_probabilities = facts.task == "classification" and one.predicted is not None and set(units) <= classes
    is_second_of_two = are_probabilities and len(units) == 1 and len(facts.class_names) == 2 and len(classes) == 2
    found = []
    for line in lines:
        row: dict[str, Any] = {}
        for name, value in zip(columns, map(_plain, line), strict=True):
            if name.startswith("prediction_"):
                row.setdefault("predictions", {})[name.removeprefix("prediction_")] = value
            elif name.startswith("output_"):
                key = "probabilities" if are_probabilities else "outputs"
                row.setdefault(key, {})[name.removeprefix("output_")] = value
            else:
                row[name] = value
        if is_second_of_two:
            (second,) = row["probabilities"].values()
            row["probabilities"] = {facts.class_names[0]: _plain(1 - second), facts.class_names[1]: second}
        found.append(row)
    return found


def _plain(value: Any) -> Any:
    """Return a value that JSON has: no number that is not finite."""
    return None if isinstance(value, float) and not isfinite(value) else value

"""Predictions become a table that a reader can look up."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.scoring.outputs import predicted_classes
from nnrun.engine.scoring.predictions import Predictions
from nnrun.engine.scoring.predictions_table import predictions_table
from nnrun.formatting import csv_text, from_cell
from nnrun.spec.facts import Facts
from nnrun.spec.part import Part

CROSSENTROPY = Part("losses", "CategoricalCrossentropy", {})
BINARY = Part("losses", "BinaryCrossentropy", {})
THREE = Facts("classification", "one_hot", (4,), classes=3, class_names=("ant", "bee", "cat"))
TWO = Facts("classification", "binary", (4,), classes=2, class_names=("no", "yes"))
NUMBERS = Facts("regression", "number", (4,), targets=1, target_names=("price",))


def read(text: str) -> list[dict[str, str]]:
    """Read a CSV as a user would."""
    return list(csv.DictReader(io.StringIO(text)))


def kept(outputs: Any, truth: Any, facts: Facts, loss: Part = CROSSENTROPY) -> str:
    """Give `predictions.csv` of outputs and truths for the rows 10, 20, 30, ... of a source."""
    outputs = np.array(outputs, "float32")
    one = Predictions(
        "", facts, outputs, predicted_classes(outputs, facts, loss), None if truth is None else np.array(truth)
    )
    return csv_text(*predictions_table((one,), 10 * (1 + np.arange(len(outputs)))))


def test_predictions_name_classes_and_rows() -> None:
    """Each line has its row in the source, the names of both classes, and every class's output under its name."""
    text = kept([[0.25, 0.5, 0.25], [0.75, 0.25, 0]], [1, 2], THREE)
    assert read(text) == [
        {
            "row": "10",
            "truth": "bee",
            "prediction": "bee",
            "output_ant": "0.25",
            "output_bee": "0.5",
            "output_cat": "0.25",
        },
        {
            "row": "20",
            "truth": "cat",
            "prediction": "ant",
            "output_ant": "0.75",
            "output_bee": "0.25",
            "output_cat": "0.0",
        },
    ]


def test_predictions_of_two_classes_have_one_output() -> None:
    """A binary model's single output is that of the second class, and is called so."""
    text = kept([[0.75], [0.25]], [1, 1], TWO, BINARY)
    assert text == "row,truth,prediction,output_yes\n10,yes,yes,0.75\n20,yes,no,0.25\n"


def test_an_output_beyond_the_classes_has_a_name_of_its_own() -> None:
    """A sigmoid over a target of the one class 1 predicts another one, and not 1 for both."""
    one = Facts("classification", "binary", (4,), classes=1, class_names=("1",))
    text = kept([[0.75], [0.25]], [0, 0], one, BINARY)
    assert text == "row,truth,prediction,output\n10,1,0,0.75\n20,1,1,0.25\n"


def test_predictions_of_numbers_are_numbers() -> None:
    """One target is a `prediction`; several are named after their columns, as are their truths."""
    loss = Part("losses", "MeanSquaredError", {})
    text = kept([[1.5], [2.5]], [[1.0], [2.0]], NUMBERS, loss)
    assert text == "row,truth,prediction\n10,1.0,1.5\n20,2.0,2.5\n"
    both = Facts("regression", "number", (4,), targets=2, target_names=("x", "y"))
    text = kept([[1.5, 3]], [[1.0, 2.0]], both, loss)
    assert text == "row,truth_x,truth_y,prediction_x,prediction_y\n10,1.0,2.0,1.5,3.0\n"


def test_predictions_of_sequences_keep_every_step() -> None:
    """With an output at every step, truth and prediction list the steps, and each output has a column."""
    text = kept([[[0.75, 0.25, 0], [0, 0.25, 0.75]]], [[0, 1]], THREE)
    (line,) = read(text)
    assert (line["truth"], line["prediction"]) == ("ant bee", "ant cat")
    assert [float(line[f"output_{index}"]) for index in range(6)] == [0.75, 0.25, 0, 0, 0.25, 0.75]


def test_labels_have_their_names() -> None:
    """Each of several labels has its truth, its prediction and its output under its name."""
    facts = Facts("classification", "binary", (4,), classes=2, targets=2, target_names=("red", "big"))
    text = kept([[0.75, 0.25]], [[1, 1]], facts, BINARY)
    assert read(text) == [
        {
            "row": "10",
            "truth_red": "1",
            "truth_big": "1",
            "prediction_red": "1",
            "prediction_big": "0",
            "output_red": "0.75",
            "output_big": "0.25",
        }
    ]


def test_the_origin_of_a_row_stands_after_it() -> None:
    """The name of a picture and the line of a file stand between the row and the truth."""
    outputs = np.eye(3, dtype="float32")
    one = Predictions("", THREE, outputs, np.arange(3), None)
    columns, lines = predictions_table((one,), np.arange(3), {"file": np.array(["a/1.png", "a/2.png", "b/1.png"])})
    assert columns[:3] == ("row", "file", "prediction")
    assert lines[2][:3] == [2, "b/1.png", "cat"]


WORDS = some.text(some.characters(exclude_categories=["C"]), min_size=1)


@given(some.lists(WORDS, min_size=3, max_size=3, unique=True))
def test_any_class_name_survives_the_file(names: list[str]) -> None:
    """Names with commas, quotes, semicolons, spaces or the signs of formulas come back as they were."""
    facts = Facts("classification", "one_hot", (4,), classes=3, class_names=tuple(names))
    text = kept(np.eye(3), [0, 1, 2], facts)
    lines = read(text)
    truths, predictions = ([from_cell(line[name]) for line in lines] for name in ("truth", "prediction"))
    assert truths == predictions == names


def test_rows_without_truth_have_no_truth() -> None:
    """What is predicted for new rows stands alone."""
    assert kept([[0.75], [0.25]], None, TWO, BINARY) == "row,prediction,output_yes\n10,yes,0.75\n20,no,0.25\n"


def test_several_outputs_stand_side_by_side() -> None:
    """Each output's columns carry its name, and every line has a field for every column."""
    outputs = {"kind": np.eye(3, dtype="float32"), "price": np.ones((3, 1), "float32")}
    answers = (
        Predictions("kind", THREE, outputs["kind"], np.array([0, 1, 2]), np.array([0, 1, 1])),
        Predictions("price", NUMBERS, outputs["price"], outputs["price"], np.zeros((3, 1))),
    )
    columns, lines = predictions_table(answers, np.arange(3))
    assert columns[:3] == ("row", "truth_kind", "prediction_kind")
    assert columns[-2:] == ("truth_price", "prediction_price")
    assert all(len(line) == len(columns) for line in lines)
    assert (lines[2][1], lines[2][2], lines[2][-1]) == ("bee", "cat", 1.0)

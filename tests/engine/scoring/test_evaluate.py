"""Outputs become decisions, errors and predictions that a reader can look up."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.data.dataset import DataPart
from nnrun.data.target_encoding import encode_targets
from nnrun.engine.scoring.evaluate import Evaluation, Predictions, error_scores, evaluate_outputs
from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.engine.scoring.outputs import predicted_classes, true_classes
from nnrun.engine.scoring.predictions_table import predictions_table
from nnrun.formatting import csv_text
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


CLASSED = some.integers(2, 6).flatmap(
    lambda classes: some.tuples(some.just(classes), some.lists(some.integers(0, classes - 1), min_size=1))
)


@given(CLASSED)
def test_true_classes_undo_every_encoding(drawn: tuple[int, list[int]]) -> None:
    """Targets encoded for a loss come back as the class numbers they were, whatever the loss."""
    classes, numbers = drawn
    names = tuple(str(number) for number in range(classes))
    for form in ("one_hot", "integer", *(("binary",) if classes == 2 else ())):
        facts = Facts("classification", form, (4,), classes=classes, class_names=names)
        assert true_classes(encode_targets(np.array(numbers), form, names), facts).tolist() == numbers


def test_the_largest_output_decides() -> None:
    """With an output for each class, the class of the largest one is said; sequences are decided step by step."""
    outputs = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], "float32")
    assert predicted_classes(outputs, THREE, CROSSENTROPY).tolist() == [1, 0]
    assert predicted_classes(np.stack([outputs, outputs[::-1]]), THREE, CROSSENTROPY).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (BINARY, [0, 0, 0, 1]),
        (Part("losses", "binary_crossentropy", {}), [0, 0, 0, 1]),
        (Part("losses", "BinaryCrossentropy", {"from_logits": True}), [0, 1, 1, 1]),
        (Part("losses", "BinaryCrossentropy", {"from_logits": False}), [0, 0, 0, 1]),
        (Part("losses", "Hinge", {}), [0, 1, 1, 1]),
        (Part("losses", "squared_hinge", {}), [0, 1, 1, 1]),
    ],
)
def test_one_output_is_divided_where_its_loss_divides(loss: Part, expected: list[int]) -> None:
    """A probability divides at 0.5; logits and hinge losses, whose outputs lie around 0, divide at 0."""
    outputs = np.array([[-0.2], [0.2], [0.5], [0.7]], "float32")
    assert predicted_classes(outputs, TWO, loss).tolist() == expected


def test_numbers_are_left_as_they_are() -> None:
    """A regression's outputs are its predictions."""
    outputs = np.array([[1.5, -2.0]])
    assert predicted_classes(outputs, NUMBERS, Part("losses", "MeanSquaredError", {})) is outputs


@given(some.integers(1, 10_000).flatmap(lambda rows: some.tuples(some.integers(0, rows), some.just(rows))))
def test_errors_come_with_their_interval(drawn: tuple[int, int]) -> None:
    """Errors, rate and per cent say the same, inside the Wilson interval in per cent."""
    errors, rows = drawn
    figures = error_scores(errors, rows)
    low, high = figures["error_percent_interval_95"]
    assert (figures["errors"], figures["interval"]) == (errors, "Wilson")
    assert figures["error_rate"] == errors / rows
    assert figures["error_percent"] == pytest.approx(100 * figures["error_rate"])
    assert 0 <= low <= figures["error_percent"] + 1e-4
    assert figures["error_percent"] - 1e-4 <= high <= 100
    assert [low, high] == pytest.approx([100 * end for end in wilson_interval(errors, rows)], abs=1e-4)


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
    """A binary model's single output stands beside the names of the classes."""
    text = kept([[0.75], [0.25]], [1, 1], TWO, BINARY)
    assert text == "row,truth,prediction,output\n10,yes,yes,0.75\n20,yes,no,0.25\n"


def test_predictions_of_numbers_are_numbers() -> None:
    """One target is a `prediction`; several are named after their columns, truths with spaces between."""
    loss = Part("losses", "MeanSquaredError", {})
    text = kept([[1.5], [2.5]], [[1.0], [2.0]], NUMBERS, loss)
    assert text == "row,truth,prediction\n10,1.0,1.5\n20,2.0,2.5\n"
    both = Facts("regression", "number", (4,), targets=2, target_names=("x", "y"))
    text = kept([[1.5, 3]], [[1.0, 2.0]], both, loss)
    assert text == "row,truth,prediction_x,prediction_y\n10,1.0 2.0,1.5,3.0\n"


def test_predictions_of_sequences_keep_every_step() -> None:
    """With an output at every step, truth and prediction list the steps, and each output has a column."""
    text = kept([[[0.75, 0.25, 0], [0, 0.25, 0.75]]], [[0, 1]], THREE)
    (line,) = read(text)
    assert (line["truth"], line["prediction"]) == ("ant bee", "ant cat")
    assert [float(line[f"output_{index}"]) for index in range(6)] == [0.75, 0.25, 0, 0, 0.25, 0.75]


WORDS = some.text(some.characters(exclude_categories=["C"]), min_size=1)


@given(some.lists(WORDS, min_size=3, max_size=3, unique=True))
def test_any_class_name_survives_the_file(names: list[str]) -> None:
    """Names with commas, quotes, semicolons or spaces come back as they were."""
    facts = Facts("classification", "one_hot", (4,), classes=3, class_names=tuple(names))
    text = kept(np.eye(3), [0, 1, 2], facts)
    lines = read(text)
    assert [line["truth"] for line in lines] == [line["prediction"] for line in lines] == names


def test_rows_without_truth_have_no_truth() -> None:
    """What is predicted for new rows stands alone."""
    assert kept([[0.75], [0.25]], None, TWO, BINARY) == "row,prediction,output\n10,yes,0.75\n20,no,0.25\n"


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


@pytest.fixture
def scored(keras, experiment) -> Callable[..., tuple[Evaluation, Any, DataPart]]:
    """Score a one-layer model with given weights on given examples."""

    def run(kernel: Any, x: Any, y: Any, facts: Facts, loss: str, activation: str) -> tuple[Evaluation, Any, DataPart]:
        import tensorflow as tf

        from nnrun.engine.executors.resident import ResidentExecutor

        kernel = np.array(kernel, "float32")
        x = np.array(x, "float32")
        inputs = keras.Input(x.shape[1:])
        layer = keras.layers.Dense(kernel.shape[1], activation=activation, use_bias=False)
        model = keras.Model(inputs, layer(inputs))
        layer.set_weights([kernel])
        model.compile(loss=loss, metrics=["accuracy"], jit_compile=False)
        part = DataPart(x, np.array(y), np.arange(len(x)))
        executor = ResidentExecutor(tf, model, 2)
        said = experiment("  - Dense: 1", f"loss: {loss}\n  optimizer: Adam")
        logs, outputs = executor.score(executor.to_tensors(part.x, part.y))
        return evaluate_outputs(logs, outputs, part.y, part, facts, said), model, part

    return run


@pytest.mark.keras
def test_scores_agree_with_keras_accuracy(scored) -> None:
    """The error rate is what Keras' accuracy leaves to 1, for one-hot, integer and binary targets."""
    rng = np.random.default_rng(3)
    x, numbers = rng.normal(size=(9, 4)), rng.integers(0, 3, 9)
    kernel = rng.normal(size=(4, 3))
    integer = Facts("classification", "integer", (4,), classes=3)
    cases = [
        (kernel, np.eye(3, dtype="float32")[numbers], THREE, "categorical_crossentropy", "softmax"),
        (kernel, numbers.astype("int32"), integer, "sparse_categorical_crossentropy", "softmax"),
        (kernel[:, :1], (numbers[:, None] > 0).astype("float32"), TWO, "binary_crossentropy", "sigmoid"),
    ]
    for weights, y, facts, loss, activation in cases:
        found, model, part = scored(weights, x, y, facts, loss, activation)
        theirs = model.evaluate(part.x, part.y, batch_size=2, verbose=0, return_dict=True)
        assert found.scores["rows"] == 9
        assert 1 - found.scores["error_rate"] == pytest.approx(theirs["accuracy"], abs=1e-6)
        assert found.scores["loss"] == pytest.approx(theirs["loss"], rel=1e-6)


@pytest.mark.keras
def test_every_step_of_a_sequence_counts(scored) -> None:
    """A model with an output at every step is scored step by step: errors are steps, and so is the interval's base."""
    x = np.eye(3)[[[0, 1], [1, 2], [2, 2]]]
    integer = Facts("classification", "integer", (2, 3), classes=3, class_names=("ant", "bee", "cat"))
    y = np.array([[0, 1], [1, 0], [2, 2]], "int32")
    found, _, _ = scored(np.eye(3) * 9, x, y, integer, "sparse_categorical_crossentropy", "softmax")
    assert (found.scores["errors"], found.scores["rows"]) == (1, 3)
    assert found.scores["error_rate"] == pytest.approx(1 / 6)
    assert found.predictions[0].truth.tolist() == [[0, 1], [1, 0], [2, 2]]


@pytest.mark.keras
def test_regressions_have_no_error_rate(scored) -> None:
    """Numbers have a loss and metrics; an error rate would mean nothing."""
    x = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]])
    both = Facts("regression", "number", (4,), targets=2, target_names=("x", "y"))
    found, _, _ = scored([[1, 2], [3, 4], [0, 0], [0, 0]], x, [[1.0, 2.0], [3.0, 6.0]], both, "mse", "linear")
    assert found.scores["loss"] == 1.0
    assert not [name for name in found.scores if "error_" in name or name == "errors"]
    np.testing.assert_array_equal(found.predictions[0].predicted, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found.predictions[0].truth, [[1, 2], [3, 6]])

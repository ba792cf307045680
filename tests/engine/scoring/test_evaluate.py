"""Which scores a model gets for its outputs, and that they agree with Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn import metrics

from nnrun.data.dataset import DataPart
from nnrun.engine.scoring.evaluate import Evaluation, detailed_scores, error_scores, evaluate_outputs
from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.engine.scoring.outputs import predicted_classes
from nnrun.engine.scoring.predictions import Predictions
from nnrun.spec.facts import Facts
from nnrun.spec.part import Part

CROSSENTROPY = Part("losses", "CategoricalCrossentropy", {})
BINARY = Part("losses", "BinaryCrossentropy", {})
THREE = Facts("classification", "one_hot", (4,), classes=3, class_names=("ant", "bee", "cat"))
TWO = Facts("classification", "binary", (4,), classes=2, class_names=("no", "yes"))
NUMBERS = Facts("regression", "number", (4,), targets=1, target_names=("price",))
SHARED = {"per_class", "confusion_matrix", "roc_auc", "pr_auc"}
OF_SHARES = {"log_loss", "expected_calibration_error", "worst"}


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
        config = experiment("  - Dense: 1", f"loss: {loss}\n  optimizer: Adam")
        logs, outputs = executor.score(executor.to_tensors(part.x, part.y))
        return evaluate_outputs(logs, outputs, part.y, part, facts, config), model, part

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


def scores_of(outputs: Any, truth: Any, facts: Facts, loss: Part) -> dict[str, Any]:
    """Compute the detailed scores of outputs and truths for the rows 0, 10, 20, ... of a source."""
    outputs = np.array(outputs, "float32")
    answers = Predictions("", facts, outputs, predicted_classes(outputs, facts, loss), np.array(truth))
    return detailed_scores(answers, loss, 10 * np.arange(len(outputs)))


def test_probabilities_have_every_score() -> None:
    """Three classes with a share each have every figure, and mistakes by the names of classes."""
    figures = scores_of([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], [0, 1, 2], THREE, CROSSENTROPY)
    assert set(figures) == SHARED | OF_SHARES
    assert figures["confusion_matrix"] == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert figures["worst"] == [{"row": 20, "truth": "cat", "prediction": "ant", "confidence": pytest.approx(0.6)}]
    assert figures["log_loss"] == pytest.approx(-np.log([0.8, 0.7, 0.1]).mean(), rel=1e-5)


def test_one_output_is_that_of_the_second_of_two_classes() -> None:
    """A sigmoid's areas are those of the second class, and equal those of a softmax of both."""
    truth, shares = [0, 1, 1, 0, 1], np.array([0.1, 0.9, 0.4, 0.6, 0.6], "float32")
    one = scores_of(shares[:, None], truth, TWO, BINARY)
    both = scores_of(np.stack([1 - shares, shares], axis=1), truth, TWO, CROSSENTROPY)
    assert one["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, shares))
    assert one["pr_auc"] == pytest.approx(metrics.average_precision_score(truth, shares))
    for key in ("roc_auc", "pr_auc", "log_loss", "expected_calibration_error"):
        assert both[key] == pytest.approx(one[key], rel=1e-5), key


@pytest.mark.parametrize("shape", [(6, 1), (6, 3)])
def test_logits_become_probabilities_first(shape: tuple[int, int]) -> None:
    """With from_logits the log loss is that of the probabilities that the loss computes from them."""
    logits = np.random.default_rng(1).normal(size=shape)
    facts, name = (TWO, "BinaryCrossentropy") if shape[1] == 1 else (THREE, "CategoricalCrossentropy")
    raised = np.hstack([np.zeros_like(logits), logits]) if shape[1] == 1 else logits
    shares = np.exp(raised) / np.exp(raised).sum(axis=1, keepdims=True)
    truth = [0, 1, 1, 0, 1, 0]
    figures = scores_of(logits, truth, facts, Part("losses", name, {"from_logits": True}))
    assert figures["log_loss"] == pytest.approx(
        metrics.log_loss(truth, shares, labels=range(shares.shape[1])), rel=1e-5
    )


@pytest.mark.parametrize("loss", ["Hinge", "categorical_hinge", "MeanAbsoluteError"])
def test_outputs_that_are_no_probabilities_have_no_confidence(loss: str) -> None:
    """A hinge's or a step's output ranks examples, but is no probability."""
    assert set(scores_of([[0.4], [1.0]], [0, 1], TWO, Part("losses", loss, {}))) == SHARED


def test_classes_at_several_places_are_counted_together() -> None:
    """A class at each step or pixel counts as an example; mistakes have no row of their own then."""
    outputs = [[[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]]
    figures = scores_of(outputs, [[0, 1], [0, 0]], THREE, CROSSENTROPY)
    assert figures["per_class"]["ant"]["support"] == 3
    assert "worst" not in figures


def test_multi_label_targets_have_scores_of_each_label() -> None:
    """Several labels have scores each, and no confusion matrix."""
    facts = Facts("classification", "binary", (4,), classes=2, target_names=("red", "round"), targets=2)
    figures = scores_of([[0.9, 0.2], [0.4, 0.8]], [[1, 0], [1, 1]], facts, BINARY)
    assert set(figures) == {"per_class", "roc_auc", "pr_auc", "log_loss"}
    assert figures["per_class"]["red"]["recall"] == 0.5
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.8]).mean(), rel=1e-5)


def test_numbers_and_rows_without_truth() -> None:
    """Numbers have errors of numbers; without the truth there are no scores."""
    numbers = Facts("regression", "number", (4,), targets=1, target_names=("price",))
    loss = Part("losses", "MeanSquaredError", {})
    assert scores_of([[1.0], [3.0]], [[1.0], [2.0]], numbers, loss)["mean_absolute_error"] == 0.5
    outputs = np.zeros((2, 3), "float32")
    assert detailed_scores(Predictions("", THREE, outputs, outputs.argmax(axis=1)), CROSSENTROPY, np.arange(2)) == {}


def test_many_classes_have_no_scores_of_their_own() -> None:
    """Beyond a hundred classes there are only single numbers."""
    shares = np.full((2, 150), 1 / 150)
    facts = Facts("classification", "integer", (4,), classes=150, class_names=tuple(map(str, range(150))))
    assert set(scores_of(shares, [3, 4], facts, Part("losses", "SparseCategoricalCrossentropy", {}))) == OF_SHARES

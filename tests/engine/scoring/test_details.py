"""Which figures suit which answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from nnrun.engine.scoring.evaluate import Predictions, detailed_scores
from nnrun.engine.scoring.outputs import predicted_classes
from nnrun.spec.facts import Facts
from nnrun.spec.part import Part

CROSSENTROPY = Part("losses", "CategoricalCrossentropy", {})
BINARY = Part("losses", "BinaryCrossentropy", {})
THREE = Facts("classification", "one_hot", (4,), classes=3, class_names=("ant", "bee", "cat"))
TWO = Facts("classification", "binary", (4,), classes=2, class_names=("no", "yes"))
SHARED = {"per_class", "confusion_matrix", "roc_auc", "pr_auc"}
OF_SHARES = {"log_loss", "expected_calibration_error", "worst"}


def told(outputs: Any, truth: Any, facts: Facts, loss: Part) -> dict[str, Any]:
    """Tell the figures of outputs and truths for the rows 0, 10, 20, ... of a source."""
    outputs = np.array(outputs, "float32")
    answers = Predictions("", facts, outputs, predicted_classes(outputs, facts, loss), np.array(truth))
    return detailed_scores(answers, loss, 10 * np.arange(len(outputs)))


def test_shares_have_every_figure() -> None:
    """Three classes with a share each have every figure, and mistakes by the names of classes."""
    figures = told([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], [0, 1, 2], THREE, CROSSENTROPY)
    assert set(figures) == SHARED | OF_SHARES
    assert figures["confusion_matrix"] == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert figures["worst"] == [{"row": 20, "truth": "cat", "prediction": "ant", "confidence": pytest.approx(0.6)}]
    assert figures["log_loss"] == pytest.approx(-np.log([0.8, 0.7, 0.1]).mean(), rel=1e-5)


def test_one_output_speaks_for_the_second_of_two_classes() -> None:
    """A sigmoid's areas are those of the second class, and equal those of a softmax of both."""
    truth, shares = [0, 1, 1, 0, 1], np.array([0.1, 0.9, 0.4, 0.6, 0.6], "float32")
    one = told(shares[:, None], truth, TWO, BINARY)
    both = told(np.stack([1 - shares, shares], axis=1), truth, TWO, CROSSENTROPY)
    assert one["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, shares))
    assert one["pr_auc"] == pytest.approx(metrics.average_precision_score(truth, shares))
    for key in ("roc_auc", "pr_auc", "log_loss", "expected_calibration_error"):
        assert both[key] == pytest.approx(one[key], rel=1e-5), key


@pytest.mark.parametrize("shape", [(6, 1), (6, 3)])
def test_logits_become_shares_first(shape: tuple[int, int]) -> None:
    """With from_logits the log loss is that of the shares that the loss makes of them."""
    logits = np.random.default_rng(1).normal(size=shape)
    facts, name = (TWO, "BinaryCrossentropy") if shape[1] == 1 else (THREE, "CategoricalCrossentropy")
    raised = np.hstack([np.zeros_like(logits), logits]) if shape[1] == 1 else logits
    shares = np.exp(raised) / np.exp(raised).sum(axis=1, keepdims=True)
    truth = [0, 1, 1, 0, 1, 0]
    figures = told(logits, truth, facts, Part("losses", name, {"from_logits": True}))
    assert figures["log_loss"] == pytest.approx(
        metrics.log_loss(truth, shares, labels=range(shares.shape[1])), rel=1e-5
    )


@pytest.mark.parametrize("loss", ["Hinge", "categorical_hinge", "MeanAbsoluteError"])
def test_outputs_that_are_no_shares_are_not_called_confident(loss: str) -> None:
    """A hinge's or a step's output ranks examples, but is no probability."""
    assert set(told([[0.4], [1.0]], [0, 1], TWO, Part("losses", loss, {}))) == SHARED


def test_classes_at_several_places_are_counted_together() -> None:
    """A class at each step or pixel counts as an example; mistakes have no row of their own then."""
    outputs = [[[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]]
    figures = told(outputs, [[0, 1], [0, 0]], THREE, CROSSENTROPY)
    assert figures["per_class"]["ant"]["support"] == 3
    assert "worst" not in figures


def test_labels_have_their_own_figures() -> None:
    """Several labels have figures each, and no matrix."""
    facts = Facts("classification", "binary", (4,), classes=2, target_names=("red", "round"), targets=2)
    figures = told([[0.9, 0.2], [0.4, 0.8]], [[1, 0], [1, 1]], facts, BINARY)
    assert set(figures) == {"per_class", "roc_auc", "pr_auc", "log_loss"}
    assert figures["per_class"]["red"]["recall"] == 0.5
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.8]).mean(), rel=1e-5)


def test_numbers_and_rows_without_truth() -> None:
    """Numbers have errors of numbers; where the truth is not known there is nothing to tell."""
    numbers = Facts("regression", "number", (4,), targets=1, target_names=("price",))
    loss = Part("losses", "MeanSquaredError", {})
    assert told([[1.0], [3.0]], [[1.0], [2.0]], numbers, loss)["mean_absolute_error"] == 0.5
    outputs = np.zeros((2, 3), "float32")
    assert detailed_scores(Predictions("", THREE, outputs, outputs.argmax(axis=1)), CROSSENTROPY, np.arange(2)) == {}


def test_many_words_are_not_told_one_by_one() -> None:
    """Beyond a hundred classes only what a number can say is told."""
    shares = np.full((2, 150), 1 / 150)
    facts = Facts("classification", "integer", (4,), classes=150, class_names=tuple(map(str, range(150))))
    assert set(told(shares, [3, 4], facts, Part("losses", "SparseCategoricalCrossentropy", {}))) == OF_SHARES

"""Figures of classes, against scikit-learn's own and against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn import metrics

from nnrun.engine.scoring.metrics import (
    areas_under_curves,
    average_precision,
    expected_calibration_error,
    log_loss,
    per_class_scores,
    per_label_scores,
    roc_auc,
    worst_mistakes,
)

SEEDS = some.integers(0, 10_000)


def drawn(seed: int, rows: int = 60, classes: int = 4) -> tuple[Any, Any, Any]:
    """Draw true classes, shares with ties among them, and what is predicted."""
    rng = np.random.default_rng(seed)
    raised = rng.integers(1, 6, (rows, classes)).astype(float)
    shares = raised / raised.sum(axis=1, keepdims=True)
    return rng.integers(0, classes, rows), shares, shares.argmax(axis=1)


@given(SEEDS)
def test_precision_recall_f1_and_the_matrix_are_scikit_learns(seed: int) -> None:
    """Figures by class equal scikit-learn's, with None where it has to invent a 0."""
    truth, _, predicted = drawn(seed, rows=12)
    told = per_class_scores(truth, predicted, tuple("abcd"))
    theirs = metrics.precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=np.nan)
    for index, name in enumerate("abcd"):
        ours = told["per_class"][name]
        for key, column in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
            value = float("nan") if ours[key] is None else ours[key]
            assert value == pytest.approx(column[index], nan_ok=True), (name, key)
    assert told["confusion_matrix"] == metrics.confusion_matrix(truth, predicted, labels=range(4)).tolist()


def test_a_class_that_is_never_said_has_no_precision() -> None:
    """What would divide by nothing is None, not 0."""
    told = per_class_scores(np.array([0, 0]), np.array([0, 0]), ("a", "b"))["per_class"]
    assert told["a"] == {"precision": 1, "recall": 1, "f1": 1, "support": 2}
    assert told["b"] == {"precision": None, "recall": None, "f1": None, "support": 0}


@given(SEEDS)
def test_areas_are_scikit_learns_ties_included(seed: int) -> None:
    """ROC AUC and average precision equal scikit-learn's, alone and as the mean over one class against the rest."""
    truth, shares, _ = drawn(seed)
    holds = truth[:, None] == np.arange(4)
    assert roc_auc(holds[:, 0], shares[:, 0]) == pytest.approx(metrics.roc_auc_score(holds[:, 0], shares[:, 0]))
    assert average_precision(holds[:, 0], shares[:, 0]) == pytest.approx(
        metrics.average_precision_score(holds[:, 0], shares[:, 0])
    )
    told = areas_under_curves(holds, shares)
    assert told["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, shares, multi_class="ovr", average="macro"))
    assert told["pr_auc"] == pytest.approx(metrics.average_precision_score(holds, shares, average="macro"))


def test_areas_leave_out_classes_that_cannot_be_ranked() -> None:
    """A class without examples counts for nothing, and where none can be ranked there is no area."""
    shares = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]])
    assert areas_under_curves(np.array([[1, 0, 0], [0, 1, 0]]), shares) == {"roc_auc": 1, "pr_auc": 1}
    assert areas_under_curves(np.array([[1, 0, 0], [1, 0, 0]]), shares) == {"roc_auc": None, "pr_auc": None}


@given(SEEDS)
def test_the_log_loss_is_scikit_learns(seed: int) -> None:
    """The log loss equals scikit-learn's."""
    truth, shares, _ = drawn(seed)
    assert log_loss(truth, shares) == pytest.approx(metrics.log_loss(truth, shares, labels=range(4)))


def test_a_share_of_nothing_costs_a_finite_loss() -> None:
    """A true class that was given a share of 0 costs the logarithm of the type's epsilon."""
    told = log_loss(np.array([1]), np.array([[1, 0]], "float32"))
    assert told == pytest.approx(-np.log(np.finfo("float32").eps))


def test_calibration_compares_confidence_with_the_share_of_right_answers() -> None:
    """Bins are weighed by their examples: half of 0.5 and 0.6 is right, all of 0.95."""
    right = np.array([True, False, True, True])
    assert expected_calibration_error(right, np.full(4, 0.75)) == pytest.approx(0)
    # Bins of a width of 1/15: 0.95 alone is 0.05 short; of three at 0.5 two are right.
    told = expected_calibration_error(np.array([True, True, True, False]), np.array([0.95, 0.5, 0.5, 0.5]))
    assert told == pytest.approx((0.05 + 3 * abs(2 / 3 - 0.5)) / 4)


@given(some.lists(some.tuples(some.booleans(), some.floats(0, 1)), min_size=1))
def test_calibration_lies_between_0_and_1(said: list[tuple[bool, float]]) -> None:
    """The error is a share, and certainty that is always right costs nothing."""
    right, confidence = (np.array(column) for column in zip(*said, strict=True))
    assert 0 <= expected_calibration_error(right, confidence) <= 1
    assert expected_calibration_error(np.ones(len(right), bool), np.ones(len(right))) == 0


def test_the_most_confident_mistakes_come_first() -> None:
    """Mistakes are told by row, truth, prediction and confidence, the most confident first, at most twenty."""
    told = worst_mistakes(
        np.array([0, 1, 1, 0]),
        np.array([1, 1, 0, 1]),
        np.array([0.6, 0.9, 0.8, 0.7]),
        np.arange(10, 14),
        "ab",
    )
    assert [one["row"] for one in told] == [12, 13, 10]
    assert told[0] == {"row": 12, "truth": "b", "prediction": "a", "confidence": 0.8}
    many = worst_mistakes(np.zeros(50, int), np.ones(50, int), np.linspace(0, 1, 50), np.arange(50), ("0", "1"))
    assert [one["row"] for one in many] == list(range(49, 29, -1))


def test_labels_are_told_one_by_one() -> None:
    """Of several labels each has its own precision and recall."""
    truth, predicted = np.array([[1, 0], [1, 1]]), np.array([[1, 1], [0, 1]])
    told = per_label_scores(truth, predicted, ("red", "round"))["per_class"]
    assert told["red"] == {"precision": 1, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert told["round"] == {"precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3), "support": 1}

"""Metrics of classes, probabilities and numbers equal those of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn import metrics
from sklearn.calibration import calibration_curve

from nnrun.engine.scoring.metrics import (
    CALIBRATION_BINS,
    areas_under_curves,
    average_precision,
    expected_calibration_error,
    log_loss,
    per_class_scores,
    per_label_scores,
    r2,
    regression_scores,
    roc_auc,
    worst_mistakes,
)

SEEDS = some.integers(0, 10_000)


def drawn(seed: int, rows: int = 60, classes: int = 4) -> tuple[Any, Any, Any]:
    """Draw true classes, probabilities with ties among them, and predictions."""
    rng = np.random.default_rng(seed)
    raised = rng.integers(1, 6, (rows, classes)).astype(float)
    shares = raised / raised.sum(axis=1, keepdims=True)
    return rng.integers(0, classes, rows), shares, shares.argmax(axis=1)


@given(SEEDS)
def test_precision_recall_f1_and_the_matrix_are_scikit_learns(seed: int) -> None:
    """Scores of classes equal scikit-learn's, with None where they are undefined."""
    truth, _, predicted = drawn(seed, rows=12)
    result = per_class_scores(truth, predicted, tuple("abcd"))
    theirs = metrics.precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=np.nan)
    for index, name in enumerate("abcd"):
        ours = result["per_class"][name]
        for key, column in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
            value = float("nan") if ours[key] is None else ours[key]
            assert value == pytest.approx(column[index], nan_ok=True), (name, key)
    assert result["confusion_matrix"] == metrics.confusion_matrix(truth, predicted, labels=range(4)).tolist()


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    """What would divide by nothing is None, not 0."""
    result = per_class_scores(np.array([0, 0]), np.array([0, 0]), ("a", "b"))["per_class"]
    assert result["a"] == {"precision": 1, "recall": 1, "f1": 1, "support": 2}
    assert result["b"] == {"precision": None, "recall": None, "f1": None, "support": 0}


@given(SEEDS)
def test_areas_are_scikit_learns_ties_included(seed: int) -> None:
    """ROC AUC and average precision equal scikit-learn's, alone and as the mean over one class against the rest."""
    truth, shares, _ = drawn(seed)
    holds = truth[:, None] == np.arange(4)
    assert roc_auc(holds[:, 0], shares[:, 0]) == pytest.approx(metrics.roc_auc_score(holds[:, 0], shares[:, 0]))
    assert average_precision(holds[:, 0], shares[:, 0]) == pytest.approx(
        metrics.average_precision_score(holds[:, 0], shares[:, 0])
    )
    result = areas_under_curves(holds, shares)
    assert result["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, shares, multi_class="ovr", average="macro"))
    assert result["pr_auc"] == pytest.approx(metrics.average_precision_score(holds, shares, average="macro"))


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


def test_a_probability_of_zero_costs_a_finite_loss() -> None:
    """A true class that was given a share of 0 costs the logarithm of the type's epsilon."""
    result = log_loss(np.array([1]), np.array([[1, 0]], "float32"))
    assert result == pytest.approx(-np.log(np.finfo("float32").eps))


def test_calibration_compares_confidence_with_the_share_of_right_answers() -> None:
    """Bins are weighed by their examples: half of 0.5 and 0.6 is right, all of 0.95."""
    right = np.array([True, False, True, True])
    assert expected_calibration_error(right, np.full(4, 0.75)) == pytest.approx(0)
    # Bins of a width of 1/15: 0.95 alone is 0.05 short; of three at 0.5 two are right.
    result = expected_calibration_error(np.array([True, True, True, False]), np.array([0.95, 0.5, 0.5, 0.5]))
    assert result == pytest.approx((0.05 + 3 * abs(2 / 3 - 0.5)) / 4)


@given(some.lists(some.tuples(some.booleans(), some.floats(0, 1)), min_size=1))
def test_calibration_lies_between_0_and_1(predictions: list[tuple[bool, float]]) -> None:
    """The error is a share, and certainty that is always right costs nothing."""
    right, confidence = (np.array(column) for column in zip(*predictions, strict=True))
    assert 0 <= expected_calibration_error(right, confidence) <= 1
    assert expected_calibration_error(np.ones(len(right), bool), np.ones(len(right))) == 0


def test_the_most_confident_mistakes_come_first() -> None:
    """Mistakes are listed by row, truth, prediction and confidence, the most confident first, at most twenty."""
    result = worst_mistakes(
        np.array([0, 1, 1, 0]),
        np.array([1, 1, 0, 1]),
        np.array([0.6, 0.9, 0.8, 0.7]),
        np.arange(10, 14),
        "ab",
    )
    assert [one["row"] for one in result] == [12, 13, 10]
    assert result[0] == {"row": 12, "truth": "b", "prediction": "a", "confidence": 0.8}
    many = worst_mistakes(np.zeros(50, int), np.ones(50, int), np.linspace(0, 1, 50), np.arange(50), ("0", "1"))
    assert [one["row"] for one in many] == list(range(49, 29, -1))


def test_each_label_has_its_own_scores() -> None:
    """Of several labels each has its own precision and recall."""
    truth, predicted = np.array([[1, 0], [1, 1]]), np.array([[1, 1], [0, 1]])
    result = per_label_scores(truth, predicted, ("red", "round"))["per_class"]
    assert result["red"] == {"precision": 1, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert result["round"] == {"precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3), "support": 1}


@given(some.integers(0, 10_000), some.integers(1, 3))
def test_errors_of_numbers_are_scikit_learns(seed: int, columns: int) -> None:
    """MSE, RMSE, MAE and R2 equal scikit-learn's, for one target and for several."""
    rng = np.random.default_rng(seed)
    truth, outputs = rng.normal(size=(2, 30, columns)).astype("float32")
    result = regression_scores(outputs, truth)
    assert result["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(truth, outputs))
    assert result["root_mean_squared_error"] == pytest.approx(metrics.mean_squared_error(truth, outputs) ** 0.5)
    assert result["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(truth, outputs))
    assert result["r2"] == pytest.approx(metrics.r2_score(truth, outputs), abs=1e-6)


def test_residuals_are_truth_less_prediction() -> None:
    """Quantiles of the residuals say to which side the model errs."""
    result = regression_scores(np.zeros((5, 1)), np.array([0, 1, 2, 3, 4.0]))["residual_quantiles"]
    assert (result["min"], result["q25"], result["median"], result["max"]) == (0, 1, 2, 4)


def test_a_target_that_never_varies_has_no_r2() -> None:
    """Without variance there is nothing to explain; pictures have no R2 by pixel either."""
    truth = np.array([[1.0, 1], [1, 2]])
    assert r2(truth, truth - 1) is None
    assert regression_scores(np.zeros((3, 20, 20)), np.ones((3, 20, 20)))["r2"] is None


@given(SEEDS)
def test_scores_of_labels_are_scikit_learns(seed: int) -> None:
    """Precision, recall, F1 and support of several labels equal scikit-learn's."""
    truth, predicted = np.random.default_rng(seed).integers(0, 2, (2, 20, 3))
    scores = per_label_scores(truth, predicted, ("a", "b", "c"))["per_class"]
    theirs = metrics.precision_recall_fscore_support(truth, predicted, zero_division=np.nan)
    for index, name in enumerate("abc"):
        for key, column in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
            value = float("nan") if scores[name][key] is None else scores[name][key]
            assert value == pytest.approx(column[index], nan_ok=True), (name, key)


@given(SEEDS)
def test_the_calibration_error_is_that_of_scikit_learns_curve(seed: int) -> None:
    """The error is the mean gap of scikit-learn's calibration curve, each bin weighted by its examples."""
    rng = np.random.default_rng(seed)
    confidence, correct = rng.uniform(size=200), rng.integers(0, 2, 200).astype(bool)
    accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=CALIBRATION_BINS, strategy="uniform")
    counts = np.histogram(confidence, bins=CALIBRATION_BINS, range=(0, 1))[0]
    expected = np.abs(accuracy - mean_confidence) @ counts[counts > 0] / 200
    assert expected_calibration_error(correct, confidence) == pytest.approx(expected)

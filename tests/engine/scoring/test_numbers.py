"""Figures of numbers, against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn import metrics

from nnrun.engine.scoring.metrics import r2, regression_scores


@given(some.integers(0, 10_000), some.integers(1, 3))
def test_errors_of_numbers_are_scikit_learns(seed: int, columns: int) -> None:
    """MSE, RMSE, MAE and R2 equal scikit-learn's, for one target and for several."""
    rng = np.random.default_rng(seed)
    truth, outputs = rng.normal(size=(2, 30, columns)).astype("float32")
    told = regression_scores(outputs, truth)
    assert told["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(truth, outputs))
    assert told["root_mean_squared_error"] == pytest.approx(metrics.mean_squared_error(truth, outputs) ** 0.5)
    assert told["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(truth, outputs))
    assert told["r2"] == pytest.approx(metrics.r2_score(truth, outputs), abs=1e-6)


def test_residuals_are_truth_less_prediction() -> None:
    """Quantiles of the residuals say to which side the model errs."""
    told = regression_scores(np.zeros((5, 1)), np.array([0, 1, 2, 3, 4.0]))["residual_quantiles"]
    assert (told["min"], told["q25"], told["median"], told["max"]) == (0, 1, 2, 4)


def test_a_target_that_never_varies_has_no_r2() -> None:
    """Without variance there is nothing to explain; pictures are not told an R2 by pixel either."""
    truth = np.array([[1.0, 1], [1, 2]])
    assert r2(truth, truth - 1) is None
    assert regression_scores(np.zeros((3, 20, 20)), np.ones((3, 20, 20)))["r2"] is None

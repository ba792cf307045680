"""Scores of masks and pictures equal those of Keras and scikit-learn."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import jaccard_score

from nnrun.engine.scoring.pictures import iou_scores, peak, peak_signal_to_noise, picture_scores, row_scores
from nnrun.engine.scoring.predictions import Predictions
from nnrun.engine.scoring.predictions_table import predictions_table
from nnrun.spec.facts import Facts

NAMES = ("sky", "sea", "land", "never")


@given(some.integers(0, 10_000))
def test_the_intersection_over_union_is_scikit_learns(seed: int) -> None:
    """Of each class that occurs; the others have none and do not count in the mean."""
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, 3, (2, 4, 5, 5))
    scores = iou_scores(truth, predicted, NAMES)
    expected = jaccard_score(truth.ravel(), predicted.ravel(), labels=[0, 1, 2], average=None)
    assert np.allclose(list(scores["iou"].values())[:3], expected)
    assert scores["iou"]["never"] is None
    assert scores["mean_iou"] == pytest.approx(expected.mean())
    assert scores["pixel_accuracy"] == pytest.approx((truth == predicted).mean())


@pytest.mark.keras
def test_mean_iou_and_psnr_are_keras(keras: ModuleType) -> None:
    """The mean is that of `MeanIoU`, the ratio that of `ops.psnr` for each picture."""
    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(0, 3, (2, 4, 5, 5))
    metric = keras.metrics.MeanIoU(num_classes=4)
    metric.update_state(truth, predicted)
    assert iou_scores(truth, predicted, NAMES)["mean_iou"] == pytest.approx(float(metric.result()))
    one, other = rng.uniform(0, 255, (2, 3, 8, 8, 3)).astype("float32")
    expected = [float(keras.ops.psnr(a, b, 255.0)) for a, b in zip(one, other, strict=True)]
    assert peak_signal_to_noise(one, other, 255.0) == pytest.approx(expected, rel=1e-5)
    assert picture_scores(one, other) == {"psnr": pytest.approx(np.mean(expected), rel=1e-5), "psnr_peak": 255.0}


def test_pictures_of_other_numbers_have_no_psnr() -> None:
    """The peak is 1 or 255: of standardized pictures none is known."""
    assert [peak(np.array([0.0, high])) for high in (0.9, 200.0, 300.0)] == [1.0, 255.0, None]
    assert picture_scores(np.full((1, 2, 2, 1), -1.0), np.zeros((1, 2, 2, 1))) == {}


def test_a_mask_has_its_scores_in_the_table_and_new_ones_the_shares() -> None:
    """A row of 144 classes is not written out."""
    facts = Facts("classification", "integer", (12, 12, 3), 2, class_names=("no", "yes"), positions=(12, 12))
    truth = np.zeros((2, 12, 12), dtype=int)
    truth[:, :6] = 1
    predicted = truth.copy()
    predicted[1, 0] = 0
    outputs = np.eye(2)[predicted]
    known = Predictions("", facts, outputs, predicted, truth)
    columns, rows = predictions_table((known,), range(2), {"file": np.array(["a.png", "b.png"], object)})
    assert columns == ("row", "file", "mean_iou", "pixel_accuracy")
    assert rows[0] == [0, "a.png", 1.0, 1.0]
    assert rows[1][3] == pytest.approx(132 / 144)
    assert row_scores(known)["mean_iou"][1] == pytest.approx((72 / 84 + 60 / 72) / 2)
    columns, rows = predictions_table((Predictions("", facts, outputs, predicted),), range(2))
    assert columns == ("row", "share_no", "share_yes")
    assert rows[0] == [0, 0.5, 0.5]

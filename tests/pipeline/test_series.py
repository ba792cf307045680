"""Tests of runs on time series: trained, scored with naive forecasts, reported, and continued."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.report.page import make_report

pytestmark = pytest.mark.keras

CONFIG = """name: sales
data:
  source: {csv: {file: t.csv, time: day, group: shop, target: sales, window: 7, horizon: 2}}
  prepare: [Standardize]
  prepare_target: [{FunctionTransformer: log1p}, StandardScaler]
  split: {test: 0.3, validation: 0.2}
model: [Flatten, {Dense: $targets}]
training: {loss: mse, optimizer: {Adam: 0.01}, epochs: 20, batch_size: 16}
"""


def test_a_series_is_learned_scored_and_continued(tmp_path: Path) -> None:
    """Figures by horizon stand next to those of naive forecasts, `eval` finds them again, and `predict` goes on."""
    noise = np.random.default_rng(1).normal(0, 0.3, (60, 2))
    rows = [
        f"{np.datetime64('2026-01-01') + day},{shop},{20 + 5 * np.sin(2 * np.pi * day / 7) + noise[day, shop]:.3f}"
        for day in range(60)
        for shop in range(2)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["day,shop,sales", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(CONFIG, encoding="utf-8")
    done = train(TrainRequest(str(tmp_path / "a.yaml"), (), tmp_path / "runs", tmp_path), NullProgress())
    test = done.scores["test"]
    assert [one["horizon"] for one in test["horizons"]] == [1, 2]
    naive = test["naive_forecasts"]
    assert (naive["seasonal_naive"]["season"], naive["seasonal_naive"]["rows"]) == (7, test["rows"])
    errors = [one["root_mean_squared_error"] ** 2 for one in test["horizons"]]
    assert np.mean(errors) == pytest.approx(test["mean_squared_error"])
    assert test["mean_squared_error"] < naive["last_value"]["root_mean_squared_error"] ** 2
    request = EvaluateRequest(str(done.folder.path), data_dir=tmp_path)
    again = evaluate(request, NullProgress())
    assert again.scores["test"] == test
    assert again.columns[:4] == ("row", "line", "time", "group")
    following = predict(request, tmp_path / "t.csv")
    assert following.columns == ("group", "time", "step", "prediction")
    assert [row[:3] for row in following.rows] == [
        [0, "2026-03-02", 1],
        [0, "2026-03-03", 2],
        [1, "2026-03-02", 1],
        [1, "2026-03-03", 2],
    ]
    # Losses compare prepared targets; what is said of them is in their own unit.
    assert all(14 < row[3] < 26 for row in following.rows)
    outputs = [float(row[again.columns.index("prediction_sales+2")]) for row in again.rows]
    assert 14 < min(outputs) < 18
    assert 22 < max(outputs) < 26
    report = make_report(done.folder)
    assert {"forecast_0.svg", "forecast_1.svg", "horizons.svg"} <= set(report.plots)
    assert "seasonal naive, season 7 (days of a week, by the times)" in report.page

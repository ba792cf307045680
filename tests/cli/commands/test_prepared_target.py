"""A run with `prepare_target`: scores, predictions and new files are in the target's own unit; the loss is not."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.keras

CONFIG = """
name: prices
seed: 3
data:
  source: {csv: {file: prices.csv, target: price}}
  prepare: [StandardScaler]
  prepare_target: [{FunctionTransformer: log1p}, StandardScaler]
  split: {test: 0.25}
model: [{Dense: {units: 8, activation: relu}}, {Dense: 1}]
training:
  loss: mean_squared_error
  optimizer: {Adam: {learning_rate: 0.02}}
  metrics: [mean_absolute_error, mean_absolute_percentage_error]
  epochs: 30
  batch_size: 16
"""


def test_errors_and_predictions_are_in_the_own_unit(invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics in scores.json are those of predictions.csv, whose truth is the file's own; predict and eval agree."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 2))
    price = np.round(np.exp(9 + x[:, 0] / 2 - x[:, 1] / 4), 2)
    lines = [f"{a:.4f},{b:.4f},{y}" for (a, b), y in zip(x, price, strict=True)]
    (tmp_path / "prices.csv").write_text("\n".join(["a,b,price", *lines]) + "\n")
    (tmp_path / "prices.yaml").write_text(CONFIG)
    done = invoke("train", "prices.yaml", "--quiet")
    assert done.exit_code == 0, done.stderr
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    scores = json.loads((folder / "scores.json").read_text())["test"]
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = np.array([float(row["truth"]) for row in rows])
    predicted = np.array([float(row["prediction"]) for row in rows])
    assert np.allclose(truth, price[[int(row["row"]) for row in rows]], rtol=1e-6)
    assert np.isclose(scores["mean_absolute_error"], np.abs(truth - predicted).mean(), rtol=1e-4)
    assert np.isclose(
        scores["mean_absolute_percentage_error"], 100 * (np.abs(truth - predicted) / truth).mean(), rtol=1e-4
    )
    assert scores["mean_absolute_error"] > 100 * scores["loss"]
    assert scores["r2"] > 0.5
    evaluated = json.loads(invoke("eval", "last", "--json").stdout)["scores"]["test"]
    assert evaluated == scores
    new = json.loads(invoke("predict", "last", "prices.csv", "--json").stdout)
    found = {int(row["row"]): float(row["prediction"]) for row in new["predictions"]} if "predictions" in new else {}
    assert not found or np.isclose(found[int(rows[0]["row"])], predicted[0], rtol=1e-5)
    again = json.loads(invoke("eval", "last", "--data", "prices.csv", "--json").stdout)["scores"]["data"]
    assert 0.3 < again["mean_absolute_error"] / scores["mean_absolute_error"] < 3

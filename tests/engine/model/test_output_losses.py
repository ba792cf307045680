"""Tests of the loss of each output of a model with several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics

pytestmark = pytest.mark.keras

CONFIG = """name: two
data:
  source: {csv: {file: t.csv, features: [a, b], target: [y, z]}}
  split: {test: 0.4, validation: 0.25, shuffle: false}
model:
  inputs: {x: $row}
  layers:
    - Dense: {units: 4, activation: relu, from: x, name: h}
    - Dense: {units: 1, name: y, from: h}
    - Dense: {units: 1, name: z, from: h}
  outputs:
    y: {loss: mean_squared_error}
    z: {loss: mean_absolute_error, weight: 0.5, metrics: [mean_absolute_error]}
training: {optimizer: Adam, epochs: 2, batch_size: 8}
"""


@pytest.mark.parametrize("execution", ["{executor: resident}", "{executor: stepwise}", "{xla: true}"])
def test_the_losses_of_outputs_are_means_over_rows(tmp_path: Path, execution: str) -> None:
    """They add up to the loss and are the figures of the same rows, whatever the last batch has: 20, 5 and 15 rows."""
    rows = [f"{row % 7},{row % 5},{row * row % 11},{row % 3 * 4}" for row in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y,z", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(CONFIG, encoding="utf-8")
    sets = (f"training.execution={execution}",)
    done = train(TrainRequest(str(tmp_path / "a.yaml"), sets, tmp_path / "runs", tmp_path), NullProgress())
    scores = json.loads(done.folder.scores.read_text(encoding="utf-8"))
    parts = [scores[part] for part in ("train", "validation", "test")]
    assert [one["rows"] for one in parts] == [18, 6, 16]
    for one in parts:
        assert one["loss"] == pytest.approx(one["y_loss"] + 0.5 * one["z_loss"], rel=1e-5)
        assert one["y_loss"] == pytest.approx(one["outputs"]["y"]["mean_squared_error"], rel=1e-5)
        assert one["z_loss"] == pytest.approx(one["outputs"]["z"]["mean_absolute_error"], rel=1e-5)
    for line in metrics.read(done.folder.metrics):
        assert line["loss"] == pytest.approx(line["y_loss"] + 0.5 * line["z_loss"], rel=1e-5)
        assert line["z_loss"] == pytest.approx(line["z_mean_absolute_error"], rel=1e-5)
        assert line["val_loss"] == pytest.approx(line["val_y_loss"] + 0.5 * line["val_z_loss"], rel=1e-5)

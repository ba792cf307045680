"""A picture's numbers and class in columns of a csv file, from the config to predictions of another list."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run_nnrun
from PIL import Image

pytestmark = pytest.mark.keras

CONFIG = """
name: dots
data:
  source: {images: {file: train/list.csv, colour: grey, target: [x, y, kind]}}
  prepare: [{Rescale: {divide_by: 255}}]
  prepare_target: [StandardScaler]
  split: {test: 0.2, validation: 0.2}
model:
  inputs: {picture: $image}
  layers:
    - Flatten: {from: picture}
    - Dense: {units: 32, activation: relu, name: shared}
    - Dense: {from: shared, units: 1, name: x}
    - Dense: {from: shared, units: 1, name: y}
    - Dense: {from: shared, units: 2, activation: softmax, name: kind}
  outputs:
    x: {loss: mean_squared_error}
    y: {loss: mean_squared_error}
    kind: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
training: {optimizer: {Adam: {learning_rate: 0.02}}, epochs: 30, batch_size: 16}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of pictures with a dot, dim or bright, each with its list, and a run on the first."""
    work, rng = tmp_path_factory.mktemp("dots"), np.random.default_rng(0)
    for folder, count in (("train", 96), ("other", 12)):
        (work / folder).mkdir()
        rows = [("kind", "picture", "y", "x")] if folder == "other" else [("picture", "x", "y", "kind")]
        for number in range(count):
            (x, y), bright = rng.integers(1, 7, 2), number % 2
            pixels = np.zeros((8, 8), dtype="uint8")
            pixels[y - 1 : y + 2, x - 1 : x + 2] = 255 if bright else 60
            Image.fromarray(pixels).save(work / folder / f"{number}.png")
            row = {"picture": f"{number}.png", "x": 100 * x, "y": y, "kind": "bright" if bright else "dim"}
            rows.append(tuple(str(row[name]) for name in rows[0]))
        (work / folder / "list.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    (work / "dots.yaml").write_text(CONFIG)
    run_nnrun("check", work / "dots.yaml", "--strict")
    run_nnrun("train", work / "dots.yaml", "--runs-dir", work / "runs", "--quiet")
    return work


def test_each_target_is_scored_in_its_own_unit(work: Path) -> None:
    """Errors of `x`, which is 100 to 600, are in its unit, and the class has an accuracy."""
    (run,) = (work / "runs").glob("*_dots_*")
    test = json.loads((run / "scores.json").read_text())["test"]["outputs"]
    assert 5 < test["x"]["mean_absolute_error"] < 60
    assert test["y"]["mean_absolute_error"] < 0.6
    assert test["kind"]["error_rate"] < 0.2


def test_another_list_is_scored_and_predicted(work: Path) -> None:
    """A csv file in another folder names pictures next to it, with its columns in another order."""
    (run,) = (work / "runs").glob("*_dots_*")
    run_nnrun("eval", run, "--data", work / "other" / "list.csv")
    run_nnrun("predict", run, work / "other" / "list.csv", "--out", work / "out.csv")
    with (work / "out.csv").open() as text:
        predicted = list(csv.DictReader(text))
    with (work / "other" / "list.csv").open() as text:
        truth = list(csv.DictReader(text))
    assert [one["file"] for one in predicted] == [one["picture"] for one in truth]
    away = [abs(float(one["prediction_x"]) - float(row["x"])) for one, row in zip(predicted, truth, strict=True)]
    assert np.mean(away) < 60
    assert sum(one["prediction_kind"] == row["kind"] for one, row in zip(predicted, truth, strict=True)) >= 10

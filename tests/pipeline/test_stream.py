"""Tests of runs on streamed data: the results are those of data in memory, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.errors import DataError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

PICTURES = """
name: pictures
seed: 5
data:
  source: {images: {folder: set, stream: STREAM, memory: 0.0005}}
  prepare:
    - Rescale: {divide_by: 255}
    - Standardize
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
  - Flatten
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: 2
  batch_size: 7
  class_weight: balanced
  augment:
    - RandomFlip: horizontal
"""

TABLE = """
name: table
seed: 5
data:
  source: {csv: {file: t.csv, target: [price, buys], stream: STREAM, memory: 0.00002}}
  prepare:
    - OneHot: [town]
    - Standardize: {columns: [age, pay]}
  split: {test: 0.2, validation: 0.2}
model:
  inputs: {where: [town], who: [pay, age]}
  layers:
    - Concatenate: {from: [who, where]}
    - Dense: {units: 8, activation: relu, name: seen}
    - Dense: {from: seen, units: 1, name: price}
    - Dense: {from: seen, units: 1, activation: sigmoid, name: buys}
  outputs:
    price: {loss: mean_squared_error}
    buys: {loss: binary_crossentropy, metrics: [accuracy]}
training:
  optimizer: Adam
  epochs: 3
  batch_size: 9
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with 90 images of two classes in several formats, and a table of 200 rows."""
    rng = np.random.default_rng(0)
    for index in range(90):
        kind = index % 2
        file = tmp_path / "set" / ("dark", "light")[kind] / f"{index:02}.{('jpg', 'jpg', 'png', 'bmp')[index % 4]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(90 * kind, 150 + 90 * kind, (8, 9, 3), dtype="uint8")).save(file)
    lines = ["age,pay,town,price,buys"]
    for _ in range(200):
        age, pay = rng.integers(18, 80), rng.normal(3000, 500)
        lines.append(f"{age},{pay:.2f},{rng.choice(['Ulm', 'Bonn'])},{pay / age:.3f},{rng.choice(['yes', 'no'])}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def run(folder: Path, text: str, *, stream: bool):
    """Train a config."""
    file = folder / f"{stream}.yaml"
    file.write_text(text.replace("STREAM", str(stream).lower()))
    return train(TrainRequest(str(file), runs_dir=folder / "runs", data_dir=folder), NullProgress())


def figures(done) -> list[dict]:
    """Return the metrics of the epochs without seconds."""
    lines = [json.loads(line) for line in done.folder.metrics.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.keras
@pytest.mark.parametrize("text", [PICTURES, TABLE])
def test_a_streamed_run_equals_the_run_in_memory(folder: Path, text: str) -> None:
    """Metrics, scores and predictions are equal for augmented images and for a table with two inputs and outputs."""
    streamed, resident = run(folder, text, stream=True), run(folder, text, stream=False)
    record = json.loads((streamed.folder.path / "record.json").read_text())
    assert record["executor"].startswith("streamed")
    assert record["executor_why"].startswith("the data stay on disk")
    assert {"train.stream", "test.stream"} <= set(record["digests"])
    assert figures(streamed) == figures(resident)
    assert streamed.scores == resident.scores
    assert streamed.folder.predictions.read_bytes() == resident.folder.predictions.read_bytes()
    assert streamed.folder.prepare.read_bytes() == resident.folder.prepare.read_bytes()
    request = EvaluateRequest(str(streamed.folder.path), runs_dir=folder / "runs", data_dir=folder)
    assert evaluate(request, NullProgress()).scores["test"] == streamed.scores["test"]


@pytest.mark.keras
def test_a_damaged_image_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image beyond those that check examines, which cannot be read, is named in the error and the record."""
    monkeypatch.setattr("nnrun.data.sources.labelled_files.EXAMINED", 1)
    file = folder / "set" / "dark" / "40.jpg"
    file.write_bytes(file.read_bytes()[:-120])
    with pytest.raises(DataError, match=r"40\.jpg: expected a picture, but it cannot be read"):
        run(folder, PICTURES.replace("    - Standardize\n", ""), stream=True)
    (run_folder,) = (folder / "runs").iterdir()
    assert "40.jpg" in json.loads((run_folder / "record.json").read_text())["error"]

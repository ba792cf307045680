"""Tests of saved runs on other files: tables with dates, categories and groups, and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

pytestmark = pytest.mark.keras

TABLE = """name: visits
data:
  source: {csv: {file: t.csv, types: {zip: category, when: {date: '%d.%m.%Y'}}, group: who}}
  prepare: [{OneHot: [zip]}, {Standardize: [when, bmi]}]
  split: {test: 0.25, validation: 0.2}
model: [{Dense: {units: 1, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 1, batch_size: 8}
"""
PICTURES = """name: shades
data:
  source: {images: {folder: pictures, colour: grey}}
  prepare: [{Rescale: {divide_by: 255}}]
  split: {test: 0.25, shuffle: false}
model: [Flatten, {Dense: {units: 1, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 1, batch_size: 8}
"""


def _trained(folder: Path, config: str):
    (folder / "a.yaml").write_text(config, encoding="utf-8")
    return train(TrainRequest(str(folder / "a.yaml"), (), folder / "runs", folder), NullProgress())


def test_the_test_rows_as_another_csv_score_the_same(tmp_path: Path) -> None:
    """The test rows in a new file without groups have the run's own scores, with dates and categories."""
    lines = [f"p{n // 4},{1 + n % 28:02d}.01.2026,0{n % 3},{20 + n * 7 % 11}.5,{n % 2}" for n in range(48)]
    (tmp_path / "t.csv").write_text("\n".join(["who,when,zip,bmi,sick", *lines]) + "\n")
    done = _trained(tmp_path, TABLE)
    own = evaluate(EvaluateRequest(str(done.folder.path), data_dir=tmp_path), NullProgress())
    tested = [int(row[0]) for row in own.rows]
    assert len({row // 4 for row in tested}) * 4 == len(tested)
    other = tmp_path / "new.csv"
    other.write_text("\n".join(["when,zip,bmi,sick", *(lines[row].partition(",")[2] for row in tested)]) + "\n")
    again = evaluate(EvaluateRequest(str(done.folder.path), data=other), NullProgress())
    assert again.scores["data"]["loss"] == own.scores["test"]["loss"]
    at = own.columns.index("truth")
    assert [row[at:] for row in again.rows] == [row[at:] for row in own.rows]
    assert len(predict(EvaluateRequest(str(done.folder.path)), other).rows) == len(tested)


def test_another_folder_of_images_is_scored(tmp_path: Path) -> None:
    """A run on images is evaluated on another folder, and predicts the images of one without classes."""
    from PIL import Image

    draw = np.random.default_rng(5)
    for part in ("pictures", "copy"):
        for name, shade in (("dark", 20), ("light", 180)):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(8):
                pixels = draw.integers(0, 60, (6, 6)) + shade
                Image.fromarray(pixels.astype("uint8")).save(tmp_path / part / name / f"{number}.png")
    done = _trained(tmp_path, PICTURES)
    own = evaluate(EvaluateRequest(str(done.folder.path), data_dir=tmp_path, part="train"), NullProgress())
    test = evaluate(EvaluateRequest(str(done.folder.path), data_dir=tmp_path, part="test"), NullProgress())
    whole = evaluate(EvaluateRequest(str(done.folder.path), data=tmp_path / "pictures"), NullProgress())
    rows = own.scores["train"]["rows"] + test.scores["test"]["rows"]
    assert whole.scores["data"]["rows"] == rows == 16
    assert whole.scores["data"]["errors"] == own.scores["train"]["errors"] + test.scores["test"]["errors"]
    other = evaluate(EvaluateRequest(str(done.folder.path), data=tmp_path / "copy"), NullProgress())
    assert other.scores["data"]["rows"] == 16
    assert len(predict(EvaluateRequest(str(done.folder.path)), tmp_path / "copy" / "light").rows) == 8

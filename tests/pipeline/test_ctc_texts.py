"""Texts read from sequences without an alignment: the loss CTC with targets of text, decoded to texts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.engine.scoring.label_sequences import edit_distance
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs.documents import read_scores
from nnrun.runs.folder import RunFolder

CONFIG = """name: strokes
seed: 7
data:
  source: {images: {file: words.csv, colour: grey}}
  prepare: [{Rescale: {divide_by: 255}}, {Reshape: [9, 3]}]
  prepare_target: [{TextVectorization: {split: character, standardize: null, output_sequence_length: 3}}]
  split: {test: 0.25}
model:
  - Conv1D: {filters: 16, kernel_size: 3, padding: same, activation: relu}
  - Dense: {units: $classes}
training: {loss: CTC, optimizer: {Adam: 0.03}, epochs: 20, batch_size: 16}
"""


def _write_words(folder: Path, count: int) -> None:
    """Draw words of a, b and c as pictures: a stroke for each letter, one or two pixels long, then a gap."""
    from PIL import Image

    draw, lines = np.random.default_rng(0), ["file,word"]
    for number in range(count):
        word = "".join(draw.choice(list("abc"), draw.integers(1, 4)))
        pixels = draw.integers(0, 30, (9, 3))
        at = 0
        for letter in word:
            length = int(draw.integers(1, 3))
            pixels[at : at + length, "abc".index(letter)] += 200
            at += length + 1
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{word}")
    (folder / "words.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that has learned to read 120 words."""
    folder = tmp_path_factory.mktemp("ctc")
    _write_words(folder, 120)
    (folder / "a.yaml").write_text(CONFIG)
    return train(TrainRequest(str(folder / "a.yaml"), (), folder / "runs", folder), NullProgress()).folder


def _rows(done: Any) -> list[dict[str, str]]:
    return [dict(zip(done.columns, row, strict=True)) for row in done.rows]


@pytest.mark.keras
def test_predictions_are_texts_and_scored_as_such(run: RunFolder) -> None:
    """The share of texts without a mistake, and the label error rate: characters to change over true characters."""
    with run.predictions.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    scores = read_scores(run)["test"]
    truth, found = [row["truth"] for row in rows], [row["prediction"] for row in rows]
    assert set("".join(truth)) == set("abc")
    distance = sum(edit_distance([*map(ord, one)], [*map(ord, other)]) for one, other in zip(truth, found, strict=True))
    assert scores["label_error_rate"] == pytest.approx(distance / len("".join(truth)))
    assert scores["exact_match"] == pytest.approx(1 - scores["errors"] / len(rows))
    assert scores["exact_match"] > 0.8


@pytest.mark.keras
def test_other_pictures_are_read_greedily_or_by_a_beam(run: RunFolder) -> None:
    """`eval` and `predict` on raw files decode to texts, by a beam as well; the loss does not depend on it."""
    folder = run.path.parent.parent
    request = EvaluateRequest(str(run.path), data=folder / "words.csv")
    greedy = evaluate(request, NullProgress())
    beam = evaluate(EvaluateRequest(str(run.path), data=folder / "words.csv", beam_width=8), NullProgress())
    assert beam.scores["data"]["loss"] == greedy.scores["data"]["loss"]
    assert beam.scores["data"]["exact_match"] > 0.8
    found = _rows(predict(EvaluateRequest(str(run.path), beam_width=8), folder / "words.csv"))
    assert [row["prediction"] for row in found] == [row["prediction"] for row in _rows(beam)]
    (one,) = _rows(predict(EvaluateRequest(str(run.path)), folder / "0.png"))
    assert one["prediction"] == _rows(greedy)[0]["prediction"]


def test_a_text_that_is_longer_than_the_outputs_is_found(tmp_path: Path) -> None:
    """`check` compares the steps of the outputs with the length of the texts, and has nothing else to say."""
    _write_words(tmp_path, 40)
    for length, names in ((3, []), (10, ["label-sequence-mismatch"])):
        text = CONFIG.replace("output_sequence_length: 3", f"output_sequence_length: {length}")
        (tmp_path / "a.yaml").write_text(text.replace("$classes", "5"))
        assert [one.name for one in examine(tmp_path / "a.yaml", (), tmp_path).problems] == names

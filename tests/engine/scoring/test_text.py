"""Tests of scoring texts: nats and bits for each character without keeping all outputs."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load
from nnrun.engine.session import Session
from nnrun.errors import Mark
from nnrun.progress import NullProgress
from nnrun.spec.experiment import validate

CONFIG = """data:
  source: {text: {file: text.txt, window: 8, stride: 3, encode: codes, predict: PREDICT}}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 4}
  - LSTM: {units: 6SEQUENCES}
  - Dense: {units: $classes, activation: ACTIVATION}
training:
  loss: LOSS
  optimizer: Adam
  batch_size: 16
"""


@pytest.mark.keras
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize(
    ("loss", "form", "activation"),
    [
        ("sparse_categorical_crossentropy", "integer", "softmax"),
        ("categorical_crossentropy", "one_hot", "softmax"),
        ("{SparseCategoricalCrossentropy: {from_logits: true}}", "integer", "linear"),
    ],
)
def test_scores_are_those_of_all_outputs(
    tmp_path, keras: ModuleType, monkeypatch, every, loss, form, activation
) -> None:
    """Nats, bits and errors are what all outputs give, in however many calls, and the loss is the nats."""
    (tmp_path / "text.txt").write_text("als gregor samsa eines morgens aus unruhigen träumen erwachte " * 3, "utf-8")
    text = CONFIG.replace("PREDICT", "every" if every else "next").replace("LOSS", loss)
    text = text.replace("SEQUENCES", ", return_sequences: true" if every else "").replace("ACTIVATION", activation)
    experiment = validate(parse(text, "x.yaml"))
    dataset = load(experiment.data, form=form, seed=7, paths=DataPaths(tmp_path), progress=NullProgress())

    def phase(name: str):
        from contextlib import nullcontext

        return nullcontext()

    mark = Mark("x.yaml", 1, 1, 1, "x")
    with Session.open(
        experiment, dataset.facts, lambda _: mark, threads=1, log=tmp_path / "log.txt", phase=phase
    ) as session:
        scores = session.evaluate(dataset.train).scores
        monkeypatch.setattr("nnrun.engine.executors.resident._next_count", lambda *_: 1)
        assert session.evaluate(dataset.train).scores == scores
        outputs = np.asarray(session.model(np.asarray(dataset.train.x), training=False), dtype="float64")
    y = np.asarray(dataset.train.y)
    truth = y.argmax(axis=-1) if form == "one_hot" else y
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True) if activation == "linear" else outputs
    nats = -np.log(np.take_along_axis(shares, truth[..., None].astype(int), axis=-1)).mean()
    assert scores["nats_per_character"] == pytest.approx(nats, rel=1e-5)
    assert scores["loss"] == pytest.approx(nats, rel=1e-5)
    assert scores["bits_per_character"] == pytest.approx(nats / math.log(2), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert scores["errors"] == int((shares.argmax(axis=-1) != truth).sum())
    assert scores["rows"] == len(dataset.train)

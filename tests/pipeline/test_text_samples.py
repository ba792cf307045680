"""Tests of the samples that a text model writes during training."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest
from nnrun.pipeline.generate import GenerateRequest, GenerateResult, generate
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress

CONFIG = """name: NAME
seed: 7
data:
  source: {descriptions: {lowercase: true, window: 12, stride: 60, encode: codes, predict: PREDICT}}
  split: {validation: 0.1}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 4}
  - GRU: {units: 8, dropout: 0.2, return_sequences: EVERY}
  - BatchNormalization
  - Dropout: 0.1
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  epochs: 4
  batch_size: 64
SAMPLES"""


def config(name: str, samples: str, *, predict: str = "every") -> str:
    """Return a config with these samples."""
    every = "true" if predict == "every" else "false"
    section = f"  samples: {samples}\n" if samples else ""
    text = CONFIG.replace("NAME", name).replace("PREDICT", predict).replace("EVERY", every)
    return text.replace("SAMPLES", section)


def trained(folder: Path, name: str, samples: str, **more: Any) -> TrainResult:
    """Train such a config."""
    (folder / f"{name}.yaml").write_text(config(name, samples, **more), encoding="utf-8")
    return train(TrainRequest(str(folder / f"{name}.yaml"), runs_dir=folder / "runs"), NullProgress())


def read_samples(finished: TrainResult) -> list[dict[str, Any]]:
    """Return the lines of `samples.jsonl`."""
    return [json.loads(line) for line in finished.folder.samples.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainResult]:
    """Train once without samples, and twice with samples."""
    folder = tmp_path_factory.mktemp("samples")
    samples = {
        "without": "",
        "with": "{every: 2, length: 30, seed_text: 'The '}",
        "greedy": "{length: 5, temperature: 0}",
    }
    return {name: trained(folder, name, text) for name, text in samples.items()}


class NullReader:
    """Ignores the text."""

    def on_begin(self, result: GenerateResult) -> None:
        """Do nothing."""

    def on_pieces(self, pieces: Any) -> None:
        """Do nothing."""


@pytest.mark.keras
def test_a_sample_is_saved_after_every_few_epochs(runs: dict[str, TrainResult]) -> None:
    """`samples.jsonl` has a line for each sample, and the log shows it."""
    lines = read_samples(runs["with"])
    assert [(line["epoch"], line["seed_text"]) for line in lines] == [(2, "the "), (4, "the ")]
    assert [len(line["text"]) for line in lines] == [30, 30]
    assert [sorted(line) for line in lines] == [["epoch", "seed_text", "text"]] * 2
    log = runs["with"].folder.log.read_text(encoding="utf-8")
    assert "Sample after epoch 2, continuing 'the ':" in log
    assert lines[1]["text"].split("\n")[0].strip() in log
    assert not runs["without"].folder.samples.exists()


@pytest.mark.keras
def test_samples_do_not_change_training(runs: dict[str, TrainResult]) -> None:
    """Runs with and without samples have identical weights and scores, also with random layers."""
    weights = []
    for finished in runs.values():
        import keras

        model = keras.saving.load_model(finished.folder.last)
        weights.append([np.asarray(array).tobytes() for array in model.get_weights()])
    assert weights[0] == weights[1] == weights[2]
    assert runs["without"].scores == runs["with"].scores


@pytest.mark.keras
def test_generate_text_repeats_a_sample(runs: dict[str, TrainResult]) -> None:
    """The saved model writes the sample of the last epoch again, with the same seed and seed text."""
    folder = runs["with"].folder.path
    model = EvaluateRequest(str(folder), folder.parent, checkpoint="last")
    request = GenerateRequest(model, length=30, seed_text="the ", temperature=0.7, random_seed=7)
    assert generate(request, NullReader(), NullProgress()).texts == [read_samples(runs["with"])[-1]["text"]]


@pytest.mark.keras
def test_the_default_seed_text_is_held_out(runs: dict[str, TrainResult]) -> None:
    """Without a seed text in the config a sample continues the first window of the validation part."""
    lines = read_samples(runs["greedy"])
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert len({line["seed_text"] for line in lines}) == 1
    assert len(lines[0]["seed_text"]) == 12


@pytest.mark.keras
def test_a_model_with_one_prediction_for_each_window_writes_samples(tmp_path: Path) -> None:
    """A model that reads the whole window for each character writes samples, also from an empty seed text."""
    lines = read_samples(trained(tmp_path, "next", "{every: 3, length: 9, seed_text: ''}", predict="next"))
    assert [(line["epoch"], line["seed_text"], len(line["text"])) for line in lines] == [(3, "", 9)]


def test_check_finds_unknown_characters_of_a_seed_text(tmp_path: Path) -> None:
    """Characters that the text does not have are an error at their place, with the nearest known ones."""
    (tmp_path / "bad.yaml").write_text(config("bad", "{seed_text: für}"), encoding="utf-8")
    (problem,) = examine(tmp_path / "bad.yaml", (), None).problems
    assert (problem.name, problem.mark.line) == ("seed-text-unknown", 17)
    assert "'ü' (nearest: 'u')" in problem.text


def test_samples_are_checked_like_every_section(tmp_path: Path) -> None:
    """An unknown key, an interval of 0 and a negative temperature are errors, each at its place."""
    (tmp_path / "bad.yaml").write_text(config("bad", "{lenght: 3, every: 0, temperature: -1}"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        examine(tmp_path / "bad.yaml", (), None)
    assert len(caught.value.problems) == 3
    assert {problem.mark.line for problem in caught.value.problems} == {17}


@pytest.mark.keras
@pytest.mark.skipif(find_spec("jax") is None, reason="needs JAX")
def test_samples_are_written_on_jax(tmp_path: Path) -> None:
    """A text model trained on JAX writes samples, and `generate-text` can use it."""
    text = config("on_jax", "{every: 2, length: 20, seed_text: 'the '}") + "  execution: {xla: auto}\nbackend: jax\n"
    (tmp_path / "on_jax.yaml").write_text(text, encoding="utf-8")
    words = ["--runs-dir", "runs", "-q"]
    for command in (["train", "on_jax.yaml"], ["generate-text", "last", "--length", "20", "--top-k", "3"]):
        done = subprocess.run(
            [sys.executable, "-m", "nnrun", *command, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("runs/*/samples.jsonl")
    assert [json.loads(line)["epoch"] for line in file.read_text(encoding="utf-8").splitlines()] == [2, 4]

"""Tests of writing text with a kept run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest
from nnrun.pipeline.generate import GenerateRequest, GenerateResult, generate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

CONFIG = """name: tiny_text
seed: 7
data:
  source: {descriptions: {lowercase: true, window: 12, stride: 60, encode: codes, predict: PREDICT}}
  split: {validation: 0.1}
model:
  - Embedding: {input_dim: $vocabulary, output_dim: 4}
  - GRU: {units: 8SEQUENCES}
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  batch_size: 64
"""


#: In the place of the recurrent layer.
ATTENTION = """\
  - PositionEmbedding: {sequence_length: $window, name: placed}
  - MultiHeadAttention: {from: [placed, placed], num_heads: 2, key_dim: 4, call: {use_causal_mask: true}}
"""


class Along:
    """Reads along, and stops the writing where a test asks for it."""

    def __init__(self, stop_after: int = 0) -> None:
        self.pieces: list[str] = []
        self.stop_after = stop_after

    def on_begin(self, result: GenerateResult) -> None:
        """Keep it."""
        self.told = result

    def on_pieces(self, pieces: Any) -> None:
        """Keep it, or press Ctrl-C."""
        self.pieces.append(pieces[0])
        if len(self.pieces) == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny runs: `next`, `every`, and `attention`, which says what follows every character too."""
    folder = tmp_path_factory.mktemp("texts")
    for name in ("next", "every", "attention"):
        predict = "next" if name == "next" else "every"
        sequences = ", return_sequences: true" if predict == "every" else ""
        text = CONFIG.replace("PREDICT", predict).replace("tiny_text", name)
        text = text.replace("  - GRU: {units: 8SEQUENCES}\n", ATTENTION) if name == "attention" else text
        (folder / f"{name}.yaml").write_text(text.replace("SEQUENCES", sequences), encoding="utf-8")
        train(TrainRequest(str(folder / f"{name}.yaml"), runs_dir=folder / "runs"), NullProgress())
    return folder / "runs"


def wish(runs: Path, run: str, **asked: Any) -> GenerateRequest:
    """A wish for a short text."""
    return GenerateRequest(EvaluateRequest(run, runs, checkpoint="best"), **{"length": 30, "random_seed": 5} | asked)


@pytest.mark.keras
@pytest.mark.parametrize(("run", "how"), [("next", "window"), ("every", "state"), ("attention", "window")])
def test_a_run_writes_on_from_a_random_window(runs: Path, run: str, how: str) -> None:
    """A window of the training text is written on from, with memory carried where a recurrent model has it."""
    along = Along()
    told = generate(wish(runs, run), along, NullProgress())
    assert along.told.seed_text == told.seed_text
    assert len(told.seed_text) == 12
    assert told.texts == ["".join(along.pieces)]
    assert (len(told.texts[0]), told.ended, told.how) == (30, ["length"], how)
    assert generate(wish(runs, run, random_seed=6), Along(), NullProgress()).seed_text != told.seed_text


@pytest.mark.keras
def test_attention_is_cached_within_the_window(runs: Path) -> None:
    """A text that is not longer than the window is written with keys and values kept; the characters are the same."""
    told = generate(wish(runs, "attention", seed_text="the", length=10), Along(), NullProgress())
    again = generate(wish(runs, "attention", seed_text="the", length=10, recompute=True), Along(), NullProgress())
    assert (told.how, again.how) == ("cache", "window")
    assert told.texts == again.texts


@pytest.mark.keras
@pytest.mark.parametrize("seed_text", ["", "a", "iris", "the data set has three classes of fifty instances each"])
@pytest.mark.parametrize("run", ["next", "every", "attention"])
def test_seed_texts_of_any_length_work(runs: Path, run: str, seed_text: str) -> None:
    """A seed text may be empty, shorter and longer than the window; capitals are folded as the text's were."""
    told = generate(wish(runs, run, seed_text=seed_text.upper()), Along(), NullProgress())
    assert told.seed_text == seed_text
    assert len(told.texts[0]) == 30


@pytest.mark.keras
def test_unknown_characters_are_named_with_the_nearest(runs: Path) -> None:
    """A seed text with characters that the run's text has not is refused, and the nearest ones are named."""
    with pytest.raises(RunError, match=r"characters that the run's text has not: 'ü' \(nearest: 'u'\), '猫'"):
        generate(wish(runs, "next", seed_text="für 猫"), Along(), NullProgress())


@pytest.mark.keras
def test_samples_are_written_at_once(runs: Path) -> None:
    """Several samples differ, and each ends before its own stop text."""
    told = generate(wish(runs, "every", samples=3, temperature=1.0, seed_text="the "), Along(), NullProgress())
    assert len(set(told.texts)) == 3
    assert told.characters > 0
    stop = told.texts[0][5]
    ended = generate(
        wish(runs, "every", samples=3, temperature=1.0, seed_text="the ", stop=(stop,)), Along(), NullProgress()
    )
    assert ended.ended[0] == "stop"
    for before, after in zip(told.texts, ended.texts, strict=True):
        assert after == before.partition(stop)[0]


@pytest.mark.keras
def test_ctrl_c_ends_with_what_was_written(runs: Path) -> None:
    """Ctrl-C ends the text where it is, and nothing that was made is lost."""
    told = generate(wish(runs, "every", length=10000, seed_text="the "), Along(stop_after=2), NullProgress())
    assert told.interrupted
    assert 0 < len(told.texts[0]) < 10000


@pytest.mark.keras
def test_a_run_of_no_text_is_refused(finished: Any) -> None:
    """A run that was not trained on a text cannot write."""
    question = EvaluateRequest(str(finished.folder.path), finished.folder.path.parent)
    with pytest.raises(RunError, match="is no run of a text model"):
        generate(GenerateRequest(question), Along(), NullProgress())


@pytest.mark.keras
def test_the_same_seed_writes_the_same_in_two_processes(runs: Path) -> None:
    """One random seed gives one text, whichever process writes it."""
    words = ["generate-text", "every", "--runs-dir", str(runs), "--length", "40", "--temperature", "1.2", "-q"]
    made = [
        subprocess.run(
            [sys.executable, "-m", "nnrun", *words, "--random-seed", seed], capture_output=True, text=True, check=True
        ).stdout
        for seed in ("11", "11", "12")
    ]
    assert made[0] == made[1] != made[2]
    assert len(made[0]) == 41


@pytest.mark.keras
def test_copies_are_looked_up_in_the_training_text(runs: Path) -> None:
    """Where it is asked for, each text is looked up in the training part of the run's text."""
    told = generate(wish(runs, "every", check_copy=True, temperature=1.0, samples=2), Along(), NullProgress())
    assert len(told.copies) == 2
    assert told.copies[0].longest in told.texts[0]
    assert told.as_json()["samples"][1]["copy"]["longest_characters"] == len(told.copies[1].longest) > 0
    assert told.held_out is not None
    assert told.as_json()["held_out"]["known_words_share"] == told.held_out.known_words_share > 0

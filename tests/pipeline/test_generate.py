"""Tests of the generation of text with a saved run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nnrun.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED, RunError
from nnrun.interruption import StopRequestedError
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


#: Replaces the recurrent layer.
ATTENTION = """\
  - PositionEmbedding: {sequence_length: $window, name: placed}
  - MultiHeadAttention: {from: [placed, placed], num_heads: 2, key_dim: 4, call: {use_causal_mask: true}}
"""


class RecordingReader:
    """Records the text; a test may let a request to stop come after a number of pieces."""

    def __init__(self, stop_after: int = 0, stop: BaseException | None = None) -> None:
        self.pieces: list[str] = []
        self.stop_after, self.stop = stop_after, stop or KeyboardInterrupt()

    def on_begin(self, result: GenerateResult) -> None:
        """Record the result."""
        self.result = result

    def on_pieces(self, pieces: Any) -> None:
        """Record the text, or stop."""
        self.pieces.append(pieces[0])
        if len(self.pieces) == self.stop_after:
            raise self.stop


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train three tiny runs; `every` and `attention` predict at every position, `next` at the last."""
    folder = tmp_path_factory.mktemp("texts")
    for name in ("next", "every", "attention"):
        predict = "next" if name == "next" else "every"
        sequences = ", return_sequences: true" if predict == "every" else ""
        text = CONFIG.replace("PREDICT", predict).replace("tiny_text", name)
        text = text.replace("  - GRU: {units: 8SEQUENCES}\n", ATTENTION) if name == "attention" else text
        (folder / f"{name}.yaml").write_text(text.replace("SEQUENCES", sequences), encoding="utf-8")
        train(TrainRequest(str(folder / f"{name}.yaml"), runs_dir=folder / "runs"), NullProgress())
    return folder / "runs"


def request(runs: Path, run: str, **options: Any) -> GenerateRequest:
    """Return a request for a short text."""
    return GenerateRequest(EvaluateRequest(run, runs, checkpoint="best"), **{"length": 30, "random_seed": 5} | options)


@pytest.mark.keras
@pytest.mark.parametrize(("run", "how"), [("next", "window"), ("every", "state"), ("attention", "window")])
def test_a_random_window_is_continued(runs: Path, run: str, how: str) -> None:
    """Without a seed text a random window of the training text is continued, by a recurrent model with its state."""
    reader = RecordingReader()
    result = generate(request(runs, run), reader, NullProgress())
    assert reader.result.seed_text == result.seed_text
    assert len(result.seed_text) == 12
    assert result.texts == ["".join(reader.pieces)]
    assert (len(result.texts[0]), result.ended, result.how) == (30, ["length"], how)
    assert generate(request(runs, run, random_seed=6), RecordingReader(), NullProgress()).seed_text != result.seed_text


@pytest.mark.keras
def test_keys_and_values_are_cached_within_the_window(runs: Path) -> None:
    """A text no longer than the window is written with cached keys and values, and is the same as without a cache."""
    result = generate(request(runs, "attention", seed_text="the", length=10), RecordingReader(), NullProgress())
    again = generate(
        request(runs, "attention", seed_text="the", length=10, recompute=True), RecordingReader(), NullProgress()
    )
    assert (result.how, again.how) == ("cache", "window")
    assert result.texts == again.texts


@pytest.mark.keras
@pytest.mark.parametrize("seed_text", ["", "a", "iris", "the data set has three classes of fifty instances each"])
@pytest.mark.parametrize("run", ["next", "every", "attention"])
def test_seed_texts_of_any_length_work(runs: Path, run: str, seed_text: str) -> None:
    """A seed text may be empty, shorter or longer than the window; it is lowercased as the text was."""
    result = generate(request(runs, run, seed_text=seed_text.upper()), RecordingReader(), NullProgress())
    assert result.seed_text == seed_text
    assert len(result.texts[0]) == 30


@pytest.mark.keras
def test_unknown_characters_are_an_error(runs: Path) -> None:
    """Characters of the seed text that the run's text does not have are named, with the nearest known ones."""
    with pytest.raises(
        RunError,
        match=r"characters that the run's text does not have: U\+00FC .* 'ü' \(nearest: 'u'\), U\+732B .* '猫'",
    ):
        generate(request(runs, "next", seed_text="für 猫"), RecordingReader(), NullProgress())


@pytest.mark.keras
def test_several_samples_are_written_together(runs: Path) -> None:
    """Several samples differ, and each ends before its first stop text."""
    result = generate(
        request(runs, "every", samples=3, temperature=1.0, seed_text="the "), RecordingReader(), NullProgress()
    )
    assert len(set(result.texts)) == 3
    assert result.characters > 0
    stop = result.texts[0][5]
    ended = generate(
        request(runs, "every", samples=3, temperature=1.0, seed_text="the ", stop=(stop,)),
        RecordingReader(),
        NullProgress(),
    )
    assert ended.ended[0] == "stop"
    for before, after in zip(result.texts, ended.texts, strict=True):
        assert after == before.partition(stop)[0]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (KeyboardInterrupt(), EXIT_INTERRUPTED),
        (StopRequestedError("stopped by the user", "interrupted"), EXIT_INTERRUPTED),
        (StopRequestedError("stopped by SIGTERM", "preempted"), EXIT_PREEMPTED),
    ],
)
def test_a_stop_keeps_the_text_so_far(runs: Path, stop: BaseException, code: int) -> None:
    """A request to stop ends the generation with its exit code; the text so far is returned, and nothing else begun."""
    settings = {"length": 10000, "seed_text": "the ", "check_copy": True}
    result = generate(request(runs, "every", **settings), RecordingReader(stop_after=2, stop=stop), NullProgress())
    assert (result.exit_code, result.ended, result.copies) == (code, ["interrupted"], [])
    assert 0 < len(result.texts[0]) < 10000


@pytest.mark.keras
def test_a_run_without_text_is_an_error(finished: Any) -> None:
    """A run that was not trained on a text cannot generate text."""
    model = EvaluateRequest(str(finished.folder.path), finished.folder.path.parent)
    with pytest.raises(RunError, match="is no run of a text model"):
        generate(GenerateRequest(model), RecordingReader(), NullProgress())


@pytest.mark.keras
def test_two_processes_with_the_same_seed_write_the_same(runs: Path) -> None:
    """The text depends on the random seed, not on the process."""
    words = ["generate-text", "every", "--runs-dir", str(runs), "--length", "40", "--temperature", "1.2", "-q"]
    texts = [
        subprocess.run(
            [sys.executable, "-m", "nnrun", *words, "--random-seed", seed], capture_output=True, text=True, check=True
        ).stdout
        for seed in ("11", "11", "12")
    ]
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) == 41


@pytest.mark.keras
def test_verbatim_copies_are_found(runs: Path) -> None:
    """With `check_copy` the longest passage of each text that is in the training text is reported."""
    result = generate(
        request(runs, "every", check_copy=True, temperature=1.0, samples=2), RecordingReader(), NullProgress()
    )
    assert len(result.copies) == 2
    assert result.copies[0].longest in result.texts[0]
    assert result.as_json()["samples"][1]["copy"]["longest_characters"] == len(result.copies[1].longest) > 0
    assert result.held_out is not None
    assert result.as_json()["held_out"]["known_words_share"] == result.held_out.known_words_share > 0

"""The command `nnrun generate-text`, without Keras."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nnrun.cli.commands.generate_text import join_samples
from nnrun.cli.commands.train import _next_command
from nnrun.cli.main import nnrun
from nnrun.pipeline.train import TrainRequest, TrainResult
from nnrun.runs.folder import RunFolder


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--greedy", "--temperature", "0.5"], "cannot be combined with --temperature"),
        (["--greedy", "--top-k", "3"], "cannot be combined with --top-k"),
        (["--samples", "3"], "greedy texts are all the same"),
        (["--samples", "3", "--temperature", "0"], "greedy texts are all the same"),
        (["--stop", ""], "at least one character"),
        (["--top-p", "0"], "range"),
        (["--length", "0"], "range"),
    ],
)
def test_contradictions_are_refused_before_anything_is_read(words: list[str], text: str) -> None:
    """Options that exclude each other, and values out of range, are refused at once."""
    # Through the root: asked by itself, the command would keep a help option without -h for whoever comes later.
    result = CliRunner().invoke(nnrun, ["generate-text", "last", *words])
    assert result.exit_code == 2
    assert text in " ".join(result.output.split())


def test_several_samples_are_numbered() -> None:
    """A single text is returned as it is; each of several has a line with its number above it."""
    assert join_samples(["a\nb"]) == "a\nb"
    assert join_samples(["a", "b"]) == "=== sample 1 of 2\na\n=== sample 2 of 2\nb\n"


@pytest.mark.parametrize(("figure", "command"), [("bits_per_character", "generate-text"), ("accuracy", "eval")])
def test_train_names_the_next_command(figure: str, command: str) -> None:
    """After training on a text the next command generates text; after any other it evaluates."""
    scores = {"task": "classification", "validation": {"loss": 1.0, figure: 0.5}}
    result = TrainResult(RunFolder(Path("run")), scores)
    assert _next_command(result, TrainRequest("config.yaml")).startswith(f"nnrun {command} ")

"""Tests of the command `generate-text` that wake no Keras."""

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
    ("words", "said"),
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
def test_contradictions_are_refused_before_anything_is_read(words: list[str], said: str) -> None:
    """Options that cannot be together, and values out of range, are refused at once."""
    # Through the root: asked by itself, the command would keep a help option without -h for whoever comes later.
    result = CliRunner().invoke(nnrun, ["generate-text", "last", *words])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_several_texts_stand_under_lines_that_count_them() -> None:
    """One text is given as it is, several each under its number."""
    assert join_samples(["a\nb"]) == "a\nb"
    assert join_samples(["a", "b"]) == "=== sample 1 of 2\na\n=== sample 2 of 2\nb\n"


@pytest.mark.parametrize(("figure", "command"), [("bits_per_character", "generate-text"), ("accuracy", "eval")])
def test_a_run_on_a_text_leads_on_to_writing(figure: str, command: str) -> None:
    """What `train` names as the next command is to let a model of a text write, and to ask any other again."""
    scores = {"task": "classification", "validation": {"loss": 1.0, figure: 0.5}}
    result = TrainResult(RunFolder(Path("run")), scores)
    assert _next_command(result, TrainRequest("config.yaml")).startswith(f"nnrun {command} ")

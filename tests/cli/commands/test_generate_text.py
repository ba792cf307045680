"""The command `nnrun generate-text`, without Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nnrun.cli.commands.generate_text import join_samples
from nnrun.cli.commands.train import next_commands
from nnrun.cli.main import nnrun
from nnrun.pipeline.train import TrainRequest
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


@pytest.mark.parametrize(
    ("scores", "commands"),
    [
        (
            {"validation": {"loss": 1.0, "bits_per_character": 0.5}},
            ["nnrun report run", "nnrun generate-text run --temperature 0.7"],
        ),
        ({"validation": {"loss": 1.0, "accuracy": 0.5}}, ["nnrun report run", "nnrun predict run FILE"]),
        ({"cross_validation": {"folds": 3}}, ["nnrun report run"]),
    ],
)
def test_train_names_the_next_commands(tmp_path: Path, scores: dict[str, Any], commands: list[str]) -> None:
    """After training there is a report to write; a model of a text generates text, and other models predict."""
    request, folder = TrainRequest("config.yaml", runs_dir=tmp_path), RunFolder(tmp_path / "run")
    assert next_commands(folder, scores, request) == [f"{command} --runs-dir {tmp_path}" for command in commands]
    folder.path.mkdir()
    folder.report.touch()
    assert next_commands(folder, scores, request) == [f"{one} --runs-dir {tmp_path}" for one in commands[1:]]


def test_a_run_of_the_same_targets_is_compared(tmp_path: Path) -> None:
    """The last run of the same name is compared first if it was tested on the same targets, and only then."""
    folders = [RunFolder(tmp_path / f"2026010{day}T000000Z_same_00000{day}") for day in (1, 2, 3)]
    for folder, digest in zip(folders, ("other", "y", "y"), strict=True):
        folder.path.mkdir()
        folder.write_json(folder.record, {"status": "done", "digests": {"test.y": digest}})
        folder.write_json(folder.scores, {"test": {"error_percent": 1.0}})
    request = TrainRequest("config.yaml", runs_dir=tmp_path)
    found = [next_commands(folder, {"test": {}}, request) for folder in folders]
    assert [len(commands) for commands in found] == [2, 2, 3]
    assert found[2][0] == f"nnrun compare 000002 000003 --runs-dir {tmp_path}"

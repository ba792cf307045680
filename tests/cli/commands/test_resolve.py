"""Requirements of `nnrun resolve`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.config.document import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Say = Callable[..., Result]


def test_everything_is_said_out(say: Say, place: Path) -> None:
    """Bases, `--set`, defaults and paths are all in the output, `extends` is not."""
    (place / "mine.yaml").write_text("extends: tiny.yaml\nname: mine\ntraining: {epochs: 5, metrics: null}\n")
    result = say("resolve", "mine.yaml", "--set", "training.batch_size=16")
    assert (result.exit_code, result.stderr) == (0, "")
    said = parse(result.stdout, "said").data
    assert "extends" not in said
    assert (said["name"], said["seed"]) == ("mine", 3)
    assert said["data"]["source"]["csv"]["file"] == str((place / "tiny.csv").resolve())
    training = said["training"]
    assert (training["epochs"], training["batch_size"], training["shuffle"]) == (5, 16, True)
    assert "metrics" not in training
    assert training["optimizer"]["Adam"]["learning_rate"] == 0.001


def test_what_is_printed_is_the_same_experiment(say: Say, place: Path) -> None:
    """The output, put into a file elsewhere, is fine and says out the same."""
    first = say("resolve", "tiny.yaml").stdout
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / "again.yaml").write_text(first, encoding="utf-8")
    assert say("check", "elsewhere/again.yaml", "--strict").exit_code == 0
    assert say("resolve", "elsewhere/again.yaml").stdout == first


def test_json_is_the_same_data(say: Say) -> None:
    """`--json` prints the same data as one document."""
    yaml = parse(say("resolve", "tiny.yaml").stdout, "said").data
    assert json.loads(say("resolve", "tiny.yaml", "--json").stdout) == yaml


def test_a_broken_config_is_refused(say: Say, place: Path) -> None:
    """What the language does not allow is told like `check` tells it, in the base where it stands there."""
    (place / "base.yaml").write_text("training: {epochs: many}\n", encoding="utf-8")
    (place / "mine.yaml").write_text("extends: [tiny.yaml, base.yaml]\n", encoding="utf-8")
    result = say("resolve", "mine.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "base.yaml:1:20: error: " in result.stderr


def test_errors_of_meaning_are_told_beside_it(say: Say, place: Path) -> None:
    """A config that can be said out but not run is printed, with its errors on stderr and exit code 2."""
    (place / "mine.yaml").write_text("extends: tiny.yaml\ndata: {source: {csv: {file: none.csv}}}\n")
    result = say("resolve", "mine.yaml")
    assert result.exit_code == 2
    assert parse(result.stdout, "said").data["data"]["source"]["csv"]["target"] == "kind"
    assert "mine.yaml:2:" in result.stderr

"""The command `nnrun resolve`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.config.document import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Invoke = Callable[..., Result]


def test_everything_is_filled_in(invoke: Invoke, workdir: Path) -> None:
    """Bases, `--set`, defaults and paths are all in the output, `extends` is not."""
    (workdir / "mine.yaml").write_text("extends: tiny.yaml\nname: mine\ntraining: {epochs: 5, metrics: null}\n")
    result = invoke("resolve", "mine.yaml", "--set", "training.batch_size=16")
    assert (result.exit_code, result.stderr) == (0, "")
    resolved = parse(result.stdout, "resolved").data
    assert "extends" not in resolved
    assert (resolved["name"], resolved["seed"]) == ("mine", 3)
    assert resolved["data"]["source"]["csv"]["file"] == str((workdir / "tiny.csv").resolve())
    training = resolved["training"]
    assert (training["epochs"], training["batch_size"], training["shuffle"]) == (5, 16, True)
    assert "metrics" not in training
    assert training["optimizer"]["Adam"]["learning_rate"] == 0.001


def test_the_output_is_the_same_experiment(invoke: Invoke, workdir: Path) -> None:
    """The output, written into a file elsewhere, is valid and resolves to the same."""
    first = invoke("resolve", "tiny.yaml").stdout
    (workdir / "elsewhere").mkdir()
    (workdir / "elsewhere" / "again.yaml").write_text(first, encoding="utf-8")
    assert invoke("check", "elsewhere/again.yaml", "--strict").exit_code == 0
    assert invoke("resolve", "elsewhere/again.yaml").stdout == first


def test_json_is_the_same_data(invoke: Invoke) -> None:
    """`--json` prints the same data as one document."""
    yaml = parse(invoke("resolve", "tiny.yaml").stdout, "resolved").data
    assert json.loads(invoke("resolve", "tiny.yaml", "--json").stdout) == yaml


def test_an_invalid_config_is_refused(invoke: Invoke, workdir: Path) -> None:
    """An error of the language is printed as `check` prints it, at its place in the base."""
    (workdir / "base.yaml").write_text("training: {epochs: many}\n", encoding="utf-8")
    (workdir / "mine.yaml").write_text("extends: [tiny.yaml, base.yaml]\n", encoding="utf-8")
    result = invoke("resolve", "mine.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "base.yaml:1:20: error: " in result.stderr


def test_errors_of_meaning_are_printed_on_stderr(invoke: Invoke, workdir: Path) -> None:
    """A config that is valid but cannot run is printed, with its errors on stderr and exit code 2."""
    (workdir / "mine.yaml").write_text("extends: tiny.yaml\ndata: {source: {csv: {file: none.csv}}}\n")
    result = invoke("resolve", "mine.yaml")
    assert result.exit_code == 2
    assert parse(result.stdout, "resolved").data["data"]["source"]["csv"]["target"] == "kind"
    assert "mine.yaml:2:" in result.stderr

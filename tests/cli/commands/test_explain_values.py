"""The command `nnrun explain FILE:PATH`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nnrun.cli.commands.explain import text_at
from nnrun.errors import Mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Invoke = Callable[..., Result]

MINE = """\
extends: tiny.yaml
training:
  epochs: 5
  optimizer: {Adam: {beta_1: 0.8}}
"""


@pytest.fixture(autouse=True)
def mine(workdir: Path) -> None:
    """A config that extends the tiny one."""
    (workdir / "mine.yaml").write_text(MINE, encoding="utf-8")


def lines(result: Result) -> list[str]:
    """Return the lines of an output without an error."""
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.strip() for line in result.stdout.splitlines()]


def test_every_place_of_a_value_is_shown(invoke: Invoke) -> None:
    """The base comes first, then the extending file, then `--set`; the last is in force."""
    assert lines(invoke("explain", "mine.yaml:training.epochs", "--set", "training.epochs=7")) == [
        "training.epochs: 7",
        "tiny.yaml line 14: 2",
        "mine.yaml line 3: 5",
        "--set training.epochs=7: 7  (in force)",
    ]


def test_a_value_of_the_base(invoke: Invoke) -> None:
    """A value that only the base sets is shown with the line of the base."""
    assert lines(invoke("explain", "mine.yaml:model.0.Dense.units")) == [
        "model.0.Dense.units: 4",
        "tiny.yaml line 8: 4  (in force)",
    ]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("training.shuffle", ["training.shuffle: true", "Keras' default"]),
        ("training.best.mode", ["training.best.mode: auto", "nnrun's default"]),
        ("training.optimizer.Adam.learning_rate", ["training.optimizer.Adam.learning_rate: 0.001", "Keras' default"]),
        ("data.source.csv.header", ["data.source.csv.header: null", "nnrun's default"]),
    ],
)
def test_defaults_have_their_owner(invoke: Invoke, path: str, answer: list[str]) -> None:
    """A value that nothing sets is shown as Keras' default or nnrun's."""
    assert lines(invoke("explain", f"mine.yaml:{path}")) == answer


def test_set_replaces_a_default(invoke: Invoke) -> None:
    """With `--set` the place in force is the option."""
    assert lines(invoke("explain", "tiny.yaml:keras.floatx", "--set", "keras.floatx=float64")) == [
        "keras.floatx: float64",
        "--set keras.floatx=float64: float64  (in force)",
    ]


def test_a_mapping_is_shown_value_by_value(invoke: Invoke) -> None:
    """For a section each value in it is shown with the place in force."""
    shown = lines(invoke("explain", "mine.yaml:training"))
    assert shown[0] == "training: a mapping of 5"
    assert "training.epochs: 5  (mine.yaml line 3)" in shown
    assert "training.batch_size: 8  (tiny.yaml line 15)" in shown
    assert "training.optimizer.Adam.beta_1: 0.8  (mine.yaml line 4)" in shown


def test_json_holds_every_place(invoke: Invoke) -> None:
    """`--json` holds the value, every place, and the owner of a default."""
    document = json.loads(invoke("explain", "mine.yaml:training.epochs", "--json").stdout)
    assert (document["path"], document["value"], document["default_of"]) == ("training.epochs", 5, None)
    assert document["places"] == [
        {"file": "tiny.yaml", "line": 14, "column": 11, "said": "2"},
        {"file": "mine.yaml", "line": 3, "column": 11, "said": "5"},
    ]
    assert json.loads(invoke("explain", "mine.yaml:training.shuffle", "--json").stdout)["default_of"] == "Keras"


@pytest.mark.parametrize(
    ("question", "text", "hint"),
    [
        ("mine.yaml:training.epoch", "'training' has no 'epoch'", "Did you mean 'epochs'?"),
        ("mine.yaml:", "expected FILE:PATH, received 'mine.yaml:'", "nnrun explain my.yaml:training.epochs"),
        ("mine.yml:seed", "mine.yml", None),
        ("mine.yaml:model.0.Dense.unit", "Dense has no argument 'unit'", "Did you mean 'units'?"),
    ],
)
def test_unknown_values_are_refused(invoke: Invoke, question: str, text: str, hint: str | None) -> None:
    """A value or file that does not exist is refused with the nearest name."""
    result = invoke("explain", question)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert text in result.stderr
    assert hint is None or hint in result.stderr


def test_set_needs_a_file(invoke: Invoke) -> None:
    """`--set` with the name of a part is refused rather than ignored."""
    result = invoke("explain", "Adam", "--set", "training.epochs=1")
    assert result.exit_code == 1
    assert "expected FILE:PATH, received 'Adam'" in result.stderr


def test_a_shipped_config_is_found_by_name(invoke: Invoke) -> None:
    """FILE may be the name of a config that comes with nnrun."""
    assert lines(invoke("explain", "digits_mlp:seed"))[0] == "seed: 7"


@pytest.mark.parametrize(
    ("line", "column", "length", "text"),
    [
        ("epochs: 10  # ten", 9, 2, "10"),
        ("a: {b: 1, c: 2}", 8, 1, "1"),
        ("a: {b: [1, 2]}", 8, 6, "[1, 2]"),
        ("a: {b: 1,", 4, 6, "{b: 1, ..."),
        ("  loss: mse", 3, 4, "loss: mse ..."),
        ("  - Flatten", 3, 1, "- Flatten ..."),
    ],
)
def test_the_text_at_a_place(line: str, column: int, length: int, text: str) -> None:
    """A single value is shown whole, and of one that continues on other lines the beginning."""
    assert text_at(Mark("a.yaml", 1, column, length, line)) == text

"""Requirements of `nnrun explain FILE:PATH`."""

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

    Say = Callable[..., Result]

MINE = """\
extends: tiny.yaml
training:
  epochs: 5
  optimizer: {Adam: {beta_1: 0.8}}
"""


@pytest.fixture(autouse=True)
def mine(place: Path) -> None:
    """A config over the tiny one."""
    (place / "mine.yaml").write_text(MINE, encoding="utf-8")


def lines(result: Result) -> list[str]:
    """The lines of an answer without an error."""
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.strip() for line in result.stdout.splitlines()]


def test_every_place_is_told_and_the_last_is_in_force(say: Say) -> None:
    """The base comes first, then the extending file, then `--set`, each with what it says."""
    assert lines(say("explain", "mine.yaml:training.epochs", "--set", "training.epochs=7")) == [
        "training.epochs: 7",
        "tiny.yaml line 14: 2",
        "mine.yaml line 3: 5",
        "--set training.epochs=7: 7  (in force)",
    ]


def test_a_value_of_the_base_alone(say: Say) -> None:
    """What only the base says is told with the base's line."""
    assert lines(say("explain", "mine.yaml:model.0.Dense.units")) == [
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
def test_defaults_say_whose_they_are(say: Say, path: str, answer: list[str]) -> None:
    """A value that nothing says is told as Keras' default or as nnrun's."""
    assert lines(say("explain", f"mine.yaml:{path}")) == answer


def test_set_may_give_what_was_a_default(say: Say) -> None:
    """With `--set` a default gives way to the option."""
    assert lines(say("explain", "tiny.yaml:keras.floatx", "--set", "keras.floatx=float64")) == [
        "keras.floatx: float64",
        "--set keras.floatx=float64: float64  (in force)",
    ]


def test_a_mapping_is_told_value_by_value(say: Say) -> None:
    """For a section, each value in it is told with the place that is in force."""
    told = lines(say("explain", "mine.yaml:training"))
    assert told[0] == "training: a mapping of 5"
    assert "training.epochs: 5  (mine.yaml line 3)" in told
    assert "training.batch_size: 8  (tiny.yaml line 15)" in told
    assert "training.optimizer.Adam.beta_1: 0.8  (mine.yaml line 4)" in told


def test_json(say: Say) -> None:
    """`--json` has the value, every place, and whose default it is."""
    told = json.loads(say("explain", "mine.yaml:training.epochs", "--json").stdout)
    assert (told["path"], told["value"], told["default_of"]) == ("training.epochs", 5, None)
    assert told["places"] == [
        {"file": "tiny.yaml", "line": 14, "column": 11, "said": "2"},
        {"file": "mine.yaml", "line": 3, "column": 11, "said": "5"},
    ]
    assert json.loads(say("explain", "mine.yaml:training.shuffle", "--json").stdout)["default_of"] == "Keras"


@pytest.mark.parametrize(
    ("question", "text", "hint"),
    [
        ("mine.yaml:training.epoch", "'training' has no 'epoch'", "Did you mean 'epochs'?"),
        ("mine.yaml:", "expected FILE:PATH, received 'mine.yaml:'", "nnrun explain my.yaml:training.epochs"),
        ("mine.yml:seed", "mine.yml", None),
        ("mine.yaml:model.0.Dense.unit", "Dense has no argument 'unit'", "Did you mean 'units'?"),
    ],
)
def test_what_is_not_there(say: Say, question: str, text: str, hint: str | None) -> None:
    """A value or file that cannot be is refused with the nearest that can."""
    result = say("explain", question)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert text in result.stderr
    assert hint is None or hint in result.stderr


def test_set_needs_a_file(say: Say) -> None:
    """`--set` beside the name of a part is refused rather than ignored."""
    result = say("explain", "Adam", "--set", "training.epochs=1")
    assert result.exit_code == 1
    assert "expected FILE:PATH, received 'Adam'" in result.stderr


def test_a_shipped_config_by_name(say: Say) -> None:
    """FILE may be the name of a config that comes with nnrun."""
    assert lines(say("explain", "digits_mlp:seed"))[0] == "seed: 7"


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
def test_what_a_place_says(line: str, column: int, length: int, text: str) -> None:
    """A single value is told whole; of what goes on over several lines, the beginning."""
    assert text_at(Mark("a.yaml", 1, column, length, line)) == text

"""Completion of dotted paths: what is offered is valid at its place."""

from __future__ import annotations

from typing import Any

import pytest

from nnrun.catalog import lookup
from nnrun.config import document, overrides
from nnrun.config.files import shipped_configs
from nnrun.errors import ConfigError
from nnrun.spec.completion import complete_path, complete_setting
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.training import TrainingSpec

FILE = shipped_configs()["digits_cnn"]
DATA: dict[str, Any] = document.read(FILE).data
GRAPH = {
    **DATA,
    "model": {"layers": [{"Dense": {"units": 1, "from": "a"}}], "inputs": {"a": ["age"]}},
    "expect": {"test.loss": {"at_most": 1}},
}


def words(data: dict[str, Any], typed: str) -> list[str]:
    """Return what is offered, without the meanings."""
    return [word for word, _ in complete_setting(data, typed)]


def test_the_keys_of_a_section_are_offered_with_their_meaning() -> None:
    """The top and `training` offer all their keys; a key with others inside ends with a dot."""
    assert {word.rstrip("=.+") for word in words({}, "")} == set(Experiment.known_keys())
    offered = dict(complete_setting(DATA, "training."))
    assert {word.removeprefix("training.").rstrip("=.+") for word in offered} == set(TrainingSpec.known_keys())
    assert offered["training.epochs="].startswith("The number of passes")


def test_the_arguments_are_those_of_the_part_that_is_there() -> None:
    """Adam's arguments where the optimizer is Adam, and no other optimizer's name below it."""
    adam = lookup.entry("optimizers", "Adam")
    assert adam is not None
    found = words(DATA, "training.optimizer.Adam.")
    assert {word.split(".")[-1].rstrip("=") for word in found} == set(adam.parameters)
    assert words(DATA, "training.optimizer.") == ["training.optimizer.Adam."]
    assert words({}, "training.optimizer.") == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("training.best.mode=", ["auto", "min", "max"]),
        ("data.split.stratify=", ["true", "false"]),
        ("data.split.validation=", ["0.1", "test"]),
        ("model.0.Conv2D.padding=", ["same", "valid"]),
        ("model.3.Dropout=", ["0.25"]),
        ("training.epochs=", ["30"]),
        ("training.callbacks+=Early", ["EarlyStopping"]),
        ("training.optimizer=SG", ["SGD"]),
        ("silence+=test-", ["test-part-watched"]),
        ("silence+=monitor-", []),
        ("model.99.Dense.units=", []),
        ("nowhere.at.all=", []),
        ("training.optimizer.SGD.", []),
    ],
)
def test_the_present_value_and_all_values_of_small_kinds_are_offered(typed: str, expected: list[str]) -> None:
    """After `=` come the present value, choices, booleans, or the names of parts."""
    assert [word.split("=", 1)[-1] for word in words(DATA, typed)] == expected


def test_lists_offer_their_indexes_and_one_more_item() -> None:
    """A list offers its indexes, and `+=` to append an item."""
    assert {"model.", "model=", "model+="} <= set(words(DATA, "model"))
    assert [word for word in words(DATA, "model.") if word.endswith(".")] == [f"model.{place}." for place in range(8)]
    assert "model.2.MaxPooling2D.pool_size=" in words(DATA, "model.2.MaxPooling2D.")
    assert words(DATA, "model.1.Conv2D.fil") == ["model.1.Conv2D.filters="]


def test_graphs_are_completed_too() -> None:
    """Layers of a graph are completed as those of a chain; other mappings offer the keys they have."""
    assert "model.layers." in words(GRAPH, "model.")
    assert "model.layers.0.Dense.units=" in words(GRAPH, "model.layers.0.Dense.")
    assert "model.inputs.a." in words(GRAPH, "model.inputs.")


@pytest.mark.parametrize("typed", ["training.best.", "model.0.Conv2D.", "training.optimizer.Adam."])
def test_every_value_that_is_offered_is_valid(typed: str) -> None:
    """Whatever completion offers, `--set` applies and the language accepts."""
    options = [
        value for path in words(DATA, typed) if path.endswith("=") and "+" not in path for value in words(DATA, path)
    ]
    assert options
    complete = [option for option in options if not _needs_arguments(option)]
    for option in complete:
        try:
            validate(overrides.apply(document.read(FILE), [option]))
        except ConfigError as error:
            pytest.fail(f"{option}: {error}")


def _needs_arguments(option: str) -> bool:
    """Return whether a value is the name of a part that needs arguments."""
    word = option.partition("=")[2]
    found = [entry for category in lookup.CATEGORIES if (entry := lookup.entry(category, word))]
    return any(one.required for entry in found for one in entry.parameters.values()) or word == "l1l2"


def test_paths_are_those_of_the_config() -> None:
    """For `explain FILE:PATH` a path is offered, and once more with a dot where there are keys below it."""
    found = [word for word, _ in complete_path(DATA, "training.opt")]
    assert found == ["training.optimizer", "training.optimizer."]

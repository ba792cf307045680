"""Claims of `expect:` about figures that there will not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nnrun.spec.facts import Facts

CLASSES = Facts(
    "classification", "integer", (64,), classes=2, targets=1, class_names=("cat", "dog"), rows={"train": 90, "test": 10}
)


def claimed(found: Callable[..., Any], path: str, facts: Facts = CLASSES, **sections: str) -> list[tuple[str, str]]:
    """What is found in a config with one claim."""
    told = found(facts, expect=f"{{{path}: {{at_most: 1}}}}", **sections)
    return [(one.name, one.hint) for one in told if one.name == "expect-path-unknown"]


@pytest.mark.parametrize(
    "path",
    [
        "test.error_percent",
        "test.loss",
        "test.roc_auc",
        "test.expected_calibration_error",
        "test.per_class.dog.recall",
        "train.errors",
        "cross_validation.mean.error_percent",
    ],
)
def test_figures_that_there_will_be_can_be_claimed(found: Callable[..., Any], path: str) -> None:
    """Keras' figures, nnrun's own and those of a class are known."""
    assert claimed(found, path) == []


@pytest.mark.parametrize(
    "path", ["test.roc", "test.per_class.cow.recall", "train.roc_auc", "train.per_class.dog.f1", "validation.errors"]
)
def test_figures_that_there_will_not_be_are_found(found: Callable[..., Any], path: str) -> None:
    """A misspelt figure, a class that is none, a detail of the training rows and a part that is none are refused."""
    ((name, hint),) = claimed(found, path)
    assert name == "expect-path-unknown"
    assert hint


def test_numbers_have_their_own_figures(found: Callable[..., Any]) -> None:
    """A regression has an R2 and no errors to count."""
    numbers = replace(CLASSES, task="regression", form="number", classes=None, class_names=())
    training = "loss: mse\noptimizer: Adam"
    assert claimed(found, "test.r2", numbers, training=training) == []
    assert claimed(found, "train.root_mean_squared_error", numbers, training=training) == []
    assert claimed(found, "test.errors", numbers, training=training)

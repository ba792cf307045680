"""Names of metrics, and scores of `expect:` that there will not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nnrun.spec.facts import Facts

TRAINING = "loss: sparse_categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy]\n"
FACTS = Facts("classification", "integer", (64,), classes=10, targets=1, rows={"train": 100, "test": 20})
CLASSES = Facts(
    "classification", "integer", (64,), classes=2, targets=1, class_names=("cat", "dog"), rows={"train": 90, "test": 10}
)


F1 = "loss: categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy, F1Score]\n"
VECTORS = replace(CLASSES, form="one_hot", targets=2)
SOFTMAX = "- Dense: {units: 2, activation: softmax}"


def unknown_scores(
    found: Callable[..., Any], path: str, facts: Facts = CLASSES, **sections: str
) -> list[tuple[str, str]]:
    """Return name and hint of the finding about an unknown score, in a config that expects one score."""
    findings = found(facts, expect=f"{{{path}: {{at_most: 1}}}}", **sections)
    return [(one.name, one.hint) for one in findings if one.name == "expect-path-unknown"]


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
def test_known_scores_can_be_expected(found: Callable[..., Any], path: str) -> None:
    """Keras' metrics, nnrun's own scores and those of a class are known."""
    assert unknown_scores(found, path) == []


@pytest.mark.parametrize(
    "path", ["test.roc", "test.per_class.cow.recall", "train.roc_auc", "train.per_class.dog.f1", "validation.errors"]
)
def test_unknown_scores_are_found(found: Callable[..., Any], path: str) -> None:
    """A misspelt score, an unknown class, a detail of the training rows and an unknown part are refused."""
    ((name, hint),) = unknown_scores(found, path)
    assert name == "expect-path-unknown"
    assert hint


def test_a_regression_has_its_own_scores(found: Callable[..., Any]) -> None:
    """A regression has an R2 and no errors to count."""
    numbers = replace(CLASSES, task="regression", form="number", classes=None, class_names=())
    training = "loss: mse\noptimizer: Adam"
    assert unknown_scores(found, "test.r2", numbers, training=training) == []
    assert unknown_scores(found, "train.root_mean_squared_error", numbers, training=training) == []
    assert unknown_scores(found, "test.errors", numbers, training=training)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("test.accuracy", None),
        ("test.error_percent", None),
        ("train.rows", None),
        ("cross_validation.mean.accuracy", None),
        ("test.acc", "write test.accuracy"),
        ("test.eror_percent", "Did you mean 'test.error_percent'?"),
        ("validation.accuracy", None),
    ],
)
def test_an_expected_score_must_exist(found, path: str, hint: str | None) -> None:
    """A score of a known part, of Keras or nnrun, is accepted; everything else is an error with a hint."""
    findings = found(FACTS, expect=f"{{{path}: {{at_least: 0.5}}}}", training=TRAINING)
    wrong = hint is not None or path.startswith("validation.")
    assert [(one.name, one.path) for one in findings] == [("expect-path-unknown", ("expect", path))] * wrong
    assert hint in (None, *(one.hint for one in findings))


def test_scores_of_several_outputs_have_their_names(found) -> None:
    """Scores of nnrun are below the output's name, metrics of Keras begin with it."""
    model = """
    layers:
      - Dense: {units: 10, activation: softmax, name: one}
      - Dense: {from: input, units: 10, activation: softmax, name: other}
    outputs: {one: {}, other: {}}
    """
    expect = "{test.one_accuracy: {at_least: 0}, test.outputs.other.error_rate: {at_most: 1}, test.loss: {at_most: 9}}"
    assert found(FACTS, model=model, training=TRAINING, expect=expect) == ()


def test_the_figures_of_each_class_can_be_expected(found) -> None:
    """A metric with a figure for each class has scores by their names, and none under its own."""
    for path in ("test.f1_score_cat", "test.f1_score_dog"):
        assert unknown_scores(found, path, VECTORS, training=F1, model=SOFTMAX) == []
    ((_, hint),) = unknown_scores(found, "test.f1_score", VECTORS, training=F1, model=SOFTMAX)
    assert hint == (
        "there is one for each class or output: write test.f1_score_cat, test.f1_score_dog; "
        "for a single figure write metrics: [{F1Score: {average: macro}}]"
    )
    assert unknown_scores(found, "tets.f1_score_cat", VECTORS, training=F1, model=SOFTMAX)
    assert unknown_scores(found, "test.f1_score_cow", VECTORS, training=F1, model=SOFTMAX)


def test_figures_of_unknown_classes_are_accepted(found) -> None:
    """Where the classes are known only after loading, any word after the metric's name may be one."""
    unknown = replace(VECTORS, class_names=(), classes=None, targets=None)
    model = "- Dense: {units: $classes, activation: softmax}"
    assert unknown_scores(found, "test.f1_score_anything", unknown, training=F1, model=model) == []
    assert unknown_scores(found, "test.f2_score_anything", unknown, training=F1, model=model)


def chosen(
    found: Callable[..., Any], sweep: str, facts: Facts | None = CLASSES, **sections: str
) -> list[tuple[str, str]]:
    """Return name and hint of the findings about the score by which a sweep chooses."""
    known = {"training": TRAINING, **sections}
    findings = found(facts, sweep=f"{{seeds: 2, choose_by: {sweep}}}", **known)
    return [(one.name, one.hint) for one in findings if str(one.name).startswith("chosen-score")]


FOLDED = "source: digits\nsplit: {k_fold: {folds: 3}}"


@pytest.mark.parametrize(
    ("sweep", "sections"),
    [
        ("test.error_percent", {}),
        ("train.accuracy", {}),
        ("test.roc_auc", {}),
        ("test.rows, mode: max", {}),
        ("cross_validation.mean.error_percent", {"data": FOLDED}),
        ("test.f1_score_dog", {"training": F1, "model": SOFTMAX}),
    ],
)
def test_a_sweep_can_choose_by_what_a_trial_will_have(
    found: Callable[..., Any], sweep: str, sections: dict[str, str]
) -> None:
    """Scores of the parts that there are, and the means over folds."""
    facts = VECTORS if "model" in sections else CLASSES
    assert chosen(found, sweep, facts, **sections) == []


@pytest.mark.parametrize(
    ("sweep", "hint"),
    [
        ("test.acc", "write test.accuracy"),
        ("validation.accuracy", None),
        ("nonsense", None),
        ("accuracy", None),
        ("test.per_class.dog.f1", None),
        ("cross_validation.mean.accuracy", None),
    ],
)
def test_a_score_that_no_trial_will_have_is_refused(found: Callable[..., Any], sweep: str, hint: str | None) -> None:
    """A misspelt one, one without its part, of a part that there is not, or of a class, which no ledger has."""
    ((name, text),) = chosen(found, sweep)
    assert name == "chosen-score-unknown"
    assert text == hint or (hint is None and text.startswith(("the names are: ", "Did you mean ")))


def test_a_score_without_a_better_side_needs_a_mode(found: Callable[..., Any]) -> None:
    """Also where the facts of the data are not known."""
    for facts in (CLASSES, None):
        ((name, text),) = chosen(found, "test.rows", facts)
        assert name == "chosen-score-without-mode"
        assert "mode: max" in text

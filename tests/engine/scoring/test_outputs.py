"""Outputs become classes and probabilities, and encoded targets become classes again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.special import expit, softmax

from nnrun.data.target_encoding import encode_targets
from nnrun.engine.scoring.outputs import of_both_classes, predicted_classes, probabilities_from_logits, true_classes
from nnrun.spec.facts import Facts
from nnrun.spec.part import Part

CROSSENTROPY = Part("losses", "CategoricalCrossentropy", {})
BINARY = Part("losses", "BinaryCrossentropy", {})
THREE = Facts("classification", "one_hot", (4,), classes=3, class_names=("ant", "bee", "cat"))
TWO = Facts("classification", "binary", (4,), classes=2, class_names=("no", "yes"))
NUMBERS = Facts("regression", "number", (4,), targets=1, target_names=("price",))

CLASSED = some.integers(2, 6).flatmap(
    lambda classes: some.tuples(some.just(classes), some.lists(some.integers(0, classes - 1), min_size=1))
)


@given(CLASSED)
def test_true_classes_undo_every_encoding(drawn: tuple[int, list[int]]) -> None:
    """Targets encoded for a loss come back as the class numbers they were, whatever the loss."""
    classes, numbers = drawn
    names = tuple(str(number) for number in range(classes))
    for form in ("one_hot", "integer", *(("binary",) if classes == 2 else ())):
        facts = Facts("classification", form, (4,), classes=classes, class_names=names)
        assert true_classes(encode_targets(np.array(numbers), form, names), facts).tolist() == numbers


def test_the_largest_output_decides() -> None:
    """With an output for each class, the class of the largest one is predicted; sequences are decided step by step."""
    outputs = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], "float32")
    assert predicted_classes(outputs, THREE, CROSSENTROPY).tolist() == [1, 0]
    assert predicted_classes(np.stack([outputs, outputs[::-1]]), THREE, CROSSENTROPY).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (BINARY, [0, 0, 0, 1]),
        (Part("losses", "binary_crossentropy", {}), [0, 0, 0, 1]),
        (Part("losses", "BinaryCrossentropy", {"from_logits": True}), [0, 1, 1, 1]),
        (Part("losses", "BinaryCrossentropy", {"from_logits": False}), [0, 0, 0, 1]),
        (Part("losses", "Hinge", {}), [0, 1, 1, 1]),
        (Part("losses", "squared_hinge", {}), [0, 1, 1, 1]),
    ],
)
def test_one_output_is_divided_where_its_loss_divides(loss: Part, expected: list[int]) -> None:
    """A probability divides at 0.5; logits and hinge losses, whose outputs lie around 0, divide at 0."""
    outputs = np.array([[-0.2], [0.2], [0.5], [0.7]], "float32")
    assert predicted_classes(outputs, TWO, loss).tolist() == expected


def test_numbers_are_left_as_they_are() -> None:
    """A regression's outputs are its predictions."""
    outputs = np.array([[1.5, -2.0]])
    assert predicted_classes(outputs, NUMBERS, Part("losses", "MeanSquaredError", {})) is outputs


@given(some.integers(0, 10_000), some.integers(1, 5))
def test_probabilities_are_those_of_scipy(seed: int, units: int) -> None:
    """One column of logits becomes SciPy's sigmoid, several become its softmax, also where the logits are large."""
    logits = 100 * np.random.default_rng(seed).normal(size=(20, units))
    expected = expit(logits) if units == 1 else softmax(logits, axis=1)
    np.testing.assert_allclose(probabilities_from_logits(logits), expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(of_both_classes(expected).sum(axis=1), 1)

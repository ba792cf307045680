"""Whether losses fit their outputs."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

REGRESSION = Facts("regression", "number", (4,), targets=1)
ONE_HOT = Facts("classification", "one_hot", (4,), classes=3, targets=3)
SPARSE = Facts("classification", "integer", (4,), classes=3, targets=1)
BINARY = Facts("classification", "binary", (4,), classes=2, targets=1)
PICTURES = Facts("classification", "integer", (8, 8, 1), classes=2, targets=1, positions=(8, 8))


@pytest.mark.parametrize(
    ("facts", "loss", "last", "names"),
    [
        (ONE_HOT, "categorical_crossentropy", "{units: 3, activation: softmax}", []),
        (ONE_HOT, "categorical_crossentropy", "{units: 3, activation: sigmoid}", ["loss-activation-mismatch"]),
        (ONE_HOT, "categorical_crossentropy", "{units: 3}", ["loss-activation-mismatch"]),
        (ONE_HOT, "categorical_crossentropy", "{units: 3, activation: relu}", ["loss-activation-mismatch"]),
        (ONE_HOT, "{CategoricalCrossentropy: {from_logits: true}}", "3", []),
        (
            ONE_HOT,
            "{CategoricalCrossentropy: {from_logits: true}}",
            "{units: 3, activation: softmax}",
            ["loss-activation-mismatch"],
        ),
        (ONE_HOT, "categorical_crossentropy", "{units: 2, activation: softmax}", ["too-few-outputs"]),
        (ONE_HOT, "categorical_crossentropy", "{units: 4, activation: softmax}", ["output-shape-mismatch"]),
        (SPARSE, "sparse_categorical_crossentropy", "{units: 4, activation: softmax}", []),
        (SPARSE, "sparse_categorical_crossentropy", "{units: 1, activation: softmax}", ["softmax-of-one-unit"]),
        (BINARY, "binary_crossentropy", "{units: 1, activation: sigmoid}", []),
        (BINARY, "binary_crossentropy", "{units: 1, activation: tanh}", ["loss-activation-mismatch"]),
        (BINARY, "binary_crossentropy", "{units: 1}", ["loss-activation-mismatch"]),
        (BINARY, "{BinaryCrossentropy: {from_logits: true}}", "1", []),
        (BINARY, "hinge", "{units: 1, activation: tanh}", []),
        (REGRESSION, "mse", "1", []),
        (REGRESSION, "mse", "3", ["output-shape-mismatch"]),
        (REGRESSION, "huber", "{units: 1, activation: relu}", []),
    ],
)
def test_a_loss_fits_or_does_not(found, facts: Facts, loss: str, last: str, names: list[str]) -> None:
    """A loss must fit the activation, the number of outputs and the shape of the target."""
    findings = found(facts, model=f"- Dense: {last}", training=f"loss: {loss}\noptimizer: Adam")
    assert [one.name for one in findings] == names


def test_layers_that_pass_values_through_are_skipped(found) -> None:
    """The activation that counts is that of the last layer that computes something."""
    model = "- Dense: 3\n- Activation: sigmoid\n- Dropout: 0.1"
    (one,) = found(ONE_HOT, model=model, training="loss: categorical_crossentropy\noptimizer: Adam")
    assert (one.name, one.path) == ("loss-activation-mismatch", ("model", 1, "Activation", "activation"))


def test_a_layer_with_unknown_values_has_no_finding(found) -> None:
    """Nothing is found about a layer whose range of values is unknown."""
    model = "- Dense: {units: 3, activation: softmax}\n- LayerNormalization"
    assert found(ONE_HOT, model=model, training="loss: categorical_crossentropy\noptimizer: Adam") == ()


def test_a_class_for_each_pixel_needs_an_output_for_each_pixel(found) -> None:
    """Targets with a class for each position need outputs with the same positions."""
    training = "loss: sparse_categorical_crossentropy\noptimizer: Adam"
    map_of = "- Conv2D: {filters: 2, kernel_size: 1, activation: softmax}"
    assert found(PICTURES, model=map_of, training=training) == ()
    flat = "- Flatten\n- Dense: {units: 2, activation: softmax}"
    assert [one.name for one in found(PICTURES, model=flat, training=training)] == ["output-shape-mismatch"]
    fewer = f"- MaxPooling2D\n{map_of}"
    (one,) = found(PICTURES, model=fewer, training=training)
    assert (one.name, one.hint) == (
        "output-shape-mismatch",
        "let the layers keep [8, 8], and end with units: $classes",
    )


@pytest.mark.parametrize("name", ["CategoricalGeneralizedCrossEntropy", "Circle", "circle"])
def test_a_loss_of_one_class_an_example_takes_no_class_for_each_pixel(found, name: str) -> None:
    """Keras multiplies the wrong shapes of such targets: refused at the loss."""
    loss = f"loss: {name}\noptimizer: Adam"
    model = "- Conv2D: {filters: 2, kernel_size: 1, activation: softmax}"
    findings = [one for one in found(PICTURES, model=model, training=loss) if one.severity == "error"]
    assert [(one.name, one.path[:2]) for one in findings] == [("loss-target-mismatch", ("training", "loss"))]


def test_an_autoencoders_output_is_compared_with_its_input(found) -> None:
    """Where the target is the input itself, the shapes must be those of the input."""
    facts = Facts("regression", "number", (8, 8, 1), by_target={"$image": REGRESSION})
    model = "layers: [{Conv2D: {filters: %d, kernel_size: 3, padding: same}}]\noutputs: {again: {target: $image}}"
    training = "loss: mse\noptimizer: Adam"
    assert found(facts, model=model % 1, training=training) == ()
    assert [one.name for one in found(facts, model=model % 2, training=training)] == ["output-shape-mismatch"]

"""What a config says and nothing needs, and claims that nothing can check."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

FACTS = Facts("classification", "integer", (64,), classes=10, targets=1, rows={"train": 100, "test": 20})
TRAINING = "loss: sparse_categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy]"


def test_a_stack_that_only_an_unused_stack_uses_is_unused(found) -> None:
    """Use counts from the model, through stacks that use stacks."""
    define = "outer: [inner]\ninner: [Flatten]\nused: [through]\nthrough: [Flatten]"
    told = found(define=define, model="- used\n- Dense: {units: 10, activation: softmax}")
    assert [(one.name, one.path) for one in told] == [
        ("unused-define", ("define", "outer")),
        ("unused-define", ("define", "inner")),
    ]


def test_a_layer_of_a_stack_that_is_used_somewhere_is_used(found) -> None:
    """A stack stands in one place of the file: it is unused only where no use of it matters."""
    model = """
    layers:
      - use: {stack: block, name: lost}
      - use: {stack: block, from: input}
      - Dense: {units: 10, activation: softmax}
    """
    assert found(define="{block: [{Dense: 4}]}", model=model) == ()


def test_tensors_of_a_call_are_needed(found) -> None:
    """A layer whose output is only an argument of another's call is part of the model."""
    model = """
    layers:
      - Dense: {units: 4, activation: tanh, name: state}
      - Reshape: {from: input, target_shape: [8, 8]}
      - GRU: {units: 4, call: {initial_state: state}}
      - Dense: {units: 10, activation: softmax}
    """
    assert found(model=model) == ()


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
def test_a_claim_names_a_figure_that_there_will_be(found, path: str, hint: str | None) -> None:
    """Parts that there are, with Keras' figures and nnrun's errors; everything else is an error with a hint."""
    told = found(FACTS, expect=f"{{{path}: {{at_least: 0.5}}}}", training=TRAINING)
    wrong = hint is not None or path.startswith("validation.")
    assert [(one.name, one.path) for one in told] == [("expect-path-unknown", ("expect", path))] * wrong
    assert hint in (None, *(one.hint for one in told))


def test_claims_about_several_outputs_name_them(found) -> None:
    """Errors of classes stand below the output's name, Keras' figures begin with it."""
    model = """
    layers:
      - Dense: {units: 10, activation: softmax, name: one}
      - Dense: {from: input, units: 10, activation: softmax, name: other}
    outputs: {one: {}, other: {}}
    """
    expect = "{test.one_accuracy: {at_least: 0}, test.outputs.other.error_rate: {at_most: 1}, test.loss: {at_most: 9}}"
    assert found(FACTS, model=model, training=TRAINING, expect=expect) == ()

"""Attention."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

TWO, THREE = [(7, 8), (5, 8)], [(7, 8), (5, 6), (5, 8)]
PLAIN = [
    *[
        (name, given, shapes)
        for name in ("Attention", "AdditiveAttention")
        for given in ({}, {"use_scale": True}, {"use_scale": False, "trainable": False})
        for shapes in (TWO, THREE, [(7, 8)], [*THREE, (5, 8)])
    ],
    ("Attention", {"score_mode": "concat", "use_scale": True}, TWO),
]
HEADS = [
    *[
        ("MultiHeadAttention", {"num_heads": 3, "key_dim": 4, **given}, shapes)
        for given in (
            {},
            {"use_bias": False},
            {"value_dim": 5},
            {"output_shape": 9},
            {"output_shape": [2, 3]},
            {"use_gate": True},
            {"trainable": False, "dropout": 0.1},
            {"attention_axes": [1]},
        )
        for shapes in (TWO, THREE, [(7, 8)], [(3, 7, 8), (3, 5, 8)], [(None, 8), (5, 8)], [(7, 8), (5, 8), (6, 8)])
    ],
    *[
        ("GroupQueryAttention", {"head_dim": 4, "num_query_heads": 6, "num_key_value_heads": groups, **given}, shapes)
        for groups, given in ((2, {}), (3, {"use_bias": False}), (6, {"use_gate": True, "trainable": False}), (4, {}))
        for shapes in (TWO, [(7, 8), (5, 8), (5, 6)], [(7, 8), (5, 6)], [(7, 8)])
    ],
]


@pytest.mark.keras
def test_attention_is_that_of_keras(truth):
    """Attention over a list of tensors has Keras' output and parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), shapes) for name, arguments, shapes in PLAIN]) == []


@pytest.mark.keras
def test_attention_with_heads_is_that_of_keras(truth):
    """Attention with heads, its tensors given one by one, has Keras' output shape and parameters."""
    cases = [(Part("layers", name, arguments), shapes) for name, arguments, shapes in HEADS]
    assert truth.differences(cases, separately=True) == []


def test_scores_are_a_second_output():
    """`call: {return_attention_scores: true}` adds the scores."""
    given = {"num_heads": 3, "key_dim": 4, "call": {"return_attention_scores": True}}
    assert infer("MultiHeadAttention", given, [(7, 8), (7, 8)]).output == ((7, 8), (3, 7, 7))


def test_attention_in_a_chain_is_explained():
    """Attention with one input says how to name its query and value."""
    with pytest.raises(ShapeError, match="expects a query and a value") as refusal:
        infer("MultiHeadAttention", {"num_heads": 3, "key_dim": 4}, [(7, 8)])
    assert "from: [query, value]" in refusal.value.hint

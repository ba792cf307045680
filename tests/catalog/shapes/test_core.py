"""Dense layers, embeddings, activations, and layers that keep a shape."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.spec.part import Part

PICTURE = (5, 6, 8)
CASES = [
    *[
        ("Dense", given, shape)
        for given in ({"units": 7}, {"units": 7, "use_bias": False, "trainable": False}, {"units": 7, "lora_rank": 2})
        for shape in ((4,), PICTURE, (None, 3), (3, None), ())
    ],
    *[
        ("EinsumDense", given, shape)
        for given in (
            {"equation": "ab,bc->ac", "output_shape": 64, "bias_axes": "c"},
            {"equation": "abc,cd->abd", "output_shape": [None, 9], "bias_axes": "d"},
            {"equation": "abc,cd->abd", "output_shape": [None, 9], "bias_axes": "bd"},
            {"equation": "...x,xy->...y", "output_shape": 9, "bias_axes": "y"},
            {"equation": "ab...,bc->ac...", "output_shape": 9, "bias_axes": "c"},
            {"equation": "abc,cde->abde", "output_shape": [None, 2, 3], "bias_axes": "de", "lora_rank": 2},
            {"equation": "abc,bd->adc", "output_shape": [9, None]},
            {"equation": "abc,cd->abz", "output_shape": [None, 9]},
            {"equation": "abc->abc", "output_shape": [None, 9]},
            {"equation": "ab, bc -> ac", "output_shape": 9},
            {"equation": "...b,bc->c", "output_shape": 9},
            {"equation": "a...,ac->c...", "output_shape": 9},
            {"equation": "abc,cd->abd", "output_shape": 9},
        )
        for shape in ((8,), (6, 8), PICTURE, (None, 8))
    ],
    ("Embedding", {"input_dim": 20, "output_dim": 3}, (9,)),
    ("Embedding", {"input_dim": 20, "output_dim": 3, "lora_rank": 2}, (None,)),
    ("Embedding", {"input_dim": 20, "output_dim": 3, "trainable": False}, (4, 5)),
    ("ReversibleEmbedding", {"input_dim": 20, "output_dim": 3}, (9,)),
    ("ReversibleEmbedding", {"input_dim": 20, "output_dim": 3, "tie_weights": False}, (9,)),
    *[
        ("PReLU", given, shape)
        for given in ({}, {"shared_axes": [1, 2]}, {"shared_axes": 1}, {"shared_axes": [4]})
        for shape in (PICTURE, (9,), (None, 3))
    ],
    *[
        (name, {}, PICTURE)
        for name in ("ActivityRegularization", "ELU", "Identity", "LeakyReLU", "Masking", "ReLU", "Softmax")
    ],
    *[
        (name, {"rate": 0.5}, shape)
        for name in (
            "AlphaDropout",
            "Dropout",
            "GaussianDropout",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
        )
        for shape in ((6, 8), PICTURE, (2, *PICTURE))
    ],
    ("Activation", {"activation": "relu"}, PICTURE),
    ("GaussianNoise", {"stddev": 0.5}, PICTURE),
]


@pytest.mark.keras
def test_core_layers_are_those_of_keras(truth):
    """Every core layer has Keras' output shape and parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_input_states_its_own_shape():
    """An `Input` has the shape of its argument, whatever its input."""
    assert infer("Input", {"shape": [3, None]}, [(9,)]).output == (3, None)


def test_unknown_fact_is_undecided():
    """A fact that is not known yet is not an error."""
    with pytest.raises(Undecided, match=r"`units` of Dense depends on \$classes"):
        infer("Dense", {"units": "$classes"}, [(8,)])


def test_reversed_embedding_follows_its_call():
    """`call: {reverse: true}` reverses a reversible embedding."""
    given = {"input_dim": 20, "output_dim": 3, "call": {"reverse": True}}
    assert infer("ReversibleEmbedding", given, [(9, 3)]).output == (9, 20)


def test_open_last_dimension_is_explained():
    """A Dense cannot have weights for a dimension of unknown size."""
    with pytest.raises(ShapeError, match="Dense expects a last dimension of a known size"):
        infer("Dense", {"units": 2}, [(None,)])


@pytest.mark.parametrize("units", [True, 0, -3, 2.0, [2]])
def test_units_that_are_not_a_number_are_explained(units):
    """Units are a positive integer; text or a truth value is refused."""
    with pytest.raises(ShapeError, match="`units` of Dense expects a positive integer, received"):
        infer("Dense", {"units": units}, [(3,)])


def test_several_outputs_into_one_input_are_explained():
    """The error for several tensors where a layer takes one explains how to choose or join them."""
    with pytest.raises(ShapeError, match="Dense expects one input, received 3") as refusal:
        infer("Dense", {"units": 2}, [(3,), (4,), (4,)])
    assert "name.0" in refusal.value.hint

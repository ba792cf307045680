"""Normalization layers."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

PICTURE = (5, 6, 8)
AXES = ({}, {"axis": 1}, {"axis": 3}, {"axis": -3}, {"axis": 4}, {"axis": 0})
CASES = [
    *[
        (name, axis, PICTURE)
        for axis in AXES
        for name in (
            "BatchNormalization",
            "LayerNormalization",
            "RMSNormalization",
            "UnitNormalization",
            "Normalization",
        )
    ],
    ("BatchNormalization", {"center": False, "renorm": True}, PICTURE),
    ("BatchNormalization", {"trainable": False}, PICTURE),
    ("BatchNormalization", {"scale": False}, (5, None)),
    ("BatchNormalization", {}, (None, 3)),
    ("LayerNormalization", {"axis": [1, -1]}, PICTURE),
    ("LayerNormalization", {"scale": False}, PICTURE),
    ("LayerNormalization", {"rms_scaling": True}, PICTURE),
    ("RMSNormalization", {"axis": [-2, -1]}, PICTURE),
    ("UnitNormalization", {"axis": [1, 2]}, PICTURE),
    *[("GroupNormalization", {"groups": groups}, PICTURE) for groups in (1, 4, 8, -1, 3, 16)],
    ("GroupNormalization", {"groups": 2, "axis": 2, "center": False}, PICTURE),
    ("GroupNormalization", {"groups": 2}, (4, None)),
    ("Normalization", {"axis": None}, PICTURE),
    ("Normalization", {"mean": 0.5, "variance": 2.0}, PICTURE),
    ("Normalization", {"axis": [1, 2]}, PICTURE),
]


@pytest.mark.keras
def test_normalisations_are_those_of_keras(truth):
    """Every normalisation has Keras' parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_batch_normalisation_trains_half_of_what_it_keeps():
    """Of a batch normalisation's four numbers per channel, two are trained."""
    found = infer("BatchNormalization", {}, [(28, 28, 32)])
    assert (found.parameters, found.trainable) == (128, 64)


@pytest.mark.parametrize("name", ["UnitNormalization", "LayerNormalization", "RMSNormalization", "Softmax"])
def test_an_axis_is_named_once(name):
    """Keras builds some of them and fails when it trains."""
    with pytest.raises(ShapeError, match=r"expects each axis once for the input \[4\], received \[1, -1\]"):
        infer(name, {"axis": [1, -1]}, [(4,)])
    assert infer(name, {"axis": [1, -1]}, [(3, 4)]).output == (3, 4)


def test_axis_outside_is_explained():
    """An axis that the input does not have is named with those that it has."""
    with pytest.raises(ShapeError, match=r"`axis` of BatchNormalization expects an integer from -2 to 1 .* received 2"):
        infer("BatchNormalization", {"axis": 2}, [(8,)])

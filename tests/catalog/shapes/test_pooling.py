"""Poolings."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

SHAPES = {1: (20, 4), 2: (17, None, 4), 3: (9, 8, 7, 4)}


def _cases():
    for rank, shape in SHAPES.items():
        for side in ("Max", "Average"):
            for given in (
                {"pool_size": 2},
                {"pool_size": 3, "strides": 2},
                {"pool_size": 3, "padding": "same"},
                {"pool_size": [2] * rank, "data_format": "channels_first"},
                {"pool_size": 9},
            ):
                yield f"{side}Pooling{rank}D", given, shape
            for given in ({}, {"keepdims": True}, {"data_format": "channels_first"}):
                yield f"Global{side}Pooling{rank}D", given, shape
            yield f"Adaptive{side}Pooling{rank}D", {"output_size": 2}, shape
            yield f"Adaptive{side}Pooling{rank}D", {"output_size": [3] * rank, "data_format": "channels_first"}, shape
        yield f"MaxPool{rank}D", {}, shape
        yield f"GlobalAvgPool{rank}D", {}, (3, 3, 3, 3, 3)


@pytest.mark.keras
def test_poolings_are_those_of_keras(truth):
    """Every pooling has Keras' output shape, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in _cases()]) == []


def test_pooling_below_one_is_refused():
    """A pooling that would shrink a picture below 1 is an error."""
    with pytest.raises(ShapeError, match="MaxPooling2D expects at least 2"):
        infer("MaxPooling2D", {}, [(1, 5, 8)])


def test_pooling_keeps_what_does_not_divide():
    """A window that does not fit evenly drops the rest."""
    assert infer("MaxPool2D", {}, [(5, 7, 3)]).output == (2, 3, 3)

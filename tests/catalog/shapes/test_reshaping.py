"""Layers that rearrange, crop, pad or repeat."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

LINE, PICTURE, VOLUME = (9, 4), (8, 9, 3), (5, 6, 7, 2)
CASES = [
    *[
        ("Reshape", {"target_shape": target}, (4, 6))
        for target in ([24], [-1], [2, -1, 3], [5, 5], [-1, 5], [-1, -1], [4, 6, 1])
    ],
    *[("Reshape", {"target_shape": target}, (None, 6)) for target in ([-1, 3], [2, 3], [-1])],
    ("Flatten", {}, PICTURE),
    ("Flatten", {}, (None, 3)),
    ("Flatten", {}, ()),
    ("Flatten", {"data_format": "channels_first"}, PICTURE),
    ("Permute", {"dims": [2, 1]}, LINE),
    ("Permute", {"dims": [3, 1, 2]}, PICTURE),
    ("Permute", {"dims": [2, 1]}, PICTURE),
    ("Permute", {"dims": [0, 1]}, LINE),
    ("RepeatVector", {"n": 5}, (4,)),
    ("RepeatVector", {"n": 5}, LINE),
    ("Cropping1D", {}, LINE),
    ("Cropping1D", {"cropping": [4, 4]}, LINE),
    ("Cropping1D", {"cropping": [4, 5]}, LINE),
    ("Cropping1D", {"cropping": 2}, (None, 4)),
    ("Cropping2D", {"cropping": 2}, PICTURE),
    ("Cropping2D", {"cropping": [[1, 2], [0, 3]]}, PICTURE),
    ("Cropping2D", {"cropping": [1, 2]}, PICTURE),
    ("Cropping2D", {"cropping": 4}, PICTURE),
    ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, PICTURE),
    ("Cropping3D", {}, VOLUME),
    ("Cropping3D", {"cropping": [[1, 2], [0, 3], [1, 1]]}, VOLUME),
    ("Cropping3D", {"cropping": 3}, VOLUME),
    ("ZeroPadding1D", {"padding": [1, 3]}, LINE),
    ("ZeroPadding1D", {"padding": 2, "data_format": "channels_first"}, LINE),
    ("ZeroPadding2D", {"padding": [[1, 1], [2, 2]]}, PICTURE),
    ("ZeroPadding2D", {"padding": [1, 2]}, PICTURE),
    ("ZeroPadding2D", {"padding": 2}, (None, 9, 3)),
    ("ZeroPadding3D", {"padding": 1, "data_format": "channels_first"}, VOLUME),
    ("UpSampling1D", {"size": 3}, LINE),
    ("UpSampling2D", {"size": [2, 3]}, PICTURE),
    ("UpSampling2D", {}, (None, 9, 3)),
    ("UpSampling2D", {"size": 2, "data_format": "channels_first"}, PICTURE),
    ("UpSampling3D", {"size": 2}, VOLUME),
]


@pytest.mark.keras
def test_reshapings_are_those_of_keras(truth):
    """Every layer that rearranges has Keras' output shape, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_wrong_product_is_explained():
    """A Reshape to another number of values names both numbers."""
    with pytest.raises(ShapeError, match=r"784, from \[28, 28\].*received \[28, 27\], which is 756"):
        infer("Reshape", {"target_shape": [28, 27]}, [(28, 28)])


def test_layers_without_a_data_format_keep_theirs():
    """UpSampling1D and Cropping1D have no `data_format`, so the global one does not apply to them."""
    assert infer("UpSampling1D", {}, [(9, 4)], data_format="channels_first").output == (18, 4)
    assert infer("Cropping1D", {}, [(9, 4)], data_format="channels_first").output == (7, 4)

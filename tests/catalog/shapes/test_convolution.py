"""Convolutions and poolings."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

LINE, PICTURE, VOLUME = (20, 4), (17, 12, 4), (9, 8, 7, 4)
CASES = [
    ("Conv1D", {"filters": 8, "kernel_size": 3}, LINE),
    ("Conv1D", {"filters": 8, "kernel_size": 3, "padding": "causal", "dilation_rate": 4}, LINE),
    ("Conv1D", {"filters": 8, "kernel_size": [5], "strides": 3, "padding": "same", "use_bias": False}, (None, 4)),
    ("Conv1D", {"filters": 8, "kernel_size": 3, "data_format": "channels_first"}, LINE),
    ("Convolution2D", {"filters": 6, "kernel_size": [3, 5], "groups": 2}, PICTURE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "dilation_rate": [2, 3]}, PICTURE),
    (
        "Conv2D",
        {"filters": 6, "kernel_size": 4, "strides": [2, 3], "padding": "same", "trainable": False},
        (None, None, 3),
    ),
    ("Conv2D", {"filters": 6, "kernel_size": 4, "data_format": "channels_first"}, (3, 17, 12)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, PICTURE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 5}, PICTURE),
    ("Conv2D", {"filters": 6, "kernel_size": 18}, PICTURE),
    ("Conv2D", {"filters": 6, "kernel_size": 3}, (28, 28)),
    ("Conv2D", {"filters": 6, "kernel_size": 3}, (28, 28, None)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "padding": "causal"}, PICTURE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "lora_rank": 2}, PICTURE),
    ("Conv3D", {"filters": 5, "kernel_size": [3, 2, 1], "strides": 2}, VOLUME),
    ("Conv3D", {"filters": 5, "kernel_size": 2, "groups": 4}, VOLUME),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, LINE),
    ("DepthwiseConv2D", {"kernel_size": [3, 2], "strides": 2, "use_bias": False}, PICTURE),
    ("DepthwiseConv2D", {"kernel_size": 3, "dilation_rate": 2, "data_format": "channels_first"}, PICTURE),
    ("SeparableConv1D", {"filters": 7, "kernel_size": 3, "depth_multiplier": 2}, LINE),
    ("SeparableConv2D", {"filters": 7, "kernel_size": [3, 5], "padding": "same"}, PICTURE),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 4, "strides": 3}, LINE),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "output_padding": 1}, LINE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": [2, 5], "strides": [3, 2], "padding": "same"}, PICTURE),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": [1, 0]},
        PICTURE,
    ),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 2}, PICTURE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2}, (None, 9, 4)),
    ("Conv3DTranspose", {"filters": 3, "kernel_size": 2, "strides": 2, "use_bias": False}, VOLUME),
    ("STFTSpectrogram", {"frame_length": 8}, (100, 2)),
    (
        "STFTSpectrogram",
        {"mode": "stft", "frame_length": 8, "frame_step": 3, "fft_length": 16, "expand_dims": True},
        (100, 2),
    ),
    (
        "STFTSpectrogram",
        {"mode": "real", "frame_length": 8, "padding": "same", "data_format": "channels_first"},
        (2, 100),
    ),
]


@pytest.mark.keras
def test_convolutions_are_those_of_keras(truth):
    """Every convolution has Keras' output shape and parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_lenet_by_hand():
    """A 5x5 convolution of 32 filters over a grey picture of 28x28 gives 24x24x32 and has 832 parameters."""
    found = infer("Conv2D", {"filters": 32, "kernel_size": 5}, [(28, 28, 1)])
    assert (found.output, found.parameters, found.trainable) == ((24, 24, 32), 832, 832)


def test_global_data_format_is_followed():
    """`image_data_format` decides where a layer itself does not."""
    found = infer("Conv2D", {"filters": 6, "kernel_size": 3}, [(3, 9, 8)], data_format="channels_first")
    assert found.output == (6, 7, 6)


def test_window_larger_than_picture_is_explained():
    """The error for a window that does not fit has both sizes and a remedy."""
    with pytest.raises(ShapeError, match=r"at least 5 .* received \[4, 4\]") as refusal:
        infer("Conv2D", {"filters": 1, "kernel_size": 5}, [(4, 4, 1)])
    assert "padding: same" in refusal.value.hint


def test_missing_channel_dimension_is_explained():
    """The error for a picture without channels names the layer to put before the convolution."""
    with pytest.raises(ShapeError, match=r"\(height, width, channels\), 3 dimensions, received \[28, 28\]") as refusal:
        infer("Conv2D", {"filters": 1, "kernel_size": 5}, [(28, 28)])
    assert "Reshape: [28, 28, 1]" in refusal.value.hint


POOLED = {1: (20, 4), 2: (17, None, 4), 3: (9, 8, 7, 4)}


def _poolings():
    for rank, shape in POOLED.items():
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
    assert (
        truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in _poolings()]) == []
    )


def test_pooling_below_one_is_refused():
    """A pooling that would shrink a picture below 1 is an error."""
    with pytest.raises(ShapeError, match="MaxPooling2D expects at least 2"):
        infer("MaxPooling2D", {}, [(1, 5, 8)])


def test_a_pooling_drops_an_incomplete_window():
    """The end of an input that does not fill a window is dropped."""
    assert infer("MaxPool2D", {}, [(5, 7, 3)]).output == (2, 3, 3)

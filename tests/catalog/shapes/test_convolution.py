"""Convolutions."""

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
    """A window that does not fit says both sizes and a way out."""
    with pytest.raises(ShapeError, match=r"at least 5 .* received \[4, 4\]") as refusal:
        infer("Conv2D", {"filters": 1, "kernel_size": 5}, [(4, 4, 1)])
    assert "padding: same" in refusal.value.hint


def test_missing_channel_dimension_is_explained():
    """A picture without channels is told what to put before the convolution."""
    with pytest.raises(ShapeError, match=r"\(height, width, channels\), 3 dimensions, received \[28, 28\]") as refusal:
        infer("Conv2D", {"filters": 1, "kernel_size": 5}, [(28, 28)])
    assert "Reshape: [28, 28, 1]" in refusal.value.hint

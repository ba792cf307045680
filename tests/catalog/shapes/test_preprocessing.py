"""Preprocessing layers."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.preprocessing import RULES
from nnrun.spec.part import Part

PICTURE = (9, 8, 3)
FACTORS = {
    f"Random{what}": {"factor": 0.1}
    for what in ("Brightness", "ColorDegeneration", "Contrast", "Hue", "Rotation", "Saturation", "Sharpness")
}
NEEDED = {
    **FACTORS,
    "RandomPosterization": {"factor": 4},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "MaxNumBoundingBoxes": {"max_number": 3},
    "Rescaling": {"scale": 0.5},
}
SPECIAL = (
    "CategoryEncoding",
    "Hashing",
    "HashedCrossing",
    "Discretization",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "MelSpectrogram",
    "Resizing",
    "CenterCrop",
    "RandomCrop",
)
MODES = ({}, {"output_mode": "one_hot"}, {"output_mode": "multi_hot"}, {"output_mode": "count"})
CASES = [
    *[(name, NEEDED.get(name, {}), [PICTURE]) for name in sorted(set(RULES) - set(SPECIAL))],
    *[
        (name, {"height": 4, "width": 5, **given}, [PICTURE])
        for name in ("Resizing", "CenterCrop", "RandomCrop")
        for given in ({}, {"data_format": "channels_first"})
    ],
    ("Resizing", {"height": 4, "width": 5, "data_format": "channels_first"}, [(9, 8)]),
    ("CenterCrop", {"height": 4, "width": 5}, [(9, 8)]),
    *[("CategoryEncoding", {"num_tokens": 5, **mode}, [shape]) for mode in MODES for shape in ((4,), (1,), (2, 3))],
    *[("Hashing", {"num_bins": 5, **mode}, [shape]) for mode in MODES for shape in ((4,), (1,), (2, 3))],
    *[
        ("Discretization", {"bin_boundaries": [0.0, 1.0], **mode}, [shape])
        for mode in MODES
        for shape in ((4,), (1,), (2, 3))
    ],
    ("Discretization", {"num_bins": 6, "output_mode": "one_hot"}, [(4,)]),
    ("Discretization", {}, [(4,)]),
    *[
        ("HashedCrossing", {"num_bins": 5, **mode}, shapes)
        for mode in MODES[:2]
        for shapes in ([(1,), (1,)], [(3,), (3,)], [(1,), (3,)])
    ],
    *[
        (name, {"vocabulary": words, **mode}, [shape])
        for mode in MODES
        for shape in ((4,), (1,))
        for name, words in (("IntegerLookup", [3, 4, 5]), ("StringLookup", ["a", "b"]))
    ],
    ("IntegerLookup", {"vocabulary": [3, 4], "num_oov_indices": 3, "mask_token": 0, "output_mode": "one_hot"}, [(4,)]),
    ("IntegerLookup", {"max_tokens": 9, "pad_to_max_tokens": True, "output_mode": "multi_hot"}, [(4,)]),
    ("MelSpectrogram", {"sequence_stride": 100, "num_mel_bins": 7}, [(1000,)]),
    ("MelSpectrogram", {}, [(None,)]),
]


@pytest.mark.keras
def test_preprocessing_is_that_of_keras(truth):
    """Every preprocessing layer has Keras' output shape, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), shapes) for name, arguments, shapes in CASES]) == []


@pytest.mark.keras
def test_text_is_that_of_keras():
    """A text vectorisation's output is what Keras computes for the shape of its input."""
    import keras

    for given in (
        {},
        {"output_sequence_length": 9},
        {"output_mode": "multi_hot", "vocabulary": ["a", "b"]},
        {"output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True},
        {"output_mode": "count"},
    ):
        layer = keras.layers.TextVectorization(**given)
        for shape in ((), (1,)):
            assert (
                infer("TextVectorization", given, [shape]).output
                == tuple(layer.compute_output_shape((None, *shape)))[1:]
            )


def test_a_vocabulary_with_special_tokens_is_undecided():
    """How a layer counts special tokens that its vocabulary names is known only to Keras."""
    with pytest.raises(Undecided, match="names its own special tokens"):
        infer("StringLookup", {"vocabulary": ["[UNK]", "a"], "output_mode": "one_hot"}, [(4,)])


@pytest.mark.parametrize("shape", [(8,), (8, 8), (2, 8, 8, 3)])
@pytest.mark.parametrize("name", ["RandomFlip", "CutMix", "Solarization", "MaxNumBoundingBoxes"])
def test_layers_of_pictures_take_pictures_alone(name: str, shape: tuple[int, ...]) -> None:
    """With another number of dimensions Keras takes the batch for one picture, or refuses the first call."""
    with pytest.raises(ShapeError, match="height, width, channels"):
        infer(name, NEEDED.get(name, {}), [shape])


def test_a_spectrogram_needs_half_a_frame_of_samples() -> None:
    """Keras mirrors half a frame at both ends, which takes more samples than that."""
    assert infer("MelSpectrogram", {"fft_length": 64}, [(33,)]).output[0] == 128
    with pytest.raises(ShapeError, match="more samples than half of `fft_length`, 32, received 32"):
        infer("MelSpectrogram", {"fft_length": 64}, [(32,)])

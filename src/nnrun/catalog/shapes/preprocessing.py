"""Preprocessing layers: images, categories, text and audio."""

from __future__ import annotations

from typing import Any

from nnrun.catalog.shapes.convolution import split_input
from nnrun.catalog.shapes.core import unchanged
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, ShapeError, Undecided
from nnrun.catalog.shapes.merging import several_inputs

_ON_PICTURES = """
    AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MaxNumBoundingBoxes
    MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomZoom Solarization
    """


def _on_picture(call: LayerCall) -> LayerShape:
    # With fewer dimensions Keras would take the batch for one picture, or refuse the layer when it is first called.
    return call.result(call.shape(3, meaning="(height, width, channels)"))


def _resized(call: LayerCall) -> LayerShape:
    size = (call.positive("height"), call.positive("width"))
    if call.channels_first and len(call.shape()) == 2:
        # Keras reads the batch as the channels of one image here; the result is the same.
        return call.result(size)
    _, channels = split_input(call, 2)
    return call.result(call.join_channels(size, channels))


def _encoded(call: LayerCall, mode: str, depth: int | None) -> LayerShape:
    shape = call.shape()
    if mode == "int":
        return call.result(shape)
    if mode == "one_hot" and (not shape or shape[-1] != 1):
        return call.result((*shape, depth))
    if not shape:
        raise Undecided(f"{call.name} with `output_mode: {mode}` makes one row of a whole batch of single numbers")
    return call.result((*shape[:-1], depth))


def _category(call: LayerCall) -> LayerShape:
    if call["num_tokens"] is None:
        raise ShapeError(
            "CategoryEncoding expects `num_tokens`, received none.", "Set `num_tokens` to the number of categories."
        )
    mode = call["output_mode"]
    return _encoded(call, "multi_hot" if mode == "binary" else mode, call.positive("num_tokens"))


def _hashing(call: LayerCall) -> LayerShape:
    # Hashing, unlike its siblings, always replaces the last dimension for one_hot.
    return _encoded(call, "int" if call["output_mode"] == "int" else "multi_hot", call.positive("num_bins"))


def _crossing(call: LayerCall) -> LayerShape:
    first, second = several_inputs(call, 2)
    if first[-1:] != second[-1:]:
        raise ShapeError(f"HashedCrossing expects two inputs of the same shape, received {call.received()}.")
    if call["output_mode"] == "int":
        return call.result(first)
    bins = call.positive("num_bins")
    return call.result((*(first[:-1] if first[-1:] == (1,) else first), bins))


def _discretization(call: LayerCall) -> LayerShape:
    boundaries, bins = call["bin_boundaries"], call["num_bins"]
    if (boundaries is None) == (bins is None):
        raise ShapeError(
            "Discretization expects either `num_bins` or `bin_boundaries`, received "
            f"{'neither' if bins is None else 'both'}."
        )
    depth = len(boundaries) + 1 if boundaries is not None else bins
    shape, mode = call.shape(), call["output_mode"]
    if mode in ("multi_hot", "count") and shape:
        # Keras 3.15 counts along the first dimension after the batch here, not the last.
        return call.result((*shape[1:], depth))
    return _encoded(call, mode, depth)


def _vocabulary(call: LayerCall, special: list[Any]) -> int | None:
    """Return the number of tokens that a lookup distinguishes; None before it is adapted."""
    vocabulary = call["vocabulary"]
    if call["pad_to_max_tokens"]:
        return int(call["max_tokens"])
    if vocabulary is None:
        return None
    if any(token in vocabulary for token in special):
        raise Undecided(f"the vocabulary of {call.name} names its own special tokens")
    # Only `output_mode: int` has an index for the mask.
    return len(vocabulary) + (1 if call.name == "TextVectorization" else int(call["num_oov_indices"]))


def _lookup(call: LayerCall) -> LayerShape:
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(call["output_mode"], call["output_mode"])
    masks = [] if call["mask_token"] is None else [call["mask_token"]]
    return _encoded(call, mode, None if mode == "int" else _vocabulary(call, [*masks, call["oov_token"]]))


def _text(call: LayerCall) -> LayerShape:
    shape = call.shape()
    if call["output_mode"] == "int":
        return call.result((call["output_sequence_length"],))
    depth = _vocabulary(call, ["", "[UNK]"])
    # Splitting adds a dimension of words, and counting removes it.
    return call.result((*(shape if call["split"] is not None or not shape else shape[:-1]), depth))


def _mel(call: LayerCall) -> LayerShape:
    (length,) = call.shape(1, meaning="(samples)")
    stride, half = call.positive("sequence_stride"), call.positive("fft_length") // 2
    if length is not None and length <= half:
        # Keras mirrors half a frame at both ends.
        raise ShapeError(
            f"MelSpectrogram expects more samples than half of `fft_length`, {half}, received {length}.",
            f"Write `fft_length: {max(2, length)}`.",
        )
    return call.result((call.positive("num_mel_bins"), None if length is None else (length + stride + 1) // stride))


RULES: dict[str, Rule] = {
    **dict.fromkeys(_ON_PICTURES.split(), _on_picture),
    "Rescaling": unchanged,
    **dict.fromkeys(("CenterCrop", "RandomCrop", "Resizing"), _resized),
    "CategoryEncoding": _category,
    "Hashing": _hashing,
    "HashedCrossing": _crossing,
    "Discretization": _discretization,
    "IntegerLookup": _lookup,
    "StringLookup": _lookup,
    "TextVectorization": _text,
    "MelSpectrogram": _mel,
}

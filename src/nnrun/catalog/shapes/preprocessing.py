"""Preparation inside the model: pictures, categories, words and sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import Call, LayerShape, ShapeError, Undecided
from nnrun.catalog.shapes.convolution import picture, positive
from nnrun.catalog.shapes.core import unchanged
from nnrun.catalog.shapes.merging import several

if TYPE_CHECKING:
    from collections.abc import Callable

_UNCHANGED = (
    "AugMix",
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Solarization",
)


def _sized(call: Call) -> LayerShape:
    size = (positive(call, "height"), positive(call, "width"))
    if call.channels_first and len(call.shape()) == 2:
        # Keras takes the batch for the channels of one picture here, which comes to the same.
        return call.answer(size)
    _, channels = picture(call, 2)
    return call.answer(call.join(size, channels))


def _encoded(call: Call, mode: str, depth: int | None) -> LayerShape:
    shape = call.shape()
    if mode == "int":
        return call.answer(shape)
    if mode == "one_hot" and (not shape or shape[-1] != 1):
        return call.answer((*shape, depth))
    if not shape:
        raise Undecided(f"{call.name} with `output_mode: {mode}` makes one row of a whole batch of plain numbers")
    return call.answer((*shape[:-1], depth))


def _category(call: Call) -> LayerShape:
    if call["num_tokens"] is None:
        raise ShapeError("CategoryEncoding expects `num_tokens`, received none.", "Say how many categories there are.")
    mode = call["output_mode"]
    return _encoded(call, "multi_hot" if mode == "binary" else mode, positive(call, "num_tokens"))


def _hashing(call: Call) -> LayerShape:
    # Unlike its siblings, Hashing replaces the last dimension for one_hot too, whatever its size.
    return _encoded(call, "int" if call["output_mode"] == "int" else "multi_hot", positive(call, "num_bins"))


def _crossing(call: Call) -> LayerShape:
    first, second = several(call, 2)
    if first[-1:] != second[-1:]:
        raise ShapeError(f"HashedCrossing expects two inputs of the same shape, received {call.received()}.")
    if call["output_mode"] == "int":
        return call.answer(first)
    bins = positive(call, "num_bins")
    return call.answer((*(first[:-1] if first[-1:] == (1,) else first), bins))


def _discretization(call: Call) -> LayerShape:
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
        return call.answer((*shape[1:], depth))
    return _encoded(call, mode, depth)


def _vocabulary(call: Call, special: list[Any]) -> int | None:
    """How many tokens a lookup distinguishes; None before it has learned them."""
    words = call["vocabulary"]
    if call["pad_to_max_tokens"]:
        return int(call["max_tokens"])
    if words is None:
        return None
    if isinstance(words, str) or any(token in words for token in special):
        raise Undecided(f"the vocabulary of {call.name} is in a file, or names its own special tokens")
    # Only `output_mode: int` keeps a place for the mask.
    return len(words) + (1 if call.name == "TextVectorization" else int(call["num_oov_indices"]))


def _lookup(call: Call) -> LayerShape:
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(call["output_mode"], call["output_mode"])
    masks = [] if call["mask_token"] is None else [call["mask_token"]]
    return _encoded(call, mode, None if mode == "int" else _vocabulary(call, [*masks, call["oov_token"]]))


def _text(call: Call) -> LayerShape:
    shape = call.shape()
    if call["output_mode"] == "int":
        return call.answer((call["output_sequence_length"],))
    depth = _vocabulary(call, ["", "[UNK]"])
    # Splitting adds a dimension of words, which the counting takes away again.
    return call.answer((*(shape if call["split"] is not None or not shape else shape[:-1]), depth))


def _mel(call: Call) -> LayerShape:
    (length,) = call.shape(1, meaning="(samples)")
    stride = positive(call, "sequence_stride")
    return call.answer((positive(call, "num_mel_bins"), None if length is None else (length + stride + 1) // stride))


RULES: dict[str, Callable[[Call], LayerShape]] = {
    **dict.fromkeys(_UNCHANGED, unchanged),
    **dict.fromkeys(("CenterCrop", "RandomCrop", "Resizing"), _sized),
    "CategoryEncoding": _category,
    "Hashing": _hashing,
    "HashedCrossing": _crossing,
    "Discretization": _discretization,
    "IntegerLookup": _lookup,
    "StringLookup": _lookup,
    "TextVectorization": _text,
    "MelSpectrogram": _mel,
}

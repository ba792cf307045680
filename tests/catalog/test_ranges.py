"""The ends of every range, put to Keras itself: what a kind accepts, Keras must not refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nnrun.catalog import kinds, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nnrun.catalog.kinds import Kind
    from nnrun.catalog.lookup import Entry

pytestmark = pytest.mark.keras

#: Refused together with the other arguments of the example, not by themselves: Keras' message.
REFUSED_WITH_OTHERS = {
    ("layers", "Conv1D", "groups"): "evenly divisible",
    ("layers", "Conv2D", "groups"): "evenly divisible",
    ("layers", "Conv3D", "groups"): "evenly divisible",
    ("layers", "Conv1DTranspose", "output_padding"): "less than `strides`",
    ("layers", "Conv2DTranspose", "output_padding"): "less than `strides`",
    ("layers", "Conv3DTranspose", "output_padding"): "less than `strides`",
    ("layers", "Discretization", "bin_boundaries"): "Both `num_bins` and `bin_boundaries`",
    ("layers", "Discretization", "sparse"): "output_mode",
    ("layers", "GroupQueryAttention", "num_query_heads"): "divisible",
    ("layers", "GroupQueryAttention", "num_key_value_heads"): "divisible",
    ("layers", "Hashing", "sparse"): "output_mode",
    ("layers", "IntegerLookup", "salt"): "oov_method",
    ("layers", "STFTSpectrogram", "fft_length"): "not less than `frame_length`",
    ("layers", "Normalization", "mean"): "both `mean` and `variance`",
    ("layers", "Normalization", "variance"): "both `mean` and `variance`",
    ("layers", "Permute", "dims"): "consecutive",
    ("layers", "Reshape", "target_shape"): "at most one unknown",
    ("schedules", "PiecewiseConstantDecay", "values"): "length of boundaries",
    ("metrics", "IoU", "num_classes"): "out of range",
    ("metrics", "OneHotIoU", "num_classes"): "out of range",
    ("callbacks", "ModelCheckpoint", "save_weights_only"): "must end in `.weights.h5`",
    ("metrics", "AUC", "num_labels"): "multi_label",
    **{
        ("layers", name, parameter): message
        for name in ("IntegerLookup", "StringLookup", "TextVectorization")
        for parameter, message in {
            "idf_weights": "output_mode",
            "sparse": "output_mode",
            "pad_to_max_tokens": "max_tokens",
            "vocabulary": "repeated term",
        }.items()
    },
}
#: Further arguments that these need.
ONE_OF_TWO = {"Discretization": {"num_bins": 4}}
#: What cannot be made here at all; `test_generate` says why.
LEFT_OUT = {"Input", "InputLayer", "OrbaxCheckpoint"}


def _samples(kind: Kind) -> Iterator[Any]:
    """Both ends and the inside of a range, every word of a choice, and lists of these."""
    if isinstance(kind, kinds.AnyOf):
        for one in kind.kinds:
            yield from _samples(one)
    elif isinstance(kind, kinds.Integer):
        minimum = -1 if kind.minimum is None else kind.minimum
        yield from (minimum, minimum + 2 if kind.maximum is None else kind.maximum)
    elif isinstance(kind, kinds.Number):
        minimum = -1.0 if kind.minimum is None else kind.minimum
        maximum = minimum + 2 if kind.maximum is None else kind.maximum
        yield from (end for end in (minimum, (minimum + maximum) / 2, maximum) if kind.accepts(end))
    elif isinstance(kind, kinds.Boolean):
        yield from (True, False)
    elif isinstance(kind, kinds.Choice):
        yield from kind.options
    elif isinstance(kind, kinds.ListOf) and not isinstance(kind.item, kinds.PartOf):
        for item in _samples(kind.item):
            yield [item] * (kind.length or max(kind.min_length, 2))


def _cases() -> list[tuple[str, str]]:
    named = [(category, name) for category in lookup.CATEGORIES for name in lookup.names(category)]
    keras = [key for key in named if lookup.entry(*key).origin == "keras" and key[0] != "activations"]
    return [key for key in keras if key[1] not in LEFT_OUT and not lookup.entry(*key).is_function]


@pytest.mark.parametrize("key", _cases(), ids="-".join)
def test_keras_takes_the_ends_of_every_range(key: tuple[str, str], make: Callable[..., Any]) -> None:
    """A config that the catalog lets through is not refused by Keras for one value alone."""
    entry = lookup.entry(*key)
    assert entry is not None
    for parameter in entry.parameters.values():
        for value in _samples(parameter.kind):
            assert parameter.kind.accepts(value)
            refusal = _refusal(make, entry, parameter.name, value)
            known = REFUSED_WITH_OTHERS.get((*key, parameter.name))
            assert refusal is None or (known and known in refusal), f"{parameter.name}: {value!r}: {refusal}"


def _refusal(make: Callable[..., Any], entry: Entry, name: str, value: object) -> str | None:
    try:
        make(entry, **{**ONE_OF_TWO.get(entry.name, {}), name: value})
    except (TypeError, ValueError) as error:
        return str(error)
    return None

"""The backbones of Keras Hub as layers: the shapes of their outputs, from their arguments or those of their preset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.hub_presets import given_preset, read_settings
from nnrun.catalog.shapes.backbones import size_after
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Shape, ShapeError, Undecided, format_shape

if TYPE_CHECKING:
    from collections.abc import Callable

#: The second output of some models of text: one vector for the whole text, by a layer of its own.
POOLED = "pooled_output"
_WITH_POOLED = frozenset({"AlbertBackbone", "BertBackbone", "ElectraBackbone", "FNetBackbone"})


def is_hub_backbone(name: str) -> bool:
    """Return whether a layer of the catalog is a backbone of Keras Hub."""
    entry = lookup.entry("layers", name)
    return entry is not None and entry.hub is not None


def backbone(call: LayerCall) -> LayerShape:
    """Return the output of a backbone; of inner layers, that of `pooled_output` is known without Keras.

    Raises:
        ShapeError: It cannot take its input, or its inner layers cannot be taken out.
        Undecided: Keras alone knows.
    """
    entry = lookup.entry("layers", call.name)
    of_pictures = bool(entry and entry.hub and entry.hub["shape_argument"])
    inner: tuple[str, ...] = tuple(call.get("inner") or ())
    if inner and entry is not None and entry.hub is not None and entry.hub["whole"]:
        raise ShapeError(
            f"{call.name} has no outputs of inner layers, as Keras Hub saves it as a whole, received {inner[0]!r}.",
            "Take the output of the layer itself.",
        )
    shape = call.shape(3, meaning="height, width and channels") if of_pictures else _tokens(call)
    call = _with_preset(call)
    output = _of_pictures(call, shape) if of_pictures else _of_tokens(call, shape)
    if not inner:
        return LayerShape(output, None, None)
    if call.name not in _WITH_POOLED or set(inner) != {POOLED}:
        raise Undecided(f"the inner layers of {call.name} are known to Keras Hub alone")
    return LayerShape((output, output[-1:]), None, None)


def _tokens(call: LayerCall) -> Shape:
    shape = call.shape()
    if len(shape) != 1:
        raise ShapeError(
            f"{call.name} expects the numbers of the tokens of a text, 1 dimension, received {format_shape(shape)}.",
            "Prepare the column by TextVectorization, without an Embedding before this layer.",
        )
    return shape


def _with_preset(call: LayerCall) -> LayerCall:
    """Return the call with the arguments of its preset as defaults."""
    preset = given_preset(call.given)
    if preset is None:
        return call
    try:
        _, settings = read_settings(Path(preset))
    except (OSError, ValueError) as error:
        raise Undecided(f"the arguments of {call.name} are in its preset {preset}") from error
    return replace(call, defaults={**call.defaults, **settings})


def _of_tokens(call: LayerCall, shape: Shape) -> Shape:
    width, (steps,) = call.positive("hidden_dim"), shape
    most = call.get("max_sequence_length")
    if most is not None and steps is not None and steps > most:
        raise ShapeError(
            f"{call.name} expects at most {most} tokens (`max_sequence_length`), received {steps}.",
            f"Write `output_sequence_length: {most}` in TextVectorization, or a larger max_sequence_length.",
        )
    heads = call.get("num_heads")
    if heads and width % heads:
        raise ShapeError(
            f"{call.name} expects a `hidden_dim` that `num_heads` divides, received {width} and {heads}.",
            f"Write `hidden_dim: {heads * max(1, round(width / heads))}`.",
        )
    return steps, width


def _of_pictures(call: LayerCall, shape: Shape) -> Shape:
    if call.name not in _PICTURES:
        raise Undecided(f"the output of {call.name} is known to Keras Hub alone")
    return _PICTURES[call.name](call, shape)


def _residual(call: LayerCall, shape: Shape) -> Shape:
    """Return the output of a ResNet: a convolution and a pooling of stride 2, and the strides of its stacks."""
    spatial, _ = call.split_channels(shape)
    kernel, strides = call["input_conv_kernel_sizes"][0], call["stackwise_num_strides"]
    before = 2 * ((kernel - 1) // 2)
    sizes = [None if one is None else size_after([("valid", kernel, 2)], one + before) for one in spatial]
    sizes = [None if one is None else size_after([("valid", 3, 2)], one + 2) for one in sizes]
    for stride in strides:
        sizes = [size_after([("same", stride)], one) for one in sizes]
    wider = 4 if str(call["block_type"]).startswith("bottleneck") else 1
    return call.join_channels(sizes, call["stackwise_num_filters"][-1] * wider)


def _vgg(call: LayerCall, shape: Shape) -> Shape:
    """Return the output of a VGG: each block ends with a pooling of 2."""
    spatial, _ = call.split_channels(shape)
    filters = call["stackwise_num_filters"]
    sizes = [size_after([("valid", 2, 2)] * len(filters), one) for one in spatial]
    return call.join_channels(sizes, filters[-1])


def _patches(more: Callable[[LayerCall], int]) -> Callable[[LayerCall, Shape], Shape]:
    """Return the rule of a vision transformer: one row for each patch, and `more` for tokens of its own."""

    def rule(call: LayerCall, shape: Shape) -> Shape:
        spatial, _ = call.split_channels(shape)
        sizes: Any = call["patch_size"]
        patch = (sizes, sizes) if isinstance(sizes, int) else tuple(sizes)
        if any(size is None or size % one for size, one in zip(spatial, patch, strict=True)):
            raise ShapeError(
                f"{call.name} expects a height and a width that `patch_size` ({' x '.join(map(str, patch))}) divides, "
                f"received {format_shape(shape)}.",
                f"Put `Resizing: {{height: {_multiple(spatial[0], patch[0])}, "
                f"width: {_multiple(spatial[1], patch[1])}}}` before it.",
            )
        rows = [(size or 0) // one for size, one in zip(spatial, patch, strict=True)]
        return rows[0] * rows[1] + more(call), call.positive("hidden_dim")

    return rule


def _multiple(size: int | None, patch: int) -> int:
    return patch * max(1, round((size or patch) / patch))


_PICTURES: dict[str, Callable[[LayerCall, Shape], Shape]] = {
    "DeiTBackbone": _patches(lambda _: 2),
    "DINOV2Backbone": _patches(lambda call: 1 + int(call["num_register_tokens"])),
    "ResNetBackbone": _residual,
    "VGGBackbone": _vgg,
    "ViTBackbone": _patches(lambda call: int(bool(call["use_class_token"]))),
}

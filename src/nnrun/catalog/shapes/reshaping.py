"""Layers without weights that rearrange, crop, pad or repeat their input."""

from __future__ import annotations

from math import prod

from nnrun.catalog.kinds import is_integer
from nnrun.catalog.shapes.convolution import by_rank, split_input
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, ShapeError, format_shape, product


def _reshape(call: LayerCall) -> LayerShape:
    shape, value = call.shape(), call["target_shape"]
    target = (value,) if is_integer(value) else tuple(value)
    if any(size is not None and (not is_integer(size) or size < -1) for size in target) or target.count(-1) > 1:
        raise ShapeError(f"`target_shape` of Reshape expects sizes with at most one -1 (the rest), received {value!r}.")
    size = product(shape)
    if size is None or None in target:
        return call.result(tuple(None if side == -1 else side for side in target))
    sides = prod(side for side in target if side != -1)
    if size != sides if -1 not in target else (sides == 0 or size % sides):
        raise ShapeError(
            f"Reshape expects a target with as many values as its input ({size}, from {format_shape(shape)}), "
            f"received {format_shape(target)}{'' if -1 in target else f', which is {sides}'}.",
            "One size may be -1, for the rest.",
        )
    return call.result(tuple(size // sides if side == -1 else side for side in target))


def _flatten(call: LayerCall) -> LayerShape:
    return call.result((product(call.shape()),))


def _permute(call: LayerCall) -> LayerShape:
    order = call["dims"]
    if sorted(order) != list(range(1, len(order) + 1)):
        raise ShapeError(
            f"`dims` of Permute expects each of 1 to {len(order)} once, received {list(order)!r}.",
            "The first dimension after the batch is 1.",
        )
    shape = call.shape(len(order))
    return call.result(tuple(shape[place - 1] for place in order))


def _repeat(call: LayerCall) -> LayerShape:
    return call.result((call.positive("n"), *call.shape(1)))


def _crop(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    margins = call.margins("cropping")
    output = [None if size is None else size - sum(ends) for size, ends in zip(spatial, margins, strict=True)]
    if any(size is not None and size < 1 for size in output):
        raise ShapeError(
            f"{call.name} expects to leave at least 1 along every dimension, received {format_shape(spatial)} with "
            f"cropping {[list(ends) for ends in margins]}.",
            "Crop less.",
        )
    return call.result(call.join_channels(output, channels))


def _pad(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    margins = call.margins("padding")
    output = [None if size is None else size + sum(ends) for size, ends in zip(spatial, margins, strict=True)]
    return call.result(call.join_channels(output, channels))


def _enlarge(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    factors = (call.positive("size"),) if call.rank == 1 else call.sizes("size")
    output = [None if size is None else size * factor for size, factor in zip(spatial, factors, strict=True)]
    return call.result(call.join_channels(output, channels))


RULES: dict[str, Rule] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Permute": _permute,
    "RepeatVector": _repeat,
    **by_rank("Cropping{}D", _crop),
    **by_rank("ZeroPadding{}D", _pad),
    **by_rank("UpSampling{}D", _enlarge),
}

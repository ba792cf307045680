"""Normalization layers."""

from __future__ import annotations

from math import prod
from typing import Any

from nnrun.catalog.shapes.core import unchanged_along_axis
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError


def _size_along(call: LayerCall, shape: Shape, axes: Any) -> int:
    """Return the product of the sizes along one axis or several, which must be known."""
    sizes = [None if index is None else shape[index] for index in call.axes(axes, shape)]
    return prod(call.known(size, "the dimension along `axis`") for size in sizes)


def _batch(call: LayerCall) -> LayerShape:
    shape = call.shape()
    size = _size_along(call, shape, call["axis"])
    statistics = 5 if call["renorm"] else 2
    return call.result(shape, size * (bool(call["scale"]) + bool(call["center"])), size * statistics)


def _layer(call: LayerCall) -> LayerShape:
    shape = call.shape()
    size, rms = _size_along(call, shape, call["axis"]), bool(call.get("rms_scaling"))
    return call.result(shape, size * ((bool(call["scale"]) or rms) + (bool(call["center"]) and not rms)))


def _group(call: LayerCall) -> LayerShape:
    shape = call.shape()
    size, groups = _size_along(call, shape, call["axis"]), call["groups"]
    if groups != -1 and (groups < 1 or size % groups):
        raise ShapeError(
            f"GroupNormalization expects channels divisible by `groups`, received {size} channels and {groups} groups.",
            "With `groups: -1`, every channel is a group.",
        )
    return call.result(shape, size * (bool(call["scale"]) + bool(call["center"])))


def _rms(call: LayerCall) -> LayerShape:
    shape = call.shape()
    return call.result(shape, _size_along(call, shape, call["axis"]))


def _normalization(call: LayerCall) -> LayerShape:
    shape, axes = call.shape(), call["axis"]
    size = _size_along(call, shape, () if axes is None else axes)
    # A mean and a variance in the config are constants; otherwise Keras keeps both, and a count, as weights.
    return call.result(shape, 0, 0 if call["mean"] is not None else 2 * size + 1)


RULES: dict[str, Rule] = {
    "BatchNormalization": _batch,
    "LayerNormalization": _layer,
    "GroupNormalization": _group,
    "RMSNormalization": _rms,
    "UnitNormalization": unchanged_along_axis,
    "Normalization": _normalization,
}

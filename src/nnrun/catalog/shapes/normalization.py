"""Normalisations: what they keep per channel, and how much of it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, count

if TYPE_CHECKING:
    from collections.abc import Callable


def along(call: Call, shape: Shape, axes: Any) -> int:
    """How many numbers stand along one axis or the product of several; every one must be known."""
    places = [call.axis(axis, shape) for axis in (axes if isinstance(axes, list | tuple) else (axes,))]
    return count(call.known(None if place is None else shape[place], "the dimension along `axis`") for place in places)


def _batch(call: Call) -> LayerShape:
    shape = call.shape()
    size = along(call, shape, call["axis"])
    kept = 5 if call["renorm"] else 2
    return call.answer(shape, size * (bool(call["scale"]) + bool(call["center"])), size * kept)


def _layer(call: Call) -> LayerShape:
    shape = call.shape()
    size, rms = along(call, shape, call["axis"]), bool(call.get("rms_scaling"))
    return call.answer(shape, size * ((bool(call["scale"]) or rms) + (bool(call["center"]) and not rms)))


def _group(call: Call) -> LayerShape:
    shape = call.shape()
    size, groups = along(call, shape, call["axis"]), call["groups"]
    if groups != -1 and (groups < 1 or size % groups):
        raise ShapeError(
            f"GroupNormalization expects channels divisible by `groups`, received {size} channels and {groups} groups.",
            "`groups: -1` makes a group of every channel.",
        )
    return call.answer(shape, size * (bool(call["scale"]) + bool(call["center"])))


def _rms(call: Call) -> LayerShape:
    shape = call.shape()
    return call.answer(shape, along(call, shape, call["axis"]))


def _unit(call: Call) -> LayerShape:
    shape, axes = call.shape(), call["axis"]
    for axis in axes if isinstance(axes, list | tuple) else (axes,):
        call.axis(axis, shape)
    return call.answer(shape)


def _adapted(call: Call) -> LayerShape:
    shape, axes = call.shape(), call["axis"]
    size = along(call, shape, () if axes is None else axes)
    # A mean and a variance that the config states are constants; else Keras keeps both, and a count, as weights.
    return call.answer(shape, 0, 0 if call["mean"] is not None else 2 * size + 1)


RULES: dict[str, Callable[[Call], LayerShape]] = {
    "BatchNormalization": _batch,
    "LayerNormalization": _layer,
    "GroupNormalization": _group,
    "RMSNormalization": _rms,
    "UnitNormalization": _unit,
    "Normalization": _adapted,
}

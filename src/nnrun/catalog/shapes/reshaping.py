"""Layers that rearrange, crop, pad or repeat, and have no weights."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, is_integer, show
from nnrun.catalog.shapes.convolution import picture, positive

if TYPE_CHECKING:
    from collections.abc import Callable


def _product(shape: Shape) -> int | None:
    return None if None in shape else prod(size for size in shape if size is not None)


def _reshape(call: Call) -> LayerShape:
    shape, value = call.shape(), call["target_shape"]
    target = (value,) if is_integer(value) else tuple(value)
    if any(size is not None and (not is_integer(size) or size < -1) for size in target) or target.count(-1) > 1:
        raise ShapeError(
            f"`target_shape` of Reshape expects sizes with at most one -1 (whatever remains), received {value!r}."
        )
    size = _product(shape)
    if size is None or None in target:
        return call.answer(tuple(None if side == -1 else side for side in target))
    sides = prod(side for side in target if side != -1)
    if size != sides if -1 not in target else (sides == 0 or size % sides):
        raise ShapeError(
            f"Reshape expects a target of as many numbers as its input has ({size}, from {show(shape)}), "
            f"received {show(target)}{'' if -1 in target else f', which is {sides}'}.",
            "One size may be -1: it becomes whatever remains.",
        )
    return call.answer(tuple(size // sides if side == -1 else side for side in target))


def _flatten(call: Call) -> LayerShape:
    return call.answer((_product(call.shape()),))


def _permute(call: Call) -> LayerShape:
    order = call["dims"]
    if sorted(order) != list(range(1, len(order) + 1)):
        raise ShapeError(
            f"`dims` of Permute expects each of 1 to {len(order)} once, received {list(order)!r}.",
            "The first dimension after the batch is 1.",
        )
    shape = call.shape(len(order))
    return call.answer(tuple(shape[place - 1] for place in order))


def _repeat(call: Call) -> LayerShape:
    return call.answer((positive(call, "n"), *call.shape(1)))


def _crop(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        ends = (call.sizes("cropping", 2, least=0),) if rank == 1 else call.pairs("cropping", rank)
        output = [None if size is None else size - sum(end) for size, end in zip(spatial, ends, strict=True)]
        if any(size is not None and size < 1 for size in output):
            raise ShapeError(
                f"{call.name} expects to leave at least 1 along every dimension, received {show(spatial)} with "
                f"cropping {[list(end) for end in ends]}.",
                "Crop less.",
            )
        return call.answer(call.join(output, channels))

    return rule


def _pad(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        ends = (call.sizes("padding", 2, least=0),) if rank == 1 else call.pairs("padding", rank)
        return call.answer(
            call.join(
                (None if size is None else size + sum(end) for size, end in zip(spatial, ends, strict=True)), channels
            )
        )

    return rule


def _enlarge(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        factors = (positive(call, "size"),) if rank == 1 else call.sizes("size", rank)
        return call.answer(
            call.join(
                (None if size is None else size * factor for size, factor in zip(spatial, factors, strict=True)),
                channels,
            )
        )

    return rule


RULES: dict[str, Callable[[Call], LayerShape]] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Permute": _permute,
    "RepeatVector": _repeat,
    **{f"Cropping{rank}D": _crop(rank) for rank in (1, 2, 3)},
    **{f"ZeroPadding{rank}D": _pad(rank) for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": _enlarge(rank) for rank in (1, 2, 3)},
}

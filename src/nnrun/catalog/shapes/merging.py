"""Layers that make one tensor of several."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, is_integer, show

if TYPE_CHECKING:
    from collections.abc import Callable


def several(call: Call, exactly: int | None = None) -> tuple[Shape, ...]:
    """The inputs of a layer that takes two or more."""
    if len(call.inputs) < 2 or (exactly is not None and len(call.inputs) != exactly):
        wanted = "2 or more" if exactly is None else exactly
        raise ShapeError(
            f"{call.name} expects a list of {wanted} inputs, received {len(call.inputs)}.",
            f"Name them, as in {{{call.name}: {{from: [first, second]}}}}.",
        )
    return tuple(call.inputs)


def _broadcast(call: Call, first: Shape, second: Shape) -> Shape:
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    output = list(longer[: len(longer) - len(shorter)])
    for one, other in zip(longer[len(longer) - len(shorter) :], shorter, strict=True):
        if one is not None and other is not None and one != other and 1 not in (one, other):
            raise ShapeError(
                f"{call.name} expects inputs of the same shape (or of size 1 where they differ), received "
                f"{call.received()}.",
                "Bring them to one shape first, with a Dense, a Conv or a pooling.",
            )
        output.append(None if one is None or other is None else other if one == 1 else one)
    return tuple(output)


def _elementwise(call: Call) -> LayerShape:
    shapes = several(call, 2 if call.name == "Subtract" else None)
    return call.answer(reduce(lambda first, second: _broadcast(call, first, second), shapes))


def _concatenate(call: Call) -> LayerShape:
    shapes = several(call)
    axis = call.axis(call["axis"], shapes[0])
    for place in range(max(map(len, shapes))):
        sizes = {shape[place] for shape in shapes if len(shape) > place} - {None}
        if len({len(shape) for shape in shapes}) > 1 or (place != axis and len(sizes) > 1):
            raise ShapeError(
                f"Concatenate expects inputs that differ only along axis {call['axis']}, received {call.received()}.",
                "Bring them to one shape first, or name another `axis`.",
            )
    output = list(shapes[0])
    if axis is not None:
        along = [shape[axis] for shape in shapes]
        output[axis] = None if None in along else sum(size for size in along if size is not None)
    return call.answer(tuple(output))


def _dot(call: Call) -> LayerShape:
    first, second = several(call, 2)
    axes = call["axes"]
    places = [axes, axes] if is_integer(axes) else list(axes)
    if len(places) != 2:
        raise ShapeError(f"`axes` of Dot expects an integer or a list of 2, received {axes!r}.")
    one, other = call.axis(places[0], first), call.axis(places[1], second)
    if one is None or other is None:
        raise ShapeError(f"`axes` of Dot expects axes other than the batch (0), received {axes!r}.")
    if first[one] != second[other]:
        raise ShapeError(
            f"Dot expects the same size along its axes {axes!r}, received {show(first)} and {show(second)}."
        )
    output = (*first[:one], *first[one + 1 :], *second[:other], *second[other + 1 :])
    return call.answer(output or (1,))


RULES: dict[str, Callable[[Call], LayerShape]] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _elementwise),
    "Concatenate": _concatenate,
    "Dot": _dot,
}

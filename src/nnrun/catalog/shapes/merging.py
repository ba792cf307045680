"""Layers that merge several tensors into one."""

from __future__ import annotations

from functools import partial, reduce

from nnrun.catalog.kinds import is_integer
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError


def several_inputs(call: LayerCall, exactly: int | None = None) -> tuple[Shape, ...]:
    """Return the inputs of a layer that takes two or more."""
    if len(call.inputs) < 2 or (exactly is not None and len(call.inputs) != exactly):
        wanted = "2 or more" if exactly is None else exactly
        raise ShapeError(
            f"{call.name} expects a list of {wanted} inputs, received {len(call.inputs)}.",
            f"Name them, as in {{{call.name}: {{from: [first, second]}}}}.",
        )
    return tuple(call.inputs)


def _broadcast(call: LayerCall, first: Shape, second: Shape) -> Shape:
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    output = list(longer[: len(longer) - len(shorter)])
    for one, other in zip(longer[len(longer) - len(shorter) :], shorter, strict=True):
        if one is not None and other is not None and one != other and 1 not in (one, other):
            raise ShapeError(
                f"{call.name} expects inputs of the same shape (or of size 1 where they differ), received "
                f"{call.received()}.",
                "Give them the same shape first, with a Dense, a Conv or a pooling.",
            )
        output.append(None if one is None or other is None else other if one == 1 else one)
    return tuple(output)


def _elementwise(call: LayerCall) -> LayerShape:
    shapes = several_inputs(call, 2 if call.name == "Subtract" else None)
    return call.result(reduce(partial(_broadcast, call), shapes))


def _concatenate(call: LayerCall) -> LayerShape:
    shapes = several_inputs(call)
    axis = call.axis(call["axis"], shapes[0])
    for place in range(max(map(len, shapes))):
        sizes = {shape[place] for shape in shapes if len(shape) > place} - {None}
        if len({len(shape) for shape in shapes}) > 1 or (place != axis and len(sizes) > 1):
            raise ShapeError(
                f"Concatenate expects inputs that differ only along axis {call['axis']}, received {call.received()}.",
                "Give them the same shape first, or set another `axis`.",
            )
    output = list(shapes[0])
    if axis is not None:
        along = [shape[axis] for shape in shapes]
        output[axis] = None if None in along else sum(size for size in along if size is not None)
    return call.result(tuple(output))


def _dot(call: LayerCall) -> LayerShape:
    first, second = several_inputs(call, 2)
    axes = call["axes"]
    places = [axes, axes] if is_integer(axes) else list(axes)
    if len(places) != 2:
        raise ShapeError(f"`axes` of Dot expects an integer or a list of 2, received {axes!r}.")
    one, other = call.axis(places[0], first), call.axis(places[1], second)
    if one is None or other is None:
        raise ShapeError(f"`axes` of Dot expects axes other than the batch (0), received {axes!r}.")
    if first[one] != second[other]:
        raise ShapeError(f"Dot expects the same size along its axes {axes!r}, received {call.received()}.")
    output = (*first[:one], *first[one + 1 :], *second[:other], *second[other + 1 :])
    return call.result(output or (1,))


RULES: dict[str, Rule] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _elementwise),
    "Concatenate": _concatenate,
    "Dot": _dot,
}

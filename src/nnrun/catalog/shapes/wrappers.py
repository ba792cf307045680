"""Layers around another layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import Call, LayerShape, Output, Shape, ShapeError, show
from nnrun.catalog.shapes.core import einsum_kernel
from nnrun.catalog.shapes.recurrent import RECURRENT

if TYPE_CHECKING:
    from collections.abc import Callable

_KERNEL_COLUMNS = {
    "Dense": "units",
    "Embedding": "output_dim",
    "ReversibleEmbedding": "output_dim",
    **{f"Conv{rank}D": "filters" for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": "depth_multiplier" for rank in (1, 2)},
}
_SAME = ("return_sequences", "return_state", "stateful")


def outputs(output: Output) -> tuple[Shape, ...]:
    """A layer's outputs, one or several, as a tuple."""
    if output and isinstance(output[0], tuple):
        return output
    return (output,)  # type: ignore[return-value]


def _bidirectional(call: Call) -> LayerShape:
    forward = call.enter(call["layer"], call.inputs)
    backward = forward if call["backward_layer"] is None else call.enter(call["backward_layer"], call.inputs)
    for inner in (forward, backward):
        if inner.name not in RECURRENT:
            raise ShapeError(
                f"Bidirectional expects a recurrent layer, received {inner.name}.",
                f"Bidirectional takes one of {', '.join(RECURRENT)}.",
            )
    _match(call, forward, backward)
    shapes = call.decide(forward), call.decide(backward)
    first, states = outputs(shapes[0].output)[0], [outputs(shape.output)[1:] for shape in shapes]
    if call["merge_mode"] is None:
        merged: tuple[Shape, ...] = (first, first)
    elif call["merge_mode"] == "concat":
        merged = ((*first[:-1], 2 * call.known(first[-1], "a last dimension")),)
    else:
        merged = (first,)
    together = (*merged, *states[0], *states[0])
    return call.wrapped(together if len(together) > 1 else together[0], shapes)


def _match(call: Call, forward: Call, backward: Call) -> None:
    reversed_too = bool(forward["go_backwards"]) == bool(backward["go_backwards"])
    if forward["go_backwards"] if backward is forward else reversed_too:
        raise ShapeError(
            "Bidirectional expects layers that read in opposite directions, received the same `go_backwards` twice.",
            "Drop `go_backwards` from `layer`, or give `backward_layer` the opposite one.",
        )
    for key in _SAME:
        if bool(forward[key]) != bool(backward[key]):
            raise ShapeError(
                f"Bidirectional expects the same `{key}` of `layer` and `backward_layer`, received {forward[key]} and "
                f"{backward[key]}."
            )
    if call["merge_mode"] not in ("sum", "mul", "ave", "concat", None):
        raise ShapeError(
            f"`merge_mode` of Bidirectional expects 'concat', 'sum', 'mul', 'ave' or null, received "
            f"{call['merge_mode']!r}."
        )


def _time_distributed(call: Call) -> LayerShape:
    shape = call.shape(least=2, meaning="(steps, then what the layer inside takes)")
    inner = call.nested(call["layer"], [shape[1:]])
    found = outputs(inner.output)
    if len(found) > 1:
        raise ShapeError(
            f"TimeDistributed expects a layer with one output, received {len(found)}.", "Drop `return_state` inside it."
        )
    return call.wrapped((shape[0], *found[0]), [inner])


def _kernel_columns(call: Call) -> int:
    """The last dimension of the kernel that a spectral normalisation divides."""
    if call.name == "EinsumDense":
        return einsum_kernel(call)[1][-1]
    if call.name.startswith("Conv") and call.name.endswith("Transpose"):
        return call.known(call.split(call.shape())[1], "channels")
    if call.name in _KERNEL_COLUMNS:
        return int(call[_KERNEL_COLUMNS[call.name]])
    raise ShapeError(
        "SpectralNormalization expects a layer with one kernel (Dense, Conv, DepthwiseConv, Embedding), received "
        f"{call.name}."
    )


def _spectral(call: Call) -> LayerShape:
    shape = call.shape(least=1)
    inner = call.enter(call["layer"], [shape])
    call.known(shape[-1], "a last dimension")
    decided = call.decide(inner)
    return call.wrapped(decided.output, [decided], _kernel_columns(inner))


def _pipeline(call: Call) -> LayerShape:
    shapes: tuple[Shape, ...] = (call.shape(),)
    steps = []
    for part in call["layers"]:
        if len(shapes) > 1:
            raise ShapeError(
                f"{call.name} expects layers with one output each, received {' and '.join(map(show, shapes))}."
            )
        steps.append(call.nested(part, shapes))
        shapes = outputs(steps[-1].output)
    return call.wrapped(shapes if len(shapes) > 1 else shapes[0], steps)


RULES: dict[str, Callable[[Call], LayerShape]] = {
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "SpectralNormalization": _spectral,
    "Pipeline": _pipeline,
    "Sequential": _pipeline,
}

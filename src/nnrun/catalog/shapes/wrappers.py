"""Layers around another layer."""

from __future__ import annotations

from nnrun.catalog.shapes.core import einsum_kernel
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError, format_shape, outputs
from nnrun.catalog.shapes.recurrent import RECURRENT

_KERNEL_COLUMNS = {
    "Dense": "units",
    "Embedding": "output_dim",
    "ReversibleEmbedding": "output_dim",
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), "filters"),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), "depth_multiplier"),
}
_SAME_IN_BOTH = ("return_sequences", "return_state", "stateful")


def _bidirectional(call: LayerCall) -> LayerShape:
    forward = call.nested_call(call["layer"], call.inputs)
    backward = forward if call["backward_layer"] is None else call.nested_call(call["backward_layer"], call.inputs)
    for inner in (forward, backward):
        if inner.name not in RECURRENT:
            raise ShapeError(
                f"Bidirectional expects a recurrent layer, received {inner.name}.",
                f"Bidirectional takes one of {', '.join(RECURRENT)}.",
            )
    _check_directions(call, forward, backward)
    shapes = call.infer(forward), call.infer(backward)
    first, states = outputs(shapes[0].output)[0], [outputs(shape.output)[1:] for shape in shapes]
    if call["merge_mode"] is None:
        merged: tuple[Shape, ...] = (first, first)
    elif call["merge_mode"] == "concat":
        merged = ((*first[:-1], 2 * call.known(first[-1], "a last dimension")),)
    else:
        merged = (first,)
    together = (*merged, *states[0], *states[0])
    return call.wrapper_result(together if len(together) > 1 else together[0], shapes)


def _check_directions(call: LayerCall, forward: LayerCall, backward: LayerCall) -> None:
    reversed_too = bool(forward["go_backwards"]) == bool(backward["go_backwards"])
    if forward["go_backwards"] if backward is forward else reversed_too:
        raise ShapeError(
            "Bidirectional expects layers with opposite directions, received the same `go_backwards` twice.",
            "Remove `go_backwards` from `layer`, or give `backward_layer` the opposite value.",
        )
    for key in _SAME_IN_BOTH:
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


def _time_distributed(call: LayerCall) -> LayerShape:
    shape = call.shape(minimum=2, meaning="(steps, then the input of the layer inside)")
    inner = call.nested(call["layer"], [shape[1:]])
    found = outputs(inner.output)
    if len(found) > 1:
        raise ShapeError(
            f"TimeDistributed expects a layer with one output, received {len(found)}.",
            "Remove `return_state` inside it.",
        )
    return call.wrapper_result((shape[0], *found[0]), [inner])


def _kernel_columns(call: LayerCall) -> int:
    """Return the last dimension of the kernel that a spectral normalization divides."""
    if call.name == "EinsumDense":
        return einsum_kernel(call)[1][-1]
    if call.name.startswith("Conv") and call.name.endswith("Transpose"):
        return call.known(call.split_channels(call.shape())[1], "channels")
    if call.name in _KERNEL_COLUMNS:
        return int(call[_KERNEL_COLUMNS[call.name]])
    raise ShapeError(
        "SpectralNormalization expects a layer with one kernel (Dense, Conv, DepthwiseConv, Embedding), received "
        f"{call.name}."
    )


def _spectral(call: LayerCall) -> LayerShape:
    shape = call.shape(minimum=1)
    inner = call.nested_call(call["layer"], [shape])
    call.known(shape[-1], "a last dimension")
    decided = call.infer(inner)
    return call.wrapper_result(decided.output, [decided], _kernel_columns(inner))


def _pipeline(call: LayerCall) -> LayerShape:
    shapes: tuple[Shape, ...] = (call.shape(),)
    steps = []
    for part in call["layers"]:
        if len(shapes) > 1:
            raise ShapeError(
                f"{call.name} expects layers with one output each, received {' and '.join(map(format_shape, shapes))}."
            )
        steps.append(call.nested(part, shapes))
        shapes = outputs(steps[-1].output)
    return call.wrapper_result(shapes if len(shapes) > 1 else shapes[0], steps)


RULES: dict[str, Rule] = {
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "SpectralNormalization": _spectral,
    "Pipeline": _pipeline,
    "Sequential": _pipeline,
}

"""Dense layers, embeddings, activations, and layers that keep the shape of their input."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from nnrun.catalog.kinds import is_integer
from nnrun.catalog.shapes.convolution import by_rank
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError, Undecided, format_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Without dots, or with dots on the left or on the right of both the input and the output.
_EQUATIONS = (
    re.compile(r"(?P<input>[a-zA-Z]+),(?P<weight>[a-zA-Z]+)->(?P<output>[a-zA-Z]+)"),
    re.compile(r"(?P<left>\.{3})(?P<input>[a-zA-Z]+),(?P<weight>[a-zA-Z]+)->\.{3}(?P<output>[a-zA-Z]+)"),
    re.compile(r"(?P<input>[a-zA-Z]{2,})(?P<right>\.{3}),(?P<weight>[a-zA-Z]+)->(?P<output>[a-zA-Z]+)\.{3}"),
)


def _dense(call: LayerCall) -> LayerShape:
    shape, units = call.shape(minimum=1), call.positive("units")
    size = call.known(shape[-1], "a last dimension")
    trained, frozen = call.kernel_parameters((size, units))
    return call.result((*shape[:-1], units), trained + units * bool(call["use_bias"]), frozen)


def einsum(equation: str, shape: Shape, sides: Shape) -> tuple[Shape, Shape, dict[str, int | None]]:
    """Return the output of an `EinsumDense` equation, its kernel, and the size of every letter of the output.

    Args:
        equation: `ab,bc->ac`, with dots on one side for the dimensions that it leaves out.
        shape: The input's shape.
        sides: The value of `output_shape`, without the batch.
    """
    matches = [match for form in _EQUATIONS if (match := form.fullmatch(equation))]
    if not matches:
        raise ShapeError(
            f"`equation` of EinsumDense expects a form such as 'ab,bc->ac' or '...b,bc->...c', received {equation!r}."
        )
    found = matches[0].groupdict()
    letters, written, left = found["input"], found["output"], bool(found.get("left"))
    full: Shape = (None, *shape)
    elided = len(full) - len(letters)
    if elided < 0 or (elided and not left and not found.get("right")):
        raise ShapeError(
            f"EinsumDense expects an input of {len(letters)} dimensions with the batch for {equation!r}, received "
            f"{format_shape(shape)}."
        )
    # Keras 3.15 computes several dimensions under leading dots in reverse order, and builds the next layers on that.
    output: Shape = (None, *reversed(full[1:elided]), *sides) if left else (None, *sides, *full[len(full) - elided :])
    if len(output) - elided < len(written):
        raise ShapeError(
            f"`output_shape` of EinsumDense expects {len(written) - 1} sizes for {equation!r}, received "
            f"{format_shape(sides)}."
        )
    start = elided if left else 0
    incoming = {letter: full[start + place] for place, letter in enumerate(letters)}
    outgoing = {letter: output[start + place] for place, letter in enumerate(written)}
    _match_letters(equation, found["weight"], incoming, outgoing)
    kernel = tuple(outgoing[letter] if letter in outgoing else incoming[letter] for letter in found["weight"])
    return output[1:], kernel, outgoing


def _match_letters(
    equation: str, weight: str, incoming: Mapping[str, int | None], outgoing: Mapping[str, int | None]
) -> None:
    """Refuse a letter with two sizes, or with none."""
    for letter, size in incoming.items():
        if outgoing.get(letter) not in (None, size):
            raise ShapeError(
                f"EinsumDense expects size {size} for {letter!r} of {equation!r}, received {outgoing[letter]} in "
                "`output_shape`.",
                "With null, a size is that of the input.",
            )
    unknown = [letter for letter in weight if letter not in incoming and letter not in outgoing]
    unknown += [letter for letter in outgoing if letter not in incoming and letter not in weight]
    if unknown:
        raise ShapeError(
            f"EinsumDense expects every letter of {equation!r} on both sides of a comma or arrow, received {unknown}."
        )


def einsum_kernel(call: LayerCall) -> tuple[Shape, tuple[int, ...], dict[str, int | None]]:
    """Return the output, the kernel (all sizes known) and the letters of the output of an `EinsumDense` call."""
    value = call["output_shape"]
    sides = (value,) if is_integer(value) else tuple(value)
    output, kernel, letters = einsum(call["equation"], call.shape(), sides)
    return output, tuple(call.known(size, "the dimensions of its kernel") for size in kernel), letters


def _einsum_dense(call: LayerCall) -> LayerShape:
    output, kernel, letters = einsum_kernel(call)
    bias, axes = 0, call["bias_axes"]
    if axes is not None:
        missing = [letter for letter in axes if letter not in letters]
        if missing:
            raise ShapeError(
                f"`bias_axes` of EinsumDense expects letters of the output of {call['equation']!r}, received {axes!r}."
            )
        bias = prod(call.known(letters[letter], "the dimensions of its bias") for letter in dict.fromkeys(axes))
    trained, frozen = call.kernel_parameters(kernel)
    return call.result(output, trained + bias, frozen)


def _embedding(call: LayerCall) -> LayerShape:
    shape, width = call.shape(), call.positive("output_dim")
    try:
        rows = call.positive("input_dim")
    except Undecided:
        if call.name != "Embedding":
            raise
        # A vocabulary that is still to be learned decides how many weights there are, and no shape.
        return LayerShape((*shape, width), None, None)
    trained, frozen = call.kernel_parameters((rows, width))
    if call.name == "Embedding":
        return call.result((*shape, width), trained, frozen)
    untied = 0 if call["tie_weights"] else rows * width
    output = (*shape[:-1], rows) if call.call_argument("reverse") else (*shape, width)
    return call.result(output, trained + untied, frozen)


def _position_embedding(call: LayerCall) -> LayerShape:
    shape = call.shape(2, meaning="(steps, features)")
    length, width = call.positive("sequence_length"), call.known(shape[1], "features")
    if shape[0] is not None and shape[0] > length:
        raise ShapeError(
            f"PositionEmbedding expects {length} steps at most (`sequence_length`), received {format_shape(shape)}.",
            f"Write `sequence_length: {shape[0]}`.",
        )
    return call.result(shape, length * width)


def _prelu(call: LayerCall) -> LayerShape:
    shape, shared = call.shape(), call["shared_axes"]
    sizes = list(shape)
    for axis in shared if isinstance(shared, list | tuple) else () if shared is None else (shared,):
        # Keras counts a shared axis from 1, the first dimension after the batch.
        if not is_integer(axis) or not -len(shape) < axis <= len(shape):
            raise ShapeError(
                f"`shared_axes` of PReLU expects axes from 1 to {len(shape)} for {format_shape(shape)}, "
                f"received {shared!r}."
            )
        sizes[axis - 1] = 1
    return call.result(shape, prod(call.known(size, "every dimension that is not in `shared_axes`") for size in sizes))


def unchanged_along_axis(call: LayerCall) -> LayerShape:
    """Return the input's shape, which must have the axes of `axis`."""
    shape = call.shape()
    call.axes(call["axis"], shape)
    return call.result(shape)


def unchanged(call: LayerCall) -> LayerShape:
    """Return the shape of each input, without weights."""
    return call.result(call.inputs[0] if len(call.inputs) == 1 else tuple(call.inputs))


def _spatial_dropout(call: LayerCall) -> LayerShape:
    return call.result(call.shape(call.rank + 1))


def _input(call: LayerCall) -> LayerShape:
    shape = call["shape"] if call["batch_shape"] is None else call["batch_shape"][1:]
    return call.result(tuple(call.inputs[0] if shape is None else shape))


_UNCHANGED = """Activation ActivityRegularization AlphaDropout Dropout ELU GaussianDropout GaussianNoise Identity
    LeakyReLU Masking ReLU"""

RULES: dict[str, Rule] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "ReversibleEmbedding": _embedding,
    "PositionEmbedding": _position_embedding,
    "PReLU": _prelu,
    "Softmax": unchanged_along_axis,
    "InputLayer": _input,
    **dict.fromkeys(_UNCHANGED.split(), unchanged),
    **by_rank("SpatialDropout{}D", _spatial_dropout),
}

"""Dense layers, embeddings, activations, and layers that leave their input's shape alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, count, is_integer, show
from nnrun.catalog.shapes.convolution import positive
from nnrun.catalog.shapes.lora import with_lora

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Dots stand on no side, or on the left or the right of both the input and the output.
_EQUATIONS = (
    re.compile(r"(?P<input>[a-zA-Z]+),(?P<weight>[a-zA-Z]+)->(?P<output>[a-zA-Z]+)"),
    re.compile(r"(?P<left>\.{3})(?P<input>[a-zA-Z]+),(?P<weight>[a-zA-Z]+)->\.{3}(?P<output>[a-zA-Z]+)"),
    re.compile(r"(?P<input>[a-zA-Z]{2,})(?P<right>\.{3}),(?P<weight>[a-zA-Z]+)->(?P<output>[a-zA-Z]+)\.{3}"),
)


def _dense(call: Call) -> LayerShape:
    shape, units = call.shape(least=1), positive(call, "units")
    size = call.known(shape[-1], "a last dimension")
    trained, frozen = with_lora(call, (size, units))
    return call.answer((*shape[:-1], units), trained + units * bool(call["use_bias"]), frozen)


def einsum(equation: str, shape: Shape, sides: Shape) -> tuple[Shape, Shape, dict[str, int | None]]:
    """An `EinsumDense` equation's output, its kernel, and the size behind every letter of the output.

    Args:
        equation: `ab,bc->ac`, with dots on one side for the dimensions that are left alone.
        shape: The input's shape.
        sides: What the config says of the output's dimensions, batch not counted.
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
            f"{show(shape)}."
        )
    # Keras 3.15 foretells several dimensions under leading dots in reverse order, and builds what follows on that.
    output: Shape = (None, *reversed(full[1:elided]), *sides) if left else (None, *sides, *full[len(full) - elided :])
    if len(output) - elided < len(written):
        raise ShapeError(
            f"`output_shape` of EinsumDense expects {len(written) - 1} sizes for {equation!r}, received {show(sides)}."
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
    """Raise ShapeError for a letter that stands for two sizes, or for none."""
    for letter, size in incoming.items():
        if outgoing.get(letter) not in (None, size):
            raise ShapeError(
                f"EinsumDense expects size {size} for {letter!r} of {equation!r}, received {outgoing[letter]} in "
                "`output_shape`.",
                "null leaves a size to the input.",
            )
    unknown = [letter for letter in weight if letter not in incoming and letter not in outgoing]
    unknown += [letter for letter in outgoing if letter not in incoming and letter not in weight]
    if unknown:
        raise ShapeError(
            f"EinsumDense expects every letter of {equation!r} on both sides of a comma or arrow, received {unknown}."
        )


def einsum_kernel(call: Call) -> tuple[Shape, tuple[int, ...], dict[str, int | None]]:
    """The output, the kernel (all sizes known) and the output's letters of an `EinsumDense` call."""
    value = call["output_shape"]
    sides = (value,) if is_integer(value) else tuple(value)
    output, kernel, letters = einsum(call["equation"], call.shape(), sides)
    return output, tuple(call.known(size, "the dimensions of its kernel") for size in kernel), letters


def _einsum_dense(call: Call) -> LayerShape:
    output, kernel, letters = einsum_kernel(call)
    bias, axes = 0, call["bias_axes"]
    if axes is not None:
        missing = [letter for letter in axes if letter not in letters]
        if missing:
            raise ShapeError(
                f"`bias_axes` of EinsumDense expects letters of the output of {call['equation']!r}, received {axes!r}."
            )
        bias = count(call.known(letters[letter], "the dimensions of its bias") for letter in dict.fromkeys(axes))
    trained, frozen = with_lora(call, kernel)
    return call.answer(output, trained + bias, frozen)


def _embedding(call: Call) -> LayerShape:
    shape = call.shape()
    rows, width = positive(call, "input_dim"), positive(call, "output_dim")
    trained, frozen = with_lora(call, (rows, width))
    if call.name == "Embedding":
        return call.answer((*shape, width), trained, frozen)
    untied = 0 if call["tie_weights"] else rows * width
    output = (*shape[:-1], rows) if call.option("reverse") else (*shape, width)
    return call.answer(output, trained + untied, frozen)


def _position_embedding(call: Call) -> LayerShape:
    shape = call.shape(2, meaning="(steps, features)")
    length, width = positive(call, "sequence_length"), call.known(shape[1], "features")
    if shape[0] is not None and shape[0] > length:
        raise ShapeError(
            f"PositionEmbedding expects {length} steps at most (`sequence_length`), received {show(shape)}.",
            f"Write `sequence_length: {shape[0]}`.",
        )
    return call.answer(shape, length * width)


def _prelu(call: Call) -> LayerShape:
    shape, shared = call.shape(), call["shared_axes"]
    sizes = list(shape)
    for axis in shared if isinstance(shared, list | tuple) else () if shared is None else (shared,):
        # Keras counts a shared axis from 1, the first dimension after the batch.
        if not is_integer(axis) or not -len(shape) < axis <= len(shape):
            raise ShapeError(
                f"`shared_axes` of PReLU expects axes from 1 to {len(shape)} for {show(shape)}, received {shared!r}."
            )
        sizes[axis - 1] = 1
    return call.answer(shape, count(call.known(size, "every dimension that is not in `shared_axes`") for size in sizes))


def _softmax(call: Call) -> LayerShape:
    shape, axes = call.shape(), call["axis"]
    for axis in axes if isinstance(axes, list | tuple) else (axes,):
        call.axis(axis, shape)
    return call.answer(shape)


def unchanged(call: Call) -> LayerShape:
    """The input's own shape, without weights; of several inputs, each keeps its own."""
    return call.answer(call.inputs[0] if len(call.inputs) == 1 else tuple(call.inputs))


def _unchanged_of(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        return call.answer(call.shape(rank))

    return rule


def _given(call: Call) -> LayerShape:
    shape = call["shape"] if call["batch_shape"] is None else call["batch_shape"][1:]
    return call.answer(tuple(call.inputs[0] if shape is None else shape))


RULES: dict[str, Callable[[Call], LayerShape]] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "ReversibleEmbedding": _embedding,
    "PositionEmbedding": _position_embedding,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "InputLayer": _given,
    **dict.fromkeys(
        (
            "Activation",
            "ActivityRegularization",
            "AlphaDropout",
            "Dropout",
            "ELU",
            "GaussianDropout",
            "GaussianNoise",
            "Identity",
            "LeakyReLU",
            "Masking",
            "ReLU",
        ),
        unchanged,
    ),
    **{f"SpatialDropout{rank}D": _unchanged_of(rank + 1) for rank in (1, 2, 3)},
}

"""Recurrent layers and the cells inside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, Undecided, count, show
from nnrun.catalog.shapes.convolution import covered, positive, slide

if TYPE_CHECKING:
    from collections.abc import Callable

_GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
CELLS = ("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells")


@dataclass(frozen=True)
class _Cell:
    """One step of a recurrent layer: its weights, the size of its output and of each state."""

    weights: LayerShape
    units: int
    states: tuple[Shape, ...]


def _gated(call: Call, features: int) -> _Cell:
    kind = call.name.removesuffix("Cell")
    gates, units = _GATES[kind], positive(call, "units")
    # A GRU that resets after its matrix product keeps two biases, one for each product.
    biases = bool(call["use_bias"]) * (2 if kind == "GRU" and call["reset_after"] else 1)
    weights = call.answer((units,), gates * units * (features + units + biases))
    return _Cell(weights, units, ((units,),) * (2 if kind == "LSTM" else 1))


def _cell(call: Call, features: int) -> _Cell:
    if call.name == "StackedRNNCells":
        return _stacked(call, [call.enter(cell, [(features,)]) for cell in call["cells"]], features)
    if call.name not in CELLS:
        raise Undecided(f"{call.name} is not one of Keras' cells")
    return _gated(call, features)


def _stacked(call: Call, cells: list[Call], features: int) -> _Cell:
    steps = []
    for cell in cells:
        steps.append(_cell(cell, features))
        features = steps[-1].units
    states = tuple(state for step in steps for state in step.states)
    return _Cell(call.wrapped((features,), [step.weights for step in steps]), features, states)


def _over(call: Call, step: _Cell) -> LayerShape:
    refuse_stateful(call)
    steps, _ = call.shape()
    output: Shape = (steps, step.units) if call["return_sequences"] else (step.units,)
    return call.wrapped((output, *step.states) if call["return_state"] else output, [step.weights])


def refuse_stateful(call: Call) -> None:
    """Raise ShapeError where a layer keeps its state from batch to batch but the batch's size is open."""
    if call["stateful"] and call.batch_size is None:
        raise ShapeError(
            f"{call.name} with `stateful: true` expects a batch of a known size, received an open one.",
            "Give the model's `Input` a `batch_size`, or drop `stateful`.",
        )


def _features(call: Call) -> int:
    shape = call.shape()
    if len(shape) != 2:
        raise ShapeError(
            f"{call.name} expects (steps, features), 2 dimensions, received {show(shape)}.", _sequence_hint(shape)
        )
    return call.known(shape[1], "features")


def _sequence_hint(shape: Shape) -> str:
    if len(shape) < 2:
        return (
            "Give the recurrent layer before it `return_sequences: true`, or put "
            f"{{Reshape: {show((*shape, 1))}}} or an Embedding before it."
        )
    rest = prod(size for size in shape[1:] if size is not None)
    example = "" if None in shape else f", such as {{Reshape: {show((shape[0], rest))}}}"
    return f"Bring it to (steps, features){example}, or use a ConvLSTM."


def _layer(call: Call) -> LayerShape:
    return _over(call, _gated(call, _features(call)))


def _rnn(call: Call) -> LayerShape:
    cell, features = call["cell"], _features(call)
    if isinstance(cell, list | tuple):
        return _over(call, _stacked(call, [call.enter(each, [(features,)]) for each in cell], features))
    return _over(call, _cell(call.enter(cell, [(features,)]), features))


def _convolutional(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        refuse_stateful(call)
        shape = call.shape(rank + 2, meaning="(steps, then the dimensions of one picture)")
        spatial, channels = call.split(shape[1:])
        for size in spatial:
            call.known(size, "pictures")
        channels, filters = call.known(channels, "channels"), positive(call, "filters")
        kernel, strides = call.sizes("kernel_size", rank), call.sizes("strides", rank)
        dilation = call.sizes("dilation_rate", rank)
        if max(strides) > 1 and max(dilation) > 1:
            raise ShapeError(
                f"{call.name} expects either `strides` or `dilation_rate` above 1, received {list(strides)} and "
                f"{list(dilation)}."
            )
        state = call.join(slide(call, spatial, covered(kernel, dilation), strides, call["padding"]), filters)
        trained = count(kernel) * 4 * filters * (channels + filters) + 4 * filters * bool(call["use_bias"])
        output = (shape[0], *state) if call["return_sequences"] else state
        cell = LayerShape(state, trained, trained)
        return call.wrapped((output, state, state) if call["return_state"] else output, [cell])

    return rule


def _alone(call: Call) -> LayerShape:
    raise ShapeError(
        f"{call.name} expects to stand inside RNN, received a place of its own.",
        f"Write {{RNN: {{cell: {{{call.name}: ...}}}}}}.",
    )


RULES: dict[str, Callable[[Call], LayerShape]] = {
    **dict.fromkeys(_GATES, _layer),
    "RNN": _rnn,
    **{f"ConvLSTM{rank}D": _convolutional(rank) for rank in (1, 2, 3)},
    **dict.fromkeys(CELLS, _alone),
}
RECURRENT = tuple(name for name in RULES if name not in CELLS)

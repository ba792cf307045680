"""Recurrent layers and their cells."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.convolution import by_rank, dilated_window, refuse_strided_dilation, window_positions
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError, Undecided, format_shape
from nnrun.catalog.shapes.names import class_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.catalog.shapes.layer_call import PartLike

_GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
CELLS = ("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells")


@dataclass(frozen=True)
class _Cell:
    """One step of a recurrent layer: its weights, and the sizes of its output and of its states."""

    weights: LayerShape
    units: int
    states: tuple[Shape, ...]


def _gated(call: LayerCall, features: int) -> _Cell:
    kind = call.name.removesuffix("Cell")
    gates, units = _GATES[kind], call.positive("units")
    # A GRU with `reset_after` has two biases.
    biases = bool(call["use_bias"]) * (2 if kind == "GRU" and call["reset_after"] else 1)
    weights = call.result((units,), gates * units * (features + units + biases))
    return _Cell(weights, units, ((units,),) * (2 if kind == "LSTM" else 1))


def _cell(call: LayerCall, features: int) -> _Cell:
    if call.name == "StackedRNNCells":
        return _stacked(call, [call.nested_call(cell, [(features,)]) for cell in call["cells"]], features)
    if call.name not in CELLS:
        raise Undecided(f"{call.name} is not one of Keras' cells")
    return _gated(call, features)


def _stacked(call: LayerCall, cells: list[LayerCall], features: int) -> _Cell:
    steps = []
    for cell in cells:
        steps.append(_cell(cell, features))
        features = steps[-1].units
    states = tuple(state for step in steps for state in step.states)
    return _Cell(call.wrapper_result((features,), [step.weights for step in steps]), features, states)


def _repeated(call: LayerCall, step: _Cell) -> LayerShape:
    refuse_stateful(call)
    steps, _ = call.shape()
    output: Shape = (steps, step.units) if call["return_sequences"] else (step.units,)
    return call.wrapper_result((output, *step.states) if call["return_state"] else output, [step.weights])


def refuse_stateful(call: LayerCall) -> None:
    """Refuse a layer that keeps its state from batch to batch if the batch size is open."""
    if call["stateful"] and call.batch_size is None:
        raise ShapeError(
            f"{call.name} with `stateful: true` expects a batch of a known size, received an open one.",
            "Give the model's `Input` a `batch_size`, or remove `stateful`.",
        )


def _features(call: LayerCall) -> int:
    shape = call.shape()
    if len(shape) != 2:
        raise ShapeError(
            f"{call.name} expects (steps, features), 2 dimensions, received {format_shape(shape)}.",
            _sequence_hint(shape),
        )
    return call.known(shape[1], "features")


def _sequence_hint(shape: Shape) -> str:
    if len(shape) < 2:
        steps = shape[0] if shape and shape[0] is not None else 1
        series = f"if its {steps} values are the steps of a series, put {{Reshape: [{steps}, 1]}} before it"
        what = f"A recurrent layer reads a sequence, and an example here is one row of {format_shape(shape)}"
        if steps > 1:
            return f"{what}: {series}; for token ids put an Embedding before it; for a table use Dense."
        return (
            f"{what}: for a table use Dense; for a series give each row the values of several steps as columns, or "
            "read arrays of (rows, steps, features) with npz."
        )
    rest = prod(size for size in shape[1:] if size is not None)
    example = "" if None in shape else f", such as {{Reshape: {format_shape((shape[0], rest))}}}"
    return f"Reshape it to (steps, features){example}, or use a ConvLSTM."


def _layer(call: LayerCall) -> LayerShape:
    return _repeated(call, _gated(call, _features(call)))


def _rnn(call: LayerCall) -> LayerShape:
    cell, features = call["cell"], _features(call)
    if isinstance(cell, list | tuple):
        return _repeated(call, _stacked(call, [call.nested_call(each, [(features,)]) for each in cell], features))
    return _repeated(call, _cell(call.nested_call(cell, [(features,)]), features))


def _convolutional(call: LayerCall) -> LayerShape:
    refuse_stateful(call)
    shape = call.shape(call.rank + 2, meaning="(steps, then the dimensions of one image)")
    spatial, channels = call.split_channels(shape[1:])
    for size in spatial:
        call.known(size, "images")
    channels, filters = call.known(channels, "channels"), call.positive("filters")
    refuse_strided_dilation(call)
    positions = window_positions(call, spatial, dilated_window(call), call.sizes("strides"), call["padding"])
    state = call.join_channels(positions, filters)
    kernels = prod(call.sizes("kernel_size")) * 4 * filters * (channels + filters)
    trained = kernels + 4 * filters * bool(call["use_bias"])
    output = (shape[0], *state) if call["return_sequences"] else state
    cell = LayerShape(state, trained, trained)
    return call.wrapper_result((output, state, state) if call["return_state"] else output, [cell])


def _cell_alone(call: LayerCall) -> LayerShape:
    raise ShapeError(
        f"{call.name} expects to be the cell of an RNN, received a place among the layers.",
        f"Write {{RNN: {{cell: {{{call.name}: ...}}}}}}.",
    )


RULES: dict[str, Rule] = {
    **dict.fromkeys(_GATES, _layer),
    "RNN": _rnn,
    **by_rank("ConvLSTM{}D", _convolutional),
    **dict.fromkeys(CELLS, _cell_alone),
}
RECURRENT = tuple(name for name in RULES if name not in CELLS)

_SEQUENCE_LAYERS = (
    *RECURRENT,
    "Bidirectional",
    "TimeDistributed",
    *("Conv1D", "MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling1D"),
)
#: Layers between two recurrent layers that keep the shape of their input.
_TRANSPARENT = ("Dropout", "BatchNormalization", "LayerNormalization", "Activation", "ReLU", "GaussianNoise")


class MissingSequenceError(ShapeError):
    """A layer that expects a sequence, after a recurrent layer that returns only its last step.

    Args:
        text: What was expected and received.
        hint: What to write.
        blamed: The recurrent layer.
    """

    def __init__(self, text: str, hint: str | None, blamed: PartLike) -> None:
        super().__init__(text, hint)
        self.blamed = blamed


def explain_missing_sequence(
    error: ShapeError, before: Sequence[PartLike], kind: str, shapes: Sequence[Shape]
) -> ShapeError:
    """Return the error, with the recurrent layer before that returns only its last step, if there is one.

    Args:
        error: The error of a layer.
        before: The layers before it.
        kind: Its class.
        shapes: The shapes of its inputs.
    """
    if kind not in _SEQUENCE_LAYERS or len(shapes) != 1 or len(shapes[0]) != 1:
        return error
    for part in reversed(before):
        inner = part.arguments.get("layer", part) if class_name(part.name) == "Bidirectional" else part
        inner_class = class_name(getattr(inner, "name", ""))
        if inner_class in RECURRENT and not inner.arguments.get("return_sequences"):
            hint = f"Give the {inner_class} before it `return_sequences: true`: it returns only its last step."
            return MissingSequenceError(error.text, hint, inner)
        if inner_class in RECURRENT or class_name(part.name) not in _TRANSPARENT:
            return error
    return error

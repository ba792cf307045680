"""A Keras model's config as a graph: a box for each layer, or for each call of a shared one, and their connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The arguments that a box shows, in this order, separated by spaces.
_ARGUMENTS = (
    "units filters kernel_size pool_size size strides padding dilation_rate groups depth_multiplier num_heads key_dim "
    "input_dim output_dim target_shape dims n axis axes cropping rate stddev factor return_sequences return_state "
    "stateful activation recurrent_activation dropout recurrent_dropout"
)
#: Keras' defaults, which are not shown.
_DEFAULTS: dict[str, object] = {
    **dict.fromkeys(("strides", "dilation_rate", "groups", "depth_multiplier"), 1),
    **dict.fromkeys(("return_sequences", "return_state", "stateful"), False),
    **dict.fromkeys(("dropout", "recurrent_dropout"), 0),
    "padding": "valid",
    "axis": -1,
    "activation": "linear",
    "recurrent_activation": "sigmoid",
}
_TIMES = "\u00d7"
#: The arguments of wrappers that hold a layer.
_WRAPPED = ("layer", "cell")
#: Layers of a nested model that are listed; more are counted.
_MAX_NESTED = 3


@dataclass(frozen=True)
class LayerBox:
    """One layer, or one call of a layer that is called several times.

    Attributes:
        kind: The layer's class; a wrapper's with its inner layer (`Bidirectional(LSTM)`).
        name: The layer's name, with the number of the call if there are several.
        arguments: The arguments that differ from Keras' defaults, as `filters=32`.
        shape: The output's shape without the batch axis, None for an open size; None if unknown.
        parameters: The number of parameters; None if unknown.
        is_input: Whether the box is an input of the model.
        is_output: Whether the box is an output of the model.
    """

    kind: str
    name: str
    arguments: tuple[str, ...]
    shape: tuple[int | None, ...] | None = None
    parameters: int | None = None
    is_input: bool = False
    is_output: bool = False


@dataclass(frozen=True)
class LayerGraph:
    """The boxes of a model and its connections, as pairs of indices of `boxes`."""

    name: str
    boxes: tuple[LayerBox, ...]
    edges: tuple[tuple[int, int], ...]


#: A layer's name and the number of its call.
_Call = tuple[str, int]


def shape_text(shape: Sequence[int | None]) -> str:
    """Format a shape without its batch axis: sizes joined by a multiplication sign, an open one as `any`."""
    return f" {_TIMES} ".join("any" if size is None else str(size) for size in shape) or "one number"


def read_layer_graph(config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> LayerGraph:
    """Read the graph of a model's config.

    Args:
        config: The parsed result of `Model.to_json()`.
        rows: `name`, `shape` (batch axis first) and `parameters` of each layer.
    """
    inner = config["config"]
    by_name = {str(row["name"]): row for row in rows}
    layers, name = inner.get("layers"), str(inner.get("name", config["class_name"]))
    if not isinstance(layers, list):
        return LayerGraph(name, (_box(config, by_name),), ())
    if "input_layers" in inner:
        return _functional(name, inner, by_name)
    boxes = tuple(_box(layer, by_name, is_output=layer is layers[-1]) for layer in layers)
    return LayerGraph(name, boxes, tuple((number, number + 1) for number in range(len(boxes) - 1)))


def _functional(name: str, inner: Mapping[str, Any], by_name: Mapping[str, Any]) -> LayerGraph:
    shapes: dict[_Call, Any] = {}
    sources: dict[_Call, list[_Call]] = {}
    layers = {layer["name"]: layer for layer in inner["layers"]}
    for layer in inner["layers"]:
        for number, node in enumerate(layer.get("inbound_nodes") or [()]):
            tensors = list(_tensors(node))
            # The shape of a layer with several outputs (LSTM with return_state) is that of the first.
            shapes.update({call: shape for call, output, shape in tensors if output == 0})
            sources[layer["name"], number] = list(dict.fromkeys(call for call, _, _ in tensors))
    outputs = set(_output_calls(inner["output_layers"]))
    indices = {call: index for index, call in enumerate(sources)}
    boxes = []
    for call in sources:
        which = call[1] if (call[0], 1) in sources else None
        boxes.append(_box(layers[call[0]], by_name, shapes.get(call, ()), call=which, is_output=call in outputs))
    edges = [(indices[source], indices[call]) for call in sources for source in sources[call] if source in indices]
    return LayerGraph(name, tuple(boxes), tuple(edges))


def _tensors(node: object) -> Iterator[tuple[_Call, int, Any]]:
    """Yield every tensor in a call's arguments: the call that made it, the index of its output, and its shape."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            history = node["config"]["keras_history"]
            yield (history[0], history[1]), history[2], node["config"].get("shape", ())
            return
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            yield from _tensors(value)


def _output_calls(outputs: object) -> Iterator[_Call]:
    """Yield the calls in `output_layers`: a triple, or lists and mappings of triples."""
    if isinstance(outputs, Mapping):
        outputs = list(outputs.values())
    if isinstance(outputs, list):
        if len(outputs) == 3 and isinstance(outputs[0], str):
            yield (outputs[0], outputs[1])
        else:
            for output in outputs:
                yield from _output_calls(output)


def _box(
    layer: Mapping[str, Any],
    by_name: Mapping[str, Any],
    shape: Sequence[int | None] = (),
    *,
    call: int | None = None,
    is_output: bool = False,
) -> LayerBox:
    inner = layer["config"]
    name = str(layer.get("name") or inner.get("name", ""))
    row = by_name.get(name, {})
    sizes = shape or row.get("shape") or inner.get("batch_shape")
    return LayerBox(
        _kind(layer),
        name if call is None else f"{name} (call {call + 1})",
        _arguments(layer),
        tuple(sizes[1:]) if sizes else None,
        row.get("parameters"),
        is_input=layer["class_name"] == "InputLayer",
        is_output=is_output,
    )


def _kind(layer: Mapping[str, Any]) -> str:
    wrapped = _wrapped(layer)
    own = str(layer["class_name"]).replace("InputLayer", "Input")
    return f"{own}({_kind(wrapped)})" if wrapped else own


def _wrapped(layer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    values = (layer["config"].get(key) for key in _WRAPPED)
    return next((value for value in values if isinstance(value, Mapping) and "config" in value), None)


def _arguments(layer: Mapping[str, Any]) -> tuple[str, ...]:
    inner = layer["config"]
    if isinstance(inner.get("layers"), list):
        kinds = [_kind(nested) for nested in inner["layers"] if nested["class_name"] != "InputLayer"]
        return tuple(kinds) if len(kinds) <= _MAX_NESTED else (f"{len(kinds)} layers",)
    wrapped = _wrapped(layer)
    own = tuple(
        f"{key}={_value(inner[key])}" for key in _ARGUMENTS.split() if key in inner and not _is_default(key, inner)
    )
    return own + (_arguments(wrapped) if wrapped else ())


def _is_default(key: str, inner: Mapping[str, Any]) -> bool:
    value = inner[key]
    if value is None or (key == "strides" and value == inner.get("pool_size")):
        return True
    if key == "activation" and value == "tanh" and "recurrent_initializer" in inner:
        return True  # the default of Keras' recurrent layers
    is_repeated = isinstance(value, list) and value and value.count(value[0]) == len(value)
    return key in _DEFAULTS and (value[0] if is_repeated else value) == _DEFAULTS[key]


def _value(value: object) -> str:
    """Format an argument in short: `5x5`, `relu`, `0.2`."""
    if isinstance(value, Mapping):
        return str(value.get("class_name") if isinstance(value.get("config"), Mapping) else value.get("config", "..."))
    if isinstance(value, list):
        sizes = len(value) > 1 and all(isinstance(item, int) for item in value)
        return _TIMES.join(map(str, value)) if sizes else ",".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)

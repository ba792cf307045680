"""A Keras model's own config as a graph of boxes: each layer, or each call of a shared one, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Arguments worth showing, in this order, with the values that say nothing.
_SHOWN: dict[str, tuple[object, ...]] = {
    "units": (),
    "filters": (),
    "kernel_size": (),
    "pool_size": (),
    "size": (),
    "strides": (1,),
    "padding": ("valid",),
    "dilation_rate": (1,),
    "groups": (1,),
    "depth_multiplier": (1,),
    "num_heads": (),
    "key_dim": (),
    "input_dim": (),
    "output_dim": (),
    "target_shape": (),
    "dims": (),
    "n": (),
    "axis": (-1,),
    "axes": (),
    "cropping": (),
    "rate": (),
    "stddev": (),
    "factor": (),
    "return_sequences": (False,),
    "return_state": (False,),
    "stateful": (False,),
    "activation": ("linear",),
    "recurrent_activation": ("sigmoid",),
    "dropout": (0, 0.0),
    "recurrent_dropout": (0, 0.0),
}
TIMES = "\u00d7"
_INNER = ("layer", "cell")
_MOST_INNER_LAYERS = 3


@dataclass(frozen=True)
class Box:
    """One layer, or one call of a layer that is called several times.

    Attributes:
        kind: The layer's class; a wrapper's with its inner layer (`Bidirectional(LSTM)`).
        name: The layer's name, with the number of the call where there are several.
        arguments: What Keras was told, as `filters=32`.
        shape: The output's sizes, batch left out, None for an open one; None where unknown.
        parameters: How many numbers the layer has; None where unknown.
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
class Graph:
    """The boxes of a model, and the arrows between them as pairs of their places in `boxes`."""

    name: str
    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]


_Call = tuple[str, int]


def read_graph(config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> Graph:
    """Read a model's config.

    Args:
        config: What `Model.to_json()` gives, parsed.
        rows: For each layer `name`, `shape` (the batch's size first) and `parameters`.
    """
    inner = config["config"]
    known = {str(row["name"]): row for row in rows}
    layers = inner.get("layers")
    if not isinstance(layers, list):
        return Graph(str(inner.get("name", config["class_name"])), (_box(config, known, ()),), ())
    name = str(inner.get("name", config["class_name"]))
    return _functional(name, inner, known) if "input_layers" in inner else _sequential(name, layers, known)


def _sequential(name: str, layers: list[Any], known: Mapping[str, Any]) -> Graph:
    boxes = [_box(layer, known, (), is_output=number == len(layers) - 1) for number, layer in enumerate(layers)]
    return Graph(name, tuple(boxes), tuple((number, number + 1) for number in range(len(boxes) - 1)))


def _functional(name: str, inner: Mapping[str, Any], known: Mapping[str, Any]) -> Graph:
    shapes: dict[_Call, Any] = {}
    sources: dict[_Call, list[_Call]] = {}
    layers = {layer["name"]: layer for layer in inner["layers"]}
    for layer in inner["layers"]:
        nodes = layer.get("inbound_nodes") or [()]
        for number, node in enumerate(nodes):
            taken = list(_tensors(node))
            # A layer with several outputs (LSTM with return_state) is known by its first.
            shapes.update({call: shape for call, output, shape in taken if output == 0})
            sources[layer["name"], number] = list(dict.fromkeys(call for call, _, _ in taken))
    outputs = set(_histories(inner["output_layers"]))
    places = {call: place for place, call in enumerate(sources)}
    boxes = []
    for call in sources:
        which = call[1] if (call[0], 1) in sources else None
        boxes.append(_box(layers[call[0]], known, shapes.get(call, ()), call=which, is_output=call in outputs))
    edges = [(places[source], places[call]) for call, taken in sources.items() for source in taken if source in places]
    return Graph(name, tuple(boxes), tuple(edges))


def _tensors(node: object) -> Iterator[tuple[_Call, int, Any]]:
    """Every tensor that stands anywhere in a call's arguments: the call that made it, which output, and its shape."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            history = node["config"]["keras_history"]
            yield (history[0], history[1]), history[2], node["config"].get("shape", ())
        else:
            for value in node.values():
                yield from _tensors(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _tensors(value)


def _histories(outputs: object) -> Iterator[_Call]:
    """The calls named by `output_layers`: a triple, or lists and mappings of them, as the model's outputs are."""
    if isinstance(outputs, Mapping):
        outputs = list(outputs.values())
    if isinstance(outputs, list):
        if len(outputs) == 3 and isinstance(outputs[0], str):
            yield (outputs[0], outputs[1])
        else:
            for output in outputs:
                yield from _histories(output)


def _box(
    layer: Mapping[str, Any],
    known: Mapping[str, Any],
    shape: Sequence[int | None],
    *,
    call: int | None = None,
    is_output: bool = False,
) -> Box:
    inner = layer["config"]
    name = str(layer.get("name") or inner.get("name", ""))
    row = known.get(name, {})
    sizes = shape or row.get("shape") or inner.get("batch_shape")
    return Box(
        _kind(layer),
        name if call is None else f"{name} (call {call + 1})",
        _arguments(layer),
        shape=tuple(sizes[1:]) if sizes else None,
        parameters=row.get("parameters"),
        is_input=layer["class_name"] == "InputLayer",
        is_output=is_output,
    )


def _kind(layer: Mapping[str, Any]) -> str:
    wrapped = _wrapped(layer)
    own = str(layer["class_name"]).replace("InputLayer", "Input")
    return f"{own}({_kind(wrapped)})" if wrapped else own


def _wrapped(layer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    values = (layer["config"].get(key) for key in _INNER)
    return next((value for value in values if isinstance(value, Mapping) and "config" in value), None)


def _arguments(layer: Mapping[str, Any]) -> tuple[str, ...]:
    inner = layer["config"]
    if isinstance(inner.get("layers"), list):
        return _nested(inner["layers"])
    wrapped = _wrapped(layer)
    own = tuple(f"{key}={_value(inner[key])}" for key in _SHOWN if key in inner and _tells(key, inner))
    return own + (_arguments(wrapped) if wrapped else ())


def _nested(layers: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    kinds = [_kind(layer) for layer in layers if layer["class_name"] != "InputLayer"]
    return tuple(kinds) if len(kinds) <= _MOST_INNER_LAYERS else (f"{len(kinds)} layers",)


def _tells(key: str, inner: Mapping[str, Any]) -> bool:
    """Whether an argument is worth its place: not None, and not what the layer does anyway."""
    value = inner[key]
    if value is None or (key == "strides" and value == inner.get("pool_size")):
        return False
    # Every recurrent layer of Keras has tanh unless it is told otherwise.
    if key == "activation" and value == "tanh" and "recurrent_initializer" in inner:
        return False
    plain = value[0] if isinstance(value, list) and value and value.count(value[0]) == len(value) else value
    return not any(plain == word and type(plain) is type(word) for word in _SHOWN[key])


def _value(value: object) -> str:
    """A value as short as it can be read: `5x5`, `relu`, `0.2`."""
    if isinstance(value, Mapping):
        return str(value.get("class_name") if isinstance(value.get("config"), Mapping) else value.get("config", "..."))
    if isinstance(value, list):
        simple = all(isinstance(item, int) for item in value)
        return TIMES.join(map(str, value)) if simple and len(value) > 1 else ",".join(_value(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)

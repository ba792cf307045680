"""Configs of models that Keras 2 has saved, in the words of today's Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Models as layers, by the names that Keras has given their class.
MODELS = frozenset({"Functional", "Sequential", "Model"})
#: Arguments that stand in saved layers, besides those of their signatures.
_COMMON = frozenset({"name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_shape", "autocast"})
#: Arguments that hold layers.
_INNER = ("layer", "backward_layer", "cell", "cells", "layers")
#: Classes with another name today.
_CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "ThresholdedReLU": "ReLU",
    "SyncBatchNormalization": "BatchNormalization",
}
#: Arguments with another name today.
_ARGUMENTS = {"LeakyReLU": {"alpha": "negative_slope"}, "ThresholdedReLU": {"theta": "threshold"}}
#: Layers that take the states with which they begin.
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM2D", "Bidirectional")
_OF_ONE_TENSOR = (
    "relu",
    "relu6",
    "sigmoid",
    "softmax",
    "tanh",
    "exp",
    "log",
    "sqrt",
    "square",
    "abs",
    "softplus",
    "elu",
)
#: Functions of TensorFlow in a functional model, with today's operation and the names of its tensors.
_FUNCTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "__operators__.add": ("add", ("x1", "x2")),
    "math.add": ("add", ("x1", "x2")),
    "math.subtract": ("subtract", ("x1", "x2")),
    "math.multiply": ("multiply", ("x1", "x2")),
    "math.truediv": ("divide", ("x1", "x2")),
    "math.maximum": ("maximum", ("x1", "x2")),
    "math.minimum": ("minimum", ("x1", "x2")),
    "linalg.matmul": ("matmul", ("x1", "x2")),
    "math.reduce_mean": ("mean", ("x",)),
    "math.reduce_sum": ("sum", ("x",)),
    "math.reduce_max": ("max", ("x",)),
    **{f"{module}.{name}": (name, ("x",)) for module in ("nn", "math") for name in _OF_ONE_TENSOR},
}


def layers_of(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a serialized model or layer, and all inside of it."""
    yield config
    inner = config.get("config")
    if not isinstance(inner, dict):
        # Keras 1 and the first of Keras 2 had the layers of a Sequential in place of its config.
        yield from (found for one in inner or () if isinstance(one, dict) for found in layers_of(one))
        return
    for key in _INNER:
        value = inner.get(key)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "class_name" in one:
                yield from layers_of(one)


def translated(config: Any) -> Any:
    """Return a serialized model or layer with today's classes and arguments."""
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    name = str(config["class_name"]).rpartition(">")[2]
    inner = config.get("config")
    if name in MODELS:
        return _translated_model(config, name, inner)
    if not isinstance(inner, dict):
        return config
    if name in ("TFOpLambda", "SlicingOpLambda"):
        return _operation(config, inner)
    return {**config, "class_name": _CLASSES.get(name, name), "config": _arguments(name, inner)}


def _arguments(name: str, saved: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer that today's Keras knows."""
    today, renamed = _CLASSES.get(name, name), _ARGUMENTS.get(name, {})
    arguments = {renamed.get(key, key): value for key, value in saved.items()}
    if today == "InputLayer":
        if "batch_input_shape" in arguments:
            arguments["batch_shape"] = arguments.pop("batch_input_shape")
        return arguments
    entry = lookup.entry("layers", today)
    if entry is not None and entry.origin == "keras":
        arguments = {key: value for key, value in arguments.items() if key in entry.parameters or key in _COMMON}
    for key in _INNER:
        value = arguments.get(key)
        if value is not None:
            arguments[key] = [translated(one) for one in value] if isinstance(value, list) else translated(value)
    axis = arguments.get("axis")
    if isinstance(axis, list) and len(axis) == 1 and today in ("BatchNormalization", "LayerNormalization"):
        arguments["axis"] = axis[0]
    policy = arguments.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") == "Policy":
        arguments["dtype"] = policy["config"]["name"]
    return arguments


def _translated_model(config: dict[str, Any], name: str, inner: Any) -> dict[str, Any]:
    today = "Functional" if name == "Model" else name
    if isinstance(inner, list):
        inner = {"name": "sequential", "layers": inner}
    if not isinstance(inner, dict):
        return config
    layers = [translated(one) for one in inner.get("layers", ())]
    first = layers[0] if layers else None
    if today == "Sequential" and isinstance(first, dict) and first["class_name"] == "InputLayer":
        layers = [first, *(_without_input_shape(one) for one in layers[1:])]
    stacks = {str(one.get("name")) for one in layers if one["class_name"] == "Sequential"}
    found = {**inner, "layers": [_with_nodes(one, stacks) for one in layers]}
    for key in ("input_layers", "output_layers"):
        if key in found:
            found[key] = _numbered(found[key], stacks)
    found = {**config, "class_name": today, "config": found}
    if str(config.get("module", "")).startswith("keras.src.engine"):
        found["module"] = "keras.src.models.functional" if today == "Functional" else "keras"
    return found


def _without_input_shape(layer: dict[str, Any]) -> dict[str, Any]:
    """Return a layer of a stack that has an Input, which alone says the shape today."""
    inner = layer.get("config")
    if not isinstance(inner, dict) or "layers" in inner:
        return layer
    return {**layer, "config": {key: value for key, value in inner.items() if key != "batch_input_shape"}}


def _is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor in a saved graph: the name of its layer, the call and the output."""
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int)


def _numbered(value: Any, stacks: set[str]) -> Any:
    """Return tensors in a saved graph with the numbers of calls that today's Keras has: a Sequential begins at 0."""
    if _is_tensor(value):
        name, call, *rest = value
        rest = [{key: _numbered(one, stacks) for key, one in item.items()} if isinstance(item, dict) else item
                for item in rest]  # fmt: skip
        return [name, call - 1 if name in stacks and call else call, *rest]
    return [_numbered(one, stacks) for one in value] if isinstance(value, list) else value


def _with_nodes(layer: dict[str, Any], stacks: set[str]) -> dict[str, Any]:
    """Return a layer of a graph with the calls that today's Keras has."""
    nodes = layer.get("inbound_nodes")
    if not isinstance(nodes, list) or any(not isinstance(one, list) for one in nodes):
        return layer
    return {**layer, "inbound_nodes": [_node(_numbered(one, stacks), layer["class_name"]) for one in nodes]}


def _node(node: Any, class_name: str) -> Any:
    """Return a call in today's form where it takes tensors by name; the others are read as they are."""
    if not node or not all(_is_tensor(one) for one in node):
        return node
    keywords = node[0][3] if len(node[0]) > 3 else {}
    tensors = [one[:3] for one in node]
    if class_name in _RECURRENT and len(tensors) > 1:
        keywords = {**keywords, "initial_state": tensors[1:]}
        tensors = tensors[:1]
    if not any(_is_tensor(one) or _is_tensors(one) for one in keywords.values()):
        return node
    args = [_revived(tensors[0]) if len(tensors) == 1 else [_revived(one) for one in tensors]]
    return {"args": args, "kwargs": {key: _revived(value) for key, value in keywords.items()}}


def _is_tensors(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_tensor(one) for one in value)


def _revived(value: Any) -> Any:
    if _is_tensor(value):
        config = {"shape": [None], "dtype": "float32", "keras_history": value[:3]}
        return {"class_name": "__keras_tensor__", "config": config}
    return [_revived(one) for one in value] if _is_tensors(value) else value


def _operation(config: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Return a function of TensorFlow in a model as the layer `Op`; what is not known stays as it is."""
    known = _FUNCTIONS.get(str(inner.get("function")))
    nodes = config.get("inbound_nodes")
    if known is None or not isinstance(nodes, list) or len(nodes) != 1:
        return config
    op, names = known
    tensors: list[Any] = []
    arguments: dict[str, Any] = {}
    first = nodes[0][0] if isinstance(nodes[0][0], list) else nodes[0]
    given = [first[:3], *[value for key, value in (first[3] if len(first) > 3 else {}).items() if key in ("y", "b")]]
    for name, value in zip(names, given, strict=False):
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
            tensors.append([*value, {}])
        else:
            arguments[name] = value
    more = first[3] if len(first) > 3 else {}
    arguments |= {key: more[key] for key in ("axis", "keepdims") if more.get(key) not in (None, False)}
    layer = {"name": inner["name"], "op": {"name": op, "arguments": arguments}}
    return {**config, "class_name": "nnrun>Op", "config": layer, "inbound_nodes": [tensors]}

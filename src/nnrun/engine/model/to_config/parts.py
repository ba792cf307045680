"""Keras objects as parts of a config: their own arguments, defaults left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.catalog import lookup
from nnrun.catalog.rules import SIZES
from nnrun.catalog.shapes.names import snake_case
from nnrun.errors import RunError
from nnrun.spec.graph import ATTENTION_LAYERS
from nnrun.spec.part_form import part_categories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.kinds import Kind
    from nnrun.catalog.lookup import Entry

#: Classes of Keras that have another name in a config.
_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}
#: Keras' own packages, and nnrun's layers: all other classes are code of somebody's.
_OWN_MODULES = ("keras.src.", "nnrun.engine.model.layers")
#: Arguments that the layout of the model states, or that only Keras itself sets.
_NOT_WRITTEN = frozenset({"name", "autocast"})
#: Layers whose vocabulary is state.
_LOOKUPS = ("TextVectorization", "StringLookup", "IntegerLookup")
_PADDINGS = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D")


def refused_layer(name: str, class_name: str, why: str, hint: str | None = None) -> RunError:
    """Return the error that a layer of a model has no counterpart in a config."""
    return RunError(f"layer '{name}' ({class_name}) {why}", hint)


def require_own_class(layer: Any) -> None:
    """Refuse layers that are code of somebody's.

    Raises:
        RunError: It is no layer of Keras or nnrun, or one that wraps Python code; with its name.
    """
    cls = type(layer)
    entry = lookup.entry("layers", _NAMES.get(cls.__name__, cls.__name__))
    if cls.__module__.startswith(_OWN_MODULES) and (entry is None or entry.refused is None):
        return
    raise refused_code(layer.name, cls.__name__)


def refused_code(name: str, class_name: str) -> RunError:
    """Return the error that a layer is Python code, which no config contains and which is not run."""
    hint = "write it as a class in a file that the config names with code:, or with Op: {op: ...}; nothing was run"
    return refused_layer(name, class_name, "is Python code, which a config cannot contain", hint)


def layer_part(layer: Any, data_format: str, policy: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of a layer in a config, with its adapted state.

    Args:
        layer: The layer.
        data_format: Where pictures have their channels by default.
        policy: The dtype policy of the model, which layers do not repeat.

    Raises:
        RunError: It has no counterpart in a config; with its name.
    """
    require_own_class(layer)
    name, config = type(layer).__name__, dict(layer.get_config())
    if name == "LayerScale":
        return _layer_scale(layer, config)
    config |= _adapted(layer, name)
    defaults = {"data_format": data_format, "dtype": policy}
    word, arguments = _part("layers", name, config, layer.name, defaults)
    if word in ATTENTION_LAYERS:
        _leave_out_attention_defaults(layer, arguments)
    return word, arguments


def part_value(category: str, value: Any, owner: str) -> Any:
    """Return a serialized object (`{class_name: ..., config: ...}`), or a name, as a part: `Adam: {...}` or `relu`.

    Raises:
        RunError: It has no counterpart in a config.
    """
    if isinstance(value, str):
        entry = lookup.entry(category, value)
        if entry is None or entry.refused is not None:
            raise RunError(f"{owner}: a config has no {value!r} among its {category}")
        return value
    if not isinstance(value, dict) or "class_name" not in value:
        raise RunError(f"{owner}: expected a part of {category}, received {value!r}")
    name, config = value["class_name"], value.get("config")
    if not isinstance(config, dict):
        known = lookup.entry(category, str(config)) if isinstance(config, str) else None
        if name in ("function", None) and known is not None:
            return known.name
        raise RunError(f"{owner}: the function {config!r} is Python code, which a config cannot contain")
    if name in ("MeanMetricWrapper", "LossFunctionWrapper") and isinstance(config.get("fn"), (str, dict)):
        given = str(config.get("name", ""))
        if category == "metrics" and given.endswith(("accuracy", "acc")) and not given.endswith(str(config["fn"])):
            return "accuracy"  # Keras chooses the function by the output, and Keras 2 saved it before it had
        for key in config.keys() - {"fn", "name", "dtype", "reduction"}:
            raise RunError(f"{owner}: a function with the argument {key} has no counterpart in a config")
        return part_value(category, config["fn"], owner)
    name, arguments = _part(category, name, config, owner, {})
    return {name: arguments} if arguments else name


def _part(
    category: str, name: str, config: Mapping[str, Any], owner: str, defaults: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    entry = lookup.entry(category, _NAMES.get(name, name))
    if entry is None or entry.refused is not None:
        raise refused_layer(owner or name, name, f"has no counterpart among the {category} of a config")
    arguments: dict[str, Any] = {}
    for key, parameter in entry.parameters.items():
        if key in _NOT_WRITTEN or key not in config:
            continue
        value = _value(parameter.kind, _dtype_name(config[key]) if key == "dtype" else config[key], owner, defaults)
        value = _shortened(entry.name, key, value)
        default = _shortened(entry.name, key, parameter.default)
        if parameter.required or not (_same(parameter.kind, value, default) or value == defaults.get(key, default)):
            arguments[key] = value
    _leave_out_implied(entry, arguments)
    return entry.name, arguments


def _dtype_name(value: Any) -> Any:
    """Return the name of a serialized dtype policy."""
    if isinstance(value, dict):
        config = value.get("config") or {}
        return config.get("name") or config.get("source_name")
    return value


def _value(kind: Kind, value: Any, owner: str, defaults: Mapping[str, Any]) -> Any:
    """Return the value of an argument as plain data, parts inside of it as parts."""
    categories = part_categories(kind)
    if isinstance(value, dict) and "class_name" in value:
        return _serialized(categories, value, owner, defaults)
    if isinstance(value, dict) and {"name", "arguments"} == value.keys() and "ops" in categories:
        return {value["name"]: value["arguments"]} if value["arguments"] else value["name"]
    if isinstance(value, (list, tuple)):
        return [_value(kind, item, owner, defaults) for item in value]
    return plain(value)


def _serialized(categories: tuple[str, ...], value: Mapping[str, Any], owner: str, defaults: Mapping[str, Any]) -> Any:
    """Return a serialized object among the arguments of another."""
    name = str(value["class_name"])
    if name == "function":
        return part_value(categories[0], value, owner) if categories else value["config"]
    if name == "__tensor__":
        return plain(value["config"]["value"])
    known = (one for one in (*categories, "layers") if lookup.entry(one, _NAMES.get(name, name)) is not None)
    category = next(known, None)
    if category is None:
        raise refused_code(owner, str(value.get("registered_name") or name))
    if category != "layers":
        return part_value(category, value, owner)
    word, arguments = _part(category, name, value["config"], owner, defaults)
    return {word: arguments}


def plain(value: Any) -> Any:
    """Return numbers and arrays as plain data; a number of 32 bits as its shortest text has it."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        return plain(value.tolist()) if value.ndim else plain(value.item())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


def _shortened(name: str, key: str, value: Any) -> Any:
    """Return sizes that are equal along all dimensions as one."""
    if not isinstance(value, (list, tuple)):
        return value
    values = [_shortened(name, key, one) for one in value]
    equal = bool(values) and all(type(one) is type(values[0]) and one == values[0] for one in values)
    is_padding = key in ("padding", "cropping") and name in _PADDINGS
    if (
        equal
        and not isinstance(values[0], list)
        and (key in SIZES or is_padding or (key == "axis" and len(values) == 1))
    ):
        return values[0]
    if key.endswith("factor") and len(values) == 2 and values[0] == -values[1] and values[1] >= 0:
        return values[1]
    return [list(one) if isinstance(one, tuple) else one for one in value]


def _same(kind: Kind, value: Any, default: Any) -> bool:
    """Return whether a value is the default: parts by their canonical names and arguments."""
    if value == default:
        return type(value) is type(default) or not isinstance(value, bool)
    categories = part_categories(kind)
    if not categories:
        return False
    if "activations" in categories and {value, default} == {"linear", None}:
        return True
    return (
        isinstance(value, str)
        and isinstance(default, str)
        and _canonical(categories, value) == _canonical(categories, default)
    )


def _canonical(categories: tuple[str, ...], name: str) -> str:
    return next((entry.name for one in categories if (entry := lookup.entry(one, name)) is not None), name)


def _leave_out_implied(entry: Entry, arguments: dict[str, Any]) -> None:
    """Leave out what follows from another argument."""
    if arguments.get("strides") is not None and "pool_size" in entry.parameters:
        size = arguments.get("pool_size", _shortened(entry.name, "pool_size", entry.parameters["pool_size"].default))
        if arguments["strides"] == size:
            del arguments["strides"]
    if "bin_boundaries" in arguments:
        arguments.pop("num_bins", None)
    if entry.name == "AUC" and "thresholds" in arguments:
        arguments.pop("num_thresholds", None)
    if entry.name == "Bidirectional":
        _leave_out_mirrored(arguments)


def _leave_out_attention_defaults(layer: Any, arguments: dict[str, Any]) -> None:
    """Leave out what an attention layer has found out itself when it was built."""
    if arguments.get("value_dim") == arguments.get("key_dim"):
        arguments.pop("value_dim", None)
    if arguments.get("attention_axes") == list(range(1, len(layer.output.shape) - 1)):
        del arguments["attention_axes"]


def _leave_out_mirrored(arguments: dict[str, Any]) -> None:
    """Leave out the backward layer of a Bidirectional where it is the forward one, backwards."""
    forward, backward = arguments["layer"], arguments.get("backward_layer")
    if not (isinstance(forward, dict) and isinstance(backward, dict) and forward.keys() == backward.keys()):
        return
    (name,) = forward
    ahead = forward[name].get("go_backwards", False)
    if {**forward[name], "go_backwards": not ahead} == {
        **backward[name],
        "go_backwards": backward[name].get("go_backwards", False),
    }:
        del arguments["backward_layer"]


def _layer_scale(layer: Any, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return ConvNeXt's factor of each channel, which is no public layer of Keras, as a product with a vector."""
    letters = "abcdefgh"[: len(layer.output.shape)]
    arguments = {
        "equation": f"{letters},{letters[-1]}->{letters}",
        "output_shape": list(layer.output.shape[1:]),
        "kernel_initializer": {"Constant": {"value": plain(config["init_values"])}},
    }
    return "EinsumDense", arguments


def _adapted(layer: Any, name: str) -> dict[str, Any]:
    """Return the arguments that give a layer the state that it was adapted to."""
    if name == "Normalization" and getattr(layer, "mean", None) is not None:
        if layer.input_mean is None:
            count = {"mean": layer.mean, "variance": layer.variance}
            return {key: _squeezed(value) for key, value in count.items()}
        return {"mean": _squeezed(layer.input_mean), "variance": _squeezed(layer.input_variance)}
    if name == "Normalization":
        return {"mean": None, "variance": None}
    if name in _LOOKUPS:
        vocabulary = layer.get_vocabulary(include_special_tokens=False)
        if not vocabulary:
            return {"vocabulary": None}
        return {"vocabulary": [plain(one) if name == "IntegerLookup" else str(one) for one in vocabulary]}
    return {}


def _squeezed(values: Any) -> Any:
    array = np.asarray(values, dtype="float32").reshape(-1)
    return plain(array[0] if array.size == 1 else array)


def automatic_name(name: str, class_name: str) -> bool:
    """Return whether a layer has a name that Keras has made of its class: `conv2d_3`."""
    stem, _, number = name.rpartition("_")
    return snake_case(class_name) in (name, stem if number.isdigit() else name)

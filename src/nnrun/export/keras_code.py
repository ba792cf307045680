"""A Keras model as the Python code that builds it, without weights."""

from __future__ import annotations

import inspect
import keyword
import re
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

#: Arguments that matter to training alone.
_OF_TRAINING = re.compile(
    r"(.*_)?(initializer|regularizer|constraint)|trainable|seed|quantization_config|cell_mask|optional|sparse|ragged"
)
#: nnrun's own layers that Keras' functions replace.
_OP = "nnrun>Op"
_PACKAGE = "nnrun>"
_MODELS = ("Functional", "Sequential", "Model")


class ModelCode:
    """Writes the code of a model.

    Args:
        keras: The started Keras.

    Attributes:
        definitions: The source of nnrun's own layers and activations that the code uses, by name.
    """

    def __init__(self, keras: ModuleType) -> None:
        self._keras = keras
        self.definitions: dict[str, str] = {}
        self._functions: list[str] = []

    def write(self, model: Any, function: str = "build_model") -> str:
        """Return functions, of which the one of this name builds the model.

        Raises:
            RunError: A layer has no code that could be written.
        """
        config = self._keras.saving.serialize_keras_object(model)
        self._function(function, config)
        return "\n\n\n".join(self._functions)

    def _function(self, function: str, config: Mapping[str, Any]) -> None:
        inner = config["config"]
        is_chain = config["class_name"] == "Sequential"
        lines = list(self._chain(inner) if is_chain else self._graph(inner))
        self._functions.append("\n".join([f"def {function}():", *(f"    {line}" for line in lines)]))

    def _chain(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Yield the lines of a Sequential model."""
        yield "return keras.Sequential("
        yield "    ["
        for layer in config["layers"]:
            is_input = layer["class_name"] == "InputLayer"
            yield f"        {self._input(layer['config']) if is_input else self._layer(layer)},"
        yield "    ],"
        yield f"    name={config['name']!r},"
        yield ")"

    def _graph(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Yield the lines of a functional model: each layer as soon as the tensors that it takes are there."""
        names = _variables([layer["name"] for layer in config["layers"]])
        config = _without_computed_masks(config)
        waiting = [(layer, at) for layer in config["layers"] for at in range(max(1, len(layer["inbound_nodes"])))]
        done: set[tuple[str, int]] = set()
        several = {(name, node) for name, node, at in _references(config) if at > 0}
        shared = {layer["name"] for layer in config["layers"] if len(layer["inbound_nodes"]) > 1}
        while waiting:
            ready = next((one for one in waiting if {(n, i) for n, i, _ in _node_references(*one)} <= done), None)
            if ready is None:
                raise RunError("the code of this model cannot be written: its layers are no graph", _ELSEWHERE)
            waiting.remove(ready)
            layer, at = ready
            done.add((layer["name"], at))
            yield from self._node_lines(layer, at, names, several, is_shared=layer["name"] in shared)
        tensors = [self._value(config[key], names, several) for key in ("input_layers", "output_layers")]
        yield f"return keras.Model({tensors[0]}, {tensors[1]}, name={config['name']!r})"

    def _node_lines(
        self, layer: Mapping[str, Any], at: int, names: Mapping[str, str], several: Any, *, is_shared: bool
    ) -> Iterator[str]:
        variable = _variable(names[layer["name"]], at)
        if not layer["inbound_nodes"]:
            yield f"{variable} = {self._input(layer['config'])}"
            return
        node = layer["inbound_nodes"][at]
        arguments = [self._value(one, names, several) for one in node["args"]]
        keywords = {name: one for name, one in node["kwargs"].items() if one is not None and name != "training"}
        arguments += [f"{name}={self._value(one, names, several)}" for name, one in keywords.items()]
        if layer["registered_name"] == _OP:
            yield f"{variable} = {self._operation(layer['config']['op'], arguments)}"
            return
        made = self._layer(layer)
        if is_shared:
            if at == 0:
                yield f"{names[layer['name']]}_layer = {made}"
            made = f"{names[layer['name']]}_layer"
        yield f"{variable} = {made}({', '.join(arguments)})"

    def _operation(self, op: Mapping[str, Any], tensors: list[str]) -> str:
        """Return a call of a function of `keras.ops`; the tensors are the arguments that are no constants."""
        from nnrun.catalog import lookup
        from nnrun.catalog.shapes.operations import tensor_arguments

        entry = lookup.entry("ops", op["name"])
        assert entry is not None, "which the layer has checked"  # noqa: S101
        stated = dict(op["arguments"])
        if entry.name == "einsum":
            return f"keras.ops.einsum({', '.join([repr(stated['subscripts']), *tensors])})"
        listed = tensors[0].startswith("[")
        given = tensors[0][1:-1].split(", ") if listed and not entry.listed else tensors
        names = [key for key in tensor_arguments(entry) if key not in stated]
        words = [f"{name}={tensor}" for name, tensor in zip(names, given, strict=False)]
        constants = (f"{name}={value!r}" for name, value in stated.items())
        return f"keras.ops.{entry.name}({', '.join([*words, *constants])})"

    def _input(self, config: Mapping[str, Any]) -> str:
        shape = tuple(config.get("batch_shape") or (None,))[1:]
        dtype = "" if config["dtype"] == "float32" else f", dtype={config['dtype']!r}"
        return f"keras.Input({shape!r}{dtype}, name={config['name']!r})"

    def _layer(self, layer: Mapping[str, Any]) -> str:
        """Return the call that makes a layer."""
        name = layer["class_name"]
        if name in _MODELS:
            function = f"build_{_variables([layer['config']['name']])[layer['config']['name']]}"
            self._function(function, layer)
            return f"{function}()"
        factory = self._factory(layer)
        words = []
        defaults = {key: one.default for key, one in inspect.signature(factory.__init__).parameters.items()}
        for key, value in layer["config"].items():
            if _OF_TRAINING.fullmatch(key) or key == "dtype" or value is None or defaults.get(key, "no") == value:
                continue
            words.append(f"{key}={self._argument(value)}")
        prefix = "" if layer.get("registered_name") else "keras.layers."
        return f"{prefix}{name}({', '.join(words)})"

    def _factory(self, layer: Mapping[str, Any]) -> Any:
        """Return the class of a layer, and keep the source of one of nnrun's.

        Raises:
            RunError: It is code of the user's, or no layer.
        """
        name, registered = layer["class_name"], layer.get("registered_name")
        if registered and registered.startswith(_PACKAGE) and registered != _OP:
            found = self._keras.saving.get_registered_object(registered)
            self._define(name, found)
            return found
        found = getattr(self._keras.layers, name, None)
        if registered or found is None or name == "Lambda":
            where = layer.get("config", {}).get("name", name)
            text = f"the code of the layer {where} ({name}) cannot be written: it is none of Keras' own layers"
            raise RunError(text, _ELSEWHERE)
        return found

    def _define(self, name: str, found: Any) -> None:
        source = inspect.getsource(found)
        self.definitions[name] = re.sub(r"  # (type: ignore|noqa).*", "", source).rstrip()

    def _argument(self, value: Any) -> str:
        """Return an argument of a layer as code: a literal, a layer inside of it, or an activation."""
        if isinstance(value, dict) and "class_name" in value:
            if value["class_name"] == "function":
                return self._named_function(value["config"])
            return self._layer(value)
        if isinstance(value, str) and value.startswith(_PACKAGE):
            return self._named_function(value)
        if isinstance(value, list | tuple):
            inner = ", ".join(self._argument(one) for one in value)
            return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
        return repr(value)

    def _named_function(self, name: str) -> str:
        """Return the name of an activation of nnrun's, and keep its source."""
        found = self._keras.saving.get_registered_object(name)
        if found is None or not name.startswith(_PACKAGE):
            raise RunError(f"the code of the function {name} cannot be written: it is none of Keras'", _ELSEWHERE)
        self._define(name.removeprefix(_PACKAGE), found)
        return name.removeprefix(_PACKAGE)

    def _value(self, value: Any, names: Mapping[str, str], several: Any) -> str:
        """Return an argument of a call as code: tensors by their variables."""
        reference = _reference(value)
        if reference is not None:
            name, node, at = reference
            variable = _variable(names[name], node)
            return f"{variable}[{at}]" if (name, node) in several else variable
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {self._value(one, names, several)}" for key, one in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self._value(one, names, several) for one in value) + "]"
        return repr(value)


_ELSEWHERE = "export it to saved_model, which needs no code"


def _without_computed_masks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's config without masks of padding that Keras computes: it does so again, with the same layers."""
    operations = {one["name"] for one in config["layers"] if _is_operation(one)}
    layers = []
    for layer in config["layers"]:
        nodes = [
            {
                **node,
                "kwargs": {
                    key: value
                    for key, value in node["kwargs"].items()
                    if not (key.endswith("mask") and {name for name, _, _ in _references(value)} & operations)
                },
            }
            for node in layer["inbound_nodes"]
        ]
        layers.append({**layer, "inbound_nodes": nodes})
    wanted = {name for name, _, _ in _references((config["input_layers"], config["output_layers"]))}
    by_name = {layer["name"]: layer for layer in layers}
    todo = list(wanted)
    while todo:
        found = {name for name, _, _ in _references(by_name[todo.pop()]["inbound_nodes"])} - wanted
        wanted |= found
        todo += found
    return {**config, "layers": [layer for layer in layers if layer["name"] in wanted]}


def _is_operation(layer: Mapping[str, Any]) -> bool:
    """Return whether a node of a model is a function of `keras.ops`, and no layer."""
    return ".ops" in str(layer.get("module"))


def _variables(names: list[str]) -> dict[str, str]:
    """Return a variable for each layer, by its name."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name)
        if not plain.isidentifier() or keyword.iskeyword(plain) or plain == "keras":
            plain = f"layer_{plain}"
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def _variable(name: str, node: int) -> str:
    return name if node == 0 else f"{name}_{node}"


def _reference(value: Any) -> tuple[str, int, int] | None:
    """Return the layer, node and index of a tensor in a config; None where it is none."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, node, at = value["config"]["keras_history"]
        return name, node, at
    if isinstance(value, list | tuple) and len(value) == 3 and isinstance(value[0], str):
        name, node, at = value
        return (name, node, at) if isinstance(node, int) and isinstance(at, int) else None
    return None


def _references(value: Any) -> Iterator[tuple[str, int, int]]:
    """Yield all tensors in a config."""
    found = _reference(value)
    if found is not None:
        yield found
    elif isinstance(value, dict):
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _references(one)


def _node_references(layer: Mapping[str, Any], at: int) -> list[tuple[str, int, int]]:
    return list(_references(layer["inbound_nodes"][at])) if layer["inbound_nodes"] else []

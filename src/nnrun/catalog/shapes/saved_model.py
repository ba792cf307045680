"""A saved model (`.keras`) as a layer: the shapes of its layers' outputs, from its config and without Keras."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError, Undecided, format_shape
from nnrun.config.hints import did_you_mean_or_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The most bytes of a model's config; those of the largest models of keras.applications have 200 KB.
_MOST_CONFIG = 20_000_000
_ERRORS = (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


def read_config(path: Path) -> dict[str, Any]:
    """Return the config of the model in a `.keras` file.

    Raises:
        ValueError: The file has none that can be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MOST_CONFIG:
                raise ValueError("its config is too large")
            found: dict[str, Any] = json.loads(archive.read("config.json"))
            found["config"]["layers"]
            return found
    except _ERRORS as error:
        raise ValueError(f"{path}: no model of Keras (.keras) can be read: {error}") from error


def _model(call: LayerCall) -> LayerShape:
    shape, path = call.shape(), Path(str(call["file"]))
    if not path.is_file():
        raise Undecided(f"the file of {call.name} is not there")
    status = path.stat()
    try:
        layers = _shapes(path, status.st_mtime_ns, status.st_size)
    except _ERRORS as error:
        raise Undecided(f"the config of {path.name} has another form") from error
    expected = layers.input
    same = len(expected) == len(shape) and all(
        None in pair or pair[0] == pair[1] for pair in zip(expected, shape, strict=True)
    )
    if not same:
        raise ShapeError(
            f"{call.name} expects an input of {format_shape(expected)}, as {path.name} was trained on it, received "
            f"{format_shape(shape)}.",
            "Bring the data to that shape, by `prepare:` or by a layer before it.",
        )
    inner = call.get("inner") or ()
    unknown = next((name for name in inner if name not in layers.all), None)
    if unknown is not None:
        raise ShapeError(f"{path.name} has no layer {unknown!r}.", f"{did_you_mean_or_list(unknown, layers.all)}.")
    known = {**layers.all, layers.output: layers.all[layers.output] or _output_shape(call, layers.last)}
    found = [known[name] for name in (layers.output, *inner)]
    if None in found[1 if call.get("cut") else 0 :]:
        raise Undecided(f"the shapes inside {path.name} are known to Keras alone")
    shapes = tuple(() if one is None else one for one in found)
    return LayerShape(shapes if inner else shapes[0], None, None)


class _Layers:
    """The layers of a saved model.

    Attributes:
        input: The shape of one example.
        output: The name of the layer whose output is the model's.
        last: That layer's config.
        all: The shape of every layer's output; None where the config does not have it.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        layers = config["config"]["layers"]
        self.all: dict[str, Shape | None] = {layer["config"]["name"]: None for layer in layers}
        chain = [layer for layer in layers if layer["class_name"] != "InputLayer"]
        if config["class_name"] == "Sequential":
            self._read_chain(chain)
        else:
            for tensor in _tensors(layers):
                self.all[tensor["keras_history"][0]] = tuple(tensor["shape"][1:])
        entry = next(layer for layer in layers if layer["class_name"] == "InputLayer")
        self.input = tuple(entry["config"]["batch_shape"][1:])
        self.output = next(_output_names(config["config"].get("output_layers")), layers[-1]["config"]["name"])
        self.last = next(layer for layer in layers if layer["config"]["name"] == self.output)

    def _read_chain(self, chain: list[Any]) -> None:
        for layer, following in pairwise(chain):
            self.all[layer["config"]["name"]] = tuple(following["build_config"]["input_shape"][1:])


@lru_cache(maxsize=16)
def _shapes(path: Path, changed: int, size: int) -> _Layers:  # noqa: ARG001 - a file that was written again is another
    return _Layers(read_config(path))


def _tensors(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the configs of all tensors that layers take."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]
        else:
            for one in value.values():
                yield from _tensors(one)
    elif isinstance(value, list):
        for one in value:
            yield from _tensors(one)


def _output_names(outputs: Any) -> Iterator[str]:
    """Yield the names of the layers that are a model's outputs, the first one first."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, list) and outputs:
        yield outputs[0] if isinstance(outputs[0], str) else outputs[0][0]


@dataclass(frozen=True)
class _SavedLayer:
    """A layer of a saved model, as the rules take parts."""

    name: str
    arguments: Mapping[str, Any]


def _output_shape(call: LayerCall, layer: Mapping[str, Any]) -> Shape | None:
    """Return the shape of a last layer's output by the rule of its class, None where that is not known."""
    tensors = list(_tensors(layer.get("inbound_nodes") or ()))
    try:
        shapes = [tuple(one["shape"][1:]) for one in tensors] or [tuple(layer["build_config"]["input_shape"][1:])]
        found = call.nested(_SavedLayer(layer["class_name"], layer["config"]), shapes).output
    except (ShapeError, Undecided, *_ERRORS):
        return None
    return None if found and isinstance(found[0], tuple) else found  # type: ignore[return-value]


RULES: dict[str, Rule] = {"Model": _model}

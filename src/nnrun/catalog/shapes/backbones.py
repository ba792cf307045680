"""The models of `keras.applications` as layers: their output shapes and weights, from a generated table.

`backbones.json` is written by `tools/generate_backbones.py` from the installed Keras.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Shape, ShapeError, Undecided, format_shape
from nnrun.config.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FILE = Path(__file__).parents[1] / "backbones.json"
#: The number of classes of the published weights.
CLASSES = 1000
#: Arguments with which channels and weights are other than those in the table.
_CHANGING = ("alpha", "minimalistic", "depth_multiplier")


@cache
def known_backbones() -> Mapping[str, Any]:
    """Return the table of `backbones.json` as plain data, by the names of `keras.applications`."""
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def is_backbone(name: str) -> bool:
    """Return whether a layer of the catalog is a model of `keras.applications`."""
    entry = lookup.entry("layers", name)
    return entry is not None and entry.application is not None


def size_after(steps: Sequence[Sequence[Any]], size: int | None) -> int | None:
    """Return the height or width after some steps: `["same", stride]` or `["valid", kernel, stride]`.

    With `same`, ceil(n / stride); with `valid`, floor((n - kernel) / stride) + 1 (V. Dumoulin and F. Visin, A guide to
    convolution arithmetic for deep learning, 2016, relationships 6 and 14).
    """
    for kind, *numbers in steps:
        if size is None:
            return None
        size = -(-size // numbers[0]) if kind == "same" else (size - numbers[0]) // numbers[1] + 1
    return size


@cache
def inner_layers(name: str) -> Mapping[str, tuple[int, int]]:
    """Return, for the inner layers of a backbone, the index of the steps to their size, and their channels."""
    rows = known_backbones()[name]["layers"]
    return {layer: (index, channels) for index, channels, layers in rows for layer in layers.split()}


def backbone(call: LayerCall) -> LayerShape:
    """Return the output of a backbone, and those of its inner layers that `from: name.LAYER` takes.

    Among the arguments are, in addition to the config's, `inner` (the names of those inner layers) and `cut` (whether
    nothing takes its own output, so that what comes after them is left out).

    Raises:
        ShapeError: The picture is too small, has other channels than the weights, or there is no such inner layer.
        Undecided: An argument changes channels, and no table has them.
    """
    known, shape = known_backbones()[call.name], call.shape(3, meaning="height, width and channels")
    spatial, channels = call.split_channels(shape)
    _require_picture(call, known, spatial, channels)
    output = _output(call, known, spatial)
    parameters, trainable = _parameters(call, known, spatial, channels)
    inner = call.get("inner") or ()
    whole = (output, *(_inner(call, known, spatial, name) for name in inner)) if inner else output
    return LayerShape(whole, parameters, 0 if trainable and call.get("trainable") is False else trainable)


def _require_picture(call: LayerCall, known: Mapping[str, Any], spatial: Shape, channels: int | None) -> None:
    least, shape = known["min_size"], format_shape(call.inputs[0])
    if any(size is not None and size < least for size in spatial):
        raise ShapeError(
            f"{call.name} expects pictures of at least {least} x {least}, received {shape}.",
            f"Put `Resizing: {{height: {least}, width: {least}}}` before it.",
        )
    is_top, weights = call["include_top"], call["weights"]
    needs_colours = weights == "imagenet" or (known["preprocessing"] in ("torch", "caffe") and call.get("preprocess"))
    if needs_colours and channels not in (None, 3):
        reason = "its weights are of pictures of 3 channels" if weights == "imagenet" else "it prepares 3 channels"
        raise ShapeError(
            f"{call.name} expects 3 channels, as {reason}, received {shape}.",
            "Repeat one channel with `Concatenate: {from: [input, input, input]}`"
            + ("." if weights == "imagenet" else ", or write `preprocess: false`."),
        )
    if is_top and weights == "imagenet" and call["classes"] != CLASSES:
        raise ShapeError(
            f"{call.name} has a top of {CLASSES} classes with the weights of ImageNet, received `classes: "
            f"{call['classes']}`.",
            "Write `include_top: false`, and layers of your own after it.",
        )
    default = known["default_size"]
    fixed = is_top and weights == "imagenet" and "rows" not in known["weights"][0]
    if fixed and any(size not in (None, default) for size in spatial):
        raise ShapeError(
            f"{call.name} expects pictures of {default} x {default} with its top and the weights of ImageNet, "
            f"received {shape}.",
            f"Put `Resizing: {{height: {default}, width: {default}}}` before it, or write `include_top: false`.",
        )


def _output(call: LayerCall, known: Mapping[str, Any], spatial: Shape) -> Shape:
    if call["include_top"]:
        return (call.positive("classes"),)
    _require_table(call)
    index, channels = known["output"]
    if call["pooling"] is not None:
        return (channels,)
    steps = known["sizes"][index]
    return call.join_channels((size_after(steps, size) for size in spatial), channels)


def _inner(call: LayerCall, known: Mapping[str, Any], spatial: Shape, name: str) -> Shape:
    _require_table(call)
    layers = inner_layers(call.name)
    if name not in layers:
        # Layers of another form than pictures have no row.
        hint = did_you_mean(name, layers)
        raise ShapeError(
            f"{call.name} has no inner layer {name!r} whose output is a picture.",
            hint or f"Its layers are: {', '.join(list(layers)[:4])}, ...",
        )
    index, channels = layers[name]
    steps = known["sizes"][index]
    return call.join_channels((size_after(steps, size) for size in spatial), channels)


def _require_table(call: LayerCall) -> None:
    for argument in _CHANGING:
        if argument in call.defaults and call[argument] != call.defaults[argument]:
            raise Undecided(f"the channels of {call.name} follow from `{argument}`")


def _parameters(
    call: LayerCall, known: Mapping[str, Any], spatial: Shape, channels: int | None
) -> tuple[int | None, int | None]:
    """Return the sizes of all weights and of the trainable ones; None where the table does not have them."""
    is_other = any(key in call.defaults and call[key] != call.defaults[key] for key in _CHANGING)
    if is_other or channels != 3 or call.get("include_preprocessing") is False or call.get("cut"):
        return None, None
    if not call["include_top"]:
        found = known["parameters"], known["trainable"]
    elif known["top_has_size"] and any(size != known["default_size"] for size in spatial):
        return None, None
    else:
        more = (call.positive("classes") - CLASSES) * (known["top_units"] + 1)
        found = known["top_parameters"] + more, known["top_trainable"] + more
    return found[0], None if call.get("freeze") else found[1]

"""Write `src/nnrun/catalog/backbones.json`: shapes, sizes and weight files of every model of `keras.applications`.

Run it from the root of a checkout: `python tools/generate_backbones.py [NAME ...]`; with names, only these are written
again. It builds every model several times, which takes about ten minutes. Nothing is downloaded: the addresses are
those that Keras asks for.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from contextlib import suppress
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from nnrun.catalog.shapes.backbones import size_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = Path(__file__).parents[1] / "src" / "nnrun" / "catalog" / "backbones.json"
COMMAND = "python tools/generate_backbones.py"
#: The number of classes of the published weights.
CLASSES = 1000
#: Published variants besides the default ones: those of the papers, for which Keras has weights.
VARIANTS: dict[str, dict[str, tuple[Any, ...]]] = {
    "MobileNet": {"alpha": (0.25, 0.5, 0.75, 1.0), "rows": (128, 160, 192, 224)},
    "MobileNetV2": {"alpha": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4), "rows": (96, 128, 160, 192, 224)},
    "MobileNetV3Large": {"alpha": (0.75, 1.0), "minimalistic": (False, True)},
    "MobileNetV3Small": {"alpha": (0.75, 1.0), "minimalistic": (False, True)},
}
#: The default and the smallest size of the models that do not ask for them as the others do (MobileNetV3).
UNSTATED_SIZES = (224, 32)


class _AskedForError(Exception):
    """Keras has asked for a file of weights."""


def functions() -> dict[str, Callable[..., Any]]:
    """Return the functions of `keras.applications` by name."""
    module = importlib.import_module("keras.applications")
    return {name: found for name, found in sorted(vars(module).items()) if inspect.isfunction(found)}


def generate(names: list[str]) -> dict[str, Any]:
    """Return what is known of models as plain data (imports Keras and builds them)."""
    known = functions()
    return {name: _describe(name, known[name]) for name in names}


def _describe(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    default, least = _sizes(function)
    variants = list(_variants(name, function, default))
    top, plain = (next(model for file, model in variants if file["include_top"] is is_top) for is_top in (True, False))
    other = _build(function, include_top=False, input_shape=(default + 37, default + 37, 3))
    last = next(layer for layer in reversed(top.layers) if layer.weights)
    paths = {layer.name: path for layer in plain.layers if (path := _size_path(layer)) is not None}
    lists = list({json.dumps(path): path for path in paths.values()}.values())
    return {
        "module": function.__module__.rpartition(".")[2],
        "default_size": default,
        "min_size": least,
        "preprocessing": _preprocessing_mode(function),
        "sizes": lists,
        "output": _place(plain, plain.layers[-1].name, paths, lists),
        "parameters": _count(plain.weights),
        "trainable": _count(plain.trainable_weights),
        "top_parameters": _count(top.weights),
        "top_trainable": _count(top.trainable_weights),
        "top_units": int(last.weights[0].shape[-2]),
        "top_has_size": _depends_on_size(top),
        "layers": _layers(plain, other, paths, lists),
        "weights": [file for file, _ in variants],
    }


def _depends_on_size(top: Any) -> bool:
    """Return whether the weights of a model's top are of one size of pictures: those of a Dense behind a Flatten."""
    return any(
        type(layer).__name__ == "Dense" and type(next(islice(_chain(layer), 1, None))).__name__ == "Flatten"
        for layer in top.layers
    )


def _count(variables: list[Any]) -> int:
    return sum(prod(one.shape) for one in variables)


def _build(function: Callable[..., Any], **arguments: Any) -> Any:
    """Build a model whose variables have shapes, but no values."""
    keras = importlib.import_module("keras")
    variables = importlib.import_module("keras.src.backend.common.variables")
    keras.backend.clear_session(free_memory=False)
    with mock.patch.object(variables, "initialize_all_variables"), keras.StatelessScope():
        return function(**{"weights": None, **arguments})


def _sizes(function: Callable[..., Any]) -> tuple[int, int]:
    """Return the default and the smallest size of a model's pictures, without building it."""
    utils = importlib.import_module("keras.src.applications.imagenet_utils")
    signature, found = inspect.signature(utils.obtain_input_shape), dict[str, Any]()

    def record(*args: Any, **kwargs: Any) -> None:
        found.update(signature.bind(*args, **kwargs).arguments)
        raise _AskedForError

    with mock.patch.object(utils, "obtain_input_shape", record):
        try:
            _build(function, include_top=False)
        except _AskedForError:
            return int(found["default_size"]), int(found["min_size"])
    return UNSTATED_SIZES


def _preprocessing_mode(function: Callable[..., Any]) -> str | None:
    """Return the mode of a model's `preprocess_input`, or None where it changes nothing."""
    numpy = importlib.import_module("numpy")
    utils = importlib.import_module("keras.src.applications.imagenet_utils")
    module = importlib.import_module(function.__module__)
    pixels = numpy.arange(12, dtype="float32").reshape(1, 2, 2, 3) * 20
    made = module.preprocess_input(pixels.copy())
    if (made == pixels).all():
        return None
    modes = ("tf", "torch", "caffe")
    return next(mode for mode in modes if (utils.preprocess_input(pixels.copy(), mode=mode) == made).all())


def _size_path(layer: Any) -> list[list[Any]] | None:
    """Return how the height of a layer's output follows from the model's, step by step; None where it does not.

    A step is `["same", stride]`, or `["valid", kernel, stride]`. Zeros that are added for a convolution that follows
    make it a `same` one; layers between the two have no step.
    """
    steps: list[list[Any]] = []
    padded = 0
    chain = list(reversed(list(_chain(layer))))
    for one in chain:
        kind, config = type(one).__name__, one.get_config()
        if kind == "ZeroPadding2D":
            padded = sum(config["padding"][0])
            continue
        if kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape", "Dense", "Cropping2D"):
            return None
        if not any(key in config for key in ("kernel_size", "pool_size")):
            continue
        kernel = int((config.get("kernel_size") or config.get("pool_size"))[0])
        stride = int(config["strides"][0])
        if config["padding"] == "same" or (padded and padded in (kernel - 1, kernel - 2)):
            steps += [["same", stride]] if stride > 1 else []
        elif (kernel, stride) != (1, 1):
            steps.append(["valid", kernel, stride])
        padded = 0
    return None if padded else steps


def _chain(layer: Any) -> Iterator[Any]:
    """Yield a layer and the layers before it, along the first input of each."""
    while True:
        yield layer
        tensors = layer._inbound_nodes[0].input_tensors  # noqa: SLF001 - Keras has no public name for it
        if not tensors:
            return
        layer = tensors[0]._keras_history.operation  # noqa: SLF001


def _place(model: Any, name: str, paths: dict[str, Any], lists: list[Any]) -> list[int]:
    """Return the index of a layer's list of steps, and its channels."""
    return [lists.index(paths[name]), int(model.get_layer(name).output.shape[-1])]


def _layers(model: Any, other: Any, paths: dict[str, Any], lists: list[Any]) -> list[list[Any]]:
    """Return rows of an index into the lists of steps, channels, and the names of layers; those with known sizes."""
    rows: list[list[Any]] = []
    others = {layer.name for layer in other.layers}
    for layer in model.layers:
        name = layer.name
        # EfficientNet has one more layer with the weights of ImageNet.
        if name not in paths or type(layer).__name__ == "InputLayer" or name not in others:
            continue
        if not all(_is_right(one, name, paths[name]) for one in (model, other)):
            continue
        place = _place(model, name, paths, lists)
        if rows and rows[-1][:2] == place:
            rows[-1][2] += f" {name}"
        else:
            rows.append([*place, name])
    return rows


def _is_right(model: Any, name: str, steps: list[Any]) -> bool:
    shape, size = model.get_layer(name).output.shape, model.input_shape[1]
    return len(shape) == 4 and shape[1] == shape[2] == size_after(steps, size)


def _variants(name: str, function: Callable[..., Any], default: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield the files that Keras asks for, with the arguments that ask for them, and the models; defaults first."""
    axes = VARIANTS.get(name, {})
    rows = sorted(product(*axes.values()), key=lambda values: not _is_default(function, default, axes, values))
    for values in rows:
        variant = dict(zip(axes, values, strict=True))
        for include_top in (True, False):
            asked = _asked_for(function, {"rows": default, **variant}, include_top=include_top)
            if asked:
                file, model = asked
                yield {"include_top": include_top, **variant, **file}, model


def _is_default(function: Callable[..., Any], default: int, axes: Any, values: tuple[Any, ...]) -> bool:
    defaults = {"rows": default, **{key: one.default for key, one in inspect.signature(function).parameters.items()}}
    return all(defaults[axis] == value for axis, value in zip(axes, values, strict=True))


def _asked_for(function: Callable[..., Any], variant: dict[str, Any], *, include_top: bool) -> Any:
    """Return the file that Keras asks for, and the model that it is for; None where a variant has no weights."""
    files = importlib.import_module("keras.src.utils.file_utils")
    rows, found = variant.pop("rows"), list[Any]()

    def record(fname: str, origin: str, file_hash: str | None = None, **_: object) -> None:
        model = inspect.currentframe().f_back.f_locals["model"]  # type: ignore[union-attr]
        found.extend(({"file": fname, "url": origin, "hash": file_hash}, model))
        raise _AskedForError

    with mock.patch.object(files, "get_file", record), suppress(_AskedForError, ValueError):
        _build(function, include_top=include_top, weights="imagenet", input_shape=(rows, rows, 3), **variant)
    return found or None


def to_text(known: dict[str, Any]) -> str:
    """Return the text of the committed file: a line for each fact, so that a diff shows what changed."""
    lines = []
    for name, facts in sorted(known.items()):
        inner = []
        for key, value in facts.items():
            if key in ("layers", "weights"):
                rows = ",\n   ".join(json.dumps(row) for row in value)
                inner.append(f'  "{key}": [\n   {rows}\n  ]')
            else:
                inner.append(f'  "{key}": {json.dumps(value)}')
        lines.append(f' "{name}": {{\n' + ",\n".join(inner) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the committed file."""
    chosen = sys.argv[1:]
    known = json.loads(FILE.read_text(encoding="utf-8")) if chosen and FILE.exists() else {}
    for name in chosen or functions():
        known |= generate([name])
        print(name, flush=True)
        FILE.write_text(to_text(known), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The names of layers in Keras: of their classes, and the automatic ones in a model."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.catalog.shapes.layer_call import PartLike

#: Entries of the catalog whose class in Keras has another name.
_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention", "Input": "InputLayer"}
#: The layers of which AugMix and RandAugment apply some, in the order in which Keras makes them.
_AUGMENTATIONS = """RandomShear RandomTranslation RandomRotation Solarization RandomPosterization AutoContrast
    Equalization RandomBrightness RandomColorDegeneration RandomContrast RandomSharpness"""
#: How many of them AugMix makes with `all_ops: false`.
_FEW_AUGMENTATIONS = 7


@cache
def class_name(name: str) -> str:
    """Return the class behind a name of `keras.layers`: `MaxPooling2D` for `MaxPool2D`."""
    entry = lookup.entry("layers", name)
    return name if entry is None else _CLASSES.get(entry.name, entry.name)


def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it in layer names: `conv2d_transpose`, `layer_normalization`, `lstm`."""
    separated = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", separated).lower()


def automatic_names(parts: Sequence[PartLike]) -> list[str]:
    """Return the layers' names in a fresh session of Keras: the config's own, else the numbered class in snake case.

    A layer inside a wrapper is made before its wrapper and takes a number too, though only the wrapper is shown.
    """
    used: Counter[str] = Counter()
    return [_name(part, used) for part in parts]


def _name(part: PartLike, used: Counter[str]) -> str:
    for value in part.arguments.values():
        for inner in value if isinstance(value, list | tuple) else (value,):
            if hasattr(inner, "arguments") and getattr(inner, "category", "layers") == "layers":
                _name(inner, used)
    kind = class_name(part.name)
    given = part.arguments.get("name")
    name = str(given) if given else _numbered(kind, used)
    for inner_class in _layers_made_by(kind, part.arguments):
        _numbered(inner_class, used)
    return name


def _numbered(kind: str, used: Counter[str]) -> str:
    base = snake_case(kind)
    used[base] += 1
    return base if used[base] == 1 else f"{base}_{used[base] - 1}"


def _layers_made_by(kind: str, arguments: Mapping[str, Any]) -> Sequence[str]:
    """Return the classes of the layers that a layer makes for itself, each of which takes a number."""
    if kind == "RNN":
        return ("StackedRNNCells",) if isinstance(arguments.get("cell"), list | tuple) else ()
    if kind == "AugMix":
        return _AUGMENTATIONS.split()[: None if arguments.get("all_ops", True) else _FEW_AUGMENTATIONS]
    if kind == "RandomColorJitter":
        properties = ("brightness", "contrast", "saturation", "hue")
        return [f"Random{each.title()}" for each in properties if arguments.get(f"{each}_factor") is not None]
    return {"RandAugment": _AUGMENTATIONS.split(), "TextVectorization": ["StringLookup"]}.get(kind, ())

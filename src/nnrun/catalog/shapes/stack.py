"""Stacks of layers: the names that Keras gives them, and the error of a recurrent layer that returns no sequence."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import PartLike, Shape, ShapeError
from nnrun.catalog.shapes.defaults import class_name
from nnrun.catalog.shapes.recurrent import RECURRENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BENDING = (
    "RandomShear",
    "RandomTranslation",
    "RandomRotation",
    "Solarization",
    "RandomPosterization",
    "AutoContrast",
    "Equalization",
)
_COLOURING = ("RandomBrightness", "RandomColorDegeneration", "RandomContrast", "RandomSharpness")


class SwallowedSequence(ShapeError):  # noqa: N818 - it is named for what happened
    """A layer that wants a sequence of which the recurrent layer before it passes on only the last step."""


def automatic_names(parts: Sequence[PartLike]) -> list[str]:
    """The layers' names in a fresh session of Keras: the config's own, else the class in snake case, numbered.

    A layer inside a wrapper is made before its wrapper and takes a number too, though only the wrapper is shown.
    """
    taken: Counter[str] = Counter()
    return [_name(part, taken) for part in parts]


def _name(part: PartLike, taken: Counter[str]) -> str:
    for value in part.arguments.values():
        for inner in value if isinstance(value, list | tuple) else (value,):
            if hasattr(inner, "arguments") and getattr(inner, "category", "layers") == "layers":
                _name(inner, taken)
    kind = class_name(part.name)
    given = part.arguments.get("name")
    name = str(given) if given else _numbered(kind, taken)
    for made in _made_inside(kind, part.arguments):
        _numbered(made, taken)
    return name


def _numbered(kind: str, taken: Counter[str]) -> str:
    base = snake_case(kind)
    taken[base] += 1
    return base if taken[base] == 1 else f"{base}_{taken[base] - 1}"


def _made_inside(kind: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that a layer makes for itself, each of which takes a number as well."""
    if kind == "RNN":
        return ("StackedRNNCells",) if isinstance(arguments.get("cell"), list | tuple) else ()
    if kind == "AugMix":
        return (*_BENDING, *_COLOURING) if arguments.get("all_ops", True) else _BENDING
    if kind == "RandomColorJitter":
        return tuple(
            f"Random{what.title()}"
            for what in ("brightness", "contrast", "saturation", "hue")
            if arguments.get(f"{what}_factor") is not None
        )
    return {"RandAugment": (*_BENDING, *_COLOURING), "TextVectorization": ("StringLookup",)}.get(kind, ())


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in layer names: `conv2d_transpose`, `layer_normalization`, `lstm`."""
    parted = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def swallowed_sequence(error: ShapeError, before: Sequence[PartLike], kind: str, shapes: Sequence[Shape]) -> ShapeError:
    """The error, naming the recurrent layer that swallowed the sequence if there is one just before."""
    takes_sequence = kind in (
        *RECURRENT,
        "Bidirectional",
        "TimeDistributed",
        "Conv1D",
        "MaxPooling1D",
        "AveragePooling1D",
        "GlobalMaxPooling1D",
        "GlobalAveragePooling1D",
    )
    if not takes_sequence or len(shapes) != 1 or len(shapes[0]) != 1:
        return error
    for part in reversed(before):
        inner = part.arguments.get("layer", part) if class_name(part.name) == "Bidirectional" else part
        if class_name(getattr(inner, "name", "")) in RECURRENT:
            if inner.arguments.get("return_sequences"):
                return error
            return SwallowedSequence(
                error.text,
                f"Give the {class_name(inner.name)} before it `return_sequences: true`: it passes on "
                "only its last step.",
            )
        if class_name(part.name) not in (
            "Dropout",
            "BatchNormalization",
            "LayerNormalization",
            "Activation",
            "ReLU",
            "GaussianNoise",
        ):
            return error
    return error

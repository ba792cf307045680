"""Keras' defaults of a layer's arguments, from the catalog."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Entries whose class Keras calls otherwise than the catalog.
_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention", "Input": "InputLayer"}


@cache
def defaults(name: str) -> Mapping[str, Any]:
    """The default of every argument of a layer that has one; nothing for a layer that the catalog does not know."""
    entry = lookup.entry("layers", name)
    if entry is None:
        return {}
    return {key: parameter.default for key, parameter in entry.parameters.items() if not parameter.required}


@cache
def class_name(name: str) -> str:
    """The class behind a name of `keras.layers`: `MaxPooling2D` for `MaxPool2D`."""
    entry = lookup.entry("layers", name)
    return name if entry is None else _CLASSES.get(entry.name, entry.name)

"""Weights of another model for the layers of the same name and shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.engine.model import checkpoint

if TYPE_CHECKING:
    from pathlib import Path as FilePath
    from types import ModuleType


@dataclass(frozen=True)
class MatchingWeights:
    """What the layers of a model took from another model.

    Attributes:
        loaded: The names of the layers with weights that were loaded.
        initial: The names of those that keep their initial weights.
        reshaped: Those among the latter whose layer of the same name has other shapes: these, and the model's own.
        frozen: Those among them that are not trained.
    """

    loaded: list[str] = field(default_factory=list)
    initial: list[str] = field(default_factory=list)
    reshaped: dict[str, tuple[str, str]] = field(default_factory=dict)
    frozen: list[str] = field(default_factory=list)


def load_matching_weights(keras: ModuleType, model: Any, saved: FilePath) -> MatchingWeights:
    """Load the weights of a saved model into the layers of the same name and shapes.

    Raises:
        RunError: The checkpoint cannot be read.
    """
    saved_layers = {layer.name: layer for layer in checkpoint.load(keras, saved).layers}
    found = MatchingWeights()
    for layer in model.layers:
        other = saved_layers.get(layer.name)
        if not layer.weights:
            continue
        here, there = (_shapes(one) for one in (layer, other))
        if other is not None and here == there:
            layer.set_weights(other.get_weights())
            found.loaded.append(layer.name)
            continue
        found.initial.append(layer.name)
        if there:
            found.reshaped[layer.name] = there, here
        if not layer.trainable:
            found.frozen.append(layer.name)
    return found


def _shapes(layer: Any) -> str:
    """Return the shapes of a layer's weights as text; empty without a layer."""
    return "" if layer is None else ", ".join(" x ".join(map(str, one.shape)) or "1" for one in layer.weights)

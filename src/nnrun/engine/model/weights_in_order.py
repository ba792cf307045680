"""Weights of a saved model, layer by layer in the order of both models."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from nnrun.engine.model.to_config.convert import convert, made_layers
from nnrun.engine.model.to_config.read import read_saved_model
from nnrun.engine.model.weights_files import holds_weights_alone, load_weights_file
from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment


def load_weights_in_order(builder: Builder, experiment: Experiment, model: Any, saved: FilePath) -> list[str]:
    """Load the weights of a saved model into the layers of another, which must be as many and of the same shapes.

    Args:
        builder: What has built the layers of the config.
        experiment: The config.
        model: Its model.
        saved: A `.keras` or `.h5` file, of a model or of weights alone.

    Returns:
        The names of the layers that have weights.

    Raises:
        RunError: The file holds no model, or one with other layers; the first that differs is named.
    """
    keras = builder.keras
    if holds_weights_alone(saved):
        return load_weights_file(keras, model, saved)
    theirs = [one for one in convert(keras, read_saved_model(keras, saved).model, None).layers if one is not None]
    ours = [one for one in made_layers(builder, experiment) if one.weights]
    # Adapted state is an argument in a config that was written from the model.
    adapted = any(type(one).__name__ == "Normalization" for one in ours)
    theirs = [one for one in theirs if one.weights and (adapted or type(one).__name__ != "Normalization")]
    for place, (here, there) in enumerate(zip_longest(ours, theirs), start=1):
        if _shapes(here) != _shapes(there):
            text = (
                f"init_from: {saved.name} is of another model: as layer {place} with weights, expected "
                f"{_described(here)}, received {_described(there)}"
            )
            hint = f"nnrun init --from-keras {saved.name} writes the config of that model"
            raise RunError(text, hint)
    for here, there in zip(ours, theirs, strict=True):
        here.set_weights(there.get_weights())
    return [one.name for one in ours]


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [] if layer is None else [tuple(one.shape) for one in layer.weights]


def _described(layer: Any) -> str:
    """Return the name, the class and the shapes of the weights of a layer."""
    if layer is None:
        return "no layer"
    shapes = ", ".join(" x ".join(map(str, shape)) or "1" for shape in _shapes(layer))
    return f"'{layer.name}' ({type(layer).__name__}) of {shapes}"

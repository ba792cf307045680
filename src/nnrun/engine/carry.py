"""A recurrent model one step at a time: what its layers remember is carried from character to character."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

#: Layers that treat every step by itself when the model is not training.
_STEPWISE = (
    "InputLayer", "Dense", "Activation", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout",
    "AlphaDropout", "Identity", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Embedding",
)  # fmt: skip
#: Layers that do so where they look along the last axis only.
_ALONG_LAST = ("LayerNormalization", "BatchNormalization", "RMSNormalization", "UnitNormalization")


def can_carry(keras: ModuleType, model: Any) -> bool:
    """Tell whether a model is a chain of recurrent layers that give every step, and of layers that look at one alone.

    Such a model's output at a step is a function of what its layers remember and of that step's input: stepping on
    gives what reading the whole text again would give.
    """
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    chained = all(after.input is before.output for before, after in pairwise(layers))
    recurrent = any(isinstance(layer, keras.layers.RNN) for layer in layers)
    return chained and recurrent and all(_steps_alone(keras, layer) for layer in layers)


def _steps_alone(keras: ModuleType, layer: Any) -> bool:
    name = type(layer).__name__
    if isinstance(layer, keras.layers.RNN):
        return bool(layer.return_sequences and not layer.go_backwards and not layer.stateful and not layer.return_state)
    if name == "Embedding":
        return not layer.mask_zero
    if name in _ALONG_LAST:
        last = len(layer.input.shape) - 1
        axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
        return all(axis in (-1, last) for axis in axes)
    if name == "TimeDistributed":
        return type(layer.layer).__name__ in _STEPWISE
    return name in _STEPWISE


def nothing_yet(keras: ModuleType, model: Any, rows: int) -> list[Any]:
    """Give what the layers remember before the first character."""
    return [layer.cell.get_initial_state(batch_size=rows) for layer in _recurrent(keras, model)]


def advance(keras: ModuleType, model: Any, x: Any, memory: list[Any]) -> tuple[Any, list[Any]]:
    """Take one step.

    Args:
        keras: The woken Keras.
        model: A model that can be carried.
        x: One character as the model takes it, shape (rows, 1, ...).
        memory: What the layers remember.

    Returns:
        The outputs, shape (rows, vocabulary), and what the layers then remember.
    """
    left, kept = list(memory), []
    for layer in model.layers:
        if isinstance(layer, keras.layers.RNN):
            out, state = layer.cell(x[:, 0], left.pop(0), training=False)
            x = out[:, None]
            kept.append(state)
        elif type(layer).__name__ != "InputLayer":
            x = layer(x, training=False) if _knows_training(layer) else layer(x)
    return x[:, 0], kept


def _recurrent(keras: ModuleType, model: Any) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]


def _knows_training(layer: Any) -> bool:
    return bool(layer._call_has_training_arg)  # noqa: SLF001 - Keras tells it nowhere else

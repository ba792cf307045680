"""A model and the one that a config compiles to: parameters, and outputs with the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.model.to_config.calls import functional
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from nnrun.engine.model.to_config.text_inputs import TextInput

#: Sizes of open dimensions of inputs.
_STEPS, _SIDE = 12, 64
#: Outputs are computed for so many examples.
_EXAMPLES = 4
#: A difference of outputs of this share of their size is rounding.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class ModelComparison:
    """How a model and its copy compare.

    Attributes:
        parameters: The parameters of the model.
        compiled: Those of the copy.
        adapted: Those among the model's that are adapted state, which a config has as arguments.
        difference: The greatest difference of an output, with the same weights, on the same random inputs.
        scale: The greatest output.
    """

    parameters: int
    compiled: int
    adapted: int
    difference: float
    scale: float

    @property
    def equal(self) -> bool:
        """Whether the two are the same model."""
        same_size = self.parameters - self.adapted == self.compiled
        return same_size and self.difference <= TOLERANCE * self.scale


def compare(
    keras: ModuleType,
    model: Any,
    layers: Sequence[Any],
    copy: Any,
    made: Sequence[Any],
    texts: Mapping[int, TextInput],
) -> ModelComparison:
    """Give a copy the weights of a model, and compare the two.

    Args:
        keras: The started Keras.
        model: The model.
        layers: Its layers in the order of `made`; None for an operation, which has no weights.
        copy: The copy, whose weights are changed.
        made: The layers of the copy.
        texts: The inputs of the model that are texts, by their numbers: the copy takes numbers there.

    Raises:
        RunError: Weights of two layers differ in shape.
    """
    inputs = _inputs(keras, model, texts)
    adapted = _copy_weights(layers, made)
    difference, scale = _compare_outputs(keras, model, copy, inputs, texts)
    before = model.get_weights()
    try:
        # New models often give almost nothing, whatever their layers do: other weights tell them apart.
        _set_random_weights(model)
        _copy_weights(layers, made)
        other, other_scale = _compare_outputs(keras, model, copy, inputs, texts)
    finally:
        model.set_weights(before)
        _copy_weights(layers, made)
    return ModelComparison(
        model.count_params(), copy.count_params(), adapted, max(difference, other), max(scale, other_scale)
    )


def _compare_outputs(
    keras: ModuleType, model: Any, copy: Any, inputs: Sequence[Any], texts: Mapping[int, TextInput]
) -> tuple[float, float]:
    """Return the greatest difference of an output, and the greatest output."""
    as_tensor = keras.ops.convert_to_tensor
    # Keras does not take tensors of texts next to arrays.
    tensors = [
        as_tensor(one.tolist(), dtype="string") if at in texts else as_tensor(one) for at, one in enumerate(inputs)
    ]
    expected = _outputs(keras, model, tensors)
    numbers = [texts[at].numbers(one) if at in texts else one for at, one in enumerate(inputs)]
    result = copy(_given(copy, numbers), training=False)
    received = [np.asarray(one) for one in (result.values() if isinstance(result, dict) else [result])]
    found = [_difference(one, other) for one, other in zip(expected, received, strict=True)]
    scale = max(float(np.nanmax(np.abs(one.astype("float64")), initial=0)) for one in expected)
    return max(found), scale


def _set_random_weights(model: Any) -> None:
    """Set weights with which signals keep their size: matrices by their inputs, vectors about 1 or about 0."""
    random = np.random.default_rng(8)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.dtype != "float32" or not shape:
            continue
        if len(shape) > 1:
            inputs = max(1.0, float(np.prod(shape[:-1])))
            weight.assign(random.normal(size=shape, scale=1.4 / inputs**0.5))
        elif weight.name in ("gamma", "moving_variance", "variance", "scale"):
            weight.assign(random.uniform(0.5, 1.5, shape))
        else:
            weight.assign(random.normal(size=shape, scale=0.1))


def _given(copy: Any, inputs: Sequence[Any]) -> Any:
    """Return inputs as the copy takes them: those of several by name, and as columns side by side."""
    if not isinstance(copy.input, dict):
        return inputs[0]
    return {
        name: value.reshape(len(value), -1) if len(tensor.shape) == 2 and len(value.shape) > 2 else value
        for (name, tensor), value in zip(copy.input.items(), inputs, strict=True)
    }


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    if one.shape != other.shape:
        raise RunError(f"the outputs differ in shape: {one.shape} in the model, {other.shape} in the config's")
    one, other = one.astype("float64"), other.astype("float64")
    # Where a random input makes an output that is no number, both must have it.
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return float(np.max(np.where(same, 0.0, np.abs(one - other)), initial=0))


def _copy_weights(layers: Sequence[Any], made: Sequence[Any]) -> int:
    """Copy the weights; return how many parameters are adapted state that the copy has as arguments."""
    if len(layers) != len(made):
        raise RunError(f"the model has {len(layers)} layers, the config's has {len(made)}")
    adapted = 0
    for layer, copy in zip(layers, made, strict=True):
        if layer is None or not layer.weights:
            continue
        here, there = [tuple(one.shape) for one in layer.weights], [tuple(one.shape) for one in copy.weights]
        if not there and type(layer).__name__ == "Normalization":
            adapted += layer.count_params()
            continue
        if here != there:
            what = f"layer '{layer.name}' ({type(layer).__name__})"
            text = f"{what} has weights of the shapes {here}, in the config's model {there}"
            raise RunError(text)
        copy.set_weights(layer.get_weights())
    return adapted


def _outputs(keras: ModuleType, model: Any, inputs: Sequence[Any]) -> list[np.ndarray]:
    given = functional(keras, model).input
    structure = keras.tree.pack_sequence_as(given, list(inputs)) if keras.tree.is_nested(given) else inputs[0]
    return [np.asarray(one) for one in keras.tree.flatten(model(structure, training=False))]


def _inputs(keras: ModuleType, model: Any, texts: Mapping[int, TextInput]) -> list[Any]:
    """Return random inputs: numbers, texts of words of a vocabulary, or token numbers where an embedding takes them."""
    random = np.random.default_rng(7)
    sizes = [layer.input_dim for layer in _all_layers(model) if type(layer).__name__ == "Embedding"]
    found: list[Any] = []
    for index, tensor in enumerate(keras.tree.flatten(model.inputs)):
        shape = tuple(_size(size, place, len(tensor.shape)) for place, size in enumerate(tensor.shape))
        if index in texts:
            found.append(np.array(texts[index].examples(random, _EXAMPLES), dtype=object).reshape(shape))
        elif sizes and (len(shape) <= 2 or "int" in tensor.dtype):
            found.append(random.integers(0, min(sizes), shape).astype(tensor.dtype))
        elif "int" in tensor.dtype:
            found.append(random.integers(0, 255 if tensor.dtype == "uint8" else 2, shape).astype(tensor.dtype))
        else:
            found.append(random.normal(size=shape).astype(tensor.dtype))
    return found


def _all_layers(model: Any) -> list[Any]:
    return list(model._flatten_layers(include_self=False))  # noqa: SLF001 - models inside of it too


def _size(size: int | None, place: int, rank: int) -> int:
    if size is not None:
        return int(size)
    return _EXAMPLES if place == 0 else _SIDE if rank == 4 else _STEPS

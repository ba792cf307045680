"""Grad-CAM: where the last layer with spatial output raises the score of a class (Selvaraju et al., ICCV 2017).

With the feature maps A_k of that layer and the score y of a class before its softmax or sigmoid, the weights are
alpha_k = mean over i, j of dy / dA_k[i, j], and the map is ReLU(sum over k of alpha_k A_k).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.model.trainability import leaf_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

#: Examples at a time: a gradient keeps what all layers compute.
_BATCH = 16
#: Activations that turn scores into probabilities.
_PROBABILITIES = frozenset({"softmax", "sigmoid"})


@dataclass(frozen=True)
class SpatialLayer:
    """The layer whose feature maps are weighted.

    Attributes:
        layer: The Keras layer.
        path: Its name, after those of the models that it is inside of.
        channels_first: Whether the axis of its channels comes before those of places.
        attention: The name of a layer after it that mixes places by attention; None where there is none.
    """

    layer: Any
    path: str
    channels_first: bool
    attention: str | None


@dataclass(frozen=True)
class ExplainedScore:
    """What the gradient is of: one number an example.

    Attributes:
        output: The name of the model's output; None where the model has one without a name.
        units: The unit of the output for each example, shape (examples,).
        signs: Where the output has one unit, 1, or -1 for the class whose score is the negative of it; (examples,).
        is_class: Whether the output has scores of classes.
    """

    output: str | None
    units: NDArray[np.int32]
    signs: NDArray[np.float32]
    is_class: bool


def find_spatial_layer(model: Any, image_data_format: str) -> SpatialLayer | None:
    """Return the last layer whose output has height, width and channels; None where no such layer has learned anything.

    Args:
        model: The model; layers of backbones and other models inside of it count.
        image_data_format: The axis of channels of layers that do not say it.
    """
    found: SpatialLayer | None = None
    has_weights, attention = False, None
    for path, layer in leaf_layers(model):
        shape = _output_shape(layer)
        if shape is None or len(shape) != 4:
            attention = path[-1] if "Attention" in type(layer).__name__ else attention
            continue
        data_format = getattr(layer, "data_format", None) or image_data_format
        channels_first = data_format == "channels_first"
        sides = shape[2:] if channels_first else shape[1:3]
        has_weights = has_weights or bool(layer.weights)
        if has_weights and all(side is None or side > 1 for side in sides):
            found, attention = SpatialLayer(layer, "/".join(path), channels_first, None), None
    if found is None or attention is None:
        return found
    return SpatialLayer(found.layer, found.path, found.channels_first, attention)


def _output_shape(layer: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a layer's only output; None where it has several."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return None
    return tuple(shape)


def grad_cam(
    tf: Any, model: Any, spatial: SpatialLayer, x: Any, scores: Sequence[ExplainedScore]
) -> list[NDArray[np.float32]]:
    """Return a map for each example and score, at the resolution of the layer: shape (examples, height, width).

    Args:
        tf: The TensorFlow module, or JAX under TensorFlow's names.
        model: The model.
        spatial: The layer.
        x: What the inputs of the model take: an array, or arrays by the names of inputs.
        scores: What is explained.
    """
    compute = tf.function(_step(tf, model, spatial, scores), autograph=False)
    rows = len(scores[0].units)
    blocks = []
    for start in range(0, rows, _BATCH):
        taken = slice(start, min(start + _BATCH, rows))
        inputs = {name: tf.constant(one[taken]) for name, one in x.items()} if isinstance(x, dict) else None
        chosen = [(tf.constant(one.units[taken]), tf.constant(one.signs[taken])) for one in scores]
        maps, gradients = compute(tf.constant(x[taken]) if inputs is None else inputs, chosen)
        features, found = np.asarray(maps, "float32"), [np.asarray(one, "float32") for one in gradients]
        blocks.append([class_activation_map(features, one, channels_first=spatial.channels_first) for one in found])
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def class_activation_map(
    features: NDArray[np.float32], gradients: NDArray[np.float32], *, channels_first: bool = False
) -> NDArray[np.float32]:
    """Return ReLU of the sum of the feature maps, each weighted by the mean of its gradient over all places.

    Args:
        features: Shape (examples, height, width, channels), or channels before height.
        gradients: The gradient of the score, of the same shape.
        channels_first: Whether channels come before height.

    Returns:
        Shape (examples, height, width).
    """
    channels, places = (1, (2, 3)) if channels_first else (3, (1, 2))
    weights = gradients.mean(axis=places, keepdims=True)
    return np.asarray(np.maximum((weights * features).sum(axis=channels), 0), dtype=np.float32)


def _step(tf: Any, model: Any, spatial: SpatialLayer, scores: Sequence[ExplainedScore]) -> Callable[..., Any]:
    """Return what computes the feature maps of a batch, and the gradient of each score with respect to them.

    Zeros are added to the feature maps, and the gradient with respect to these is taken: that needs no second model,
    whatever else of the model follows the layer.
    """

    def outputs_of(inputs: Any, call: int = 0, added: Any = None) -> tuple[Any, list[Any]]:
        with _scores_instead_of_probabilities(model, scores), _added_to_output(spatial.layer, call, added) as seen:
            outputs = model(inputs, training=False)
        return outputs, seen

    def score(outputs: Any, one: ExplainedScore, units: Any, signs: Any) -> Any:
        output = outputs if one.output is None or not isinstance(outputs, dict) else outputs[one.output]
        chosen = tf.gather(output, units, axis=1, batch_dims=1) if output.shape[-1] > 1 else output[:, 0]
        return tf.reduce_sum(tf.cast(chosen, tf.float32) * (signs if output.shape[-1] == 1 else 1.0))

    def step(inputs: Any, chosen: Any) -> tuple[Any, list[Any]]:
        seen = outputs_of(inputs)[1]
        # A layer that is called several times is explained by its last call.
        maps, last = seen[-1], len(seen)
        zeros = maps * 0
        if hasattr(tf, "jax"):
            gradients = [
                tf.jax.grad(lambda added, one=one, pair=pair: score(outputs_of(inputs, last, added)[0], one, *pair))(
                    zeros
                )
                for one, pair in zip(scores, chosen, strict=True)
            ]
            return maps, gradients
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(zeros)
            outputs = outputs_of(inputs, last, zeros)[0]
            values = [score(outputs, one, *pair) for one, pair in zip(scores, chosen, strict=True)]
        found = [tape.gradient(value, zeros, unconnected_gradients="zero") for value in values]
        return maps, found

    return step


@contextmanager
def _added_to_output(layer: Any, number: int, added: Any) -> Iterator[list[Any]]:
    """Add to the output of a layer's call of this number, from 1, inside the `with` block, and give all its outputs."""
    call, seen = layer.call, []

    def call_and_add(*args: Any, **kwargs: Any) -> Any:
        output = call(*args, **kwargs)
        seen.append(output)
        return output + added if len(seen) == number else output

    layer.call = call_and_add
    try:
        yield seen
    finally:
        del layer.call


@contextmanager
def _scores_instead_of_probabilities(model: Any, scores: Sequence[ExplainedScore]) -> Iterator[None]:
    """Leave out the softmax and sigmoid of outputs that have scores of classes inside the `with` block."""
    layers = [_output_layer(model, one.output) for one in scores if one.is_class]
    plain = [layer for layer in layers if getattr(getattr(layer, "activation", None), "__name__", "") in _PROBABILITIES]
    softmax = [layer for layer in layers if type(layer).__name__ == "Softmax"]
    before = [layer.activation for layer in plain]
    for layer in plain:
        layer.activation = _unchanged
    for layer in softmax:
        layer.call = _unchanged
    try:
        yield
    finally:
        for layer, activation in zip(plain, before, strict=True):
            layer.activation = activation
        for layer in softmax:
            del layer.call


def _unchanged(scores: Any, *_: Any, **__: Any) -> Any:
    return scores


def _output_layer(model: Any, name: str | None) -> Any:
    """Return the layer that computes an output of a model, also where that is inside of a model at its end."""
    output = model.outputs[0] if name is None or len(model.outputs) == 1 else model.output[name]
    layer = output._keras_history.operation  # noqa: SLF001 - the only way from a tensor to its layer
    return _output_layer(layer, None) if hasattr(layer, "layers") else layer

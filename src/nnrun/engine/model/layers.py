"""nnrun's own layers, losses and activations; importing this module registers them with Keras."""

from __future__ import annotations

from typing import Any

import keras

from nnrun.catalog import lookup
from nnrun.catalog.shapes.operations import tensor_arguments


@keras.saving.register_keras_serializable(package="nnrun")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """Adds a learned vector for each position: (batch, steps, features) to the same shape.

    Attention alone ignores the order of the steps (A. Vaswani et al., 2017, section 3.5); learned positions are those
    of J. Devlin et al., 2019.

    Args:
        sequence_length: The largest number of steps of an input.
        initializer: The initializer of the vectors.
    """

    def __init__(self, sequence_length: int, initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the vectors, shape (sequence_length, features).

        Raises:
            ValueError: The input is not (batch, steps, features), or has too many steps.
        """
        if len(input_shape) != 3:
            text = f"PositionEmbedding expects an input of shape (steps, features). Received: {tuple(input_shape[1:])}"
            raise ValueError(text)
        if input_shape[1] is not None and input_shape[1] > self.sequence_length:
            text = f"PositionEmbedding has {self.sequence_length} positions. Received: {input_shape[1]} steps"
            raise ValueError(text)
        shape = (self.sequence_length, input_shape[2])
        self.positions = self.add_weight(name="positions", shape=shape, initializer=self.initializer)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Add the vectors of the input's steps."""
        return inputs + self.positions[: keras.ops.shape(inputs)[1]]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the layer's arguments."""
        own = {
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="nnrun")
class Op(keras.layers.Layer):  # type: ignore[misc]
    """Applies an operation of `keras.ops` to one tensor, or to a list of them.

    A saved model may come from others: what is no operation of the catalog, and a value of another kind than an
    argument takes, is refused.

    Args:
        op: The operation: `name`, and its `arguments` by name. Numbers may be there in place of tensors.
    """

    def __init__(self, op: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name, arguments = op["name"], op["arguments"]
        entry = lookup.entry("ops", name) if isinstance(name, str) else None
        if entry is None or entry.refused is not None:
            raise ValueError(f"expected the name of an operation of keras.ops, received {name!r}")
        for key, value in arguments.items():
            if key not in entry.parameters or not entry.parameters[key].kind.accepts(value):
                raise ValueError(f"{name} has no argument {key!r} with the value {value!r}")
        self.op = {"name": entry.name, "arguments": dict(arguments)}
        self._entry = entry

    def call(self, inputs: Any) -> Any:
        """Apply the operation: the tensors are its first arguments that are no constants."""
        tensors = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        arguments = dict(self.op["arguments"])
        function = getattr(keras.ops, self._entry.name)
        if self._entry.name == "einsum":
            return function(arguments.pop("subscripts"), *tensors)
        names = [key for key in tensor_arguments(self._entry) if key not in arguments]
        if self._entry.listed:
            return function(**{names[0]: tensors}, **arguments)
        # A constant has the type of the tensors, so that 0.5 makes no 64-bit numbers of them.
        for key in tensor_arguments(self._entry):
            if key in arguments:
                arguments[key] = arguments[key] if key == "indices" else _constant(arguments[key], tensors)
        return function(**dict(zip(names, tensors, strict=False)), **arguments)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's arguments."""
        return {**super().get_config(), "op": self.op}


def _constant(value: Any, tensors: list[Any]) -> Any:
    """Return a constant of a config as a tensor of the type of the tensors that it is computed with."""
    if not isinstance(value, list):
        return value
    return keras.ops.convert_to_tensor(value, dtype=tensors[0].dtype if tensors else None)


@keras.saving.register_keras_serializable(package="nnrun")
class Sampling(keras.layers.Layer):  # type: ignore[misc]
    """Draws a point from a normal distribution, and adds its divergence from the standard one to the loss.

    The reparameterization of D. P. Kingma, M. Welling: Auto-Encoding Variational Bayes, 2014: mean + exp(log_variance
    / 2) * noise in training, the mean elsewhere, so that scores and predictions are the same each time. The divergence,
    -0.5 * (1 + log_variance - mean^2 - exp(log_variance)), is summed over the dimensions of an example and averaged
    over the examples; it is in validation losses too.

    Args:
        beta: The weight of the divergence (I. Higgins et al., 2017); 1 where the loss is a sum over the values of an
            example, 1 / values where it is their mean.
        seed: The seed of the noise.
    """

    def __init__(self, beta: float = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta, self.seed = beta, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Draw points, shape of the mean."""
        mean, log_variance = inputs
        terms = 1 + log_variance - keras.ops.square(mean) - keras.ops.exp(log_variance)
        divergence = -0.5 * keras.ops.sum(terms, axis=tuple(range(1, len(mean.shape))))
        self.add_loss(self.beta * keras.ops.mean(divergence))
        if not training:
            return mean
        noise = keras.random.normal(keras.ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + keras.ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return the shape of the mean."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Return the layer's arguments."""
        return {**super().get_config(), "beta": self.beta, "seed": self.seed}


@keras.saving.register_keras_serializable(package="nnrun")
class Contrastive(keras.losses.Loss):  # type: ignore[misc]
    """The contrastive loss of the distance D of a pair: (1 - y) D^2 / 2 + y max(0, margin - D)^2 / 2.

    y is 0 for a pair that belongs together, 1 for one that does not: equation 4 of R. Hadsell, S. Chopra, Y. LeCun:
    Dimensionality Reduction by Learning an Invariant Mapping, 2006.

    Args:
        margin: The distance from which a pair that does not belong together costs nothing.
        reduction: How the losses of a batch are reduced.
        name: The loss's name.
        dtype: The dtype of the loss's computations.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str = "sum_over_batch_size",
        name: str = "contrastive",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each pair, shape (batch,)."""
        y_true = keras.ops.cast(y_true, y_pred.dtype)
        apart = keras.ops.square(keras.ops.maximum(self.margin - y_pred, 0.0))
        losses = 0.5 * ((1 - y_true) * keras.ops.square(y_pred) + y_true * apart)
        return keras.ops.mean(losses, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the loss's arguments."""
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(package="nnrun")
def binary_step(x):  # type: ignore[no-untyped-def]
    """Return 1 where `x` is at least 0, else 0: the unit of the classic perceptron (F. Rosenblatt, 1958).

    Its gradient is 0 everywhere, so that only `training: {rule: perceptron}` can train it.
    """
    return keras.ops.cast(x >= 0, x.dtype)

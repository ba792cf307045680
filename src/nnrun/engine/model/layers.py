"""nnrun's own layers and activations; importing this module registers them with Keras."""

from __future__ import annotations

from typing import Any

import keras


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
def binary_step(x):  # type: ignore[no-untyped-def]
    """Return 1 where `x` is at least 0, else 0: the unit of the classic perceptron (F. Rosenblatt, 1958).

    Its gradient is 0 everywhere, so that only `training: {rule: perceptron}` can train it.
    """
    return keras.ops.cast(x >= 0, x.dtype)

"""nnrun's own layers, known to Keras by name once this module is imported."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="nnrun")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """Adds a learned vector for each position: (batch, steps, features) to the same shape.

    Attention alone cannot tell where a step stands (A. Vaswani et al., 2017, section 3.5); learned positions are
    those of J. Devlin et al., 2019.

    Args:
        sequence_length: The most steps that an input may have.
        initializer: How the vectors begin.
    """

    def __init__(self, sequence_length: int, initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the vectors, shape (sequence_length, features).

        Raises:
            ValueError: Where the input is not (batch, steps, features), or has too many steps.
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
        """Add the vectors of the steps there are."""
        return inputs + self.positions[: keras.ops.shape(inputs)[1]]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give the input's own shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Give what makes this layer again."""
        own = {
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="nnrun")
def binary_step(x):  # type: ignore[no-untyped-def]
    """Give 1 where `x` is at least 0, else 0: the unit of the classic perceptron (F. Rosenblatt, 1958).

    Its gradient is 0 everywhere, so that only `training: {rule: perceptron}` can train it.
    """
    return keras.ops.cast(x >= 0, x.dtype)

"""Code of a user's own, for a frozen run: a layer, a source and a preparation step."""

import keras
import numpy as np


class Scale(keras.layers.Layer):
    """Multiplies by a factor that is learned."""

    def __init__(self, start: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(self.start))

    def call(self, inputs):
        return inputs * self.factor


def read_blobs(rows: int = 200):
    """Draws points around three centres."""
    draw = np.random.default_rng(0)
    kinds = draw.integers(0, 3, rows)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    return centres[kinds] + draw.normal(0, 0.5, (rows, 2)), kinds


class Centre:
    """Subtracts the mean of the training part."""

    def fit(self, x):
        self.mean = x.mean(axis=0)

    def apply(self, x):
        return x - self.mean

    def state(self):
        return {"mean": self.mean.tolist()}

    def restore(self, state):
        self.mean = np.array(state["mean"])

"""Write models of Keras 2 with the outputs that it computes; run in an environment of its own with tensorflow 2.15.

python tests/pipeline/init/make_keras2_files.py tests/pipeline/init/keras2
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow import keras  # type: ignore[import-untyped]

layers = keras.layers
Input = keras.Input


def mlp() -> Any:
    """Dense layers, given their input's shape by an argument."""
    dense = layers.Dense(8, activation="relu", input_shape=(6,), kernel_regularizer="l2")
    model = keras.Sequential([dense, layers.Dropout(0.2), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn() -> Any:
    """Convolutions, the LeakyReLU of Keras 2, and a normalization with its axis in a list."""
    convolution = [layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.LeakyReLU(0.1)]
    rest = [layers.MaxPooling2D(), layers.SeparableConv2D(6, 3), layers.Flatten(), layers.Dense(4, "softmax")]
    model = keras.Sequential([Input((12, 12, 1)), *convolution, *rest])
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def depthwise() -> Any:
    """DepthwiseConv2D, whose saved `groups` Keras 3 refuses."""
    start = Input((10, 10, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(start)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, strides=2, use_bias=False)(x))
    x = layers.Conv2D(5, 1)(layers.ReLU(6.0)(x))
    return keras.Model(start, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def lstm() -> Any:
    """Two LSTMs, whose saved `time_major` Keras 3 refuses."""
    first = layers.LSTM(5, return_sequences=True, input_shape=(7, 3))
    model = keras.Sequential([first, layers.LSTM(4), layers.Dense(1)])
    model.compile(keras.optimizers.RMSprop(0.002), "mse", metrics=["mae"])
    return model


def gru() -> Any:
    """A bidirectional GRU over words."""
    words = layers.Embedding(20, 6, input_length=8, mask_zero=True)
    model = keras.Sequential([words, layers.Bidirectional(layers.GRU(4)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.AUC(name="auc")])
    return model


def residual() -> Any:
    """Three blocks that add to their input."""
    start = Input((8, 8, 2))
    x = layers.Conv2D(4, 3, padding="same")(start)
    for _ in range(3):
        y = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.add([x, layers.Conv2D(4, 3, padding="same")(y)])
    return keras.Model(start, layers.Dense(3)(layers.GlobalMaxPooling2D()(x)))


def two_inputs() -> Any:
    """Two inputs and two outputs with losses of their own."""
    a, b = Input((5,), name="a"), Input((3,), name="b")
    x = layers.concatenate([layers.Dense(4, activation="tanh")(a), b])
    kind, size = layers.Dense(2, activation="softmax", name="kind")(x), layers.Dense(1, name="size")(x)
    model = keras.Model([a, b], [kind, size])
    losses, weights = {"kind": "sparse_categorical_crossentropy", "size": "mse"}, {"kind": 1.0, "size": 0.5}
    model.compile("adam", losses, loss_weights=weights, metrics={"kind": ["accuracy"]})
    return model


def shared() -> Any:
    """One tower for two inputs."""
    tower = keras.Sequential([layers.Dense(4, activation="relu", input_shape=(6,)), layers.Dense(3)], name="tower")
    a, b = Input((6,)), Input((6,))
    return keras.Model([a, b], layers.Dense(1, activation="sigmoid")(layers.subtract([tower(a), tower(b)])))


def transformer() -> Any:
    """Attention, which takes tensors by name, and an addition of TensorFlow's."""
    start = Input((9,))
    x = layers.Embedding(15, 8)(start)
    x = layers.LayerNormalization(epsilon=1e-6)(x + layers.MultiHeadAttention(2, 4)(x, x))
    return keras.Model(start, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def unet() -> Any:
    """Pictures to pictures."""
    start = Input((8, 8, 1))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(start)
    b = layers.Conv2D(6, 3, padding="same", activation="relu")(layers.MaxPooling2D()(a))
    c = layers.UpSampling2D()(layers.Concatenate()([a, layers.Conv2DTranspose(4, 2, strides=2)(b)]))
    return keras.Model(start, layers.Conv2D(1, 1, activation="sigmoid")(c))


def advanced() -> Any:
    """Layers that have another name or other arguments today."""
    first = [layers.Dense(4), layers.ThresholdedReLU(theta=0.5), layers.PReLU(), layers.Dense(3), layers.ELU(0.7)]
    return keras.Sequential([Input((6,)), *first, layers.GaussianNoise(0.1), layers.LayerNormalization(axis=[1])])


def lambda_layer() -> Any:
    """A layer of Python code."""
    return keras.Sequential([Input((4,)), layers.Lambda(lambda x: x * 2, name="double"), layers.Dense(2)])


def local() -> Any:
    """A layer that Keras 3 has not."""
    return keras.Sequential([Input((6, 6, 1)), layers.LocallyConnected2D(2, 3, name="local")])


def write(make: Any, folder: Path) -> None:
    """Write one model as `.h5` and as `.keras`, and inputs with their outputs."""
    keras.backend.clear_session()
    model, random = make(), np.random.default_rng(5)
    values = [
        random.uniform(0.5, 1.5, one.shape) if "variance" in one.name else random.normal(size=one.shape) * 0.3
        for one in model.weights
    ]
    model.set_weights(values)
    shapes = [(4, *(size or 8 for size in one.shape[1:])) for one in model.inputs]
    takes_words = make in (gru, transformer)
    inputs = [random.integers(0, 15, one) if takes_words else random.normal(size=one) for one in shapes]
    inputs = [one.astype("float32") for one in inputs]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = {f"x{index}": one for index, one in enumerate(inputs)}
    arrays |= {f"y{index}": np.asarray(one) for index, one in enumerate(outputs)}
    np.savez_compressed(folder / f"{make.__name__}.npz", **arrays)
    model.save(folder / f"{make.__name__}.h5")
    if make in (mlp, residual):
        model.save(folder / f"{make.__name__}_v3.keras")


if __name__ == "__main__":
    keras.utils.set_random_seed(3)
    for one in (mlp, cnn, depthwise, lstm, gru, residual, two_inputs, shared, transformer, unet, advanced):
        write(one, Path(sys.argv[1]))
    for one in (lambda_layer, local):
        one().save(Path(sys.argv[1]) / f"{one.__name__}.h5")

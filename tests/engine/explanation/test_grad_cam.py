"""Grad-CAM against maps that were computed by hand, on both backends, and the choice of its layer."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.backend.start import tensor_library
from nnrun.engine.explanation.grad_cam import ExplainedScore, class_activation_map, find_spatial_layer, grad_cam

pytestmark = pytest.mark.keras

#: The weights of the 1 x 1 filters, and those of the classes.
FILTERS, CLASSES = np.array([[1.0, -2.0]]), np.array([[3.0, -1.0, 0.0], [1.0, 2.0, 0.5]])
PICTURES = np.array([[[1, -1, 0], [2, 0, -3]], [[0, 4, 1], [-1, -1, 2]]], dtype="float32")[..., None]
#: With A_k = FILTERS[k] x, y_c = sum of CLASSES[k, c] mean(A_k), and 6 places: alpha_k = CLASSES[k, c] / 6.
BY_HAND = {
    unit: np.maximum((FILTERS[0] * CLASSES[:, unit]).sum() / 6 * PICTURES[..., 0], 0).astype("float32")
    for unit in range(3)
}


def small_model(keras: Any, units: int = 3, activation: str = "softmax", *, nested: bool = False) -> Any:
    """Return filters of one pixel, the mean over places, and classes; the filters inside of a model of their own."""
    inputs = keras.Input((2, 3, 1), name="photo")
    filters = keras.layers.Conv2D(2, 1, use_bias=False, name="filters")
    seen = keras.Sequential([keras.Input((2, 3, 1)), filters], name="body")(inputs) if nested else filters(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(seen)
    classes = keras.layers.Dense(units, activation=activation, use_bias=False, name="classes")
    model = keras.Model(inputs, classes(pooled))
    filters.set_weights([FILTERS.reshape(1, 1, 1, 2)])
    classes.set_weights([CLASSES[:, :units]])
    return model


def maps_of(model: Any, backend: str, units: list[int], signs: tuple[float, ...] = (1, 1)) -> np.ndarray:
    """Return the maps of both pictures."""
    spatial = find_spatial_layer(model, "channels_last")
    assert spatial is not None
    score = ExplainedScore(None, np.array(units, "int32"), np.array(signs, "float32"), is_class=True)
    return grad_cam(tensor_library(backend, model), model, spatial, PICTURES, [score])[0]


@pytest.mark.parametrize("nested", [False, True])
def test_maps_are_those_by_hand(keras: ModuleType, *, nested: bool) -> None:
    """The gradient is of the score before the softmax, and the model is the same afterwards."""
    model = small_model(keras, nested=nested)
    before = model(PICTURES).numpy()
    np.testing.assert_allclose(maps_of(model, "tensorflow", [0, 1])[0], BY_HAND[0][0], rtol=1e-5)
    np.testing.assert_allclose(maps_of(model, "tensorflow", [0, 1])[1], BY_HAND[1][1], rtol=1e-5)
    np.testing.assert_array_equal(model(PICTURES).numpy(), before)


def test_the_other_of_two_classes_has_the_negative_score(keras: ModuleType) -> None:
    """A single sigmoid scores the second class; for the first one the map is that of what lowers it."""
    model = small_model(keras, 1, "sigmoid")
    np.testing.assert_allclose(maps_of(model, "tensorflow", [0, 0]), BY_HAND[0], rtol=1e-5)
    lowered = np.maximum(-(FILTERS[0] * CLASSES[:, 0]).sum() / 6 * PICTURES[..., 0], 0)
    np.testing.assert_allclose(maps_of(model, "tensorflow", [0, 0], (-1, -1)), lowered, rtol=1e-5)


def test_channels_before_places_give_the_same_map() -> None:
    """Feature maps of either data format are weighted over their places."""
    rng = np.random.default_rng(0)
    features, gradients = rng.normal(size=(2, 4, 3, 5, 6)).astype("float32")
    first = (np.moveaxis(one, 3, 1) for one in (features, gradients))
    np.testing.assert_allclose(
        class_activation_map(*first, channels_first=True), class_activation_map(features, gradients), rtol=1e-5
    )


def test_several_inputs_and_a_softmax_layer(keras: ModuleType) -> None:
    """Columns next to the picture reach the score past the layer, and a Softmax layer is left out, too."""
    layers, small = keras.layers, small_model(keras)
    photo, facts = keras.Input((2, 3, 1), name="photo"), keras.Input((2,), name="facts")
    pooled = layers.GlobalAveragePooling2D()(small.get_layer("filters")(photo))
    scores = layers.Dense(3, use_bias=False, name="scores")(layers.Concatenate()([pooled, facts]))
    model = keras.Model({"photo": photo, "facts": facts}, {"kind": layers.Softmax(name="kind")(scores)})
    model.get_layer("scores").set_weights([np.vstack([CLASSES, np.ones((2, 3))])])
    spatial = find_spatial_layer(model, "channels_last")
    assert spatial is not None
    assert spatial.path == "filters"
    score = ExplainedScore("kind", np.array([1, 0], "int32"), np.ones(2, "float32"), is_class=True)
    x = {"photo": PICTURES, "facts": np.ones((2, 2), "float32")}
    (found,) = grad_cam(tensor_library("tensorflow", model), model, spatial, x, [score])
    np.testing.assert_allclose(found, np.array([BY_HAND[1][0], BY_HAND[0][1]]), rtol=1e-5)


def test_a_layer_that_is_called_twice_is_explained_by_its_last_call(keras: ModuleType) -> None:
    """Earlier calls of a shared layer get no share of the gradient."""
    layers = keras.layers
    inputs, twice = keras.Input((2, 3, 1)), layers.Conv2D(1, 1, use_bias=False, name="twice")
    pooled = layers.GlobalAveragePooling2D()(twice(twice(inputs)))
    model = keras.Model(inputs, layers.Dense(1, use_bias=False)(pooled))
    model.set_weights([np.full((1, 1, 1, 1), 3.0), np.full((1, 1), 2.0)])
    np.testing.assert_allclose(
        maps_of(model, "tensorflow", [0, 0]), np.maximum(9 * PICTURES[..., 0] * 2 / 6, 0), rtol=1e-5
    )


def test_the_last_layer_with_places_that_has_learned(keras: ModuleType) -> None:
    """Pooling, activation and sums after a convolution count; a flat network and a rescaled picture have none."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 1)(inputs)])
    x = layers.MaxPooling2D(name="small")(x)
    one_place = layers.MaxPooling2D(4, name="one_place")(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(one_place)))
    found = find_spatial_layer(model, "channels_last")
    assert found is not None
    assert (found.path, found.attention) == ("small", None)
    flat = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(2.0), layers.Flatten(), layers.Dense(2)])
    assert find_spatial_layer(flat, "channels_last") is None
    tokens = layers.Reshape((16, 4))(x)
    mixed = layers.MultiHeadAttention(1, 4, name="mixing")(tokens, tokens)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(mixed)))
    found = find_spatial_layer(model, "channels_last")
    assert found is not None
    assert (found.path, found.attention) == ("small", "mixing")


ON_JAX = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import test_grad_cam as cases
from nnrun.engine.backend.start import BackendSettings, start_keras
keras = start_keras(BackendSettings(7, "jax", threads=1))
model = cases.small_model(keras, nested=True)
before = model.predict(cases.PICTURES, verbose=0).tolist()
maps = cases.maps_of(model, "jax", [0, 1]).tolist()
print(json.dumps([maps, before == model.predict(cases.PICTURES, verbose=0).tolist()]))
"""


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'")
def test_maps_on_jax_are_those_by_hand() -> None:
    """A process of its own, as a process can start one backend."""
    folder = str(Path(__file__).parent)
    words = [sys.executable, "-c", ON_JAX, json.dumps([folder, *sys.path])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    maps, same = json.loads(done.stdout.splitlines()[-1])
    assert same
    np.testing.assert_allclose(maps, np.array([BY_HAND[0][0], BY_HAND[1][1]]), rtol=1e-5)

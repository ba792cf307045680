"""What a script trains on: arrays, lists and dicts of them, and data sets of batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.training.recorded_arrays import recorded_arrays

pytestmark = pytest.mark.keras

A, B, Y = np.arange(6.0).reshape(3, 2), np.arange(3), np.array([0, 1, 1])


@pytest.fixture(scope="module")
def keras() -> Any:
    """Start Keras once."""
    return start_keras(BackendSettings(seed=7))


@pytest.fixture(scope="module")
def tf(keras: Any) -> Any:
    """Return TensorFlow, once Keras has been started."""
    import tensorflow as tf

    return tf


@pytest.fixture(scope="module")
def model(keras: Any) -> Any:
    """A model with the inputs b and a, in this order."""
    b, a = keras.Input((1,), name="b"), keras.Input((2,), name="a")
    return keras.Model([b, a], keras.layers.Dense(1, name="out")(keras.layers.Concatenate()([a, b])))


def _same(found: Any, expected: dict[str, np.ndarray]) -> None:
    assert found is not None
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_several_inputs_stand_in_the_order_of_the_model(keras: Any, model: Any, tf: Any) -> None:
    """Given by place, by name, or in batches of a data set."""
    expected = {"x.0": B, "x.1": A, "y": Y}
    for x in ([B, A], (B, A), {"a": A, "b": B, "other": Y}):
        _same(recorded_arrays(keras, model, [x, Y, None]), expected)
        batches = tf.data.Dataset.from_tensor_slices((tuple(x) if isinstance(x, list) else x, Y)).batch(2)
        _same(recorded_arrays(keras, model, [batches, None, None]), expected)
    _same(recorded_arrays(keras, model, [[B, A], {"out": Y}, B / 2]), {**expected, "sample_weight": B / 2})
    weighted = tf.data.Dataset.from_tensor_slices(((B, A), Y, B / 2)).batch(2)
    _same(recorded_arrays(keras, model, [weighted, None, None]), {**expected, "sample_weight": B / 2})


def test_a_dict_of_inputs_is_sorted_as_keras_sorts_it(keras: Any) -> None:
    """And so are several outputs in a dict."""
    b, a = keras.Input((1,), name="first"), keras.Input((2,), name="second")
    outputs = {"q": keras.layers.Dense(1)(a), "p": keras.layers.Dense(1)(b)}
    model = keras.Model({"b": b, "a": a}, outputs)
    found = recorded_arrays(keras, model, [{"b": B, "a": A}, {"q": Y, "p": B}, None])
    _same(found, {"x.0": A, "x.1": B, "y.0": B, "y.1": Y})


def test_texts_are_arrays_of_characters(keras: Any, tf: Any) -> None:
    """Those of Python and of TensorFlow, which are bytes."""
    model = keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.StringLookup(vocabulary=["a"])])
    texts = np.array(["a", "naïve", "c"])
    for x in (texts, texts.astype(object), tf.constant(texts.tolist())):
        found = recorded_arrays(keras, model, [x, Y, None])
        _same(found, {"x": texts, "y": Y})
        assert found is not None
        assert found["x"].dtype.kind == "U"


def test_what_is_no_arrays_is_left(keras: Any, model: Any, tf: Any) -> None:
    """Data without an end, without targets, with other inputs, or of objects."""
    pairs = tf.data.Dataset.from_tensor_slices(((B, A), Y)).batch(2)
    single = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    left = [
        (model, [pairs.repeat(), None, None], True),
        (model, [pairs.filter(lambda *_: True), None, None], False),
        (model, [(one for one in [((B, A), Y)]), None, None], True),
        (model, [[B], Y, None], True),
        (model, [{"a": A}, Y, None], True),
        (model, [A, Y, None], True),
        (single, [A, None, None], True),
        (single, [{"z": A}, None, None], True),
        (single, [np.array([{}, [], 1], dtype=object), Y, None], True),
    ]
    for one, data, ends in left:
        assert recorded_arrays(keras, one, data, ends=ends) is None
    known = recorded_arrays(keras, model, [pairs.filter(lambda *_: True), None, None], ends=True)
    _same(known, {"x.0": B, "x.1": A, "y": Y})

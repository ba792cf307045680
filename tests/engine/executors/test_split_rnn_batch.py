"""Tests of large recurrent layers that take a batch in two halves."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.backend.start import tensorflow
from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.split_rnn_batch import splittable_layers

pytestmark = pytest.mark.keras

ROWS, STEPS, BATCH = 83, 6, 32
KINDS = ("SimpleRNN", "GRU", "LSTM")


def make(keras: ModuleType, kind: str) -> Any:
    """Two recurrent layers, of which the first is called twice, with Dropout after; the same weights each time."""
    layers = keras.layers
    keras.utils.set_random_seed(11)
    inputs = layers.Input((None, 3))
    shared = getattr(layers, kind)(9, return_sequences=True, name="shared")
    hidden = shared(layers.Dense(9)(shared(layers.Dense(9)(inputs))))
    outputs = layers.Dense(4, "softmax")(layers.Dropout(0.3)(getattr(layers, kind)(7, name="last")(hidden)))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """Rows whose number leaves an incomplete batch of an odd number of rows."""
    rng = np.random.default_rng(5)
    return rng.normal(size=(ROWS, STEPS, 3)).astype("float32"), rng.integers(0, 4, ROWS)


def trained(keras: ModuleType, kind: str, data: Any, halves: bool) -> tuple[Any, dict[str, float], Any]:
    """Return a model after two epochs, with the metrics and outputs of the whole part."""
    tf, model = tensorflow(), make(keras, kind)
    layers = [layer for layer in model.layers if type(layer).__name__ == kind] if halves else []
    executor = ResidentExecutor(tf, model, BATCH, split_layers=layers)
    tensors: Tensors = executor.to_tensors(*data)
    executor.build(tensors)
    for _ in range(2):
        executor.train(tensors, np.arange(ROWS, dtype="int32"), lambda *_: None)
    figures, outputs = executor.score(tensors)
    return model, figures, outputs


@pytest.fixture(scope="module")
def trained_by_halves() -> Callable[[ModuleType, str, Any], Any]:
    """Return a function that trains a kind of layer by halves when first asked, for tests that only read the model."""
    done: dict[str, Any] = {}

    def train_once(keras: ModuleType, kind: str, data: Any) -> Any:
        if kind not in done:
            done[kind] = trained(keras, kind, data, True)
        return done[kind]

    return train_once


@pytest.mark.parametrize("kind", KINDS)
def test_split_batches_train_like_whole_batches(
    keras: ModuleType, kind: str, data: Any, trained_by_halves: Callable[..., Any]
) -> None:
    """Weights, metrics and outputs are those of whole batches, up to rounding; Dropout draws the same."""
    whole, halved = trained(keras, kind, data, False), trained_by_halves(keras, kind, data)
    for one, other in zip(whole[0].get_weights(), halved[0].get_weights(), strict=True):
        assert np.abs(one - other).max() < 1e-5
    assert whole[1] == pytest.approx(halved[1], rel=1e-5)
    assert np.abs(whole[2] - halved[2]).max() < 1e-5
    assert np.ptp(whole[2]) > 0.01


def test_the_same_run_gives_the_same_bits(keras: ModuleType, data: Any, trained_by_halves: Callable[..., Any]) -> None:
    """Two trainings by halves agree in every bit, although the halves of a batch run side by side."""
    one, other = trained_by_halves(keras, "LSTM", data), trained(keras, "LSTM", data, True)
    assert one[1] == other[1]
    assert all((a == b).all() for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True))


def test_layers_are_left_as_they_were(keras: ModuleType, data: Any, trained_by_halves: Callable[..., Any]) -> None:
    """Outside the executor's compiled steps a layer takes whole batches, as the saved model does."""
    model, _, outputs = trained_by_halves(keras, "GRU", data)
    assert all("call" not in vars(layer) for layer in model.layers)
    assert np.abs(model.predict(data[0], verbose=0) - outputs).max() < 1e-5


def test_masked_layers_and_initial_states_are_not_split(keras: ModuleType) -> None:
    """A call that takes a mask, or a state to begin with, is left as it is."""
    layers, tf = keras.layers, tensorflow()
    inputs, state = layers.Input((STEPS,)), layers.Input((9,))
    hidden = layers.Embedding(5, 3, mask_zero=True)(inputs)
    model = keras.Model([inputs, state], [layers.GRU(9)(hidden), layers.GRU(9)(hidden, initial_state=state)])
    model.compile("sgd", ["mse", "mse"])
    codes, begun = np.random.default_rng(1).integers(0, 5, (8, STEPS)), np.ones((8, 9), "float32")
    rows = [layer for layer in model.layers if type(layer).__name__ == "GRU"]
    executor = ResidentExecutor(tf, model, 8, split_layers=rows)
    given = executor.predict(Tensors(((tf.constant(codes), tf.constant(begun)), tf.constant(begun)), 8))
    for one, other in zip(given, model.predict([codes, begun], verbose=0), strict=True):
        assert np.abs(one - other).max() < 1e-6


@pytest.mark.parametrize(
    ("settings", "batch", "gains"),
    [
        ({"units": 256}, 128, True),
        ({"units": 256}, 64, True),
        ({"units": 256}, 32, False),
        ({"units": 32}, 128, False),
        ({"units": 256, "recurrent_dropout": 0.1}, 128, False),
        ({"units": 256, "dropout": 0.1}, 128, False),
        ({"units": 256, "stateful": True}, 128, False),
    ],
)
def test_large_layers_gain(keras: ModuleType, settings: dict[str, Any], batch: int, gains: bool) -> None:
    """Halves are for layers whose products take longer than starting them, and that draw no random numbers."""
    inputs = keras.layers.Input((5, 3), batch_size=batch if "stateful" in settings else None)
    model = keras.Model(inputs, keras.layers.LSTM(**settings)(inputs))
    assert [layer.name for layer in splittable_layers(model, batch)] == ([model.layers[-1].name] if gains else [])


def test_a_layer_of_the_users_own_is_not_split(keras: ModuleType) -> None:
    """A user's layer may do with a batch what it likes."""

    class LSTM(keras.layers.LSTM):  # type: ignore[misc,name-defined]
        """One that looks at all rows at once, for all that is known."""

    inputs = keras.layers.Input((5, 3))
    assert not splittable_layers(keras.Model(inputs, LSTM(256)(inputs)), 128)

"""Tests of taking a model's steps one by one: they give what reading all steps at once gives."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.generation.incremental import IncrementalModel

pytestmark = pytest.mark.keras

STEPS, CODES, ROWS = 7, 11, 3


def recurrent(keras: ModuleType) -> tuple[Any, Any]:
    """A chain of recurrent layers, and of layers that look at one step."""
    layers = keras.layers
    inputs = layers.Input((None,))
    hidden = layers.Embedding(CODES, 6)(inputs)
    hidden = layers.LSTM(12, return_sequences=True)(hidden)
    hidden = layers.Dropout(0.5)(layers.LayerNormalization()(hidden))
    hidden = layers.GRU(12, return_sequences=True)(hidden)
    return inputs, layers.SimpleRNN(5, return_sequences=True)(hidden)


def stacked(keras: ModuleType) -> tuple[Any, Any]:
    """Recurrent layers of several cells, one of which is the layer's own."""
    layers = keras.layers
    inputs = layers.Input((None,))
    cells = layers.RNN([layers.LSTMCell(5), layers.GRUCell(4)], return_sequences=True)
    return inputs, cells(layers.Embedding(CODES, 6)(inputs))


def joined(keras: ModuleType) -> tuple[Any, Any]:
    """Branches that meet again, and a layer that is called twice and remembers each call by itself."""
    layers = keras.layers
    inputs = layers.Input((None,))
    hidden = layers.Embedding(CODES, 6)(inputs)
    shared = layers.GRU(6, return_sequences=True)
    added = layers.Add()([hidden, shared(hidden)])
    return inputs, layers.Concatenate()([shared(added), layers.Multiply()([added, hidden])])


def transformer(keras: ModuleType, **settings: Any) -> tuple[Any, Any]:
    """Two blocks of causal attention over positions."""
    from nnrun.engine.model.layers import PositionEmbedding

    layers = keras.layers
    inputs = layers.Input((STEPS,))
    hidden = PositionEmbedding(STEPS)(layers.Embedding(CODES, 8)(inputs))
    for _ in range(2):
        normal = layers.LayerNormalization()(hidden)
        attention = layers.MultiHeadAttention(2, 5, value_dim=3, dropout=0.2, **settings)
        hidden = layers.Add()([hidden, attention(normal, normal, use_causal_mask=True)])
        hidden = layers.Add()([hidden, layers.Dense(8, "gelu")(layers.LayerNormalization()(hidden))])
    return inputs, hidden


def keys_apart(keras: ModuleType) -> tuple[Any, Any]:
    """Attention whose keys are made of other steps than its values."""
    layers = keras.layers
    inputs = layers.Input((STEPS,))
    hidden = layers.Embedding(CODES, 8)(inputs)
    other = layers.GRU(8, return_sequences=True)(hidden)
    return inputs, layers.MultiHeadAttention(2, 4)(query=hidden, value=other, key=hidden, use_causal_mask=True)


@pytest.mark.parametrize("build", [recurrent, stacked, joined, transformer, keys_apart])
def test_steps_have_the_outputs_of_all_steps_at_once(keras: ModuleType, build: Any) -> None:
    """Every step's output is that of the model on the whole sequence."""
    model = keras.Model(*build(keras))
    codes = np.random.default_rng(3).integers(0, CODES, (ROWS, STEPS))
    assert IncrementalModel.supports(keras, model)
    incremental = IncrementalModel(keras, model, STEPS)
    assert incremental.bounded == (build in (transformer, keys_apart))
    memory, outputs = incremental.initial_state(ROWS), []
    for index in range(STEPS):
        out, memory = incremental.step(codes[:, index : index + 1], memory, index)
        outputs.append(np.asarray(out))
    whole = np.asarray(model(codes, training=False))
    assert np.abs(np.stack(outputs, axis=1) - whole).max() < 1e-5
    assert np.abs(whole).max() > 1e-3


def test_a_model_may_have_outputs_for_the_last_step_only(keras: ModuleType) -> None:
    """In a model with an output for its last step, each step has the output of the steps so far."""
    layers = keras.layers
    inputs, hidden = recurrent(keras)
    model = keras.Model(inputs, layers.Dense(CODES)(layers.BatchNormalization()(layers.LSTM(4)(hidden))))
    codes = np.random.default_rng(3).integers(0, CODES, (ROWS, STEPS))
    incremental = IncrementalModel(keras, model, STEPS)
    memory = incremental.initial_state(ROWS)
    for index in range(STEPS):
        out, memory = incremental.step(codes[:, index : index + 1], memory, index)
        whole = np.asarray(model(codes[:, : index + 1], training=False))
        assert np.abs(np.asarray(out) - whole).max() < 1e-5


def test_only_models_of_independent_or_stateful_steps_are_supported(keras: ModuleType) -> None:
    """A step must depend on what came before alone: whatever looks ahead, across steps, or masks them is refused."""
    layers = keras.layers
    inputs = layers.Input((STEPS,))
    hidden = layers.Embedding(CODES, 6)(inputs)
    after = layers.LSTM(4, return_sequences=True)
    refused = {
        "both directions": layers.Bidirectional(layers.LSTM(4, return_sequences=True))(hidden),
        "backwards": layers.LSTM(4, return_sequences=True, go_backwards=True)(hidden),
        "along the steps": after(layers.LayerNormalization(axis=1)(hidden)),
        "shares of steps": layers.Softmax(axis=1)(after(hidden)),
        "a weight for each step": layers.PReLU()(after(hidden)),
        "a mask": layers.LSTM(4, return_sequences=True)(layers.Embedding(CODES, 6, mask_zero=True)(inputs)),
        "steps in a row": layers.Concatenate(axis=1)([hidden, layers.LSTM(6, return_sequences=True)(hidden)]),
        "all steps as one": layers.Dense(4)(layers.Flatten()(after(hidden))),
        "nothing remembered": hidden,
        "attention ahead": layers.MultiHeadAttention(2, 3)(hidden, hidden),
        "near steps only": _windowed_attention(layers, hidden),
    }
    for why, outputs in refused.items():
        assert not IncrementalModel.supports(keras, keras.Model(inputs, outputs)), why


def _windowed_attention(layers: Any, hidden: Any) -> Any:
    from inspect import signature

    if "sliding_window" not in signature(layers.MultiHeadAttention).parameters:
        return hidden
    return layers.MultiHeadAttention(2, 3, sliding_window=2)(hidden, hidden, use_causal_mask=True)


def test_a_layer_of_the_users_own_is_not_trusted(keras: ModuleType) -> None:
    """A layer that has the name of one of Keras' may do something else."""

    class Dense(keras.layers.Dense):  # type: ignore[misc,name-defined]
        def call(self, inputs: Any) -> Any:
            return super().call(inputs[:, ::-1])

    inputs, hidden = recurrent(keras)
    assert IncrementalModel.supports(keras, keras.Model(inputs, hidden))
    assert not IncrementalModel.supports(keras, keras.Model(inputs, Dense(4)(hidden)))

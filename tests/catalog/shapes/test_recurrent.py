"""Recurrent layers."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part


def _part(name, /, **arguments):
    return Part("layers", name, arguments)


LSTM_CELL, GRU_CELL = _part("LSTMCell", units=5), _part("GRUCell", units=3, reset_after=False, trainable=False)
SEQUENCE = (7, 4)
CASES = [
    *[
        (name, {"units": 6, **given}, SEQUENCE)
        for name in ("SimpleRNN", "GRU", "LSTM")
        for given in (
            {},
            {"return_sequences": True},
            {"return_state": True},
            {"use_bias": False},
            {"trainable": False},
            {"return_sequences": True, "return_state": True, "dropout": 0.1},
            {"stateful": True},
        )
    ],
    ("GRU", {"units": 6, "reset_after": False}, SEQUENCE),
    ("LSTM", {"units": 6}, (None, 4)),
    ("LSTM", {"units": 6}, (7, None)),
    ("LSTM", {"units": 6}, (7,)),
    ("LSTM", {"units": 6}, (7, 4, 2)),
    ("LSTMCell", {"units": 6}, SEQUENCE),
    ("RNN", {"cell": LSTM_CELL, "return_state": True}, SEQUENCE),
    ("RNN", {"cell": GRU_CELL, "return_sequences": True}, SEQUENCE),
    ("RNN", {"cell": [GRU_CELL, LSTM_CELL], "return_state": True}, SEQUENCE),
    ("RNN", {"cell": _part("StackedRNNCells", cells=[LSTM_CELL, _part("SimpleRNNCell", units=2)])}, SEQUENCE),
    ("RNN", {"cell": LSTM_CELL, "trainable": False}, SEQUENCE),
    ("ConvLSTM1D", {"filters": 3, "kernel_size": 2}, (4, 9, 2)),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": [2, 3], "padding": "same", "return_sequences": True}, (None, 9, 8, 2)),
    (
        "ConvLSTM2D",
        {"filters": 3, "kernel_size": 2, "data_format": "channels_first", "return_state": True},
        (4, 2, 9, 8),
    ),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 2}, (4, 9, None, 2)),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 2, "strides": 2, "dilation_rate": 2}, (4, 9, 9, 2)),
    (
        "ConvLSTM3D",
        {"filters": 3, "kernel_size": 2, "strides": 2, "use_bias": False, "trainable": False},
        (4, 5, 6, 7, 2),
    ),
]


@pytest.mark.keras
def test_recurrent_layers_are_those_of_keras(truth):
    """Every recurrent layer has Keras' outputs and parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_lstm_without_steps_is_explained():
    """The error for an LSTM on a vector names steps and features, and how to get them."""
    with pytest.raises(ShapeError, match=r"LSTM expects \(steps, features\), 2 dimensions, received \[7\]") as refusal:
        infer("LSTM", {"units": 6}, [(7,)])
    assert "{Reshape: [7, 1]}" in refusal.value.hint
    assert "for a table use Dense" in refusal.value.hint
    with pytest.raises(ShapeError) as refusal:
        infer("LSTM", {"units": 6}, [(1,)])
    assert "Reshape" not in refusal.value.hint


@pytest.mark.parametrize(
    ("shape", "hint"), [((28, 28, 3), "{Reshape: [28, 84]}"), ((None, 28, 3), "(steps, features), or use a ConvLSTM")]
)
def test_lstm_on_pictures_is_explained(shape, hint):
    """The error for an LSTM on pictures explains how to make rows of them, or names ConvLSTM."""
    with pytest.raises(ShapeError) as refusal:
        infer("LSTM", {"units": 6}, [shape])
    assert hint in refusal.value.hint


def test_gru_has_two_biases_by_default():
    """A GRU of 2 units on 3 features has 42 parameters, and 36 with `reset_after: false`."""
    assert infer("GRU", {"units": 2}, [(5, 3)]).parameters == 42
    assert infer("GRU", {"units": 2, "reset_after": False}, [(5, 3)]).parameters == 36


def test_stateful_layer_needs_a_batch_size():
    """A stateful layer is refused for an open batch and accepted for a fixed one."""
    with pytest.raises(ShapeError, match="batch of a known size"):
        infer("LSTM", {"units": 6, "stateful": True}, [(7, 4)])
    assert infer("LSTM", {"units": 6, "stateful": True}, [(7, 4)], batch_size=8).output == (6,)

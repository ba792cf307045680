"""Layers around another layer."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.spec.part import Part


def _part(name, /, **arguments):
    return Part("layers", name, arguments)


LSTM, FROZEN = _part("LSTM", units=3, return_sequences=True), _part("GRU", units=3, trainable=False)
CASES = [
    *[
        ("Bidirectional", {"layer": LSTM, "merge_mode": mode}, (7, 4))
        for mode in ("concat", "sum", "ave", "mul", None, "max")
    ],
    ("Bidirectional", {"layer": FROZEN}, (7, 4)),
    ("Bidirectional", {"layer": LSTM, "trainable": False}, (7, 4)),
    *[
        ("Bidirectional", {"layer": _part("LSTM", units=3, return_state=True), "merge_mode": mode}, (7, 4))
        for mode in ("concat", None)
    ],
    ("Bidirectional", {"layer": _part("RNN", cell=_part("GRUCell", units=2, trainable=False))}, (7, 4)),
    ("Bidirectional", {"layer": _part("RNN", cell=_part("GRUCell", units=2), trainable=False)}, (7, 4)),
    ("Bidirectional", {"layer": _part("ConvLSTM1D", filters=2, kernel_size=2, trainable=False)}, (3, 7, 4)),
    (
        "Bidirectional",
        {"layer": LSTM, "backward_layer": _part("GRU", units=3, return_sequences=True, go_backwards=True)},
        (7, 4),
    ),
    ("Bidirectional", {"layer": LSTM, "backward_layer": LSTM}, (7, 4)),
    ("Bidirectional", {"layer": LSTM, "backward_layer": _part("GRU", units=3, go_backwards=True)}, (7, 4)),
    ("Bidirectional", {"layer": _part("LSTM", units=3, go_backwards=True)}, (7, 4)),
    ("Bidirectional", {"layer": _part("Dense", units=3)}, (7, 4)),
    ("Bidirectional", {"layer": LSTM}, (7,)),
    ("TimeDistributed", {"layer": _part("Dense", units=3)}, (7, 4)),
    ("TimeDistributed", {"layer": _part("Dense", units=3)}, (7,)),
    ("TimeDistributed", {"layer": _part("Conv2D", filters=3, kernel_size=2)}, (None, 7, 4, 2)),
    ("TimeDistributed", {"layer": _part("Flatten")}, (None, 7, 4)),
    ("TimeDistributed", {"layer": LSTM}, (5, 7, 4)),
    ("TimeDistributed", {"layer": _part("BatchNormalization"), "trainable": False}, (5, 7)),
    ("TimeDistributed", {"layer": _part("Bidirectional", layer=LSTM)}, (5, 7, 4)),
    *[
        ("SpectralNormalization", {"layer": layer}, shape)
        for layer, shape in (
            (_part("Dense", units=3), (7,)),
            (_part("Dense", units=3, trainable=False), (7,)),
            (_part("Conv2D", filters=3, kernel_size=2), (7, 6, 4)),
            (_part("Conv2DTranspose", filters=3, kernel_size=2), (7, 6, 4)),
            (_part("DepthwiseConv2D", kernel_size=2), (7, 6, 4)),
            (_part("Embedding", input_dim=9, output_dim=2), (7,)),
            (_part("EinsumDense", equation="ab,bc->ac", output_shape=5), (7,)),
            (_part("Flatten"), (7, 6)),
            (LSTM, (7, 6)),
        )
    ],
    ("Pipeline", {"layers": [_part("RandomFlip"), _part("CenterCrop", height=3, width=2)]}, (7, 6, 3)),
]


@pytest.mark.keras
def test_wrappers_are_those_of_keras(truth):
    """Every wrapper has Keras' output shape and parameters, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), [shape]) for name, arguments, shape in CASES]) == []


def test_bidirectional_of_another_layer_is_explained():
    """Bidirectional around a layer that is not recurrent names those that are."""
    with pytest.raises(ShapeError, match="expects a recurrent layer, received Dense") as refusal:
        infer("Bidirectional", {"layer": _part("Dense", units=3)}, [(7, 4)])
    assert "LSTM" in refusal.value.hint


def test_a_layer_that_is_not_a_part_is_undecided():
    """A value inside a wrapper that is not a part is undecided."""
    with pytest.raises(Undecided, match="is not a layer of Keras"):
        infer("TimeDistributed", {"layer": 3}, [(7, 4)])

"""Chains of layers: Keras' names, and rows that equal those of Keras' summary."""

from __future__ import annotations

import pytest

from nnrun.spec.part import Part


def _part(name, /, **arguments):
    return Part("layers", name, arguments)


LENET = [
    _part("Conv2D", filters=32, kernel_size=5, activation="relu"),
    _part("MaxPool2D"),
    _part("Dropout", rate=0.2),
    _part("Flatten"),
    _part("Dense", units=128),
    _part("Dense", units=10),
]


def test_rows_of_a_small_network(truth):
    """A chain gives one row for each layer, with Keras' names, shapes and parameters."""
    rows = truth.chain_rows(LENET, (28, 28, 1))
    assert [(row.name, row.class_name, row.output_shape, row.parameters) for row in rows] == [
        ("conv2d", "Conv2D", (24, 24, 32), 832),
        ("max_pooling2d", "MaxPooling2D", (12, 12, 32), 0),
        ("dropout", "Dropout", (12, 12, 32), 0),
        ("flatten", "Flatten", (4608,), 0),
        ("dense", "Dense", (128,), 589952),
        ("dense_1", "Dense", (10,), 1290),
    ]


def test_an_input_gives_the_shape(truth):
    """A first `Input` gives the shape and gets no row of its own."""
    rows = truth.chain_rows([_part("Input", shape=[4]), _part("Dense", units=2, name="out")], (9,))
    assert [(row.index, row.name, row.parameters) for row in rows] == [(0, "out", 10)]


def test_an_input_gives_the_batch(truth):
    """An `Input` with a batch size lets a layer be stateful."""
    rows = truth.chain_rows([_part("Input", shape=[4, 3], batch_size=2), _part("LSTM", units=2, stateful=True)], ())
    assert rows[0].output_shape == (2,)


def test_no_layer_after_an_error_has_a_row(truth):
    """The last row is that of the layer that cannot take its input, with the reason."""
    parts = [_part("Dense", units=2), _part("Conv2D", filters=1, kernel_size=2), _part("Dense", units=2)]
    rows = truth.chain_rows(parts, (9,))
    assert [row.index for row in rows] == [0, 1]
    assert "Conv2D expects an input of (height, width, channels)" in str(rows[1].error)


@pytest.mark.parametrize("first", [_part("LSTM", units=4), _part("Bidirectional", layer=_part("GRU", units=4))])
def test_missing_return_sequences_is_named(first, truth):
    """Of two stacked recurrent layers, the hint names the first, which must return its sequences."""
    rows = truth.chain_rows([first, _part("Dropout", rate=0.1), _part("LSTM", units=2)], (9, 3))
    assert "before it `return_sequences: true`" in rows[-1].error.hint


def test_undecided_row_leaves_the_rest_undecided(truth):
    """What follows a layer of unknown output is undecided too, with that layer as the reason."""
    rows = truth.chain_rows([_part("Lambda"), _part("Dense", units=2)], (9,))
    assert [row.undecided for row in rows] == [
        "a Lambda's function decides its output",
        "the shape of lambda is not known",
    ]


@pytest.mark.keras
def test_names_are_those_of_a_fresh_session(truth):
    """Names count what wrappers and compound layers make inside, as Keras does."""
    parts = [
        _part("AugMix"),
        _part("RandAugment"),
        _part("RandomColorJitter", hue_factor=0.1),
        _part("RandomHue", factor=0.1),
        _part("RandomRotation", factor=0.1),
        _part("TimeDistributed", layer=_part("LSTM", units=2, return_sequences=True)),
        _part("TimeDistributed", layer=_part("Flatten")),
        _part("Bidirectional", layer=_part("LSTM", units=2, return_sequences=True)),
        _part("RNN", cell=[_part("GRUCell", units=2), _part("GRUCell", units=2)], return_sequences=True),
        _part("LSTM", units=2),
        _part("Flatten"),
        _part("PReLU"),
        _part("ELU"),
        _part("RMSNormalization"),
        _part("Flatten", name="flat"),
    ]
    ours = [row.name for row in truth.chain_rows(parts, (4, 5, 3))]
    assert ours == [row[0] for row in truth.keras_rows(parts, (4, 5, 3))[0]]


@pytest.mark.keras
def test_random_stacks_are_those_of_keras(stacks):
    """Random stacks have Keras' names, shapes and parameters where it builds them, else they are refused."""
    figures = stacks.compare(300)
    assert figures.disagreements == []
    assert figures.counts["equal"] > 100
    assert figures.counts["both_refuse"] > 20
    assert figures.counts["undecided"] <= 6


@pytest.mark.keras
def test_random_stacks_follow_the_global_data_format(stacks):
    """With `image_data_format: channels_first`, random stacks are those of Keras as well."""
    figures = stacks.compare(40, seed=5, data_format="channels_first")
    assert figures.disagreements == []
    assert figures.counts["equal"] > 10

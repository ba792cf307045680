"""The resident executor computes what `fit` computes, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.executors.logs import to_float
from nnrun.engine.executors.resident import ResidentExecutor, StepCalls, _next_count
from nnrun.engine.executors.shuffle import LongOrder, epoch_order

STACKS = {
    "dense": (
        (6,),
        lambda k: [
            k.layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            k.layers.Dense(3, activation="softmax"),
        ],
    ),
    "noise": (
        (6,),
        lambda k: [
            k.layers.Dense(8),
            k.layers.BatchNormalization(),
            k.layers.Dropout(0.3),
            k.layers.Dense(3, activation="softmax"),
        ],
    ),
    "conv": (
        (8, 8, 1),
        lambda k: [
            k.layers.Conv2D(4, 3, activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dense(3, activation="softmax"),
        ],
    ),
    "lstm": ((5, 2), lambda k: [k.layers.LSTM(4, dropout=0.2), k.layers.Dense(3, activation="softmax")]),
}


def make(keras, name: str):
    """Build and compile one of the stacks, the same each time."""
    shape, layers = STACKS[name]
    keras.utils.set_random_seed(7)
    inputs = outputs = keras.Input(shape)
    for layer in layers(keras):
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"], jit_compile=False)
    return model


def variables(model) -> list[np.ndarray]:
    """Copy everything that training changes."""
    return [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]


@pytest.mark.keras
@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("weighted", [False, True])
def test_an_epoch_is_bit_identical_to_fit(keras, part, name: str, weighted: bool) -> None:
    """Same order, same batches (the incomplete last one too): same losses, metrics, weights, optimizer state."""
    import tensorflow as tf

    data = part(53, STACKS[name][0], weights=weighted)
    theirs, ours = make(keras, name), make(keras, name)
    expected = []
    for epoch in range(2):
        rows = epoch_order(3, epoch, 53)
        weight = None if data.sample_weight is None else data.sample_weight[rows]
        history = theirs.fit(
            data.x[rows], data.y[rows], sample_weight=weight, batch_size=10, shuffle=False, verbose=0, epochs=1
        )
        expected.append({name: values[-1] for name, values in history.history.items()})
    keras.utils.set_random_seed(7)
    ours = make(keras, name)
    executor = ResidentExecutor(tf, ours, 10)
    tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
    executor.build(tensors)
    received = [executor.train(tensors, epoch_order(3, epoch, 53), lambda *_: None) for epoch in range(2)]
    assert received == [{name: to_float(np.float32(value)) for name, value in line.items()} for line in expected]
    for left, right in zip(variables(theirs), variables(ours), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.keras
def test_a_step_at_a_time_gives_the_same_bits(keras, part) -> None:
    """Callbacks that act on every batch change nothing but the time."""
    import tensorflow as tf

    data, finals = part(45, (6,)), []
    for hears in (False, True):
        model = make(keras, "noise")
        model.stop_training = False
        executor = ResidentExecutor(tf, model, 10)
        tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
        executor.build(tensors)
        batches = []
        listener = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, batches=batches: batches.append((batch, logs["loss"]))
        )
        executor.train(tensors, epoch_order(1, 0, 45), lambda *_: None, listener if hears else None)
        assert len(batches) == (5 if hears else 0)
        finals.append(variables(model))
    for left, right in zip(*finals, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.keras
@pytest.mark.parametrize("xla", [False, True])
def test_a_long_order_is_taken_in_pieces(keras, part, xla: bool) -> None:
    """An order that is never one array trains to the same bits and metrics as the same order in one piece."""
    import tensorflow as tf

    data, found = part(45, (6,)), []
    for laid_out in (True, False):
        model = make(keras, "dense")
        executor = ResidentExecutor(tf, model, 10, xla=xla)
        tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
        executor.build(tensors)
        rows = LongOrder(3, 0, 45)
        executor._step_calls["train"] = 45 if laid_out else 2
        figures = executor.train(tensors, np.asarray(rows) if laid_out else rows, lambda *_: None)
        found.append((figures, variables(model)))
    assert found[0][0] == found[1][0]
    for left, right in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.keras
def test_very_many_rows_are_evaluated_in_pieces(keras, part, monkeypatch) -> None:
    """If even the rows in file order are too many for an array, metrics and outputs are the same."""
    import tensorflow as tf

    data, model = part(37, (6,)), make(keras, "noise")
    executor = ResidentExecutor(tf, model, 10)
    tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
    executor.build(tensors)
    figures, outputs = executor.score(tensors)
    monkeypatch.setattr("nnrun.engine.executors.resident.MAX_ARRAY_ROWS", 36)
    again, others = executor.score(tensors)
    assert figures == again
    np.testing.assert_array_equal(outputs, others)


@pytest.mark.keras
def test_evaluation_and_predictions_equal_keras_own(keras, part) -> None:
    """`evaluate` and `predict` give what Keras' methods of these names give."""
    import tensorflow as tf

    data, model = part(37, (6,)), make(keras, "noise")
    executor = ResidentExecutor(tf, model, 10)
    tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
    executor.build(tensors)
    theirs = model.evaluate(data.x, data.y, batch_size=10, verbose=0, return_dict=True)
    outputs = model.predict(data.x, batch_size=10, verbose=0)
    figures, scored = executor.score(tensors)
    assert executor.evaluate(tensors) == figures == {name: to_float(np.float32(one)) for name, one in theirs.items()}
    np.testing.assert_array_equal(executor.predict(tensors), outputs)
    np.testing.assert_array_equal(scored, outputs)


@pytest.mark.keras
def test_parts_of_one_form_share_one_program(keras, part) -> None:
    """A second part with other rows runs the program of the first, and its metrics are its own."""
    import tensorflow as tf

    model, traced = make(keras, "dense"), []
    own = model.test_step
    model.test_step = lambda batch: traced.append(0) or own(batch)
    executor = ResidentExecutor(tf, model, 10)
    for rows, traces in ((37, 1), (53, 0)):
        data = part(rows, (6,), seed=rows)
        tensors = executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        theirs = model.evaluate(data.x, data.y, batch_size=10, verbose=0, return_dict=True)
        traced.clear()
        assert executor.evaluate(tensors) == {name: to_float(np.float32(value)) for name, value in theirs.items()}
        assert len(traced) == traces


@pytest.mark.keras
def test_examples_may_be_made_as_they_are_taken(keras, part) -> None:
    """A part whose `take` cuts windows out of a sequence trains like an array of the same windows."""
    import tensorflow as tf

    def windows(tf: Any, fields: Any, index: Any) -> Any:
        x, y = fields
        return tf.reshape(tf.gather(x, index[:, None] + tf.range(3)), (-1, 6)), tf.gather(y, index)

    data, found = part(25, (6,)), []
    sequence = np.random.default_rng(5).normal(size=(27, 2)).astype("float32")
    laid_out = np.stack([sequence[row : row + 3].ravel() for row in range(25)])
    for tensors in (Tensors((tf.constant(sequence), tf.constant(data.y)), 25, windows), None):
        model = make(keras, "dense")
        executor = ResidentExecutor(tf, model, 10)
        taken = tensors or executor.to_tensors(laid_out, data.y)
        executor.build(taken)
        found.append((executor.train(taken, epoch_order(3, 0, 25), lambda *_: None), executor.score(taken)[0]))
    assert found[0] == found[1]


@given(some.integers(1, 10_000), some.floats(0, 100))
def test_chunks_grow_slowly_and_never_vanish(chunk: int, seconds: float) -> None:
    """A chunk is at least one step and at most eight times the one before."""
    assert 1 <= _next_count(chunk, seconds) <= 8 * chunk


@given(some.floats(width=32))
def test_converted_numbers_keep_every_bit(value: float) -> None:
    """A 32-bit figure written with its shortest digits is the same 32-bit figure."""
    np.testing.assert_equal(np.float32(to_float(np.float32(value))), np.float32(value))


@given(some.lists(some.integers(0, 200), min_size=1, max_size=5), some.booleans())
def test_calls_leave_no_step_out(epochs: list[int], single: bool) -> None:
    """However steps are cut into calls, each is in one call, in order."""
    pace = StepCalls()
    for steps in epochs:
        spans = list(pace.split("train", 0, steps, single=single))
        assert [step for first, end in spans for step in range(first, end)] == list(range(steps))
        assert not single or all(end - first == 1 for first, end in spans)

"""XLA is chosen by layers and sizes alone, and computes what the other executor computes but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnrun.engine.executors.resident import ResidentExecutor, XlaError
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.executors.xla_rule import decide_xla

#: What XLA's figures may differ by after two epochs of these models, as a share: rounding of 32-bit numbers.
TOLERANCE = 1e-5

MANY = 10**7


def build(keras, shape: tuple[int | None, ...], make: Callable[[Any], list[Any]], **compiling: Any) -> Any:
    """Build and compile a chain of layers, the same each time."""
    keras.utils.set_random_seed(7)
    inputs = outputs = keras.Input(shape)
    for layer in [*make(keras.layers), keras.layers.Dense(3, "softmax")]:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False, **compiling)
    return model


def position_embedding(length: int) -> Any:
    """Make nnrun's layer, which can be imported only once Keras is awake."""
    from nnrun.engine.model import layers

    return layers.PositionEmbedding(length)


def attention(k: Any, **more: Any) -> Callable[[Any], Any]:
    """Attend from each step to those before it."""
    layer = k.MultiHeadAttention(2, 4, **more)
    return lambda x: layer(x, x, use_causal_mask=True)


#: Layers, the shape of an example, whether XLA is taken where there are steps enough, and what the reason names.
RULE: list[tuple[Callable[[Any], list[Any]], tuple[int | None, ...], bool, str]] = [
    (lambda k: [k.Dense(4), k.BatchNormalization(), k.ReLU()], (5,), True, "saved in"),
    (lambda k: [k.LSTM(4)], (6, 2), True, "saved in"),
    (lambda k: [k.Bidirectional(k.GRU(4))], (6, 2), True, "saved in"),
    (lambda k: [k.LSTM(4)], (None, 2), False, "varies"),
    (lambda k: [k.LSTM(4, dropout=0.1)], (6, 2), False, "random numbers of lstm"),
    (lambda k: [k.Bidirectional(k.LSTM(4, recurrent_dropout=0.1))], (6, 2), False, "random numbers of forward_lstm"),
    (lambda k: [k.Dense(4), k.Dropout(0.1)], (5,), False, "random numbers of dropout"),
    (lambda k: [k.GaussianNoise(0.1)], (5,), False, "random numbers of gaussian_noise"),
    (lambda k: [k.Conv2D(4, 3), k.Flatten()], (8, 8, 1), False, "conv2d is a Conv2D"),
    (lambda k: [k.TimeDistributed(k.Conv1D(4, 3)), k.Flatten()], (2, 8, 1), False, "conv1d is a Conv1D"),
    (lambda k: [k.Embedding(9, 4, mask_zero=True), k.LSTM(4)], (6,), False, "masks steps"),
    (lambda k: [k.Embedding(9, 4), position_embedding(6), attention(k), k.Flatten()], (6,), True, "saved in"),
    (
        lambda k: [attention(k), k.GlobalAveragePooling1D()],
        (None, 4),
        False,
        "output values of multi_head_attention varies",
    ),
    (lambda k: [attention(k, dropout=0.1), k.Flatten()], (6, 4), False, "random numbers of multi_head_attention"),
    (lambda k: [attention(k), k.Flatten()], (64, 128), False, "multi_head_attention has 262,144 output values a step"),
]


@pytest.mark.keras
@pytest.mark.parametrize(("make", "shape", "xla", "reason"), RULE)
def test_layers_decide(keras, make: Callable, shape: tuple, xla: bool, reason: str) -> None:
    """XLA is used for layers that the sweep found faster, and the reason names the layer that prevents it."""
    decision = decide_xla(build(keras, shape, make), MANY)
    assert decision.use_xla == xla
    assert reason in decision.reason


@pytest.mark.keras
def test_sizes_decide(keras) -> None:
    """XLA has to save more than compiling takes: small models need many steps, recurrent ones few, large ones fewer."""
    small = build(keras, (5,), lambda k: [k.Dense(4)])
    large = build(keras, (500,), lambda k: [k.Dense(2000)])
    recurrent = build(keras, (100, 1), lambda k: [k.LSTM(4)])
    needed = [next(n for n in range(4, 30) if decide_xla(model, 2**n).use_xla) for model in (small, large, recurrent)]
    assert needed == sorted(needed, reverse=True)
    assert not decide_xla(small, 0).use_xla


@pytest.mark.keras
def test_the_size_of_a_step_decides_for_attention(keras) -> None:
    """A small attention gains and a large one does not, whether its examples or its batches are large."""
    model = build(keras, (50, 64), lambda k: [attention(k), k.Flatten()])
    assert decide_xla(model, MANY, batch_size=32).use_xla
    assert not decide_xla(model, MANY, batch_size=128).use_xla
    shared = keras.layers.MultiHeadAttention(1, 4)
    twice = build(keras, (6, 4), lambda k: [lambda x: shared(x, x), lambda x: shared(x, x), k.Flatten()])
    assert "varies" in decide_xla(twice, MANY).reason


@pytest.mark.keras
def test_the_config_decides_first(keras) -> None:
    """The config's `execution:` decides, whatever the layers; on a GPU there is no XLA until that was measured."""
    conv = build(keras, (8, 8, 1), lambda k: [k.Conv2D(4, 3), k.Flatten()])
    dense = build(keras, (5,), lambda k: [k.Dense(4)])
    assert decide_xla(conv, 1, requested=True).use_xla
    assert decide_xla(dense, MANY, requested=False).reason == "the config says xla: false"
    assert not decide_xla(dense, MANY, on_cpu=False).use_xla
    assert "augment" in decide_xla(dense, MANY, augmented=True).reason
    assert "pieces" in decide_xla(dense, MANY, long_order=True).reason
    assert decide_xla(dense, MANY, long_order=True, requested=True).use_xla


@pytest.mark.keras
def test_layers_of_the_users_own_are_not_compiled(keras) -> None:
    """A layer that only has the name of one of Keras' was not measured."""

    class Dense(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    assert not decide_xla(build(keras, (5,), lambda _: [Dense()]), MANY).use_xla


def appending_to(steps: list[int]) -> Callable[[int, Any], None]:
    """Return what an executor calls to have the numbers of steps appended."""
    return lambda step, _: steps.append(step)


CASES = {
    "dense": ((6,), lambda k: [k.Dense(8, activation="relu", kernel_regularizer="l2")]),
    # A bias that normalization takes away again has a gradient of rounding errors alone, which Adam makes large.
    "normalized": ((6,), lambda k: [k.Dense(8, use_bias=False), k.BatchNormalization()]),
    "lstm": ((5, 2), lambda k: [k.LSTM(4)]),
    "gru": ((5, 2), lambda k: [k.Bidirectional(k.GRU(4))]),
    # As has the bias of an attention's keys, which its softmax takes away again.
    "attention": ((5, 4), lambda k: [position_embedding(5), attention(k, use_bias=False), k.Flatten()]),
}


@pytest.mark.keras
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_xla_agrees_but_for_rounding(keras, part, name: str, weighted: bool) -> None:
    """Two epochs with XLA, the incomplete batch included, differ from those without by at most `TOLERANCE`."""
    import tensorflow as tf

    shape, make = CASES[name]
    data, found = part(53, shape, weights=weighted), []
    for xla in (False, True):
        model = build(keras, shape, make)
        executor = ResidentExecutor(tf, model, 10, xla=xla)
        tensors = executor.to_tensors(data.x, data.y, data.sample_weight)
        executor.build(tensors)
        steps: list[int] = []
        on_steps = appending_to(steps)
        lines = [executor.train(tensors, epoch_order(3, epoch, 53), on_steps) for epoch in range(2)]
        found.append(([list(line.values()) for line in lines], executor.evaluate(tensors), model.get_weights()))
        assert (steps.count(6), max(steps)) == (2, 6)
    assert found[0][1] == pytest.approx(found[1][1], rel=TOLERANCE)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=TOLERANCE)
    for left, right in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.keras
def test_scores_do_not_depend_on_the_executor(keras, part) -> None:
    """A model scores the same, to the last digit, whichever executor is asked."""
    import tensorflow as tf

    data, model = part(53, (6,)), build(keras, (6,), lambda k: [k.Dense(8, activation="relu")])
    found = []
    for xla in (False, True):
        executor = ResidentExecutor(tf, model, 10, xla=xla)
        tensors = executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        found.append((executor.evaluate(tensors), executor.score(tensors)[0], executor.predict(tensors).tolist()))
    assert found[0] == found[1]


def _distinct(y_true: Any, y_pred: Any) -> Any:
    """Count distinct answers by NumPy, which XLA cannot compile."""
    import tensorflow as tf

    count = tf.numpy_function(lambda one: np.float32(len(np.unique(one))), [tf.argmax(y_pred, axis=-1)], "float32")
    return tf.ensure_shape(count, ())


def _with_numpy(keras) -> Any:
    model = build(keras, (6,), lambda k: [k.Dense(8, activation="relu")])
    model.compile("adam", "categorical_crossentropy", metrics=[_distinct], jit_compile=False)
    return model


@pytest.mark.keras
def test_what_xla_cannot_compile_is_trained_without(keras, part) -> None:
    """If XLA cannot compile the steps, training goes on without it, to the same bits, with one report of the reason."""
    import tensorflow as tf

    data, found, reasons = part(53, (6,)), [], []
    for xla in (False, True):
        model = _with_numpy(keras)
        executor = ResidentExecutor(tf, model, 10, xla=xla)
        executor.on_xla_error = reasons.append
        tensors = executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        lines = [executor.train(tensors, epoch_order(3, epoch, 53), lambda *_: None) for epoch in range(2)]
        found.append((lines, [weight.tolist() for weight in model.get_weights()]))
    assert found[0] == found[1]
    assert len(reasons) == 1
    assert "PyFunc" in reasons[0]


@pytest.mark.keras
def test_an_explicit_request_for_xla_is_not_dropped(keras, part) -> None:
    """Without `on_xla_error` the error is raised, and no weight has changed."""
    import tensorflow as tf

    data, model = part(53, (6,)), _with_numpy(keras)
    before = model.get_weights()
    executor = ResidentExecutor(tf, model, 10, xla=True)
    tensors = executor.to_tensors(data.x, data.y)
    executor.build(tensors)
    with pytest.raises(XlaError, match="PyFunc"):
        executor.train(tensors, epoch_order(3, 0, 53), lambda *_: None)
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)

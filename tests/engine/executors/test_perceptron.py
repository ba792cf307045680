"""The perceptron's rule: weights change on an error alone."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.engine.executors.perceptron import PerceptronExecutor, apply_rule

ROWS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
AND, XOR = np.array([0, 0, 0, 1], "float32"), np.array([0, 1, 1, 0], "float32")


def fresh(bias: bool = True) -> list[Any]:
    """Give weights of 0 for two features."""
    return [np.zeros((2, 1), "float32"), *([np.zeros(1, "float32")] if bias else [])]


def test_a_right_row_changes_nothing_and_a_wrong_one_by_itself() -> None:
    """The step is the row times learning rate times truth less answer; 0 counts as 1 at the unit's edge."""
    weights = fresh()
    assert apply_rule(weights, ROWS[3:], AND[3:], np.ones(1)) == 0
    assert not weights[0].any()
    assert not weights[1].any()
    assert apply_rule(weights, ROWS[2:3], AND[2:3], np.full(1, 0.5)) == 1
    assert (weights[0][:, 0].tolist(), weights[1].tolist()) == ([-0.5, 0], [-0.5])


def test_without_a_bias_only_the_kernel_changes() -> None:
    """A Dense with use_bias: false is trained too."""
    weights = fresh(bias=False)
    assert apply_rule(weights, ROWS[2:3], AND[2:3], np.ones(1)) == 1
    assert weights[0][:, 0].tolist() == [-1, 0]


@given(some.lists(some.floats(-1, 1), min_size=3, max_size=3), some.integers(0, 1000))
def test_what_a_line_divides_is_learnt(line: list[float], seed: int) -> None:
    """Classes that a line divides with some room are all right after finitely many epochs (Novikoff, 1962)."""
    x = np.random.default_rng(seed).uniform(-1, 1, (30, 2))
    side = x @ np.array(line[:2]) + line[2]
    x, y = x[np.abs(side) > 0.1], (side[np.abs(side) > 0.1] > 0).astype(float)
    weights = [np.zeros((2, 1)), np.zeros(1)]
    # Novikoff's bound is (R / margin) ** 2 errors: here at most 3 / (0.1 / sqrt(3)) ** 2 = 900.
    errors = [apply_rule(weights, x, y, np.ones(len(x))) for _ in range(901)]
    assert errors[-1] == 0
    assert sum(errors) <= 900


def test_xor_is_never_learnt() -> None:
    """No epoch over XOR is without an error, however many there are."""
    weights = fresh()
    assert all(apply_rule(weights, ROWS, XOR, np.ones(4)) > 0 for _ in range(200))


@pytest.mark.keras
def test_an_epoch_ends_with_the_metrics_of_its_weights(keras: ModuleType) -> None:
    """The metrics are those of the weights after the epoch, and an epoch without an error ends training."""
    import tensorflow as tf

    from nnrun.engine.model.layers import binary_step

    layer = keras.layers.Dense(1, activation=binary_step, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(optimizer=None, loss="mean_absolute_error", metrics=["accuracy"])
    executor = PerceptronExecutor(tf, model, 4, 1.0)
    tensors = executor.to_tensors(ROWS, AND[:, None])
    executor.build(tensors)
    model.stop_training = False
    lines: list[Any] = []
    for _ in range(20):
        lines.append(executor.train(tensors, np.arange(4, dtype=np.int32), lambda *_: None))
        if model.stop_training:
            break
    assert lines[0]["updates"] > 0
    assert lines[-1] == {"accuracy": 1, "loss": 0, "updates": 0}
    assert model.predict(ROWS, verbose=0)[:, 0].tolist() == AND.tolist()

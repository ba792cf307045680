"""Batches divided over two devices of TensorFlow, in a process of its own: devices are set before it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.keras

SCRIPT = """
import json, sys
import numpy as np
from nnrun.engine.backend.start import BackendSettings, start_keras, tensorflow
from nnrun.engine.backend.tensorflow_devices import devices_of
from nnrun.engine.executors.divided_batches import layer_of_whole_batches
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.shuffle import epoch_order

keras = start_keras(BackendSettings(seed=3, threads=2, data_parallel=2))
tf, layers = tensorflow(), keras.layers
draw = np.random.default_rng(0)
pictures = draw.random((101, 6, 6, 1), np.float32)
words = draw.integers(0, 9, (101, 7)).astype("int32")
classes = draw.integers(0, 4, 101).astype("int32")


def conv():
    output = layers.Dense(4, activation="softmax")
    stack = [layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"), layers.Flatten(), output]
    return keras.Sequential([layers.Input((6, 6, 1)), *stack]), pictures, classes


def masked():
    embedded = layers.Embedding(9, 4, mask_zero=True)
    stack = [embedded, layers.LSTM(4, return_sequences=True), layers.Dense(4, activation="softmax")]
    return keras.Sequential([layers.Input((7,), dtype="int32"), *stack]), words, np.tile(classes[:, None], (1, 7))


def train(make, devices, again=False):
    keras.utils.set_random_seed(5)
    model, x, y = make()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    executor = ResidentExecutor(tf, model, 16, devices=devices)
    part = executor.to_tensors(x, y)
    executor.build(part)
    logs, kept = [], None
    for epoch in range(3):
        logs.append(executor.train(part, epoch_order(1, epoch, 101, shuffle=True), lambda *_: None))
        kept = kept or [np.array(one) for one in (*model.variables, *model.optimizer.variables)]
    if again:
        for one, value in zip((*model.variables, *model.optimizer.variables), kept, strict=True):
            one.assign(value)
        repeated = [executor.train(part, epoch_order(1, e, 101, shuffle=True), lambda *_: None) for e in (1, 2)]
        graph = next(iter(executor._steps._steps.values())).get_concrete_function().graph
        forward = [op.device for op in graph.get_operations() if op.type == "Conv2D"]
        backward = [op.device for op in graph.get_operations() if op.type == "Conv2DBackpropFilter"]
        return logs, repeated, forward, backward
    return logs


names = devices_of(tf, 2)
two, repeated, forward, backward = train(conv, names, again=True)
normalized = keras.Sequential([layers.Input((4,)), layers.BatchNormalization(name="norm")])
wanted = layer_of_whole_batches(normalized).name
normalized.trainable = False
told = {
    "names": names, "one": train(conv, ()), "two": two, "repeated": repeated, "forward": forward, "backward": backward,
    "masked": [train(masked, ()), train(masked, names)],
    "whole": [wanted, layer_of_whole_batches(normalized), layer_of_whole_batches(conv()[0])],
}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """Return what a process with two parts of the processor computes."""
    source = Path(__file__).resolve().parents[3] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_losses_are_those_of_one_device(told: dict[str, Any]) -> None:
    """In every epoch within 1e-5, metrics too: with a last batch of five rows, a regularizer, masks."""
    for one, two in ((told["one"], told["two"]), told["masked"]):
        for left, right in zip(one, two, strict=True):
            assert left == pytest.approx(right, abs=1e-5)
    assert told["one"][0]["loss"] > told["one"][-1]["loss"]


def test_an_epoch_is_repeated_to_the_same_bits(told: dict[str, Any]) -> None:
    """From the values of all variables after the first one, as a resumed run has them."""
    assert told["repeated"] == told["two"][1:]


def test_each_device_computes_its_share_and_the_gradient_of_it(told: dict[str, Any]) -> None:
    """Half of the work in both directions; TensorFlow alone would compute all gradients on the first device."""
    assert len(told["names"]) == 2
    for devices in (told["forward"], told["backward"]):
        assert [device[-5:] for device in devices] == ["CPU:0", "CPU:1"]


def test_layers_that_need_the_whole_batch_are_found_inside_of_a_model(told: dict[str, Any]) -> None:
    """A normalization that is trained; not one that is frozen."""
    assert told["whole"] == ["norm", None, None]

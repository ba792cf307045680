"""Measures what XLA gains and costs on this machine, by a handful of small programs; none of it while a run trains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.cores import usable_cores
from nnrun.engine.backend.start import BackendSettings, start_keras, tensorflow
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.shuffle import order
from nnrun.engine.executors.xla_rule import Costs, Profile, machine

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is measured is told this much smaller, since a noisy machine must not make XLA look better than it is.
_CAUTION = 0.8
_EPOCHS = 8


@dataclass(frozen=True)
class Trial:
    """A small model, and how many steps of which size are timed.

    Attributes:
        shape: The shape of one example.
        batch: Rows per step.
        steps: Steps per epoch.
        layers: Gives the layers before the last, from Keras' `layers`.
    """

    shape: tuple[int, ...]
    batch: int
    steps: int
    layers: Callable[[Any], list[Any]]


TRIALS = {
    "small": Trial((8,), 10, 60, lambda k: [k.Dense(12, activation="relu"), k.Dense(8, activation="relu")]),
    "large": Trial((784,), 200, 12, lambda k: [k.Dense(784, activation="relu")]),
    "recurrent": Trial((20, 4), 32, 10, lambda k: [k.LSTM(32)]),
    "pictures": Trial((28, 28, 1), 64, 6, lambda k: [k.Conv2D(32, 5, activation="relu"), k.Flatten()]),
}
_CLASSES = 10


@dataclass(frozen=True)
class Timing:
    """What training a trial took: microseconds a step, and seconds for compiling."""

    step: float
    compiling: float


def calibrate(tell: Callable[[str], None]) -> Profile:
    """Measure this machine; takes well under a minute where nothing else computes.

    Args:
        tell: Hears what is measured next.
    """
    keras, found = start_keras(BackendSettings(seed=7, threads=usable_cores())), {}
    for name in ("small", "large", "recurrent"):
        for xla in (False, True):
            tell(f"{name} model, {'with' if xla else 'without'} XLA")
            found[name, xla] = time_trial(keras, TRIALS[name], xla=xla)
    bfloat16 = {}
    for name in ("large", "pictures"):
        tell(f"{name}, in bfloat16")
        wide = found.get((name, False)) or time_trial(keras, TRIALS[name])
        narrow = time_trial(keras, TRIALS[name], precision="mixed_bfloat16")
        bfloat16[name] = round(wide.step / narrow.step, 2)
    return Profile(costs_of(found), bfloat16, machine(), datetime.now(UTC).isoformat(timespec="seconds"))


def time_trial(keras: Any, trial: Trial, *, xla: bool = False, precision: str = "float32") -> Timing:
    """Train a trial for some epochs on random data; the fastest epoch counts, since other work only slows it."""
    rng, rows = np.random.default_rng(7), trial.batch * trial.steps
    x = rng.normal(size=(rows, *trial.shape)).astype("float32")
    y = rng.integers(0, _CLASSES, rows).astype("int32")
    keras.config.set_dtype_policy(precision)
    try:
        inputs = outputs = keras.Input(trial.shape)
        for layer in [*trial.layers(keras.layers), keras.layers.Dense(_CLASSES, activation="softmax")]:
            outputs = layer(outputs)
        model = keras.Model(inputs, outputs)
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    executor = ResidentExecutor(tensorflow(), model, trial.batch, xla=xla)
    tensors = executor.put(x, y)
    executor.build(tensors)
    seconds = [
        _timed(partial(executor.train, tensors, order(7, epoch, rows), lambda _: None)) for epoch in range(_EPOCHS)
    ]
    fastest = min(seconds[1:])
    return Timing(1e6 * fastest / trial.steps, max(0.0, seconds[0] - fastest))


def _timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def costs_of(found: dict[tuple[str, bool], Timing]) -> Costs:
    """Turn timings of the trials, without and with XLA, into what the rule weighs.

    The small model's three layers with weights give the gain of a layer; what the large one gains beyond its two layers
    is that of its weights, and what the recurrent one gains beyond its last layer that of its time steps.
    """
    gained = {name: found[name, False].step - found[name, True].step for name, _ in found}
    longer = {name: found[name, True].compiling - found[name, False].compiling for name, _ in found}
    layer = max(0.0, gained["small"]) / 3
    weights = 784 * 784 + 784 + 784 * _CLASSES + _CLASSES
    times = TRIALS["recurrent"].shape[0]
    compiling = max(0.1, longer["small"], longer["large"])
    return Costs(
        layer=round(_CAUTION * layer, 2),
        weight=round(_CAUTION * max(0.0, gained["large"] - 2 * layer) / weights, 6),
        time=round(_CAUTION * max(0.0, gained["recurrent"] - layer) / times, 2),
        compiling=round(compiling, 2),
        recurrent=round(max(0.1, longer["recurrent"] - compiling), 2),
    )

"""Measure the time of a training step with each executor on models of many kinds: the basis of the rule for XLA.

    python benchmarks/executors.py [--rounds 3] [--only pima,mnist_cnn] [--json sweep.json]

Executors take turns within a round, since the speed of a shared machine drifts; read the ratios. `fit` is Keras' own
`Model.fit` with its defaults, `resident` an epoch as one program, `xla` the same compiled by XLA. The data are
random: the time does not depend on them. With `--cpu` processor time is measured instead of wall time: it includes
every thread, and other processes disturb it less. Each epoch has `steps` complete steps; the difference between the
first epoch and a later one is the cost of compilation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.cores import usable_cores
from nnrun.engine.backend.start import BackendSettings, start_keras, tensorflow
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.executors.xla_rule import decide_xla

if TYPE_CHECKING:
    from collections.abc import Callable

EXECUTORS = ("fit", "resident", "xla")
#: The function that returns the time in seconds.
CLOCK = [time.perf_counter]


class Case:
    """A model and the form of its data.

    Args:
        shape: The shape of one example.
        classes: The number of classes.
        batch: Rows per step.
        steps: Steps per epoch.
        layers: Returns the layers before the last, from Keras' `layers`.
        codes: The number of different token ids of the examples; None if they are numbers.
        every: Whether every position of an example has a class, not the example.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        batch: int,
        steps: int,
        layers: Callable[[Any], list[Any]],
        codes: int | None = None,
        *,
        every: bool = False,
    ) -> None:
        self.shape, self.classes, self.batch, self.steps = shape, classes, batch, steps
        self.layers, self.codes, self.every = layers, codes, every

    def data(self) -> tuple[Any, Any]:
        """Generate random examples."""
        rng, rows = np.random.default_rng(7), self.batch * self.steps
        size = (rows, *self.shape)
        x = (
            rng.normal(size=size).astype("float32")
            if self.codes is None
            else rng.integers(0, self.codes, size, "int32")
        )
        return x, rng.integers(0, self.classes, size if self.every else rows).astype("int32")

    def model(self, keras: Any) -> Any:
        """Build and compile the model."""
        keras.utils.set_random_seed(7)
        inputs = outputs = keras.Input(self.shape, dtype="float32" if self.codes is None else "int32")
        for layer in [*self.layers(keras.layers), keras.layers.Dense(self.classes, activation="softmax")]:
            outputs = layer(outputs)
        model = keras.Model(inputs, outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        return model


def dense(*units: int) -> Callable[[Any], list[Any]]:
    """Return dense layers with relu."""
    return lambda k: [k.Dense(one, activation="relu") for one in units]


def transformer(k: Any) -> list[Any]:
    """Return an embedding, one attention block, and an average."""

    def block(x: Any) -> Any:
        x = k.LayerNormalization()(k.Add()([x, k.MultiHeadAttention(4, 16)(x, x)]))
        return k.LayerNormalization()(k.Add()([x, k.Dense(64)(k.Dense(128, activation="relu")(x))]))

    return [k.Embedding(1000, 64), block, k.GlobalAveragePooling1D()]


def causal(k: Any, blocks: int = 4, width: int = 128, window: int = 64) -> list[Any]:
    """Return the layers of the config `shakespeare_transformer`, or of a smaller or larger one."""
    from nnrun.engine.model.layers import PositionEmbedding

    def block(x: Any) -> Any:
        normal = k.LayerNormalization()(x)
        x = k.Add()([x, k.MultiHeadAttention(4, width // 4)(normal, normal, use_causal_mask=True)])
        return k.Add()([x, k.Dense(width)(k.Dense(4 * width, activation="gelu")(k.LayerNormalization()(x)))])

    return [k.Embedding(65, width), PositionEmbedding(window), *[block] * blocks, k.LayerNormalization()]


def residual(k: Any) -> list[Any]:
    """Return a block of ResNet-20 after its first convolution."""

    def norm(x: Any) -> Any:
        return k.BatchNormalization()(k.Conv2D(16, 3, padding="same", use_bias=False)(x))

    def block(x: Any) -> Any:
        return k.ReLU()(k.Add()([x, norm(k.ReLU()(norm(x)))]))

    return [norm, k.ReLU(), block, k.GlobalAveragePooling2D()]


def unet(k: Any) -> list[Any]:
    """Return one level of a U-Net, with a transposed convolution."""

    def level(x: Any) -> Any:
        fine = k.Conv2D(16, 3, padding="same", activation="relu")(x)
        coarse = k.Conv2D(32, 3, padding="same", activation="relu")(k.MaxPooling2D()(fine))
        both = k.Concatenate()([fine, k.Conv2DTranspose(16, 2, strides=2)(coarse)])
        return k.Conv2D(16, 3, padding="same", activation="relu")(both)

    return [level, k.GlobalAveragePooling2D()]


CASES = {
    "pima 12-8, batch 10": Case((8,), 2, 10, 77, dense(12, 8)),
    "boston 13, batch 5": Case((13,), 2, 5, 91, dense(13)),
    "digits_mlp 64, batch 32": Case((64,), 10, 32, 45, dense(64)),
    "mlp 512-512, batch 32": Case((100,), 10, 32, 60, dense(512, 512)),
    "mnist_mlp 784, batch 200": Case((784,), 10, 200, 50, dense(784)),
    "mlp 64-64, batch 8": Case((20,), 3, 8, 60, dense(64, 64)),
    "mlp 64-64, batch 64": Case((20,), 3, 64, 60, dense(64, 64)),
    "mlp 64-64, batch 512": Case((20,), 3, 512, 60, dense(64, 64)),
    "mlp with Dropout 64-64, batch 32": Case(
        (20,), 3, 32, 60, lambda k: [k.Dense(64, activation="relu"), k.Dropout(0.3), k.Dense(64, activation="relu")]
    ),
    "mlp with BatchNormalization 64, batch 32": Case(
        (20,), 3, 32, 60, lambda k: [k.Dense(64), k.BatchNormalization(), k.ReLU()]
    ),
    "mnist_cnn, batch 200": Case(
        (28, 28, 1),
        10,
        200,
        6,
        lambda k: [
            k.Conv2D(32, 5, activation="relu"),
            k.MaxPooling2D(),
            k.Dropout(0.2),
            k.Flatten(),
            k.Dense(128, "relu"),
        ],
    ),
    "digits_cnn 16, batch 32": Case((8, 8, 1), 10, 32, 30, lambda k: [k.Conv2D(16, 3, activation="relu"), k.Flatten()]),
    "Conv1D 32, batch 32": Case(
        (64, 8), 5, 32, 30, lambda k: [k.Conv1D(32, 5, activation="relu"), k.GlobalAveragePooling1D()]
    ),
    "Conv2D 32-64, 32 x 32 x 3, batch 32": Case(
        (32, 32, 3),
        10,
        32,
        6,
        lambda k: [k.Conv2D(32, 3, activation="relu"), k.Conv2D(64, 3, strides=2, activation="relu"), k.Flatten()],
    ),
    "SeparableConv2D 32, 16 x 16 x 16, batch 32": Case(
        (16, 16, 16), 10, 32, 10, lambda k: [k.SeparableConv2D(32, 3), k.ReLU(), k.GlobalAveragePooling2D()]
    ),
    "DepthwiseConv2D, 16 x 16 x 16, batch 32": Case(
        (16, 16, 16), 10, 32, 10, lambda k: [k.DepthwiseConv2D(3), k.ReLU(), k.GlobalAveragePooling2D()]
    ),
    "ResNet block of 16, 16 x 16 x 3, batch 32": Case((16, 16, 3), 10, 32, 10, residual),
    "U-Net 16-32, Conv2DTranspose, 16 x 16, batch 32": Case((16, 16, 1), 10, 32, 10, unet),
    "LSTM(256), window 100, batch 128": Case((100, 1), 50, 128, 4, lambda k: [k.LSTM(256)]),
    "LSTM(256), Dropout, window 100, batch 128": Case((100, 1), 50, 128, 4, lambda k: [k.LSTM(256), k.Dropout(0.2)]),
    "two LSTM(64), Dropout after each, window 30": Case(
        (30, 8), 5, 32, 10, lambda k: [k.LSTM(64, return_sequences=True), k.Dropout(0.2), k.LSTM(64), k.Dropout(0.2)]
    ),
    "LSTM(32), window 20, batch 32": Case((20, 4), 3, 32, 30, lambda k: [k.LSTM(32)]),
    "LSTM(32) with dropout, window 20": Case((20, 4), 3, 32, 30, lambda k: [k.LSTM(32, dropout=0.2)]),
    "GRU(64), window 30, batch 32": Case((30, 8), 3, 32, 20, lambda k: [k.GRU(64)]),
    "Embedding, bidirectional LSTM(32)": Case(
        (30,), 4, 32, 20, lambda k: [k.Embedding(2000, 32), k.Bidirectional(k.LSTM(32))], 2000
    ),
    "Transformer 64, window 50, batch 32": Case((50,), 4, 32, 20, transformer, 1000),
    "causal Transformer, 4 x 128, window 64, batch 32": Case((64,), 65, 32, 4, causal, 65, every=True),
    "causal Transformer, 1 x 16, window 8, batch 8": Case(
        (8,), 65, 8, 30, partial(causal, blocks=1, width=16, window=8), 65, every=True
    ),
    "causal Transformer, 2 x 256, window 128, batch 32": Case(
        (128,), 65, 32, 2, partial(causal, blocks=2, width=256, window=128), 65, every=True
    ),
}


def runner(keras: Any, case: Case, executor: str, data: tuple[Any, Any]) -> Callable[[int], None]:
    """Return a function that trains one epoch of a case."""
    x, y = data
    model = case.model(keras)
    if executor == "fit":
        return lambda _: model.fit(x, y, batch_size=case.batch, verbose=0)
    resident = ResidentExecutor(tensorflow(), model, case.batch, xla=executor == "xla")
    tensors = resident.put(x, y)
    resident.build(tensors)
    return lambda epoch: resident.train(tensors, epoch_order(7, epoch, tensors.rows), lambda *_: None) and None


def measure(keras: Any, case: Case, rounds: int) -> dict[str, dict[str, Any]]:
    """Measure all executors on a case: microseconds per step in each round, and seconds of compilation."""
    data = case.data()
    trains, first = {}, {}
    for executor in EXECUTORS:
        trains[executor] = runner(keras, case, executor, data)
        first[executor] = timed(partial(trains[executor], 0))
        trains[executor](1)
    steps: dict[str, list[float]] = {executor: [] for executor in EXECUTORS}
    for turn in range(rounds):
        for executor in EXECUTORS:
            first_epoch, train = 2 + 3 * turn, trains[executor]
            epochs = [timed(partial(train, epoch)) for epoch in range(first_epoch, first_epoch + 3)]
            steps[executor].append(1e6 * min(epochs) / case.steps)
    return {
        executor: {
            "us_per_step": [round(one, 1) for one in steps[executor]],
            "compile_s": round(max(0.0, first[executor] - min(steps[executor]) * case.steps / 1e6), 2),
        }
        for executor in EXECUTORS
    }


def timed(do: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    began = CLOCK[0]()
    do()
    return CLOCK[0]() - began


def row(name: str, found: dict[str, dict[str, Any]], chosen: bool) -> str:
    """Return the row of a case."""
    medians = {executor: statistics.median(found[executor]["us_per_step"]) for executor in EXECUTORS}
    gains = [
        plain / xla for plain, xla in zip(found["resident"]["us_per_step"], found["xla"]["us_per_step"], strict=True)
    ]
    cells = [name, *(f"{medians[executor]:.0f}" for executor in EXECUTORS)]
    cells += [f"{medians['fit'] / medians['resident']:.1f}"]
    cells += [f"{statistics.median(gains):.2f} ({min(gains):.2f}-{max(gains):.2f})"]
    cells += [f"{found['resident']['compile_s']:.1f}", f"{found['xla']['compile_s']:.1f}", "XLA" if chosen else "-"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the selected cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--cpu", action="store_true", help="measure processor time of all threads together")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.cpu:
        CLOCK[0] = time.process_time
    keras = start_keras(BackendSettings(seed=7, threads=usable_cores()))
    words, everything = options.only.split(","), {}
    print(
        "| model | fit, us per step | resident | resident + XLA | fit / resident | gain by XLA (range) "
        "| compilation, s | compilation with XLA, s | the rule |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if any(word in name for word in words):
            everything[name] = measure(keras, case, options.rounds)
            print(
                row(name, everything[name], decide_xla(case.model(keras), steps=10**6, batch_size=case.batch).use_xla),
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()

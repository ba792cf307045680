"""`cache_frozen`: the same training as without it, of a model that stays whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.errors import BuildError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress
from nnrun.runs import record as records

pytestmark = pytest.mark.keras

CONFIG = """\
name: cached
seed: 3
data: {source: digits, split: {test: 0.2, validation: 0.2}}
model:
  - Reshape: {target_shape: [8, 8, 1]}
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu, name: features}
  - BatchNormalization: {name: norm, trainable: false}
  - Flatten
  - Dropout: 0.2
  - Dense: {units: $classes, activation: softmax}
training:
  - {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], batch_size: 100, epochs: 2,
     freeze: [features], cache_frozen: true}
  - {thaw: [features], epochs: 1}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[TrainResult]:
    """Train a frozen and then thawed model with the frozen part computed once, and without that."""
    folder = tmp_path_factory.mktemp("cached")
    file = folder / "cached.yaml"
    file.write_text(CONFIG)
    sets = ((), ("training.0.cache_frozen=false",))
    return [train(TrainRequest(str(file), each, runs_dir=folder / "runs"), NullProgress()) for each in sets]


def _epochs(run: TrainResult) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_the_training_is_that_without_it(runs: list[TrainResult]) -> None:
    """Every figure of every epoch, in the phase that computes the frozen part once and in the one after it."""
    for cached, plain in zip(*map(_epochs, runs), strict=True):
        assert cached == pytest.approx(plain, abs=1e-6, nan_ok=True)
    assert runs[0].scores["test"]["loss"] == pytest.approx(runs[1].scores["test"]["loss"], abs=1e-6)


def test_the_model_is_whole(runs: list[TrainResult]) -> None:
    """`eval` opens it without the cache, and scores raw rows to the same digits."""
    request = EvaluateRequest(str(runs[0].folder.path))
    assert evaluate(request, NullProgress()).scores["test"] == runs[0].scores["test"]
    assert "Computed once: features, norm, " in runs[0].folder.log.read_text()


def test_what_is_not_the_same_in_every_epoch_is_found_by_trying_it(tmp_path: Path) -> None:
    """Whatever a layer is called: here it is inside of a wrapper, which the rules of `check` do not look into."""
    file = tmp_path / "random.yaml"
    layer = "- TimeDistributed: {layer: {Dropout: 0.3}}\n  - Flatten\n  - Dense: {units: 4, name: features}"
    whole = CONFIG[: CONFIG.index("  - Reshape")] + f"  {layer}\n" + CONFIG[CONFIG.index("  - Dropout") :]
    file.write_text(whole)
    with pytest.raises(BuildError) as caught:
        train(TrainRequest(str(file), runs_dir=tmp_path / "runs"), NullProgress())
    (problem,) = caught.value.problems
    assert "'time_distributed' (TimeDistributed) computes something else in training" in problem.text
    assert problem.mark is not None
    assert problem.mark.text[problem.mark.column - 1 :].startswith("cache_frozen")


def test_features_are_made_of_graphs_with_several_inputs_and_outputs(runs: list[TrainResult]) -> None:
    """What trained layers take is kept: of frozen layers, and of inputs; masks and losses of layers end the part."""
    import keras
    import tensorflow as tf

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.frozen_features import NothingFrozenError, frozen_part

    assert records.read(runs[0].folder)["status"] == "done"
    layers = keras.layers
    one, two = layers.Input((3,), name="one"), layers.Input((2,), name="two")
    frozen = layers.Dense(4, name="frozen", trainable=False)(one)
    joined = layers.Concatenate()([layers.ReLU()(frozen), two])
    outputs = {"a": layers.Dense(1, name="head")(joined), "b": layers.Dense(2, name="side")(frozen)}
    model = keras.Model({"one": one, "two": two}, outputs)
    draw = np.random.default_rng(0)
    x = {name: tf.constant(draw.random((7, size), np.float32)) for name, size in (("one", 3), ("two", 2))}
    part = frozen_part(tf, model, Tensors((x, tf.zeros(7)), 7))
    assert part.layers == ["frozen"]
    features = part.replace_examples(Tensors((x, tf.zeros(7)), 7), 3)
    with features.take.computing():
        cached = model(features.fields[0], training=True)
    whole = model(x)
    assert all(np.allclose(cached[name], whole[name], atol=1e-6) for name in outputs)
    words = layers.Input((5,), dtype="int32")
    embedded = layers.Embedding(9, 2, mask_zero=True, trainable=False)(words)
    masked = keras.Model(words, layers.Dense(1)(layers.LSTM(3, trainable=False)(embedded)))
    with pytest.raises(NothingFrozenError, match="masks steps"):
        frozen_part(tf, masked, Tensors((tf.constant([[1, 2, 0, 0, 0]] * 4), tf.zeros(4)), 4))

"""Random changes of training batches, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.model.augmentation import Augmentation
from nnrun.engine.model.build import Builder
from nnrun.errors import BuildError, ConfigError, Mark
from nnrun.spec.experiment import Experiment
from nnrun.spec.part import Part

MARK = Mark("x.yaml", 1, 1, 1, "x")
MODEL = "  - Flatten\n  - Dense: {units: $classes, activation: softmax}"
LOSS = "loss: sparse_categorical_crossentropy\n  optimizer: Adam\n  "


def test_only_random_layers_are_taken(experiment: Callable[..., Experiment]) -> None:
    """A layer that is not random belongs into the model, as the message states."""
    config = experiment(MODEL, LOSS + "augment: [{RandomFlip: horizontal}, {GaussianNoise: 0.1}]")
    assert [part.name for part in config.training.augment] == ["RandomFlip", "GaussianNoise"]
    with pytest.raises(ConfigError, match="random layers of Keras, and Dense is not one"):
        experiment(MODEL, LOSS + "augment: [{Dense: 4}]")


@pytest.fixture
def noisy(keras: ModuleType, facts: Callable[..., Any]) -> Callable[..., tuple[Any, Augmentation]]:
    """Make a model that learns nothing and has its inputs' mean as its loss, with augmentation attached."""

    def make(*parts: Part) -> tuple[Any, Augmentation]:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
        model.compile(optimizer="sgd", loss="mse")
        augmentation = Augmentation(Builder(keras, facts(), lambda _: MARK), parts)
        augmentation.attach(model, np.zeros((1, 4, 4, 1), "float32"))
        return model, augmentation

    return make


@pytest.mark.keras
def test_training_alone_meets_changed_batches(noisy: Callable[..., tuple[Any, Augmentation]]) -> None:
    """With noise on inputs of 0 the training loss is the noise, while evaluation and predictions see none of it."""
    import tensorflow as tf

    model, _ = noisy(Part("layers", "GaussianNoise", {"stddev": 1.0}))
    batch = (tf.zeros((8, 4, 4, 1)), tf.zeros((8, 16)))
    steps = tf.function(lambda: model.train_step(batch)["loss"], autograph=False)
    first, second = float(steps()), float(steps())
    assert first > 0.3
    assert second != first
    assert float(model.test_step(batch)["loss"]) == 0 or model.evaluate(*batch, verbose=0) == 0
    assert not model.predict(batch[0], verbose=0).any()
    assert [layer.name for layer in model.layers] == ["flatten"]


@pytest.mark.keras
def test_the_same_seed_gives_the_same_batches(noisy: Callable[..., tuple[Any, Augmentation]]) -> None:
    """Another run with the seed, and the same one renewed, draws the same changes."""
    x = np.zeros((2, 4, 4, 1), "float32")
    _, one = noisy(Part("layers", "GaussianNoise", {"stddev": 1.0}))
    drawn = [np.asarray(one(x)) for _ in range(2)]
    assert not np.array_equal(*drawn)
    one.reset()
    assert np.array_equal(np.asarray(one(x)), drawn[0])
    _, other = noisy(Part("layers", "GaussianNoise", {"stddev": 1.0}))
    assert np.array_equal(np.asarray(other(x)), drawn[0])


@pytest.mark.keras
def test_what_changes_the_shape_is_refused(noisy: Callable[..., tuple[Any, Augmentation]]) -> None:
    """A crop would give the model other examples in training than in scoring."""
    with pytest.raises(BuildError, match=r"RandomCrop makes examples of \[2, 2, 1\] from \[4, 4, 1\]"):
        noisy(Part("layers", "RandomCrop", {"height": 2, "width": 2}))

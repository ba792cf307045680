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
from nnrun.spec.augmented_targets import PictureTarget
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
        augmentation = Augmentation(keras, Builder(keras, facts(), lambda _: MARK), parts, None)
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
    drawn = [np.asarray(one((x,))[0]) for _ in range(2)]
    assert not np.array_equal(*drawn)
    one.reset()
    assert np.array_equal(np.asarray(one((x,))[0]), drawn[0])
    _, other = noisy(Part("layers", "GaussianNoise", {"stddev": 1.0}))
    assert np.array_equal(np.asarray(other((x,))[0]), drawn[0])


@pytest.mark.keras
def test_what_changes_the_shape_is_refused(noisy: Callable[..., tuple[Any, Augmentation]]) -> None:
    """A crop would give the model other examples in training than in scoring."""
    with pytest.raises(BuildError, match=r"RandomCrop makes examples of \[2, 2, 1\] from \[4, 4, 1\]"):
        noisy(Part("layers", "RandomCrop", {"height": 2, "width": 2}))


#: A mask for each picture: three classes in different places.
MASKS = np.zeros((6, 12, 12), "int32")
for _row in range(6):
    MASKS[_row, 1 + _row : 6 + _row, 2:7] = 1
    MASKS[_row, 0:2, 8:12] = 2
TARGETS = {
    "integer": MASKS,
    "one_hot": np.eye(3, dtype="float32")[MASKS],
    "binary": (MASKS > 0).astype("float32")[..., None],
    "number": MASKS.astype("float32")[..., None] / 2,
}
NEAREST = {"interpolation": "nearest"}
MOVING_PARTS = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.2, **NEAREST}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.2, **NEAREST}),
    ("RandomZoom", {"height_factor": 0.3, **NEAREST}),
    ("RandomShear", {"x_factor": 0.3, **NEAREST}),
    ("RandomPerspective", NEAREST),
]


@pytest.mark.keras
def test_masks_and_target_pictures_are_moved_with_their_pictures(keras: ModuleType, facts: Callable[..., Any]) -> None:
    """Where each picture shows its own mask, it still does afterwards, with every layer and form of targets."""
    x = np.repeat(MASKS[..., None] / 2, 3, axis=3).astype("float32")
    for kind, y in TARGETS.items():
        for name, arguments in MOVING_PARTS:
            target = PictureTarget(kind, (12, 12), 3)
            part = Part("layers", name, arguments)
            one = Augmentation(keras, Builder(keras, facts(), lambda _: MARK), [part], target)
            one.build(x)
            pictures, moved, weights = one((*map(keras.ops.convert_to_tensor, (x, y)), "weights"))
            pictures, moved = np.asarray(pictures)[..., 0], np.asarray(moved)
            assert (moved.shape, moved.dtype, weights) == (y.shape, y.dtype, "weights")
            assert (pictures != x[..., 0]).any(), name
            shown = {"integer": moved, "one_hot": moved.argmax(axis=-1), "binary": moved[..., 0]}
            if kind == "number":
                assert np.allclose(moved[..., 0], pictures), name
            else:
                assert np.array_equal(shown[kind], pictures > 0 if kind == "binary" else np.rint(2 * pictures)), name


@pytest.mark.keras
def test_mixed_examples_have_mixed_labels(keras: ModuleType, facts: Callable[..., Any]) -> None:
    """Where a picture is filled with the number of its class, its mean is that of its mixed labels."""
    y = np.eye(4, dtype="float32")[np.arange(16) % 4]
    x = np.ones((16, 8, 8, 1), "float32") * (y @ np.arange(4, dtype="float32"))[:, None, None, None]
    for name in ("MixUp", "CutMix"):
        part = Part("layers", name, {"alpha": 1.0} if name == "MixUp" else {})
        one = Augmentation(keras, Builder(keras, facts(), lambda _: MARK), [part], None)
        one.build({"seen": x})
        mixed, labels = one(({"seen": keras.ops.convert_to_tensor(x)}, {"class": keras.ops.convert_to_tensor(y)}))
        pictures, labels = np.asarray(mixed["seen"]), np.asarray(labels["class"])
        assert np.allclose(labels.sum(axis=1), 1)
        assert ((labels > 0) & (labels < 1)).any()
        # CutMix counts the pixels of a patch as a fraction.
        tolerance = 1e-5 if name == "MixUp" else 0.8
        assert np.abs(pictures.mean(axis=(1, 2, 3)) - labels @ np.arange(4)).max() <= tolerance

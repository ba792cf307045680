"""Whole models as layers: their weights, their inner outputs, what is trained, and files from other hands."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.errors import BuildError
from nnrun.spec.experiment import validate
from nnrun.spec.facts import Facts

pytestmark = pytest.mark.keras

TRAINING = "training: {loss: categorical_crossentropy, optimizer: Adam}\n"
PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")


def _build(layers: str, facts: Any, shape: tuple[int, ...] = (32, 32, 3), training: str = TRAINING) -> Any:
    """Build the model of a config's layers."""
    keras = start_keras(BackendSettings(seed=7))
    document = parse(f"data: {{source: digits}}\nmodel:\n{layers}{training}", "x.yaml")
    experiment = validate(document)
    made: Facts = facts(input_shape=shape)
    return compile_model(Builder(keras, made, document.key_mark), experiment, {"input": shape})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, saved."""
    keras = start_keras(BackendSettings(seed=3))
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, name="one"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="top"),
        ]
    )
    path = tmp_path_factory.mktemp("base") / "base.keras"
    model.save(path)
    return path


def test_a_backbone_is_the_model_that_keras_makes(tmp_path: Path, facts: Any) -> None:
    """With its own weights from a file and its own preparation of pixels, outputs equal those of the plain script."""
    keras = start_keras(BackendSettings(seed=1))
    application = keras.applications.mobilenet_v2
    made = application.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)
    made.save_weights(tmp_path / "base.weights.h5")
    expected = np.asarray(made(application.preprocess_input(PIXELS.copy())))
    inner = keras.Model(made.input, made.get_layer("block_3_expand_relu").output)
    expected_inner = np.asarray(inner(application.preprocess_input(PIXELS.copy())))
    weights = tmp_path / "base.weights.h5"
    layers = (
        f"  - MobileNetV2: {{alpha: 0.35, include_top: false, weights: {weights}, name: backbone, trainable: false}}\n"
        "  - Conv2D: {filters: 2, kernel_size: 1, from: backbone.block_3_expand_relu}\n"
        "  - Flatten\n"
        "  - Dense: {units: $classes, activation: softmax}\n"
    )
    model = _build(layers, facts)
    # Nothing takes the output of the backbone itself: what comes after the inner layer is left out.
    backbone = model.get_layer("backbone")
    assert np.array_equal(np.asarray(backbone(PIXELS)), expected_inner)
    assert not backbone.trainable_weights
    whole = _build(layers.replace(", from: backbone.block_3_expand_relu", ""), facts).get_layer("backbone")
    assert np.array_equal(np.asarray(whole(PIXELS)), expected)
    whole_model = _build(layers.replace("filters: 2", "filters: 3"), facts)
    path = tmp_path / "saved.keras"
    whole_model.save(path)
    again = start_keras(BackendSettings(seed=7)).saving.load_model(path)
    assert np.array_equal(np.asarray(again(PIXELS)), np.asarray(whole_model(PIXELS)))


def test_weights_of_another_model_are_refused_with_the_layer(tmp_path: Path, facts: Any) -> None:
    """The message names the layer that does not fit, and stands at `weights`."""
    keras = start_keras(BackendSettings(seed=1))
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="top")]).save_weights(tmp_path / "a.weights.h5")
    layers = f"  - MobileNetV2: {{alpha: 0.35, include_top: false, weights: {tmp_path}/a.weights.h5}}\n  - Flatten\n"
    with pytest.raises(BuildError, match=r"are not those of this MobileNetV2: .*Conv1") as error:
        _build(layers, facts)
    assert error.value.problems[0].mark.line == 3


def test_a_saved_model_gives_its_inner_layers_and_keeps_its_weights(base: Path, facts: Any) -> None:
    """`from: NAME.LAYER` takes an inner output; patterns freeze by name or class, and the rest is trained."""
    layers = (
        f"  - Model: {{file: {base}, name: base, freeze: [one, BatchNormalization]}}\n"
        "  - Dense: {units: $classes, activation: softmax, from: base.flat}\n"
    )
    model = _build(layers, facts, (8, 8, 1))
    inside = model.get_layer("base")
    assert [layer.name for layer in inside.layers if layer.trainable and layer.weights] == []
    assert "top" not in [layer.name for layer in inside.layers]
    saved = start_keras(BackendSettings(seed=7)).saving.load_model(base)
    assert np.array_equal(inside.get_layer("one").get_weights()[0], saved.get_layer("one").get_weights()[0])
    before = [value.copy() for value in inside.get_layer("norm").get_weights()]
    model.fit(np.ones((4, 8, 8, 1)), np.eye(3)[[0, 1, 2, 0]], verbose=0)
    assert all(
        np.array_equal(one, two) for one, two in zip(before, inside.get_layer("norm").get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("freeze: [nothing*]", "has no inner layer whose name or class is like 'nothing*'"),
        ("", "no inner layer 'flatt'"),
    ],
)
def test_what_is_not_inside_is_refused(base: Path, facts: Any, arguments: str, text: str) -> None:
    """A pattern without a layer, and an inner layer that does not exist, are errors at the layer."""
    source = "base" if arguments else "base.flatt"
    layers = f"  - Model: {{file: {base}, name: base, {arguments}}}\n  - Dense: {{units: 3, from: {source}}}\n"
    with pytest.raises(BuildError) as error:
        _build(layers, facts, (8, 8, 1))
    assert text in str(error.value)


def test_patterns_of_a_training_reach_inside(base: Path, facts: Any) -> None:
    """`thaw` and then `freeze` apply to layers, to those inside of models by NAME/LAYER, and to classes."""
    layers = (
        f"  - Model: {{file: {base}, name: base, trainable: false}}\n"
        "  - Dense: {units: $classes, activation: softmax, name: head}\n"
    )
    training = TRAINING.replace("}", ", thaw: [base], freeze: [BatchNormalization, head]}")
    model = _build(layers, facts, (8, 8, 1), training)
    assert [weight.path for weight in model.trainable_weights] == ["one/kernel", "one/bias", "top/kernel", "top/bias"]
    with pytest.raises(BuildError, match="no layer has a name or class like 'base/two'"):
        _build(layers, facts, (8, 8, 1), TRAINING.replace("}", ", thaw: [base/two]}"))


@pytest.mark.parametrize(
    ("more", "is_refused"),
    [
        ("freeze: ['*']", True),
        ("freeze: [head]", True),
        ("freeze: [Dense, BatchNormalization]", True),
        ("thaw: [base], freeze: ['*']", True),
        ("thaw: [base], freeze: [head]", False),
        ("freeze: [base]", False),
    ],
)
def test_patterns_that_leave_nothing_to_train_are_refused(base: Path, facts: Any, more: str, is_refused: bool) -> None:
    """A phase in which no layer learns would take its time and change nothing."""
    layers = (
        f"  - Model: {{file: {base}, name: base, trainable: false}}\n"
        "  - Dense: {units: $classes, activation: softmax, name: head}\n"
    )
    training = TRAINING.replace("}", f", {more}}}")
    if not is_refused:
        assert _build(layers, facts, (8, 8, 1), training).trainable_weights
        return
    with pytest.raises(BuildError, match="no layer with weights is left to train") as raised:
        _build(layers, facts, (8, 8, 1), training)
    assert len(raised.value.problems) == 1


def _with_code(path: Path, base: Path) -> None:
    """Write a saved model whose second layer is code."""
    with zipfile.ZipFile(base) as archive, zipfile.ZipFile(path, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1]["class_name"] = "Lambda"
                content = json.dumps(config).encode()
            other.writestr(name, content)


def test_files_from_other_hands_run_nothing_and_lead_nowhere(base: Path, tmp_path: Path, facts: Any) -> None:
    """A layer of code, a link to another file of weights, and what is no model end in a message at the file."""
    _with_code(tmp_path / "code.keras", base)
    with h5py.File(tmp_path / "link.weights.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    (tmp_path / "none.h5").write_bytes(b"no weights")
    (tmp_path / "none.keras").write_bytes(b"no model")
    backbone = "  - MobileNetV2: {{alpha: 0.35, include_top: false, weights: {}}}\n"
    cases = [
        ("  - Model: {{file: {}}}\n", "code.keras", "may run code", (8, 8, 1)),
        ("  - Model: {{file: {}}}\n", "none.keras", "expected a Keras model", (8, 8, 1)),
        (backbone, "link.weights.h5", "lead elsewhere", (32, 32, 3)),
        (backbone, "none.h5", "holds no weights that can be read", (32, 32, 3)),
    ]
    for layers, name, text, shape in cases:
        with pytest.raises(BuildError, match=text):
            _build(layers.format(tmp_path / name), facts, shape)


def test_published_weights_are_loaded_by_keras_itself(tmp_path: Path, keras: ModuleType, facts: Any) -> None:
    """`imagenet` takes the file of the data folder, in the format in which Keras publishes weights."""
    legacy: Any = pytest.importorskip("keras.src.legacy.saving.legacy_h5_format")
    made = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    with h5py.File(tmp_path / name, "w") as file:
        legacy.save_weights_to_hdf5_group(file, made)
    expected = made.get_layer("Conv1").get_weights()[0]
    text = "data: {source: digits}\nmodel:\n  - MobileNetV2: {alpha: 0.35, include_top: false, name: backbone}\n"
    document = parse(text + TRAINING, "x.yaml")
    started = start_keras(BackendSettings(seed=7))
    for weights_dir, same in ((tmp_path, True), (None, False)):
        builder = Builder(started, facts(input_shape=(32, 32, 3)), document.key_mark, weights_dir)
        model = compile_model(builder, validate(document), {"input": (32, 32, 3)})
        received = model.get_layer("backbone").get_layer("Conv1").get_weights()[0]
        assert np.array_equal(received, expected) is same
    with pytest.raises(BuildError, match="is not there"):
        compile_model(
            Builder(started, facts(input_shape=(32, 32, 3)), document.key_mark, tmp_path / "none"),
            validate(document),
            {"input": (32, 32, 3)},
        )

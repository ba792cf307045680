"""Keras Hub's backbones as layers: the models that its own package makes, and saved so that they can be loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.catalog import lookup
from nnrun.catalog.shapes.infer import Undecided, infer
from nnrun.config.document import parse
from nnrun.config.dump import dump_inline
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model import checkpoint
from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.errors import BuildError, MissingExtraError
from nnrun.spec.experiment import validate

IS_THERE = find_spec("keras_hub") is not None
needs_hub = [
    pytest.mark.hub,
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not IS_THERE, reason="Keras Hub is not installed (extra hub)"),
]
TRAINING = "training: {loss: sparse_categorical_crossentropy, optimizer: Adam}\n"
ENTRIES = lookup.hub_catalog()["entries"]


def _build(layers: str, facts: Any, shape: tuple[int, ...]) -> Any:
    keras = start_keras(BackendSettings(seed=7))
    document = parse(f"data: {{source: digits}}\nmodel:\n{layers}{TRAINING}", "x.yaml")
    builder = Builder(keras, facts(input_shape=shape), document.key_mark, Path("no-weights") / "here")
    return compile_model(builder, validate(document), {"input": shape})


def _of_pictures(name: str) -> bool:
    return ENTRIES[name]["hub"]["shape_argument"] is not None


def _inputs(name: str, shape: tuple[int, ...]) -> Any:
    drawn = np.random.default_rng(0)
    pixels, tokens = drawn.uniform(0, 255, (2, *shape)), drawn.integers(0, 50, (2, *shape))
    return (pixels if _of_pictures(name) else tokens).astype("float32")


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet of Keras Hub for pictures of one channel, saved as a preset with its image converter."""
    start_keras(BackendSettings(seed=3))
    import keras_hub

    folder = tmp_path_factory.mktemp("preset") / "resnet"
    example = ENTRIES["ResNetBackbone"]["hub"]["example"]
    keras_hub.models.ResNetBackbone(**example, image_shape=(None, None, 3)).save_to_preset(str(folder))
    converter = keras_hub.layers.ImageConverter(scale=[0.1, 0.2, 0.3], offset=[-1.0, 0.0, 1.0])
    converter.save_to_preset(str(folder))
    return folder


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs_hub) for name in ENTRIES])
def test_every_backbone_is_made_saved_and_loaded(name: str, facts: Any, tmp_path: Path) -> None:
    """Its output has the shape that `check` states, and the saved model computes the same."""
    shape = (32, 32, 3) if _of_pictures(name) else (12,)
    example = ENTRIES[name]["hub"]["example"]
    layers = f"  - {name}: {dump_inline(example)}\n  - Flatten\n  - Dense: $classes\n"
    model, values = _build(layers, facts, shape), _inputs(name, shape)
    output = model.layers[-3].output.shape[1:]
    try:
        assert infer(name, example, [shape]).output == tuple(output)
    except Undecided:
        assert name not in ("ResNetBackbone", "ViTBackbone", "BertBackbone", "GPT2Backbone")
    checkpoint.save(model, tmp_path / "saved.keras")
    loaded = checkpoint.load(start_keras(BackendSettings(seed=7)), tmp_path / "saved.keras")
    assert np.array_equal(np.asarray(loaded(values)), np.asarray(model(values)))


@pytest.mark.hub
@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not IS_THERE, reason="Keras Hub is not installed (extra hub)")
class TestWithThePackage:
    """What is compared with Keras Hub's own classes."""

    def test_a_preset_computes_what_its_own_package_computes(self, preset: Path, facts: Any) -> None:
        """Raw pixels, the image converter and the backbone give the bits of the plain script; inner stages too."""
        layers = (
            f"  - ResNetBackbone: {{preset: {preset}, name: backbone, freeze: ['stack0*']}}\n"
            "  - GlobalAveragePooling2D: {from: backbone}\n  - Dense: {units: $classes, name: a}\n"
        )
        model = _build(layers, facts, (32, 32, 3))
        import keras_hub

        pixels = _inputs("ResNetBackbone", (32, 32, 3))
        plain = keras_hub.models.ResNetBackbone.from_preset(str(preset))
        converter = keras_hub.layers.ImageConverter.from_preset(str(preset))
        expected = np.asarray(plain(converter(pixels)))
        backbone = model.get_layer("backbone")
        assert np.allclose(np.asarray(backbone(pixels)), expected, rtol=1e-5, atol=1e-5)
        trained = [weight.path for weight in backbone.trainable_weights]
        assert any("stack1" in path for path in trained)
        assert not any("stack0" in path for path in trained)
        stage = layers.replace("from: backbone}", "from: backbone.P2}")
        early = _build(stage, facts, (32, 32, 3)).get_layer("backbone")
        assert not any("stack1" in layer.name for layer in early.layers)
        assert early.output.shape[1:] == (8, 8, 64)

    def test_padding_does_not_count(self, facts: Any) -> None:
        """What the numbers after the text are hidden by: a longer row of padding gives the same vectors."""
        example = ENTRIES["BertBackbone"]["hub"]["example"]
        layers = f"  - BertBackbone: {dump_inline({**example, 'name': 'bert'})}\n  - Dense: {{units: 2, from: FROM}}\n"
        text = layers.replace("FROM", "bert.pooled_output")
        short, long = _build(text, facts, (4,)), _build(text, facts, (8,))
        long.set_weights(short.get_weights())
        tokens = np.array([[5, 6, 7, 8]], "float32")
        padded = np.pad(tokens, ((0, 0), (0, 4)))
        assert np.allclose(np.asarray(short(tokens)), np.asarray(long(padded)), atol=1e-5)
        plain = _build(layers.replace("FROM", "bert"), facts, (4,))
        # The pooling layer, which nothing takes, is left out.
        assert not any("pooled" in layer.name for layer in plain.get_layer("bert").layers)

    def test_patterns_reach_into_a_model_that_is_kept_whole(self, facts: Any) -> None:
        """`freeze` of a training names the inner layers of a ViT as those of any other backbone."""
        example = ENTRIES["ViTBackbone"]["hub"]["example"]
        layers = f"  - ViTBackbone: {dump_inline({**example, 'name': 'vit'})}\n  - Flatten\n  - Dense: $classes\n"
        from nnrun.engine.model.trainability import freeze

        model = _build(layers, facts, (32, 32, 3))
        assert freeze(model, ["vit/vit_encoder"]) == []
        assert not model.get_layer("vit").get_layer("vi_t_backbone").get_layer("vit_encoder").trainable_weights
        assert freeze(model, ["vit/nothing"]) == ["vit/nothing"]

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (
                "{preset: PRESET, weights: null, stackwise_num_filters: [64, 32]}",
                "are not those of this ResNetBackbone",
            ),
            ("{preset: PRESET, name: b, freeze: [nothing*]}", "no inner layer whose name or class is like 'nothing"),
            ("{preset: PRESET, name: b, block_type: other}", "Keras refused ResNetBackbone: .*block_type"),
            ("{preset: resnet_18_imagenet}", "config.json is not there"),
        ],
    )
    def test_what_does_not_fit_is_an_error_at_its_place(
        self, preset: Path, facts: Any, arguments: str, text: str
    ) -> None:
        """The message names the layer, the argument or the file, and stands in the config."""
        layers = f"  - ResNetBackbone: {arguments.replace('PRESET', str(preset))}\n  - Flatten\n"
        with pytest.raises(BuildError, match=text) as error:
            _build(layers, facts, (32, 32, 3))
        assert error.value.problems[0].mark.line == 3

    def test_mixed_precision_keeps_its_weights_in_float32(self, preset: Path, facts: Any) -> None:
        """With `dtype: mixed_float16` a backbone computes in half precision."""
        layers = f"  - ResNetBackbone: {{preset: {preset}, name: backbone, dtype: mixed_float16}}\n  - Flatten\n"
        backbone = _build(layers, facts, (32, 32, 3)).get_layer("backbone")
        assert backbone.output.dtype == "float16"
        assert {weight.dtype for weight in backbone.weights} == {"float32"}


@pytest.mark.keras
@pytest.mark.skipif(IS_THERE, reason="Keras Hub is installed")
def test_without_the_package_the_extra_is_named(facts: Any) -> None:
    """Building a backbone says what to install."""
    example = ENTRIES["BertBackbone"]["hub"]["example"]
    with pytest.raises(MissingExtraError, match="BertBackbone needs the extra 'hub'") as error:
        _build(f"  - BertBackbone: {dump_inline(example)}\n  - Flatten\n  - Dense: 2\n", facts, (12,))
    assert error.value.hint == "pip install 'nnrun[hub]'"

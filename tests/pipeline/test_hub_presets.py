"""Presets of Keras Hub: found, pinned by a digest, downloaded; and runs that have such backbones."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.catalog import lookup
from nnrun.errors import MissingExtraError
from nnrun.pipeline import hub_presets
from nnrun.pipeline.check import examine, resolve_config
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.export import ExportRequest, export
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.pipeline.check import Examined

IS_THERE = find_spec("keras_hub") is not None
EXAMPLE = lookup.hub_catalog()["entries"]["ResNetBackbone"]["hub"]["example"]
CONFIG = """seed: 7
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}], split: {test: 0.8, validation: 0.1}}
model:
  - ResNetBackbone: {preset: PRESET, name: backbone}
  - GlobalAveragePooling2D
  - Dense: {units: $classes, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], batch_size: 64, epochs: 2}
"""
FILES = ("config.json", "model.weights.h5", "image_converter.json")


def _examine(folder: Path, preset: str, change: tuple[str, str] = ("", "")) -> Examined:
    (folder / "my.yaml").write_text(CONFIG.replace("PRESET", preset).replace(*change), encoding="utf-8")
    return examine(folder / "my.yaml", (), folder / "data")


def _write_preset(folder: Path, name: str = "ResNetBackbone") -> None:
    """Write a preset whose arguments can be read, and whose weights cannot."""
    folder.mkdir()
    for file in FILES:
        (folder / file).write_text(json.dumps({"class_name": name, "config": EXAMPLE}), encoding="utf-8")


def _errors(examined: Examined) -> list[tuple[str | None, int | None, str]]:
    return [(one.name, one.mark.line, one.text) for one in examined.problems if one.severity == "error"]


def test_a_folder_is_found_beside_the_config_and_pinned_by_its_digest(tmp_path: Path) -> None:
    """The resolved config has the absolute path and one SHA-256 of the files that are read; another content differs."""
    _write_preset(tmp_path / "mine")
    found = resolve_config(_examine(tmp_path, "mine"))["model"][0]["ResNetBackbone"]["preset"]
    assert found["file"] == str((tmp_path / "mine").resolve())
    lines = "".join(f"{hashlib.sha256((tmp_path / 'mine' / one).read_bytes()).hexdigest()}  {one}\n" for one in FILES)
    assert found["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    (tmp_path / "mine" / "model.weights.h5").write_bytes(b"other")
    pinned = f"{{file: mine, sha256: {found['sha256']}}}"
    assert [name for name, _, _ in _errors(_examine(tmp_path, pinned))] == ["layer-file-changed"]


@pytest.mark.parametrize(
    ("preset", "change", "text"),
    [
        ("resnet_18_imagnet", ("", ""), "no published preset 'resnet_18_imagnet', and there is no such folder"),
        ("vit_base_patch16_224_imagenet", ("", ""), "is a preset of ViTBackbone, not of ResNetBackbone"),
        ("vgg", ("", ""), "is a preset of VGGBackbone, not of ResNetBackbone"),
        ("empty", ("", ""), "has no config.json"),
        ("null", ("", ""), "needs a preset, or the arguments that are missing: input_conv_filters"),
        ("mine", ("preset: mine", "preset: mine, weights: a.h5"), "two kinds of weights"),
    ],
)
def test_what_is_no_preset_of_this_backbone_is_an_error(
    tmp_path: Path, preset: str, change: tuple[str, str], text: str
) -> None:
    """The error stands at the layer and has a hint; a name that is nearly one is completed."""
    _write_preset(tmp_path / "mine")
    _write_preset(tmp_path / "vgg", "VGGBackbone")
    (tmp_path / "empty").mkdir()
    examined = _examine(tmp_path, preset, change)
    found = [one for one in examined.problems if one.severity == "error"]
    assert text in found[0].text
    assert found[0].mark.line == 4
    assert found[0].hint
    if preset == "resnet_18_imagnet":
        assert found[0].hint == "Did you mean 'resnet_18_imagenet'?"


def test_a_published_preset_is_downloaded_once_and_recorded(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note before, files in the data folder and their digests in the record afterwards."""
    monkeypatch.setattr(hub_presets, "require_hub", lambda _: None)
    (mirror / "keras-hub").mkdir()
    _write_preset(mirror / "keras-hub" / "resnet_18_imagenet")
    examined = _examine(tmp_path, "resnet_18_imagenet")
    (note,) = [one for one in examined.problems if one.name == "weights-to-come"]
    assert note.severity == "note"
    assert "https://www.kaggle.com/" in str(note.hint)
    hub_presets.fetch(examined.context, examined.places, NullProgress())
    (mirror / "keras-hub" / "resnet_18_imagenet" / "config.json").unlink()
    hub_presets.fetch(examined.context, examined.places, NullProgress())
    assert "weights-to-come" not in {one.name for one in _examine(tmp_path, "resnet_18_imagenet").problems}
    records = hub_presets.records(examined.context, examined.places)
    assert [one["file"] for one in records] == [f"resnet_18_imagenet/{name}" for name in FILES]
    assert all(len(one["sha256"]) == 64 for one in records)


@pytest.mark.skipif(IS_THERE, reason="Keras Hub is installed")
def test_without_the_package_nothing_is_downloaded(tmp_path: Path) -> None:
    """The extra is named before a file is asked for."""
    examined = _examine(tmp_path, "resnet_18_imagenet")
    with pytest.raises(MissingExtraError) as error:
        hub_presets.fetch(examined.context, examined.places, NullProgress())
    assert error.value.hint == "pip install 'nnrun[hub]'"
    assert not (tmp_path / "data").exists()


@pytest.mark.hub
@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not IS_THERE, reason="Keras Hub is not installed (extra hub)")
class TestRuns:
    """Runs with a preset that is made here."""

    @pytest.fixture(scope="class")
    def preset(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A preset of pictures of one channel."""
        import keras_hub

        folder = tmp_path_factory.mktemp("preset") / "vgg"
        example = lookup.hub_catalog()["entries"]["VGGBackbone"]["hub"]["example"]
        keras_hub.models.VGGBackbone(**example, image_shape=(None, None, 1)).save_to_preset(str(folder))
        keras_hub.layers.ImageConverter(scale=[1 / 16], offset=[-0.5]).save_to_preset(str(folder))
        return folder

    def test_a_run_goes_on_to_the_same_bits_and_is_scored_predicted_and_exported(
        self, preset: Path, tmp_path: Path, start: Callable[..., Any]
    ) -> None:
        """One epoch and one more are two; `eval` gives the scores of training, an export the same outputs."""
        import keras

        text = CONFIG.replace("PRESET", str(preset)).replace("ResNetBackbone", "VGGBackbone")
        whole, half = start(tmp_path / "whole", text), start(tmp_path / "half", text.replace("epochs: 2", "epochs: 1"))
        options = TrainRequest("", ("training.epochs=2",), tmp_path / "half" / "runs")
        resume(ResumeRequest(str(half.folder.path), options), NullProgress())
        models = [keras.saving.load_model(one.folder.last, compile=False) for one in (whole, half)]
        weights = [one.get_weights() for one in models]
        assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
        request = EvaluateRequest(str(whole.folder.path))
        assert evaluate(request, NullProgress()).scores["test"] == whole.scores["test"]
        for form in ("weights", "saved_model"):
            exported = export(ExportRequest(request, form, tmp_path / form), NullProgress())
            assert exported.difference is not None
            assert exported.difference < 1e-5
        np.savez(tmp_path / "new.npz", x=np.zeros((2, 8, 8), "float32"))
        assert len(predict(request, tmp_path / "new.npz").rows) == 2

    def test_it_trains_on_jax(self, preset: Path, tmp_path: Path) -> None:
        """A process of its own, as one has one backend: the run is trained and scored."""
        text = CONFIG.replace("PRESET", str(preset)).replace("ResNetBackbone", "VGGBackbone")
        (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
        options = ["--set", "backend=jax", "--set", "training.epochs=1", "--runs-dir", "runs"]
        command = [sys.executable, "-m", "nnrun", "train", "my.yaml", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (scores,) = (tmp_path / "runs").glob("*/scores.json")
        assert 0 <= json.loads(scores.read_text(encoding="utf-8"))["test"]["accuracy"] <= 1

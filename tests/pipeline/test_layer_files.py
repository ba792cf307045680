"""Files of layers: found as data files are, compared with their digests, and downloaded where they are published."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from nnrun.errors import DataError
from nnrun.pipeline import layer_files
from nnrun.pipeline.check import examine, resolve_config
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.pipeline.check import Examined

TRAINING = "training: {loss: sparse_categorical_crossentropy, optimizer: Adam}\n"
MODEL = 'data: {source: digits}\nmodel:\n  - Model: {file: base.keras, sha256: "DIGEST"}\n' + TRAINING
BACKBONE = """data: {source: cifar10}
model:
  - MobileNetV2: {alpha: 0.35, include_top: false, pooling: avg}
  - Dense: {units: $classes, activation: softmax}
"""
NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"


class _Record:
    """What takes the fields of a run's record."""

    def __init__(self) -> None:
        self.fields: dict[str, object] = {}

    def update(self, **fields: object) -> None:
        """Take fields."""
        self.fields |= fields


def _examine(folder: Path, text: str) -> Examined:
    (folder / "my.yaml").write_text(text, encoding="utf-8")
    return examine(folder / "my.yaml", (), folder / "data")


def test_a_file_is_found_beside_the_config_and_pinned_by_its_digest(tmp_path: Path) -> None:
    """The resolved config has the absolute path and the SHA-256, so that another content is refused later."""
    (tmp_path / "base.keras").write_bytes(b"a model")
    model = resolve_config(_examine(tmp_path, MODEL.replace('"DIGEST"', "null")))["model"][0]["Model"]
    assert model["file"] == str((tmp_path / "base.keras").resolve())
    assert model["sha256"] == hashlib.sha256(b"a model").hexdigest()


@pytest.mark.parametrize(("content", "name"), [(None, "layer-file-missing"), (b"other", "layer-file-changed")])
def test_a_file_that_is_not_there_or_another_one_is_an_error(tmp_path: Path, content: bytes | None, name: str) -> None:
    """The error stands at the file's name in the config."""
    if content is not None:
        (tmp_path / "base.keras").write_bytes(content)
    problems = _examine(tmp_path, MODEL.replace("DIGEST", "0" * 64)).problems
    assert [(one.name, one.mark.line) for one in problems if one.severity == "error"] == [(name, 3)]


def test_the_folder_of_a_run_stands_for_its_best_model(tmp_path: Path) -> None:
    """`file:` may name a run's folder."""
    best = tmp_path / "runs" / "one" / "checkpoints" / "best.keras"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"a model")
    text = MODEL.replace("base.keras", "runs/one").replace('"DIGEST"', "null")
    assert resolve_config(_examine(tmp_path, text))["model"][0]["Model"]["file"] == str(best.resolve())


def test_published_weights_are_downloaded_once_and_recorded(tmp_path: Path, mirror: Path) -> None:
    """`imagenet` is a note before, a file in the data folder and a digest in the record afterwards."""
    (mirror / NAME).write_bytes(b"weights")
    examined = _examine(tmp_path, BACKBONE + TRAINING)
    assert "weights-to-come" in {one.name for one in examined.problems}
    record = _Record()
    for _ in range(2):
        folder = layer_files.fetch_and_record(examined.context, examined.places, record, NullProgress())  # type: ignore[arg-type]
        (mirror / NAME).unlink(missing_ok=True)
    assert (folder / NAME).read_bytes() == b"weights"
    digest = hashlib.sha256(b"weights").hexdigest()
    assert record.fields["layer_files"] == [{"layer": "MobileNetV2", "file": NAME, "sha256": digest}]
    assert "weights-to-come" not in {one.name for one in _examine(tmp_path, BACKBONE + TRAINING).problems}


def test_published_weights_of_another_content_are_refused(tmp_path: Path, mirror: Path) -> None:
    """Where Keras states a digest, a mirror cannot give another file, and what it gave is not kept."""
    text = BACKBONE.replace("MobileNetV2: {alpha: 0.35, ", "VGG16: {")
    examined = _examine(tmp_path, text + TRAINING)
    ((_, file),) = layer_files.published(examined.context)
    (mirror / file.name).write_bytes(b"other weights")
    unreachable = type(file)(file.name, "http://127.0.0.1:9/none", file.md5, file.most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_files, "published_weights", lambda *_: unreachable)
        with pytest.raises(DataError, match=r"not the expected one \(MD5 6d6bbae143d83200"):
            layer_files.fetch_and_record(examined.context, examined.places, _Record(), NullProgress())  # type: ignore[arg-type]
    assert not (tmp_path / "data" / "keras-applications" / file.name).exists()

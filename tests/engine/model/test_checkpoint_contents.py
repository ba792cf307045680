"""A `.keras` file is looked at before Keras reads it: nothing in it runs, leads elsewhere, or unpacks without end."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnrun.engine.model.checkpoint_contents import require_plain_contents

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}, "registered_name": None}


def weights(
    write: Callable[[h5py.File], object] = lambda file: file.create_dataset("layers/a/vars/0", data=[1.0]),
) -> bytes:
    """Return a file of weights."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        write(file)
    return stream.getvalue()


def checkpoint(
    path: Path, layer: Any = None, members: dict[str, bytes] | None = None, kind: int = zipfile.ZIP_STORED
) -> Path:
    """Write a checkpoint with one layer."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [DENSE if layer is None else layer]}}
    found = {"metadata.json": b"{}", "config.json": json.dumps(config).encode(), "model.weights.h5": weights()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in {**found, **(members or {})}.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    """Return why a checkpoint is refused."""
    with pytest.raises((ValueError, TypeError, OSError, KeyError, RecursionError)) as caught:
        require_plain_contents(path)
    return str(caught.value)


def test_a_plain_checkpoint_is_accepted(tmp_path: Path) -> None:
    """The three files of Keras, the files of layers, classes of Keras, nnrun and `--code`."""
    layers = [
        {**DENSE, "module": module}
        for module in (
            "keras",
            "keras.layers",
            "keras.src.models.functional",
            "keras_hub.src.models.bert.bert_backbone",
            "keras_hub.src.layers.modeling.transformer_encoder",
            "builtins",
            "nnrun.engine.model.layers",
            None,
        )
    ]
    require_plain_contents(checkpoint(tmp_path / "a.keras", layers, {"assets/layers/x/vocabulary.txt": b"a"}))


@pytest.mark.parametrize("name", ["Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__"])
def test_a_layer_of_code_is_refused(tmp_path: Path, name: str) -> None:
    """Wherever it stands in the config."""
    inner = {"a": [{**DENSE, "config": {"layer": {**DENSE, "class_name": name}}}]}
    assert f"it has a layer {name}" in refusal(checkpoint(tmp_path / "a.keras", inner))


@pytest.mark.parametrize(
    "module",
    [
        "os",
        "subprocess",
        "keras.src.utils.file_utils",
        "kerasx",
        "importlib",
        "nnrunx",
        "keras..os",
        "keras_hub.src.utils.preset_utils",
        "keras_hub.src.models.bert.bert_tokenizer",
    ],
)
def test_a_class_from_elsewhere_is_refused(tmp_path: Path, module: str) -> None:
    """Keras would import modules of its own packages, and of others in earlier versions."""
    assert "elsewhere than Keras" in refusal(checkpoint(tmp_path / "a.keras", {**DENSE, "module": module}))


def test_a_class_of_keras_hub_that_reads_files_is_refused(tmp_path: Path) -> None:
    """A registered name has priority over the module that stands beside it."""
    layer = {**DENSE, "registered_name": "keras_hub>BertTokenizer"}
    assert "reads files" in refusal(checkpoint(tmp_path / "a.keras", layer))


def test_a_vocabulary_in_another_file_is_refused(tmp_path: Path) -> None:
    """A layer that looks words up would read any file, or an address."""
    layer = {**DENSE, "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    assert "would read the file '/etc/passwd'" in refusal(checkpoint(tmp_path / "a.keras", layer))


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/cron.d/x", "assets/../../x", "assets/a\\..\\b", "model.weights.npz", "x.py"]
)
def test_other_members_are_refused(tmp_path: Path, name: str) -> None:
    """Names that lead out of a folder, and files that a checkpoint does not have."""
    assert "that checkpoints do not have" in refusal(checkpoint(tmp_path / "a.keras", members={name: b"x"}))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"assets/zeros": bytes(200_000_000)}, "would unpack to"),
        ({"model.weights.h5": bytes(200_000_000)}, "would unpack to"),
        ({"config.json": b" " * 30_000_000}, "config.json has 30,000,000 bytes"),
        ({"config.json": b"[" * 100_000}, ""),
        ({"config.json": b'{"a":' * 900 + b"1" + b"}" * 900}, "nested too deeply"),
        ({"config.json": b"[1]"}, "is no object"),
        ({"config.json": b"\xff\xfe"}, ""),
        ({"model.weights.h5": b"no hdf5"}, ""),
    ],
)
def test_bombs_and_damaged_members_are_refused(tmp_path: Path, members: dict[str, bytes], says: str) -> None:
    """Sizes are read from the directory before anything is unpacked."""
    assert says in refusal(checkpoint(tmp_path / "a.keras", members=members, kind=zipfile.ZIP_DEFLATED))


def _external(file: h5py.File) -> None:
    file.create_dataset("a", (10,), dtype="u1", external=[("/etc/hostname", 0, 10)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2,), "f4")
    layout[0] = h5py.VirtualSource("/tmp/other.h5", "a", (1,))[0]  # noqa: S108
    file.create_virtual_dataset("a", layout)


def _compressed(file: h5py.File) -> None:
    file.create_dataset("a", data=np.zeros((400, 1_000_000), "u1"), chunks=(100, 1_000_000), compression="gzip")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (_external, "lie in another file"),
        (_virtual, "lie in another file"),
        (lambda file: file.__setitem__("a", h5py.ExternalLink("/etc/x.h5", "/")), "lead elsewhere"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/b")), "lead elsewhere"),
        (lambda file: file.create_dataset("a", (1 << 40,), "f4", chunks=(1 << 20,)), "weights would need"),
        (_compressed, "weights would need"),
    ],
)
def test_weights_that_lie_elsewhere_or_nowhere_are_refused(tmp_path: Path, write, says: str) -> None:
    """Values in other files, links, and values of which the file has no bytes."""
    assert says in refusal(checkpoint(tmp_path / "a.keras", members={"model.weights.h5": weights(write)}))

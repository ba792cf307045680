"""Hostile checkpoints: code, classes and files from elsewhere, and archives that unpack without end."""

# ruff: noqa: E501 - one line for each input, as a table
# fmt: off

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_inputs import MARKER, Hostile
from hostile_run_folders import FROZEN, RUN, run_folder


def _members() -> dict[str, bytes]:
    with zipfile.ZipFile(FROZEN / "graph" / "checkpoints" / "last.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(members: Callable[[], dict[str, bytes]], kind: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], object]:
    """Prepare a run whose checkpoint has other members, too."""

    def change(run: Path) -> None:
        with zipfile.ZipFile(run / "checkpoints" / "last.keras", "w", kind) as archive:
            for name, content in {**_members(), **members()}.items():
                archive.writestr(name, content)

    return run_folder(change)


def _layer(layer: dict[str, Any]) -> Callable[[Path], object]:
    """Prepare a run whose checkpoint has another first layer."""

    def members() -> dict[str, bytes]:
        config = json.loads(_members()["config.json"])
        config["config"]["layers"][1].update(layer)
        return {"config.json": json.dumps(config).encode()}

    return _archive(members)


def _weights(write: Callable[[Any], object]) -> Callable[[Path], object]:
    def members() -> dict[str, bytes]:
        import h5py

        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            write(file)
        return {"model.weights.h5": stream.getvalue()}

    return _archive(members)


def _link(file: Any) -> None:
    import h5py

    file["layers"] = h5py.ExternalLink("/etc/passwd", "/")


EVAL = (f"eval {RUN} --runs-dir runs -q",)
_CODE = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}}

INPUTS = [
    Hostile(name, tries, EVAL, prepare, 1, says, keras=True)
    for name, tries, prepare, says in [
        ("keras-bomb", "assets of 300 MB in 300 KB", _archive(lambda: {"assets/x": bytes(300_000_000)}), "would unpack to"),
        ("keras-weights-bomb", "weights of 300 MB of zeros", _archive(lambda: {"model.weights.h5": bytes(300_000_000)}), "would unpack to"),
        ("keras-config-bomb", "a config of 100 MB of blanks", _archive(lambda: {"config.json": b" " * 100_000_000}), "config.json has"),
        ("keras-config-deep", "a config nested 100,000 times", _archive(lambda: {"config.json": b"[" * 100_000}), ""),
        ("keras-lambda", "a layer of marshalled code", _layer(_CODE), "may run code"),
        ("keras-saved-model", "a layer that runs a SavedModel", _layer({"class_name": "TFSMLayer", "module": "keras.layers"}), "may run code"),
        ("keras-foreign-class", "a class of the standard library", _layer({"class_name": "Popen", "module": "subprocess", "config": {"args": f"touch {MARKER}", "shell": True}, "registered_name": "Popen"}), "from elsewhere"),
        ("keras-get-file", "a function of Keras that downloads and unpacks", _layer({"class_name": "get_file", "module": "keras.src.utils.file_utils", "config": {"origin": "http://127.0.0.1/x"}}), "from elsewhere"),
        ("keras-vocabulary", "a layer that reads a file of the machine", _layer({"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}}), "would read the file"),
        ("keras-escaping-member", "a member that leads out of the folder", _archive(lambda: {"../../../victim/x": b"x"}), "do not have"),
        ("keras-external-weights", "weights that lie in another file", _weights(lambda file: file.create_dataset("a", (10,), "u1", external=[("/etc/passwd", 0, 10)])), "in another file"),
        ("keras-linked-weights", "weights behind a link to another file", _weights(_link), "lead elsewhere"),
        ("keras-huge-weights", "weights of 4 TB, of which none are there", _weights(lambda file: file.create_dataset("a", (1 << 40,), "f4", chunks=(1 << 20,))), "would need"),
        ("keras-no-archive", "a text that is called .keras", run_folder(lambda run: (run / "checkpoints" / "last.keras").write_text("hello")), "cut short or of another kind"),
    ]
]

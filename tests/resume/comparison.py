"""What must be equal of two runs to the last bit: everything that a run folder keeps, apart from times."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from nnrun.engine.state.encoding import decode
from nnrun.engine.state.state_file import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: What a run that was resumed has that differs: when it ran and how often, and what it printed.
_FREE_FILES = ("record.json", "log.txt", ".lock", "report.html")
#: The name of the newest state of a run or fold.
_LAST = "last.safetensors"
#: The keys of a record that belong to the result.
_RECORD_KEYS = ("status", "error", "epochs", "executor", "callbacks", "facts", "folds_done", "folds_together")
_TIMES = ("seconds",)


def contents(run: Path) -> dict[str, str]:
    """Return the digest of everything that must be equal, by its name."""
    places = [file.parent for file in run.rglob(_LAST)]
    found = {f"last state in {place.relative_to(run)}": _digest_of(state_digests(place / _LAST)) for place in places}
    found |= {name: _digest_of(_content(run / name)) for name in _names(run)}
    record = json.loads((run / "record.json").read_text())
    return found | {f"record.{key}": _digest_of(record.get(key)) for key in _RECORD_KEYS}


def differences(run: Path, other: Path) -> list[str]:
    """Return the names of what differs between two run folders."""
    return differing(contents(run), contents(other))


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the names of what differs between the contents of two run folders."""
    return sorted(name for name in {**one, **other} if one.get(name) != other.get(name))


def state_digests(file: Path) -> dict[str, str]:
    """Return digests of what a state has, by name: its position, its callbacks, and each of its arrays.

    The best model that waits to be written is left out: whether it waits depends on the clock.
    """
    state = read_state(file)
    of_callbacks = ("callback/", "epoch_start/callback/")
    arrays = {name: array for name, array in state.arrays.items() if not name.startswith(of_callbacks)}
    digests = {name: _digest_of(array) for name, array in arrays.items()}
    position = {key: value for key, value in state.document["position"].items() if key not in _TIMES}
    digests["position"] = json.dumps(position)
    # The start of the epoch, which `on_nan: rollback` keeps, has callbacks too; their arrays have a name before theirs.
    start = state.document.get("epoch_start", {}).get("callbacks", [])
    prefix = "epoch_start/"
    of_start = {name.removeprefix(prefix): value for name, value in state.arrays.items() if name.startswith(prefix)}
    for place, callbacks, values in (("", state.document["callbacks"], state.arrays), ("start ", start, of_start)):
        for number, one in enumerate(callbacks):
            value = decode(one["state"], values)
            if isinstance(value, dict):
                value.pop("waiting", None)
            digests[f"{place}callback {number} {one['name']}"] = _digest_of(value)
    return digests


def _names(run: Path) -> set[str]:
    files = (file.relative_to(run) for file in run.rglob("*") if file.is_file())
    return {str(file) for file in files if "state" not in file.parts and file.name not in _FREE_FILES}


def _content(file: Path) -> Any:
    if file.suffix == ".jsonl":
        return [_without_times(json.loads(line)) for line in file.read_text().splitlines()]
    if file.suffix == ".keras" and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"), object_hook=_without_ids)
            return config, _arrays_of(io.BytesIO(archive.read("model.weights.h5")))
    if file.suffix == ".h5":
        return _arrays_of(io.BytesIO(file.read_bytes()))
    return file.read_bytes()


def _arrays_of(file: io.BytesIO) -> dict[str, str]:
    digests: dict[str, str] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            digests[name] = _digest_of(np.asarray(node[()]))

    with h5py.File(file) as weights:
        weights.visititems(visit)
    return digests


def _without_times(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in _TIMES}


def _without_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out the places in memory that Keras writes."""
    return {key: value for key, value in document.items() if key != "shared_object_id"}


def _digest_of(value: Any) -> str:
    """Return a digest of plain data with arrays in it."""
    digest = hashlib.sha256()

    def add(one: Any) -> None:
        if isinstance(one, dict):
            for key, item in one.items():
                add(key)
                add(item)
        elif isinstance(one, list | tuple):
            digest.update(f"{type(one).__name__} of {len(one)}".encode())
            for item in one:
                add(item)
        elif isinstance(one, np.ndarray | np.generic):
            digest.update(f"{one.dtype} {one.shape}".encode() + np.asarray(one).tobytes())
        elif isinstance(one, bytes):
            digest.update(one)
        else:
            digest.update(repr(one).encode())

    add(value)
    return digest.hexdigest()

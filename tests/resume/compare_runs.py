"""What two runs of one config must have in common to the last bit, for the scripts in this folder."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from nnrun.engine.state.state_file import read_state

#: Keys that say when, where and how often something was run, and are not computed.
_OF_THE_CLOCK = ("seconds", "time")


def contents(run: Path) -> dict[str, str]:
    """Return what a finished run has computed, by file: the digest of each, without times of day and durations.

    The model that was best so far waits in memory until it is written, which depends on the clock: not in the state,
    but in `best.keras` at the end it must be the same.
    """
    found: dict[str, str] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(run).parts):
            continue
        if path.name in ("metrics.jsonl", "samples.jsonl"):
            found[name] = _lines(path)
        elif path.name in ("scores.json", "predictions.csv", "model.json", "mistakes.npz"):
            found[name] = _digest(path.read_bytes())
        elif path.name == "prepare.json":
            # A resumed run reads its resolved config, whose steps have every default.
            found[name] = json.dumps([[one.get("step"), one.get("learned")] for one in json.loads(path.read_text())])
        elif path.suffix == ".csv":
            found[name] = _digest(path.read_bytes())
        elif path.suffix == ".keras":
            found[name] = _weights(path)
        elif path.name == "last.safetensors":
            found |= {f"{name}:{key}": value for key, value in _state(path).items()}
    record = json.loads((run / "record.json").read_text())
    found["record.json"] = json.dumps({key: record.get(key) for key in ("status", "epochs", "executor", "digests")})
    return found


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return the names under which two runs differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lines(path: Path) -> str:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key not in _OF_THE_CLOCK} for row in rows]
    return _digest(json.dumps(kept).encode())


def _weights(path: Path) -> str:
    """Return the digest of all arrays in a `.keras` file: the file itself has the time at which it was saved."""
    if not zipfile.is_zipfile(path):
        return _digest(path.read_bytes())
    import h5py

    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        names: list[str] = []
        file.visit(names.append)
        for name in sorted(names):
            if isinstance(file[name], h5py.Dataset):
                digest.update(name.encode() + bytes(file[name][()].tobytes()))
    return digest.hexdigest()


def _state(path: Path) -> dict[str, str]:
    state = read_state(path)
    digests = {name: _digest(array.tobytes()) for name, array in state.arrays.items()}
    document: dict[str, Any] = state.document
    position = {key: value for key, value in document["position"].items() if key != "seconds"}
    return {
        "position": json.dumps(position),
        "callbacks": json.dumps(_resolved(document["callbacks"], digests)),
        # The arrays of callbacks are numbered, those of the waiting model too.
        **{name: digest for name, digest in digests.items() if not name.startswith("callback/")},
    }


def _resolved(value: Any, digests: dict[str, str]) -> Any:
    """Return the state of callbacks with the digests of its arrays, without the model that waits."""
    if isinstance(value, dict):
        if set(value) == {"array"}:
            return digests[value["array"]]
        return {key: _resolved(one, digests) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, digests) for one in value if not (isinstance(one, list) and one[:1] == ["waiting"])]
    return value

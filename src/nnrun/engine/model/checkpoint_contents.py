"""What a `.keras` file holds, looked at before Keras reads it: names, sizes, classes, and the file of weights inside.

Keras refuses most of this itself (`safe_mode`), some of it only after it has unpacked gigabytes. A checkpoint of nnrun
is an archive without compression of `metadata.json`, `config.json` and `model.weights.h5`.
"""

from __future__ import annotations

import json
import re
import zipfile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: What else Keras writes: files of layers that have some.
_ASSETS = re.compile(r"assets/[^\\\0]*")
#: The most bytes of the two JSON files; the configs of the largest models of keras.applications have 200 KB.
_MOST_JSON = 20_000_000
#: Keras stores without compression; somebody may have packed the file again.
_MOST_EXPANSION, _UNLIMITED_BYTES = 8, 64_000_000
#: How deeply a config may be nested; models inside of models take about 10 levels each.
_MOST_DEPTH = 200
#: The modules of Keras whose classes a config names (operations are the nodes that masks and expressions of `keras.ops`
#: make), and those of registered classes. Of Keras Hub: backbones and their layers, not what reads files.
_MODULES = re.compile(
    r"keras(\.(?!src\b)\w+)*|keras\.src\.(models|ops|applications)\.\w+|builtins|nnrun(\.\w+)*|_nnrun_user_code_\w+"
    r"|keras_hub\.src\.(layers\.modeling|models\.\w+)\.(?!\w*(tokenizer|preprocessor|converter))\w+"
)
#: Classes of Keras Hub that read files, by their registered names.
_READERS = re.compile(r"keras_hub>\w*(Tokenizer|Preprocessor|Converter)")
#: Layers that are made of code or read files: no config can have them.
_REFUSED = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__", "__import__"})


def read_config(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the config of the model in a `.keras` file.

    Raises:
        ValueError: It is too large, or no config.
    """
    size = archive.getinfo(_CONFIG).file_size
    if size > _MOST_JSON:
        raise ValueError(f"its {_CONFIG} has {size:,} bytes, more than {_MOST_JSON:,}")
    config = json.loads(archive.read(_CONFIG))
    if not isinstance(config, dict):
        raise TypeError(f"its {_CONFIG} is no object")
    return config


def require_plain_contents(path: Path, config: dict[str, Any] | None = None) -> None:
    """Refuse a `.keras` file with anything that a checkpoint of nnrun does not have.

    Args:
        path: The file.
        config: The config that Keras reads in place of the file's own; None: that one.

    Raises:
        ValueError: It has; the message says what.
        OSError, zipfile.BadZipFile: It cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: one for one in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise ValueError("it has two members of the same name")
        for name, member in members.items():
            if name not in (_CONFIG, _METADATA, _WEIGHTS) and not _is_asset(name):
                raise ValueError(f"it has a member that checkpoints do not have: {name[:80]!r}")
            if name in (_CONFIG, _METADATA) and member.file_size > _MOST_JSON:
                raise ValueError(f"its {name} has {member.file_size:,} bytes, more than {_MOST_JSON:,}")
        size = sum(one.file_size for one in members.values())
        if size > max(_UNLIMITED_BYTES, _MOST_EXPANSION * path.stat().st_size):
            raise ValueError(f"it would unpack to {size:,} bytes, more than {_MOST_EXPANSION} times its size")
        if _CONFIG not in members or _WEIGHTS not in members:
            raise ValueError(f"it has no {_CONFIG if _CONFIG not in members else _WEIGHTS}")
        _require_plain_classes(read_config(archive) if config is None else config)
        with archive.open(_WEIGHTS) as stream:
            _require_plain_weights(stream, members[_WEIGHTS].file_size)


def needs_hub(path: Path) -> bool:
    """Return whether the model in a `.keras` file has layers of Keras Hub; its contents were looked at before."""
    with zipfile.ZipFile(path) as archive:
        return b'"module": "keras_hub.' in archive.read(_CONFIG)


def _is_asset(name: str) -> bool:
    return _ASSETS.fullmatch(name) is not None and ".." not in name.split("/")


def _require_plain_classes(config: dict[str, Any]) -> None:
    """Refuse a model's config that names code, or classes from elsewhere than Keras, nnrun and `--code`."""
    for value in _mappings(config):
        name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
        if name in _REFUSED or registered in _REFUSED:
            raise ValueError(f"it has a layer {name}, which may run code")
        if isinstance(name, str) and isinstance(module, str) and not _MODULES.fullmatch(module):
            raise ValueError(f"it has a class from elsewhere than Keras: {module[:60]}.{name[:60]}")
        if isinstance(registered, str) and _READERS.fullmatch(registered):
            raise ValueError(f"it has a class that reads files: {registered[:60]}")
        vocabulary = value.get("vocabulary")
        if vocabulary is not None and not isinstance(vocabulary, list):
            raise ValueError(f"it would read the file {str(vocabulary)[:80]!r}")


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    """Yield every mapping inside of a value.

    Raises:
        ValueError: It is nested more deeply than a model.
    """
    level = [value]
    for _ in range(_MOST_DEPTH):
        yield from (one for one in level if isinstance(one, dict))
        level = [item for one in level for item in _items(one)]
        if not level:
            return
    raise ValueError("its config is nested too deeply")


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def require_plain_weights_file(path: Path) -> None:
    """Refuse a `.h5` file that leads elsewhere, or holds more values than bytes.

    Raises:
        ValueError: It does; the message says what.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        _require_plain_weights(stream, path.stat().st_size)


def _require_plain_weights(stream: IO[bytes], size: int) -> None:
    """Refuse a file of weights (HDF5) that leads elsewhere, or holds more values than bytes.

    Raises:
        ValueError: It does; the message says what.
        OSError: It cannot be read.
    """
    import h5py

    promised = 0

    def look(name: str, link: object) -> str | None:
        # h5py ends a visit at the first answer, and cannot pass on an error that is raised inside of one.
        nonlocal promised
        if not isinstance(link, h5py.HardLink):
            return f"its weights lead elsewhere: {name[:80]!r}"
        found = file[name]
        if not isinstance(found, h5py.Dataset):
            return None
        if found.external or found.is_virtual:
            return f"its weights lie in another file: {name[:80]!r}"
        promised += (found.size or 0) * found.dtype.itemsize
        if promised > max(_UNLIMITED_BYTES, _MOST_EXPANSION * size):
            return f"its weights would need {promised:,} bytes, and it has {size:,}"
        return None

    with h5py.File(stream, "r") as file:
        problem = file.visititems_links(look)
    if problem is not None:
        raise ValueError(problem)

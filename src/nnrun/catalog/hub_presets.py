"""The presets of Keras Hub: published ones by name with the addresses of their files, and folders of one's own.

A preset is a folder: `config.json` has the model's class and arguments, `model.weights.h5` its weights, and
`image_converter.json` what is done to pixels first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CONFIG, WEIGHTS, CONVERTER = "config.json", "model.weights.h5", "image_converter.json"
#: The folder of published presets inside the data folder.
FOLDER = "keras-hub"
_ADDRESS = "https://www.kaggle.com/api/v1/models/{handle}/download/{file}"
#: The most bytes of a preset's JSON files.
MOST_JSON = 1_000_000
#: Bytes of the names in a file of weights.
_ROOM = 10_000_000


@dataclass(frozen=True)
class PresetFile:
    """A file of a published preset.

    Attributes:
        name: Its name in the preset's folder.
        url: Its address.
        most: The most bytes that it can have: 4 for each weight, and room for the names.
    """

    name: str
    url: str
    most: int


def presets_of(name: str) -> tuple[str, ...]:
    """Return the names of the published presets of a backbone."""
    return tuple(preset for preset, one in lookup.hub_catalog()["presets"].items() if one["class"] == name)


def published_class(preset: str) -> str | None:
    """Return the backbone of which a preset is published; None where there is none of this name."""
    found = lookup.hub_catalog()["presets"].get(preset)
    return None if found is None else str(found["class"])


def given_preset(arguments: Mapping[str, Any]) -> str | None:
    """Return the preset that a part names: a published one, or a folder; None without one."""
    preset = arguments.get("preset")
    return str(preset["file"]) if isinstance(preset, dict) else None if preset is None else str(preset)


def preset_files(name: str, arguments: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the files of a preset that a backbone with these arguments reads."""
    entry = lookup.entry("layers", name)
    has_pixels = entry is not None and entry.hub is not None and entry.hub["shape_argument"] is not None
    loads, converts = arguments.get("load_weights", True), has_pixels and arguments.get("preprocess", True)
    return (CONFIG, *([WEIGHTS] if loads else []), *([CONVERTER] if converts else []))


def published_files(name: str, arguments: Mapping[str, Any]) -> tuple[PresetFile, ...]:
    """Return the files of the published preset that a backbone names; none where it names a folder, or none."""
    preset = given_preset(arguments)
    found = lookup.hub_catalog()["presets"].get(preset)
    if preset is None or found is None or found["class"] != name:
        return ()
    most = {WEIGHTS: 4 * found["weights"] + _ROOM}
    return tuple(
        PresetFile(file, _ADDRESS.format(handle=found["handle"], file=file), most.get(file, MOST_JSON))
        for file in preset_files(name, arguments)
    )


def preset_folder(name: str, data_folder: Path) -> Path:
    """Return the folder of a published preset inside the data folder, with its version: other versions differ."""
    handle: str = lookup.hub_catalog()["presets"][name]["handle"]
    return data_folder / FOLDER / name / handle.rpartition("/")[2]


def read_settings(folder: Path, file: str = CONFIG) -> tuple[str, dict[str, Any]]:
    """Return the class and the arguments that a JSON file of a preset has.

    Raises:
        ValueError: It has another form.
        OSError: It cannot be read.
    """
    path = folder / file
    if path.stat().st_size > MOST_JSON:
        raise ValueError(f"{path} has more than {MOST_JSON:,} bytes")
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict) or "class_name" not in found:
        raise ValueError(f"{path} is no config that save_to_preset of Keras Hub has written")
    return str(found["class_name"]), found["config"]

"""The presets of Keras Hub: folders compared with their digests, and published ones downloaded."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from nnrun.catalog.hub_presets import (
    CONVERTER,
    FOLDER,
    WEIGHTS,
    PresetFile,
    given_preset,
    preset_folder,
    presets_of,
    published_files,
    read_settings,
)
from nnrun.catalog.shapes.hub import is_hub_backbone
from nnrun.config.hints import did_you_mean_or_list
from nnrun.data.files.digests import file_sha256
from nnrun.data.files.download import RemoteFile, download
from nnrun.engine.backend.hub import require_hub
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path as FilePath

    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import Progress
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.layer_files import LayerFile
    from nnrun.spec.shapes import NodeShape

_WRITTEN = "name a folder that save_to_preset of Keras Hub has written"
#: What to write where a preset has no file of this name.
_WITHOUT = {WEIGHTS: "write load_weights: false", CONVERTER: "write preprocess: false"}


def with_mirror(name: str, url: str) -> tuple[str, ...]:
    """Return the addresses of a published file: that of `NNRUN_WEIGHTS_MIRROR` first, if it is set."""
    mirror = os.environ.get("NNRUN_WEIGHTS_MIRROR")
    return (f"{mirror.rstrip('/')}/{name}", url) if mirror else (url,)


def folder_problem(one: LayerFile, folder: FilePath | None) -> Finding | None:
    """Return what is wrong with the folder of a preset; None where it can be read.

    Args:
        one: The folder, as a layer names it.
        folder: Its path; None where there is none.
    """
    known = presets_of(one.layer)
    if folder is None:
        text = f"{one.layer} has no published preset {one.name!r}, and there is no such folder"
        hint = did_you_mean_or_list(one.name, known) if known else _WRITTEN
        return Finding(one.path, text, hint, "hub-preset")
    missing = next((name for name in one.files if not (folder / name).is_file()), None)
    if missing is not None:
        hint = _WITHOUT.get(missing, _WRITTEN)
        return Finding(one.path, f"the preset {folder} has no {missing}", hint, "hub-preset")
    try:
        found, _ = read_settings(folder)
    except (OSError, ValueError) as error:
        return Finding(one.path, f"the preset cannot be read: {error}", "restore its files", "hub-preset")
    if found != one.layer:
        return Finding(one.path, f"{folder} is a preset of {found}, not of {one.layer}", f"write {found}", "hub-preset")
    return None


def preset_sha256(folder: FilePath, files: Sequence[str]) -> str:
    """Return one SHA-256 for some files of a folder: that of their digests and names, a line each."""
    lines = "".join(f"{file_sha256(folder / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _rows(context: CheckContext) -> Iterator[NodeShape]:
    yield from (row for row in context.rows if row.first and is_hub_backbone(row.part.name))


def _published(context: CheckContext, places: DataPaths) -> Iterator[tuple[NodeShape, FilePath, PresetFile]]:
    """Yield the files of published presets, each with its layer and the folder that it belongs in."""
    for row in _rows(context):
        for file in published_files(row.part.name, row.part.arguments):
            yield row, preset_folder(str(given_preset(row.part.arguments)), places.cache_dir()), file


def findings(context: CheckContext, places: DataPaths) -> Iterator[Finding]:
    """Find presets that are still to be downloaded."""
    named: set[FilePath] = set()
    for row, folder, file in _published(context, places):
        if folder not in named and not (folder / file.name).is_file():
            named.add(folder)
            text = f"{file.name} of {given_preset(row.part.arguments)} is not in {folder} yet: training downloads it"
            hint = f"without a network, put it there by hand: {file.url}"
            yield Finding(row.path, text, hint, "weights-to-come", "note")


def fetch(context: CheckContext, places: DataPaths, progress: Progress) -> None:
    """Download the files of published presets that are not there yet.

    Raises:
        DataError: A file cannot be downloaded.
        MissingExtraError: There is a backbone of Keras Hub, which is not installed: nothing is downloaded in vain.
    """
    for row in _rows(context):
        require_hub(row.part.name)
    for row, folder, file in _published(context, places):
        preset = given_preset(row.part.arguments)
        addresses = with_mirror(f"{FOLDER}/{preset}/{file.name}", file.url)
        download(RemoteFile(file.name, None, None, addresses, None, file.most), folder, progress)


def records(context: CheckContext, places: DataPaths) -> list[dict[str, Any]]:
    """Return what the record of a run keeps of the files of published presets: each with its layer and SHA-256."""
    return [
        {
            "layer": row.part.name,
            "file": f"{given_preset(row.part.arguments)}/{file.name}",
            "sha256": file_sha256(folder / file.name),
        }
        for row, folder, file in _published(context, places)
    ]

"""What a run was made from: the config, the files that it extends and the user's code, in the run folder."""

from __future__ import annotations

import hashlib
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.config.document import Document
    from nnrun.runs.folder import RunFolder


def keep_sources(folder: RunFolder, file: FilePath, document: Document, codes: Sequence[UserCode] = ()) -> None:
    """Copy a config, the files that it extends and the user's code into a run folder, byte for byte.

    Raises:
        RunError: The disk refuses.
    """
    folder.write_bytes(folder.config, file.read_bytes())
    for name, source in _named([*document.sources, *codes]).items():
        content = source.read_bytes() if isinstance(source, FilePath) else source.content
        folder.write_bytes(folder.sources / name, content)


def kept_code(folder: RunFolder, document: Document, codes: Sequence[UserCode]) -> list[dict[str, str]]:
    """Where `keep_sources` put each file of code in the run folder, and its SHA-256."""
    named = _named([*document.sources, *codes])
    return [
        {"file": f"{folder.sources.name}/{name}", "sha256": source.sha256}
        for name, source in named.items()
        if not isinstance(source, FilePath)
    ]


def digests(folder: RunFolder) -> dict[str, str]:
    """The SHA-256 digests of what a run folder was made from: `config`, `sources/base.yaml`, ..."""
    files = {"config": folder.config}
    files |= {f"{folder.sources.name}/{file.name}": file for file in sorted(folder.sources.glob("*"))}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def _named(files: Sequence[FilePath | UserCode]) -> dict[str, FilePath | UserCode]:
    """Each file with a name that no other has: of two `base.yaml` from two folders the second is `base_2.yaml`."""
    named: dict[str, FilePath | UserCode] = {}
    for each in files:
        file = each if isinstance(each, FilePath) else FilePath(each.file)
        name, number = file.name, 1
        while name.lower() in {taken.lower() for taken in named}:
            number += 1
            name = f"{file.stem}_{number}{file.suffix}"
        named[name] = each
    return named

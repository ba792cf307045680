"""What a run was made from: the user's config and the files that it extends, copied into the run folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from nnrun.config.document import Document
    from nnrun.runs.folder import RunFolder


def keep_sources(folder: RunFolder, file: FilePath, document: Document) -> None:
    """Copy a config and the files that it extends into a run folder, byte for byte.

    Raises:
        RunError: The disk refuses.
    """
    folder.write_bytes(folder.config, file.read_bytes())
    for name, source in _named(document.sources).items():
        folder.write_bytes(folder.sources / name, source.read_bytes())


def digests(folder: RunFolder) -> dict[str, str]:
    """The SHA-256 digests of what a run folder was made from: `config`, `sources/base.yaml`, ..."""
    files = {"config": folder.config}
    files |= {f"{folder.sources.name}/{file.name}": file for file in sorted(folder.sources.glob("*"))}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def _named(files: Sequence[FilePath]) -> dict[str, FilePath]:
    """Each file with a name that no other has: of two `base.yaml` from two folders the second is `base_2.yaml`."""
    named: dict[str, FilePath] = {}
    for file in files:
        name, number = file.name, 1
        while name.lower() in {taken.lower() for taken in named}:
            number += 1
            name = f"{file.stem}_{number}{file.suffix}"
        named[name] = file
    return named

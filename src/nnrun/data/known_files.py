"""The digests of all files that a config's data are read from: what a run keeps, and what is compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.digest import digests, file_sha256
from nnrun.data.images import Images
from nnrun.data.windowed import Windowed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.places import Places
    from nnrun.data.raw import Raw, Source
    from nnrun.progress import Progress


def file_digests(raw: Raw) -> dict[str, str]:
    """The digests of the files that were read, each as `file:NAME`."""
    return named(raw.files, raw.digests)


def file_digests_now(source: Source, places: Places, progress: Progress) -> dict[str, str]:
    """The same of a source, which is read only where its files are not known without reading it.

    Raises:
        DataError: They are not there, or cannot be read.
    """
    # A text and pictures need not be read to be known: their files say all.
    if isinstance(source, Windowed):
        return named(source.files(places, progress), {})
    if isinstance(source, Images):
        return named(source.files(places), source.digests(places))
    return file_digests(source.load(places, progress))


def named(files: Mapping[str, Path], taken: Mapping[str, str]) -> dict[str, str]:
    """The digests of files, and those that a source has taken itself, under the names that a run keeps them by."""
    return digests({f"file:{name}": file for name, file in files.items()}, file_sha256) | {
        f"file:{name}": digest for name, digest in taken.items()
    }

"""A named data set from wherever it can be had: one container after the other, each from all its mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.files.download import download
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import Progress


def fetch(name: str, places: DataPaths, progress: Progress) -> tuple[Path, ...]:
    """Download a named data set into the data folder and return its files; none where it comes with scikit-learn.

    Raises:
        DataError: No mirror of any container gave it.
    """
    failures: list[DataError] = []
    known = entry(name)
    for container in known.containers:
        try:
            return tuple(download(remote, places.cache_dir() / known.folder, progress) for remote in container)
        except DataError as failure:
            failures.append(failure)
            progress.warn(f"{failure.text}")
    if failures:
        raise DataError("; ".join(failure.text for failure in failures), hint=failures[0].hint)
    return ()

"""Tables that do not fit in memory: converted once to a form that streams, and kept in the data folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.atomic_files import make_folder, sync_folder, sync_tree
from nnrun.data.files.digests import file_sha256
from nnrun.data.files.lock import exclusive_lock
from nnrun.data.streaming.streams import Stream
from nnrun.data.streaming.table_store import TableStore, TableWriter
from nnrun.errors import DataError
from nnrun.formatting import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.progress import Progress

    #: A table in blocks: the type of each column, and the columns by name, block by block.
    Blocks = tuple[Mapping[str, str], Iterator[Mapping[str, np.ndarray]]]

#: The version of the form of converted tables: one of another version is converted again.
_FORM = 1


def convert(
    file: Path, stated: Mapping[str, Any], blocks: Callable[[], Blocks], paths: DataPaths, progress: Progress
) -> TableStore:
    """Convert a file to a table that streams, unless that was done before.

    Args:
        file: The file.
        stated: What else decides what the table holds, as JSON: how the file is read.
        blocks: Reads the file in blocks.
        paths: The converted table is kept in the data folder.
        progress: Where progress is reported.

    Raises:
        DefectsError: Rows or fields are invalid.
        DataError: The file cannot be read, or the table cannot be written.
    """
    identity = json.dumps({"form": _FORM, "sha256": file_sha256(file), **stated}, sort_keys=True)
    key = hashlib.sha256(identity.encode()).hexdigest()
    folder = _streams_folder(paths) / f"{file.name.split('.')[0]}-{key[:16]}"
    with exclusive_lock(folder.with_suffix(".lock"), f"converts {file.name}", progress):
        if not folder.is_dir():
            with _atomic_folder(folder) as part:
                types, found = blocks()
                with closing(TableWriter(part, types)) as writer:
                    for block in found:
                        writer.add(block)
                    writer.finish(key)
            size = TableStore.open(folder).size
            progress.say(f"{file.name} is converted: {format_bytes(size)} in {folder}, which may be deleted.")
    return TableStore.open(folder)


def streamed_examples(store: TableStore, roles: ColumnRoles, memory: float) -> tuple[Examples, dict[str, np.ndarray]]:
    """Return the examples of a converted table, their features on disk, and its columns, those of features empty."""
    table = {name: np.empty(0, object if name in store.texts else "float64") for name in roles.features}
    table |= {name: store.column(name) for name in roles.names if name not in roles.features}
    x = Stream(store.only(roles.features), np.arange(store.rows), memory)
    return replace(roles.examples(table), x=x), table


def _streams_folder(paths: DataPaths) -> Path:
    """Return the folder of converted tables: in the data folder, or in the user's cache if that is read-only."""
    from platformdirs import user_cache_path

    preferred = paths.cache_dir() / "streams"
    for folder in (preferred, user_cache_path("nnrun", appauthor=False) / "streams"):
        try:
            make_folder(folder)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    text = "a converted table has to be written, but neither the data folder nor the user's cache is writable"
    raise DataError(text, file=preferred, hint="name a folder with --data-dir")


@contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder that gets its name once it is complete and on disk."""
    part = folder.with_suffix(".part")
    # Left there by a process that was killed; a link is removed, not what it leads to.
    if part.is_symlink() or part.is_file():
        part.unlink()
    shutil.rmtree(part, ignore_errors=True)
    try:
        make_folder(part, parents=False, exist_ok=False)
        yield part
        sync_tree(part)
        part.replace(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)

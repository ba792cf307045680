"""Tables that do not fit in memory, converted once to a form that streams, and kept beside the data."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.csv.column_roles import side_by_side
from nnrun.data.csv.read_columns import csv_blocks
from nnrun.data.dataset import Examples
from nnrun.data.files.digests import file_sha256
from nnrun.data.files.lock import exclusive_lock
from nnrun.data.streaming.streams import Stream
from nnrun.data.streaming.table_store import TableStore, TableWriter
from nnrun.errors import DataError
from nnrun.formatting import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nnrun.data.csv.column_roles import Chosen
    from nnrun.data.csv.dialect import Dialect
    from nnrun.data.csv.type_inference import Wanted
    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import Progress

    #: A table in pieces: what each column holds, and columns by name, block by block.
    Blocks = tuple[Mapping[str, str], Iterator[Mapping[str, np.ndarray]]]

#: Counts the forms of a converted table: one of another form is made anew.
_FORM = 1


def converted_csv(
    file: Path, dialect: Dialect, wanted: Wanted, memory: float, places: DataPaths, progress: Progress
) -> TableStore:
    """A csv file as a table that streams.

    Args:
        file: The file.
        dialect: How it is written.
        wanted: Which of its columns are read, and how.
        memory: How much memory may be taken, in bytes.
        places: The converted table lies in the data folder.
        progress: Who is told.

    Raises:
        DefectsError: Rows or fields are not what they should be.
        DataError: The file cannot be read, or its conversion not be written.
    """
    said = {"dialect": asdict(dialect), "roles": wanted.roles, "types": wanted.types, "gaps": sorted(wanted.gaps)}
    return converted(file, said, lambda: csv_blocks(file, dialect, wanted, memory), places, progress)


def converted(
    file: Path, said: Mapping[str, Any], blocks: Callable[[], Blocks], places: DataPaths, progress: Progress
) -> TableStore:
    """A file as a table that streams, converted where that was not done before.

    Args:
        file: The file.
        said: What, beside the file's bytes, decides what the table holds, as JSON.
        blocks: Reads the file.
        places: The converted table lies in the data folder.
        progress: Who is told.
    """
    told = json.dumps({"form": _FORM, "sha256": file_sha256(file), **said}, sort_keys=True)
    key = hashlib.sha256(told.encode()).hexdigest()
    folder = _home(places) / f"{file.name.split('.')[0]}-{key[:16]}"
    with exclusive_lock(folder.with_suffix(".lock"), f"converts {file.name}", progress):
        if not folder.is_dir():
            with _made(folder) as part:
                _write(part, key, blocks)
            size = TableStore.open(folder).size
            progress.say(f"{file.name} is converted: {format_bytes(size)} in {folder}, which may be deleted.")
    return TableStore.open(folder)


def streamed_examples(store: TableStore, chosen: Chosen, memory: float) -> tuple[Examples, dict[str, np.ndarray]]:
    """The examples of a converted table, their features on disk, and its columns by name, features without rows."""
    table = {name: store.column(name) for name in chosen.names if name not in chosen.features}
    x = Stream(store.only(chosen.features), np.arange(store.rows), memory)
    y = side_by_side({name: table[name] for name in chosen.targets})
    weight = None if chosen.weight is None else table[chosen.weight]
    bare = {name: np.empty(0, object if name in store.texts else "float64") for name in chosen.features}
    return Examples(x, y, weight), bare | table


def _home(places: DataPaths) -> Path:
    """The folder of converted tables: in the data folder, or the user's cache where that cannot be written to."""
    from platformdirs import user_cache_path

    wanted = places.cache_dir() / "streams"
    for folder in (wanted, user_cache_path("nnrun", appauthor=False) / "streams"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise DataError(
        "a converted table has to be written, but neither the data folder nor the user's cache can be written to",
        file=wanted,
        hint="name a folder with --data-dir",
    )


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name once it is whole."""
    part = folder.with_suffix(".part")
    # Left there by a process that died.
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        yield part
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(part: Path, key: str, blocks: Callable[[], Blocks]) -> None:
    kinds, found = blocks()
    writer = TableWriter(part, kinds)
    try:
        for block in found:
            writer.add(block)
        writer.finish(key)
    finally:
        writer.close()

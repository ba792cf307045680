"""The data sets that trainings of one process take again, and that processes of one machine share.

A data set is taken again where everything that it depends on is equal: the section `data:`, the encoding of targets,
the seed where something is random, and the content of every file that was read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.atomic_files import make_folder
from nnrun.config.dump import dump
from nnrun.data.prepare.registry import may_be_random
from nnrun.data.prepare.user_code import is_user_part
from nnrun.pipeline.check import resolve_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.pipeline.check import Examined
    from nnrun.spec.data import DataSpec
    from nnrun.spec.part import Part

#: How many data sets a process keeps.
_MOST_KEPT = 2
#: The share of the available memory, and of the free disk, that data sets may take which are kept for others.
_SHARE = 0.25
#: Arrays of fewer bytes are loaded by each process: that takes less than to wait for another one.
_LEAST_SHARED_BYTES = 1_000_000
#: Seconds between two looks whether another process has loaded what this one needs.
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class LoadedData:
    """Loaded data, with the messages of loading them.

    Attributes:
        value: The data set, or the data of a cross-validation.
        files: The SHA-256 of each file that was read, by its path; None where it is not known what was read.
        events: The messages and findings of loading them, in order.
        known: What is known of targets of numbers.
        nbytes: The bytes of memory that they take in this process alone.
    """

    value: Any
    files: Mapping[str, str] | None
    events: tuple[tuple[str, Any], ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    nbytes: int = 0

    def is_current(self) -> bool:
        """Return whether all files are as they were."""
        from nnrun.data.files.digests import digests, file_sha256

        try:
            return self.files is not None and digests({name: FilePath(name) for name in self.files}, file_sha256) == (
                self.files
            )
        except OSError:
            return False


class DataCache:
    """The data sets that were used last.

    Args:
        folder: A folder of this user's alone in which processes of this machine share data sets; None: there is none.
    """

    def __init__(self, folder: FilePath | None = None) -> None:
        self._folder = folder
        self._kept: OrderedDict[str, LoadedData] = OrderedDict()

    def take(self, key: str | None, load: Callable[[], LoadedData]) -> tuple[LoadedData, bool]:
        """Return loaded data, of an earlier training where they are the same.

        Args:
            key: What the data depend on besides the content of files; None: they are loaded each time.
            load: Loads them.

        Returns:
            The data, whose arrays cannot be written, and whether they were loaded just now.

        Raises:
            NnrunError: They cannot be loaded.
        """
        if key is None:
            return load(), True
        kept = self._kept.get(key)
        if kept is not None and kept.is_current():
            self._kept.move_to_end(key)
            return kept, False
        self._kept.pop(key, None)
        loaded, is_new = self._load(load) if self._folder is None else self._load_once(key, load, self._folder)
        self._keep(key, loaded)
        return loaded, is_new

    def _load_once(self, key: str, load: Callable[[], LoadedData], folder: FilePath) -> tuple[LoadedData, bool]:
        """Load data and publish them for other processes, or take them from the one that has or will have done so."""
        from filelock import FileLock, Timeout

        published, lock = folder / key, FileLock(folder / f"{key}.lock")
        while True:
            if published.is_dir():
                shared = _read(published)
                return (shared, False) if shared is not None and shared.is_current() else self._load(load)
            with suppress(Timeout), lock.acquire(blocking=False):
                if not published.is_dir():
                    loaded, is_new = self._load(load)
                    return _publish(published, loaded), is_new
            time.sleep(_LOOK_SECONDS)

    @staticmethod
    def _load(load: Callable[[], LoadedData]) -> tuple[LoadedData, bool]:
        from nnrun.data.files.shared_arrays import find_contents

        loaded = load()
        if loaded.files is None:
            return loaded, True
        try:
            contents = find_contents(loaded.value)
        except TypeError:
            return replace(loaded, files=None), True
        contents.make_read_only()
        return replace(loaded, nbytes=contents.nbytes), True

    def _keep(self, key: str, loaded: LoadedData) -> None:
        """Keep data for the next training, as far as memory allows."""
        if loaded.files is None:
            return
        self._kept[key] = loaded
        limit = _SHARE * _available_memory()
        while len(self._kept) > _MOST_KEPT or sum(one.nbytes for one in self._kept.values()) > limit:
            self._kept.popitem(last=False)


def data_key(examined: Examined, kind: str) -> str | None:
    """Return what the data of a config depend on besides the content of files, as a digest.

    Code of the user's own may return something else each time: where it is a source or a step, there is no digest.

    Args:
        examined: The config.
        kind: As what the data are loaded.
    """
    experiment, places = examined.experiment, examined.places
    if any(is_user_part(part) for part in _parts(experiment.data)):
        return None
    form = examined.form if isinstance(examined.form, str) else dict(examined.form)
    seed = experiment.seed if depends_on_seed(experiment.data) else None
    folders = [str(folder.resolve()) for folder in places.folders()]
    text = dump(resolve_config(examined)["data"])
    return hashlib.sha256(json.dumps([kind, text, form, seed, folders]).encode()).hexdigest()


def depends_on_seed(spec: DataSpec) -> bool:
    """Return whether the experiment's seed may change how data are split or prepared."""
    split = spec.split
    if split is not None and (split.cross_validation is not None or split.forward is not None):
        return True
    has_share = split is not None and any(isinstance(share, float) for share in (split.test, split.validation))
    is_drawn = split is not None and split.shuffle and has_share
    return is_drawn or any(may_be_random(part) for part in (*spec.prepare, *spec.prepare_target))


def _parts(spec: DataSpec) -> Iterator[Part]:
    """Yield the source and the steps of a section `data:`, with the parts that are their arguments."""
    for part in (spec.source, *spec.prepare, *spec.prepare_target):
        yield part
        for category in ("sources", "preparation"):
            yield from part.inner(category)


def _read(published: FilePath) -> LoadedData | None:
    """Return data that another process has published; None where it has not, as they are too small, or are removed."""
    from nnrun.data.files.shared_arrays import read_object

    try:
        loaded: LoadedData = read_object(published)
    except OSError:
        return None
    return loaded


def _publish(published: FilePath, loaded: LoadedData) -> LoadedData:
    """Write data for other processes, where that is worth it; return them as these have them.

    An empty folder says that each process has to load them.
    """
    from nnrun.data.files.shared_arrays import write_object

    temporary = published.with_name(f"{published.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        make_folder(temporary)
        try:
            is_worth_it = loaded.files is not None and loaded.nbytes >= _LEAST_SHARED_BYTES
            if is_worth_it and _make_room(published.parent, loaded.nbytes):
                write_object(temporary, replace(loaded, nbytes=0))
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            make_folder(temporary)
        temporary.rename(published)
    return _read(published) or loaded


def _make_room(folder: FilePath, size: int) -> bool:
    """Remove the oldest data sets until there is room for another one; return whether there is.

    Who has mapped them keeps them; who is about to loads them again.
    """
    limit = _SHARE * min(shutil.disk_usage(folder).free, _available_memory())
    sizes = {
        one: sum(file.stat().st_size for file in one.iterdir())
        for one in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime)
        if one.is_dir() and not one.name.endswith(".tmp")
    }
    while size + sum(sizes.values()) > limit and sizes:
        oldest = next(iter(sizes))
        shutil.rmtree(oldest, ignore_errors=True)
        del sizes[oldest]
    return size <= limit


def _available_memory() -> int:
    import psutil

    from nnrun.data.files.limits import machine_memory

    return min(int(psutil.virtual_memory().available), machine_memory())

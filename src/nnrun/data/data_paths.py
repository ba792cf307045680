"""The folders of data files: the config's own, those of the configs that it extends, and the data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nnrun.config.hints import did_you_mean
from nnrun.errors import DataError

#: The most names of files that are read to suggest one.
_MOST_NAMES = 2000


def no_regular_file(path: Path) -> DataError:
    """Return the error of a folder, a pipe or a device where a data file is expected."""
    is_folder = path.is_dir()
    hint = "name a file inside the folder" if is_folder else "copy what it gives into a file, and name that"
    return DataError(
        f"expected a data file, received {'a folder' if is_folder else 'a pipe or a device'}", file=path, hint=hint
    )


@dataclass(frozen=True)
class DataPaths:
    """The folders in which the files of a config are looked for.

    Attributes:
        config_dir: The folder of the config file.
        data_dir: The folder of `--data-dir`, or None: then NNRUN_DATA_DIR, else the user's cache folder.
        base_dirs: The folders of the configs that the config extends.
    """

    config_dir: Path
    data_dir: Path | None = None
    base_dirs: tuple[Path, ...] = ()

    def cache_dir(self) -> Path:
        """Return the data folder, the target of downloads; it need not exist yet."""
        if self.data_dir is not None:
            return self.data_dir
        if named := os.environ.get("NNRUN_DATA_DIR"):
            return Path(named).expanduser()
        from platformdirs import user_cache_path

        return user_cache_path("nnrun", appauthor=False) / "data"

    def folders(self) -> tuple[Path, ...]:
        """Return the folders to look into, in this order."""
        return (self.config_dir, *self.base_dirs, self.cache_dir())

    def find(self, name: str | Path) -> Path | None:
        """Return the path of the file or folder `name`; None if it is in none of the folders."""
        candidates = (folder / Path(name).expanduser() for folder in self.folders())
        return next((path for path in candidates if path.exists()), None)

    def require(self, name: str | Path) -> Path:
        """Return the path of the file `name`.

        Raises:
            DataError: It does not exist, or it is a folder.
        """
        found = self.find(name)
        if found is None:
            raise self.missing(name)
        if not found.is_file():
            raise no_regular_file(found)
        return found

    #: The names of these two in earlier versions, which users' own code may call.
    need, store = require, cache_dir

    def missing(self, name: str | Path) -> DataError:
        """Return the error of a file in none of the folders, with these and the nearest name in them."""
        searched = list(dict.fromkeys(str((folder / Path(name).expanduser()).parent) for folder in self.folders()))
        suggestion = did_you_mean(Path(name).name, self._names(name))
        advice = "put the file into one of these folders, or name the data folder with --data-dir or NNRUN_DATA_DIR"
        return DataError(
            f"there is no data file {str(name)!r}; looked in {' and '.join(searched)}", hint=suggestion or advice
        )

    def _names(self, name: str | Path) -> list[str]:
        """Return the names of the files in the folders where `name` was looked for."""
        names: list[str] = []
        for folder in self.folders():
            parent = (folder / Path(name).expanduser()).parent
            try:
                names += [
                    entry.name
                    for entry, _ in zip(os.scandir(parent), range(_MOST_NAMES), strict=False)
                    if entry.is_file()
                ]
            except OSError:
                continue
        return names

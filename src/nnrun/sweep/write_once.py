"""Files that are written once and never changed, for processes of several machines that share a folder.

Each name is given by a hard link, which fails where the name exists (also on NFS): of all processes that write a file,
exactly one succeeds, and a file is complete as soon as it can be seen.
"""

from __future__ import annotations

import errno
import json
import os
import re
from typing import TYPE_CHECKING, Any

from nnrun import atomic_files
from nnrun.errors import RunError
from nnrun.regular_files import read_regular, require_regular
from nnrun.runs.disk import disk_error, make_folder
from nnrun.runs.json_files import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The trials of one subfolder: to list the names of more takes longer than to write one file.
BLOCK = 1000
#: The name of a file of a claim: the trial's number, and which claim of it that is, counted from 1.
_NAME = re.compile(r"(\d{6,})\.(\d+)\.json")
_NUMBER = re.compile(r"(\d{6,})(?:\.json)?")
#: File systems without hard links say so in one of these ways.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


class ClaimFiles:
    """A folder of files, each of a claim of a trial, in a subfolder for each thousand trials.

    Args:
        folder: The folder; subfolders are made when they are needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int, count: int) -> Path:
        """Return the path of the file of a trial's `count`-th claim."""
        return self.folder / f"{number // BLOCK * BLOCK:06d}" / f"{number:06d}.{count}.json"

    def last_block(self) -> int:
        """Return the first trial of the last subfolder; 0 if there is none."""
        return max(numbers_of(self.folder), default=0)

    def names(self, number: int) -> set[tuple[int, int]]:
        """Return the trial and the count of each file in the subfolder of a trial."""
        place = self.path(number, 1).parent
        require_regular(place)
        return claim_names(place)

    def exists(self, number: int, count: int) -> bool:
        """Return whether the file of a claim is there."""
        return self.path(number, count).exists()

    def create(self, number: int, count: int, content: Mapping[str, Any]) -> bool:
        """Write the file of a claim; return whether it was not there yet.

        Raises:
            RunError: The disk refuses.
        """
        path = self.path(number, count)
        require_regular(path.parent)
        if not path.parent.is_dir():
            make_folder(path.parent)
        return create_document(path, content)


def claim_names(folder: Path) -> set[tuple[int, int]]:
    """Return the trial and the count of each file of a claim in a folder."""
    found = [_NAME.fullmatch(name) for name in _listed(folder)]
    return {(int(match[1]), int(match[2])) for match in found if match}


def numbers_of(folder: Path) -> list[int]:
    """Return the numbers that files and folders in a folder have as their names."""
    return [int(match[1]) for match in map(_NUMBER.fullmatch, _listed(folder)) if match]


def create_document(path: Path, content: Mapping[str, Any]) -> bool:
    """Write a JSON file that is not there yet; of several processes, on any host, one succeeds.

    Returns:
        Whether this call has written it.

    Raises:
        RunError: The disk refuses, or has no hard links.
    """
    try:
        return atomic_files.create_exclusively(path, json.dumps(content).encode())
    except OSError as error:
        if error.errno in _NO_LINKS:
            text = f"Cannot write {path}: the file system has no hard links, by which one process alone gets a trial"
            raise RunError(text, "choose another one with --runs-dir DIR, or --ledger postgresql://...") from error
        raise disk_error(error, path) from error


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds a mapping.

    Raises:
        RunError: It cannot be read, or holds something else.
    """
    try:
        found = json.loads(read_regular(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(found, dict):
        raise damaged(path, "it holds no mapping")
    return found


def damaged(path: Path, error: object) -> RunError:
    """Return the error of a file of a ledger that cannot be read."""
    return RunError(f"{path} cannot be read: {error}", "begin another sweep; the runs in its folder are kept")


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, a path each is slow
    except FileNotFoundError:
        return []
    except OSError as error:
        raise damaged(folder, error) from error

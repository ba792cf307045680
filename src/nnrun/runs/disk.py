"""Writing to disk so that a file is either whole or not there, and so that a failure says what to do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from nnrun.atomic_files import write_atomically
from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

_ELSEWHERE = "choose another folder with --runs-dir DIR."
#: What went wrong, in words, and what to do about it.
_CAUSES = {
    errno.ENOSPC: ("the disk is full", "Free some space, or choose another disk with --runs-dir DIR."),
    errno.EDQUOT: ("your disk quota is used up", "Free some space, or choose another disk with --runs-dir DIR."),
    errno.EROFS: ("the disk is read-only", "Choose a folder that can be written to with --runs-dir DIR."),
    errno.EACCES: ("you may not write there", "Choose a folder of your own with --runs-dir DIR."),
    errno.EPERM: ("you may not write there", "Choose a folder of your own with --runs-dir DIR."),
    errno.ENOENT: ("its folder is not there", "It was moved or removed meanwhile; start the run again."),
    errno.ENOTDIR: ("a file stands where a folder is needed", f"Move that file, or {_ELSEWHERE}"),
    errno.EEXIST: ("a file stands where a folder is needed", f"Move that file, or {_ELSEWHERE}"),
    errno.EISDIR: ("a folder stands where the file belongs", "Move that folder."),
    errno.ENAMETOOLONG: ("the name is too long for this disk", "Choose a shorter path with --runs-dir DIR."),
}


def disk_error(error: OSError, path: Path) -> RunError:
    """The refusal of `path` by the disk as an error for the user: what failed, why, and what to do."""
    unknown = (error.strerror or str(error), f"Mend that, or {_ELSEWHERE}")
    cause, hint = _CAUSES.get(error.errno or 0, unknown)
    return RunError(f"Cannot write {path}: {cause}.", hint)


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that is there already is fine.

    Raises:
        RunError: The disk refuses, or a file is in the way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file atomically: readers see the old content or the new one.

    Raises:
        RunError: The disk refuses; the old file, if any, is untouched and no temporary file is left.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise disk_error(error, path) from error


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file and flush, so that a process killed right after has kept it.

    Raises:
        RunError: The disk refuses.
    """
    try:
        with path.open("ab") as file:
            file.write(content)
    except OSError as error:
        raise disk_error(error, path) from error

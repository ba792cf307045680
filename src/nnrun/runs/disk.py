"""Write to disk so that a file is complete or absent, and so that an error says what to do."""

from __future__ import annotations

import errno
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nnrun import atomic_files
from nnrun.atomic_files import write_atomically
from nnrun.errors import DiskError
from nnrun.regular_files import append_regular
from nnrun.runs.secrets import without_secrets

if TYPE_CHECKING:
    from pathlib import Path


_ELSEWHERE = "choose another folder with --runs-dir DIR."
#: The cause of an error in words, and what to do about it.
_CAUSES = {
    errno.ENOSPC: ("the disk is full", "Free some space, or choose another disk with --runs-dir DIR."),
    errno.EDQUOT: ("your disk quota is used up", "Free some space, or choose another disk with --runs-dir DIR."),
    errno.EROFS: ("the disk is read-only", "Choose a folder that can be written to with --runs-dir DIR."),
    errno.EACCES: ("you may not write there", "Choose a folder of your own with --runs-dir DIR."),
    errno.EPERM: ("you may not write there", "Choose a folder of your own with --runs-dir DIR."),
    errno.ENOENT: ("its folder is not there", "It was moved or removed meanwhile; start the run again."),
    errno.ENOTDIR: ("a file stands where a folder is needed", f"Move that file, or {_ELSEWHERE}"),
    errno.EEXIST: ("a file stands where a folder is needed", f"Move that file, or {_ELSEWHERE}"),
    errno.EFBIG: ("the file would be larger than this process may write", "Raise the limit: ulimit -f unlimited"),
    errno.EISDIR: ("a folder stands where the file belongs", "Move that folder."),
    errno.ENAMETOOLONG: ("the name is too long for this disk", "Choose a shorter path with --runs-dir DIR."),
}


def disk_error(error: OSError, path: Path) -> DiskError:
    """Turn the system's error of writing `path` into one for the user: what failed, why, and what to do."""
    unknown = (error.strerror or str(error), f"Remove the cause, or {_ELSEWHERE}")
    cause, hint = _CAUSES.get(error.errno or 0, unknown)
    return DiskError(f"Cannot write {path}: {cause}.", hint)


def make_folder(path: Path, *, parents: bool = True) -> None:
    """Make a folder, unless it exists, and bring its name to disk; with its `parents` too.

    Raises:
        DiskError: The folder cannot be made, or a file is in the way.
    """
    try:
        atomic_files.make_folder(path, parents=parents)
    except OSError as error:
        raise disk_error(error, path) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically: readers see the old content or the new one.

    Raises:
        DiskError: The file cannot be written; an old one is untouched, and no temporary file is left.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise disk_error(error, path) from error


def append(path: Path, content: bytes) -> None:
    """Append to a file and flush it, so that the content survives a kill right after.

    Raises:
        DiskError: The file cannot be written, or it is a link, a pipe or a device.
    """
    try:
        append_regular(path, content)
    except OSError as error:
        raise disk_error(error, path) from error


#: Colours and cursor movements (ECMA-48 control sequences), which do not belong into a file.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class RunLog:
    """The log of a run, `log.txt`; a killed process loses no line for which `write` has returned.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str, *, now: datetime | None = None) -> None:
        """Add a text without secrets, each of its lines preceded by the time in UTC.

        Raises:
            DiskError: The file cannot be written.
        """
        time = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = [f"{time} {_CONTROL.sub('', line)}".rstrip() for line in without_secrets(text)[0].split("\n")]
        append(self.path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))

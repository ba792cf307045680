"""Folders for what a process needs only while it lives, inside the system's folder for temporary files.

The process that makes one locks it (`flock`), so that the lock ends with the process however that dies. Who makes the
next one removes those that nobody has locked any more.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "nnrun-"
#: The file in each folder that is locked.
_LOCK = ".lock"
#: Seconds for which a new folder may be without its lock.
_MOST_UNLOCKED_SECONDS = 60.0
#: Seconds after which nobody will fill an empty folder that has no file for a lock. Other temporary folders have such
#: names too, and what is to be written there may take minutes: a run that its process begins once Keras has started.
_MOST_EMPTY_SECONDS = 24 * 3600.0


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it after the `with` block.

    Args:
        kind: What it is for; a part of its name.

    Raises:
        OSError: It cannot be made.
    """
    import fcntl

    remove_dead_folders()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{kind}-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # Not inherited by programs that this process starts: the lock is not theirs.
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with suppress(OSError):  # a file system without locks, where no folder of another process is removed
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(descriptor)


def remove_dead_folders() -> None:
    """Remove this user's folders whose process is gone."""
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(tempfile.gettempdir()) if entry.name.startswith(_PREFIX)]
        for name in names:
            with suppress(OSError):
                _remove_if_dead(Path(tempfile.gettempdir(), name))


def _remove_if_dead(folder: Path) -> None:
    """Remove a folder that nobody has locked, if it is one of this user's.

    Raises:
        OSError: It is gone, in use, or something else.
    """
    import fcntl

    found = folder.lstat()
    is_own, age = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid(), time.time() - found.st_mtime
    if not is_own or age < _MOST_UNLOCKED_SECONDS:
        return
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Its process was killed before it made the lock, or is of another program: only one that is empty goes.
        if age > _MOST_EMPTY_SECONDS:
            folder.rmdir()
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)

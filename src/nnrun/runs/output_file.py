"""Write a file that the user names: through links, into pipes and devices, and otherwise atomically."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.atomic_files import write_atomically
from nnrun.runs.disk import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The names of open files: `/dev/stdout` leads to one of this process, and so does `>(command)` of a shell.
_OPEN_FILE = re.compile(r"(?:/dev|/proc/(?P<process>\d+)(?:/task/\d+)?)/fd/(?P<number>\d+)")
#: The folder takes no second file, or the file is a mount point: then it is written where it is.
_NO_REPLACEMENT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
_MOST_LINKS = 40


def write_output(path: Path, content: bytes) -> None:
    """Write what the user asked for to the file that the user names.

    A regular file is replaced atomically and keeps its mode; the target of a link is replaced and the link stays. A
    file with several names, a pipe, a device and an open file of this process are written as they are.

    Raises:
        RunError: The file cannot be written.
    """
    try:
        _write(path, content)
    except OSError as error:
        raise disk_error(error, path) from error


def _write(path: Path, content: bytes) -> None:
    *_, target = _follow(path)
    opened = _OPEN_FILE.fullmatch(str(target))
    if opened is not None and opened["process"] in (None, str(os.getpid())):
        # Opened again by its name, a file would be written from its start, over what the shell put there.
        return _write_all(os.dup(int(opened["number"])), content)
    try:
        found = target.stat()
    except FileNotFoundError:
        return write_atomically(target, content)
    if opened is not None or not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        return _write_in_place(target, content)
    # A file that the user may not write stays as it is, although its folder would allow to replace it.
    os.close(os.open(target, os.O_WRONLY))
    try:
        return write_atomically(target, content)
    except OSError as error:
        if error.errno not in _NO_REPLACEMENT:
            raise
        return _write_in_place(target, content)


def _follow(path: Path) -> Iterator[Path]:
    """Yield a path and the targets of its links, one after the other; the last one is no link, or an open file.

    The links of open files in `/proc` do not name files (`pipe:[123]`), so they are not followed.
    """
    for _ in range(_MOST_LINKS):
        path = Path(os.path.realpath(path.absolute().parent), path.name)
        yield path
        if _OPEN_FILE.fullmatch(str(path)) or not path.is_symlink():
            return
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _write_in_place(target: Path, content: bytes) -> None:
    _write_all(os.open(target, os.O_WRONLY | os.O_TRUNC), content)


def _write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)

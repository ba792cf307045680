"""Files of a folder that may come from somebody else: only regular files inside it are read and written.

A link would lead out of the folder, for writing too; a pipe or a device would never end.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from typing import TYPE_CHECKING

from nnrun.atomic_files import write_atomically
from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

#: A link is not followed, and a pipe does not block; the flags are missing where the system lacks these things.
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor; with `os.O_CREAT` a missing one is created.

    Args:
        path: The file; links in the path of its folder are followed, see `require_inside`.
        flags: As for `os.open`.

    Raises:
        RunError: It is a link, a pipe, a socket or a device; the message says which.
        OSError: It cannot be opened, or it is a folder.
    """
    try:
        descriptor = os.open(path, flags | _SAFE, 0o666)
    except OSError as error:
        # ELOOP: a link; ENXIO: a pipe without a reader, or a socket.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            require_regular(path)
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        require_regular(path)
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return descriptor


def read_regular(path: Path, most: int | None) -> bytes:
    """Read a regular file.

    Args:
        path: The file.
        most: The largest size in bytes that is read; None: any.

    Raises:
        RunError: It is no regular file, or it is larger.
        OSError: It cannot be read.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        if most is None:
            return file.read()
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
    if size > most or len(content) > most:
        text = f"{path} has {max(size, len(content)):,} bytes: at most {most:,} are expected"
        raise RunError(text, f"remove it if it is not of the run: rm {shlex.quote(str(path))}")
    return content


def append_regular(path: Path, content: bytes) -> None:
    """Append to a regular file, which is created if it is missing.

    Raises:
        RunError: It is no regular file.
        OSError: It cannot be written.
    """
    with os.fdopen(open_to_append(path), "ab") as file:
        file.write(content)


def open_to_append(path: Path) -> int:
    """Open a regular file for appending, which is created if it is missing; return its descriptor.

    A file with several names (hard links) is copied first: what is appended belongs to this folder alone.

    Raises:
        RunError: It is no regular file.
        OSError: It cannot be opened.
    """
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if os.fstat(descriptor).st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    write_atomically(path, path.read_bytes())
    return open_regular(path, os.O_WRONLY | os.O_APPEND)


def require_inside(folder: Path, path: Path) -> None:
    """Check that neither a file nor a folder on the way to it, below `folder`, is anything but itself.

    Args:
        folder: The folder that may come from somebody else.
        path: The path of a file in it, which need not exist.

    Raises:
        RunError: One of them is a link, a pipe, a socket or a device.
    """
    require_folders(folder, path.parent)
    require_regular(path)


def require_folders(folder: Path, path: Path) -> None:
    """Check that a folder inside `folder`, and those on the way to it, are no links.

    Raises:
        RunError: One of them is.
    """
    for step in reversed([path, *path.parents]):
        if step != folder and step.is_relative_to(folder):
            require_regular(step)


def require_regular(path: Path) -> None:
    """Check that a path is no link, pipe, socket or device.

    Raises:
        RunError: It is one; the message says what.
    """
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return
    if kind not in _KINDS:
        return
    found = f"a symbolic link to {path.readlink()}" if kind == stat.S_IFLNK else _KINDS[kind]
    text = f"{path} is {found}: in a run folder nnrun reads and writes regular files only, and follows no links"
    raise RunError(text, f"put the file itself in its place, or remove it: {shlex.join(['rm', str(path)])}")


def require_regular_tree(folder: Path) -> None:
    """Check that a folder holds nothing but regular files and folders, at any depth.

    Raises:
        RunError: Something else is in it; the message names it.
    """
    for path in folder.rglob("*"):
        require_regular(path)

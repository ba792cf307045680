"""Atomic writing: a file is complete and on disk, or not there; an old one is readable until then."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The names of `temporary_path`: hidden, with eight random digits, and an end by which writers choose a format.
TEMPORARY_NAME = re.compile(r"\..+\.[0-9a-f]{8}(\.[A-Za-z0-9]+)+")
#: A file system that cannot bring a folder to disk says so; there is nothing else to do then.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)


def write_atomically(path: Path, content: bytes | Callable[[Path], object], *, suffix: str = ".tmp") -> None:
    """Write a file under a temporary name in the same folder, bring it to disk, and rename it to `path`.

    A file that is replaced passes on its mode, and its owner where the system allows. A link at `path` is replaced, not
    followed: see `nnrun.runs.output_file` for files that the user names.

    Args:
        path: The file to create or replace; its folder must exist.
        content: The whole content, or a function that writes it to the temporary path it is given.
        suffix: How the temporary name ends, for writers that choose a format by it.

    Raises:
        OSError: The disk refuses; the old file, if any, is untouched and no temporary file is left.
    """
    temporary = temporary_path(path, suffix)
    try:
        if callable(content):
            content(temporary)
        else:
            # Nobody may read the new content who might not read the old one, not even for a moment.
            mode = 0o666 if (old := _regular_file(path)) is None else stat.S_IMODE(old.st_mode)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
        flush_and_rename(temporary, path)
    finally:
        remove(temporary)


def create_exclusively(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet, and bring it to disk; of several processes, on any host, one succeeds.

    The file is complete as soon as it has its name: a hard link gives it, which fails where the name exists, also on
    network file systems.

    Returns:
        Whether this call has created it.

    Raises:
        OSError: The disk refuses, or has no hard links; no temporary file is left.
    """
    temporary = temporary_path(path, ".tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            # A server whose answer was lost is asked again, and finds the name that it has given.
            if not path.samefile(temporary):
                return False
        sync_folder(path.parent)
    finally:
        remove(temporary)
    return True


def temporary_path(path: Path, suffix: str) -> Path:
    """Return a name in the folder of `path` that no other writer uses; it matches `TEMPORARY_NAME`."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{suffix}")


def flush_and_rename(temporary: Path, path: Path) -> None:
    """Bring a written file to disk, rename it to `path`, and bring the new name to disk.

    Readers see the old file or the new one, also after a power cut.
    """
    with temporary.open("rb+") as file:
        old = _regular_file(path)
        if old is not None:
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            with suppress(OSError):  # only the superuser may give files away
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _regular_file(path: Path) -> os.stat_result | None:
    try:
        old = path.lstat()
    except OSError:
        return None
    return old if stat.S_ISREG(old.st_mode) else None


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk: a file that was created or renamed is lost in a power cut without that.

    Raises:
        OSError: The disk fails.
    """
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def make_folder(folder: Path, *, parents: bool = True, exist_ok: bool = True, mode: int = 0o777) -> None:
    """Make a folder, as `Path.mkdir` does, and bring its name to disk.

    Without that a power cut takes it away with all that was brought to disk in it.

    Args:
        folder: The folder.
        parents: Whether the folders above it are made, too.
        exist_ok: Whether it may be there already.
        mode: The permissions of a folder that is made, less those that the umask takes; its parents have all.

    Raises:
        OSError: It cannot be made, or the disk fails.
    """
    try:
        folder.mkdir(mode)
    except FileNotFoundError:
        if not parents or folder.parent == folder:
            raise
        make_folder(folder.parent)
        make_folder(folder, parents=False, exist_ok=exist_ok, mode=mode)
    except OSError:
        # Some systems refuse to write before they see that nothing is to be written.
        if not exist_ok or not folder.is_dir():
            raise
    else:
        sync_folder(folder.parent)


def sync_tree(folder: Path, needs_sync: Callable[[Path], bool] = lambda _: True) -> None:
    """Bring the files of a folder and of those in it to disk, then the names in these folders, the inner ones first.

    Args:
        folder: The folder; links in it are not followed.
        needs_sync: Whether the content of a file must be brought to disk: not where that was done when it was written.

    Raises:
        OSError: The disk fails.
    """
    for place, _, names in os.walk(folder, topdown=False):
        for file in (Path(place, name) for name in names):
            if needs_sync(file) and _regular_file(file) is not None:
                _sync_file(file)
        sync_folder(Path(place))


def sync_files(paths: Iterable[Path]) -> None:
    """Bring files that were written by appending to disk, then the names in their folders: contents first.

    Raises:
        OSError: The disk fails.
    """
    folders = {path.parent: None for path in paths if _sync_file(path)}
    for folder in folders:
        sync_folder(folder)


def _sync_file(path: Path) -> bool:
    """Bring a file to disk; return whether it is still there."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def remove(temporary: Path) -> None:
    """Remove a temporary file if it is there; an error here would hide the one that left it behind."""
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def find_leftovers(folder: Path) -> list[Path]:
    """Return the temporary files in a folder and those in it: of killed writers, or of those that are at work."""
    return [path for path in folder.rglob(".*") if TEMPORARY_NAME.fullmatch(path.name) and _regular_file(path)]


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove the temporary files of killed writers, in a folder and those in it; return them.

    The caller makes sure that nobody writes into the folder.
    """
    found = find_leftovers(folder)
    for path in found:
        remove(path)
    return found


def link_atomically(path: Path, copy: Path) -> None:
    """Let `copy` be the same file as `path` under a second name, which replaces a file of that name.

    Raises:
        OSError: The disk refuses.
    """
    temporary = temporary_path(copy, ".tmp")
    try:
        try:
            os.link(path, temporary)
        except OSError:  # some file systems have no links
            temporary.write_bytes(path.read_bytes())
        flush_and_rename(temporary, copy)
    finally:
        remove(temporary)

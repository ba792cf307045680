"""The lock of a run: one process at a time trains it, and whoever is refused learns which one.

The lock is the system's (`flock`), so it ends with the process that holds it, however that dies, and on shared folders
it holds across hosts. The file says who holds it; it is empty while nobody does, and stays.
"""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nnrun.atomic_files import remove_leftovers
from nnrun.errors import RunError
from nnrun.regular_files import open_regular, require_regular_tree
from nnrun.runs import environment
from nnrun.runs.disk import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.runs.folder import RunFolder

#: The largest lock file that is read.
_MOST_BYTES = 4096
#: `is_held` takes the lock for a moment, which must not look like a holder: it gives no name. On a crowded machine that
#: moment may last seconds. A holder gives its name right after it has the lock.
_LOOK_SECONDS, _TRY_SECONDS = 30.0, 0.02
#: The lock of a process that is named is tried as often: it may be about to end, or have left its name to a look.
_TRIES = 5
#: File systems without locks say so in one of these ways.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Hold a run during the `with` block: nobody else trains it, and what killed processes left behind is removed.

    Raises:
        RunError: Another process holds it (the message names its number and host), the folder cannot be written, or
            something in it is a link, a pipe or a device.
    """
    require_regular_tree(folder.path)
    descriptor = _open(folder)
    try:
        _lock(folder, descriptor)
        _write_holder(folder, descriptor)
        remove_leftovers(folder.path)
        try:
            yield
        finally:
            remove_leftovers(folder.path)
            with suppress(OSError):  # a full disk; the lock is released all the same
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(folder: RunFolder) -> bool | None:
    """Return whether a process holds the run; None if that cannot be known: no lock file, or no locks on this disk."""
    import fcntl

    try:
        descriptor = open_regular(folder.lock)
    except (OSError, RunError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def holder(folder: RunFolder) -> dict[str, Any] | None:
    """Return the process that holds a run: `host`, `pid` and `start`; None if none does, or that cannot be known."""
    return (_named_holder(folder) or None) if is_held(folder) else None


def stale_holder(folder: RunFolder) -> str | None:
    """Return the process that a lock file names although nobody holds it; None if the lock is as it should be."""
    named = _named_holder(folder) if is_held(folder) is False else {}
    return f"{named['pid']} on {named.get('host')}" if "pid" in named else None


def _named_holder(folder: RunFolder) -> dict[str, Any]:
    """Return the process that a lock file names; empty where it names none."""
    try:
        descriptor = open_regular(folder.lock)
    except (OSError, RunError):
        return {}
    try:
        return _read_holder(descriptor)
    finally:
        os.close(descriptor)


def is_running(folder: RunFolder, process: Mapping[str, Any]) -> bool | None:
    """Return whether the process in a run's record still trains it; None if it is on another host.

    The lock knows best: a number of a process says nothing in another container. Runs of earlier versions have none.
    """
    held = is_held(folder)
    if held:
        return True
    alive = environment.is_alive(process)
    return False if held is False and alive is not None else alive


def forget_other_host(folder: RunFolder) -> None:
    """Empty a lock file that names a process on another host, of which the caller knows that it is gone.

    Where the disk has locks, nothing changes: those of a dead process are gone with it. Where it has none, the name is
    all there is, and nobody on this host could tell that it says nothing.

    Raises:
        RunError: The lock file is no regular file.
    """
    if is_held(folder):
        return
    try:
        descriptor = open_regular(folder.lock, os.O_RDWR)
    except OSError:
        return
    try:
        holder = _read_holder(descriptor)
        if holder and environment.is_alive(holder) is None:
            with suppress(OSError):  # a full disk; `hold` says so
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(folder: RunFolder) -> int:
    try:
        return open_regular(folder.lock, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise disk_error(error, folder.lock) from error


def _lock(folder: RunFolder, descriptor: int) -> None:
    import fcntl

    end, tries = time.monotonic() + _LOOK_SECONDS, 0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, tries = _read_holder(descriptor), tries + 1
            is_look = not holder or environment.is_alive(holder) is False
            if tries >= _TRIES and (not is_look or time.monotonic() > end):
                raise _refusal(folder, holder) from None
            time.sleep(_TRY_SECONDS)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise disk_error(error, folder.lock) from error
            holder = _read_holder(descriptor)
            # Without locks the name of the holder is all there is; on another host nobody knows whether it lives.
            if holder and environment.is_alive(holder) is not False:
                raise _refusal(folder, holder) from error
            return
        else:
            return


def _read_holder(descriptor: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _write_holder(folder: RunFolder, descriptor: int) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(environment.process()).encode(), 0)
        os.fsync(descriptor)
    except OSError as error:
        raise disk_error(error, folder.lock) from error


def _refusal(folder: RunFolder, holder: Mapping[str, Any]) -> RunError:
    name = f"process {holder['pid']} on {holder.get('host')}" if "pid" in holder else "another process"
    return RunError(f"{folder.id} still runs, as {name}", "wait for it, or stop it first")

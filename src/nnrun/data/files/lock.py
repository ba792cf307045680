"""A lock file that one process at a time holds; the system releases it when its holder dies."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nnrun.progress import Progress


@contextmanager
def exclusive_lock(path: Path, work: str, progress: Progress) -> Iterator[None]:
    """Hold the lock file `path` during the `with` block; wait while another process holds it.

    Args:
        path: The lock file; its folder exists. It is removed with the lock.
        work: What the holder does, for the message to whoever waits: `fetches mnist.npz`.
        progress: Receives that message.

    Raises:
        OSError: The file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"Waiting for another process that {work}.")
        lock.acquire()
    try:
        yield
    finally:
        # Safe while the lock is held: filelock opens the path again where the file that it locked was removed.
        with suppress(OSError):
            path.unlink()
        lock.release()

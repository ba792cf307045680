"""A lock that one process at a time holds, and that the system itself opens when its holder dies."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nnrun.progress import Progress

if sys.platform == "win32":
    import msvcrt

    def _take(stream: IO[bytes]) -> None:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_one(path: Path, what: str, progress: Progress, every: float = 0.1) -> Iterator[None]:
    """Hold the lock file `path` during the `with` block; wait while another process holds it.

    The file itself stays: to remove it would let two waiting processes lock two different files of one name.

    Args:
        path: The lock file.
        what: What is waited for, as told to the user.
        progress: Who is told.
        every: Seconds between two tries.
    """
    with path.open("ab") as stream:
        told = False
        while True:
            try:
                _take(stream)
                break
            except OSError:
                if not told:
                    progress.say(f"Waiting for another process that fetches {what}.")
                told = True
                time.sleep(every)
        yield

"""Limits of what a data file may unpack to: the machine's memory, and how far a compressed file may expand."""

from __future__ import annotations

import gzip
import io
from functools import cache
from pathlib import Path
from typing import Any

from nnrun.errors import DataError
from nnrun.formatting import format_bytes

#: A compressed file expands to 3 to 20 times its size if it is a table, and to 1,000 times at most. Up to the second
#: number of bytes, any expansion is accepted.
MOST_EXPANSION, UNLIMITED_BYTES = 200, 256_000_000
#: Where Linux states how much memory a container may use, by the version of its groups.
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@cache
def machine_memory() -> int:
    """Return how many bytes of memory this machine has; in a container, how many it may use."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for name in _CONTAINER_LIMITS:
        try:
            limits.append(int(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # another system, or `max`
            continue
    return min(limits)


def require_memory(file: Path, needed: int) -> None:
    """Refuse values that cannot be in memory, before any of them is read.

    Raises:
        DataError: They need more than the machine has.
    """
    # Asking for the machine's memory takes 10 ms.
    if needed > UNLIMITED_BYTES and needed > machine_memory():
        text = (
            f"its values need {format_bytes(needed)}, and this machine has {format_bytes(machine_memory())} of memory"
        )
        raise DataError(text, file=file, hint="use a smaller file, or a part of it")


class _BoundedGzip(io.RawIOBase):
    """The content of a gzip file, up to where it expands further than real data do."""

    def __init__(self, path: Path) -> None:
        self._path, self._stream, self._passed = path, gzip.open(path), 0  # noqa: SIM115 - closed with this one
        self._limit = max(UNLIMITED_BYTES, MOST_EXPANSION * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._stream.readinto(buffer)
        self._passed += size
        if self._passed > self._limit:
            text = f"the file expands to more than {format_bytes(self._limit)}, {MOST_EXPANSION} times its size"
            raise DataError(text, file=self._path, hint="unpack it yourself, if it is what you expect")
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_gzip(path: Path) -> io.BufferedReader:
    """Open a gzip file for reading; reading raises `DataError` where it expands further than real data do.

    Raises:
        OSError: It cannot be read.
    """
    return io.BufferedReader(_BoundedGzip(path), 1 << 16)

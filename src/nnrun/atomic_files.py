"""Atomic writing: a file is complete or not there, and one that is replaced stays readable until then."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write_atomically(path: Path, content: bytes | Callable[[Path], object], *, suffix: str = ".tmp") -> None:
    """Write a file under a temporary name in the same folder, bring it to disk, and rename it to `path`.

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
            temporary.write_bytes(content)
        flush_and_rename(temporary, path)
    finally:
        remove(temporary)


def temporary_path(path: Path, suffix: str) -> Path:
    """Return a name in the folder of `path` that no other writer uses."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{suffix}")


def flush_and_rename(temporary: Path, path: Path) -> None:
    """Bring a written file to disk, then rename it to `path`: readers see the old file or the new one."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def remove(temporary: Path) -> None:
    """Remove a temporary file if it is there; an error here would hide the one that left it behind."""
    with suppress(OSError):
        temporary.unlink(missing_ok=True)

"""What is kept of many picture files, so that a later look tells whether they are still the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: How much of a picture that streams its mark is taken from.
START = 65_536


def whole_mark(file: Path) -> bytes:
    """SHA-256 of a picture file's bytes.

    Raises:
        DataError: It cannot be read.
    """
    try:
        # Without a buffer, of which small files need none: 60,000 of them take 0.4 s instead of 0.6.
        with file.open("rb", buffering=0) as opened:
            return hashlib.sha256(opened.read()).digest()
    except OSError as error:
        raise unreadable(file, error) from None


def start_mark(start: bytes, size: int) -> bytes:
    """SHA-256 of a picture file's first `START` bytes and its size: a stream is not read whole to be known again."""
    return hashlib.sha256(start + str(size).encode()).digest()


def start_mark_of(file: Path) -> bytes:
    """The same, of a file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with file.open("rb", buffering=0) as opened:
            return start_mark(opened.read(START), opened.seek(0, 2))
    except OSError as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: OSError) -> DataError:
    """What to say of a picture that the system does not give."""
    return DataError(f"the picture cannot be read: {error}", file=file, hint="may you read it?")


def together(title: str, names: Sequence[str], marks: Sequence[bytes]) -> dict[str, str]:
    """Two digests of a set of pictures: of which there are, and of what they hold.

    Args:
        title: What the set is called.
        names: The pictures' names, below their folder.
        marks: The mark of each.

    Returns:
        The SHA-256 of the sorted names, and of their marks in that order; neither depends on where the folder lies.
    """
    held = sorted(zip(names, marks, strict=True))
    there = "".join(f"{name}\n" for name, _ in held).encode("utf-8", "surrogateescape")
    inside = b"".join(mark for _, mark in held)
    return {
        f"{title} (names)": hashlib.sha256(there).hexdigest(),
        f"{title} (contents)": hashlib.sha256(inside).hexdigest(),
    }

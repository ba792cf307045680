"""Picture files that stream: looked at once, decoded whenever they are asked for."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.files.pictures import (
    HASHED_BYTES,
    picture_size,
    read_picture,
    require_size,
    simple_header,
    start_digest,
    unreadable_picture,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.data.files.pictures import Colour
    from nnrun.progress import Progress


#: Files looked at between two moves of the progress bar.
_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Pictures on disk, all brought to one size.

    Attributes:
        files: The pictures' paths.
        size: Height and width.
        colour: `grey` or `rgb`.
        plain: Which pictures have that size already, and are decoded alike by every decoder, shape (pictures,).
        channels: How many channels the plain ones have: 1 where all have 1, else 3.
        marks: SHA-256 of the first 64 KB of each file, and of its size, shape (pictures, 32).
    """

    files: Sequence[str]
    size: tuple[int, int]
    colour: Colour
    plain: np.ndarray
    channels: int
    marks: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one picture."""
        return (*self.size, 1 if self.colour == "grey" else 3)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at these rows: uint8 of shape (rows, height, width, channels).

        Raises:
            DataError: One is broken; with its path.
        """
        from pathlib import Path

        pixels = np.empty((len(rows), *self.shape), dtype="uint8")
        for place, row in enumerate(rows.tolist()):
            pixels[place] = read_picture(Path(self.files[row]), self.size, self.colour)
        return pixels

    def digest(self, rows: np.ndarray) -> str:
        """SHA-256 over the marks of these pictures, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.marks[rows]).tobytes()).hexdigest()


@dataclass(frozen=True)
class _Look:
    plain: bool
    channels: int
    mark: bytes


def scan_pictures(
    files: Sequence[Path], size: tuple[int, int], colour: Colour, progress: Progress, *, same: bool
) -> PictureFiles:
    """Look at the start of every picture file.

    Args:
        files: The files.
        size: The height and width that pictures are brought to.
        colour: `grey` or `rgb`.
        progress: Sees how far it is.
        same: Whether all must have that size.

    Raises:
        DataError: One is no picture, or has another size where all must have the same.
    """
    looks: list[_Look] = []
    with (
        progress.bar("Looking at pictures", len(files), "") as bar,
        ThreadPoolExecutor(max_workers=4) as pool,
    ):
        for start in range(0, len(files), _AT_ONCE):
            looks += pool.map(partial(_look, size=size, same=same), files[start : start + _AT_ONCE])
            bar.advance(len(files[start : start + _AT_ONCE]))
    plain = np.array([one.plain for one in looks], dtype=bool)
    channels = max((one.channels for one in looks if one.plain), default=3)
    marks = np.frombuffer(b"".join(one.mark for one in looks), dtype="uint8").reshape(len(looks), 32)
    return PictureFiles([str(file) for file in files], size, colour, plain, channels, marks)


def _look(file: Path, size: tuple[int, int], *, same: bool) -> _Look:
    try:
        with file.open("rb") as opened:
            start = opened.read(HASHED_BYTES)
            mark = start_digest(start, opened.seek(0, 2))
    except OSError as error:
        raise unreadable_picture(file, error) from None
    header = simple_header(start)
    if header is None or header[:2] != size:
        if same:
            require_size(file, picture_size(file), size)
        return _Look(False, 0, mark)
    return _Look(True, header.channels, mark)

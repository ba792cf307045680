"""Picture files that stay on disk: their headers are read once, their pixels whenever they are indexed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.files.digests import HASHED_BYTES, start_digest, unreadable_file
from nnrun.data.files.pictures import picture_size, read_picture, require_size, simple_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.files.pictures import Colour
    from nnrun.progress import Progress


#: Headers read between two updates of the progress bar.
_BATCH = 512


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Pictures on disk, all brought to one size.

    Attributes:
        files: The paths of the pictures.
        size: Height and width.
        colour: `grey` or `rgb`.
        simple: Which pictures have that size already, and the same pixels in every decoder, shape (pictures,).
        channels: The number of channels of the simple ones: 1 where all have 1, else 3.
        digests: SHA-256 of the first 64 KB of each file, and of its size, shape (pictures, 32).
    """

    files: Sequence[str]
    size: tuple[int, int]
    colour: Colour
    simple: np.ndarray
    channels: int
    digests: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one picture."""
        return (*self.size, 1 if self.colour == "grey" else 3)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the pictures at these rows: uint8 of shape (rows, height, width, channels).

        Raises:
            DataError: One is broken; with its path.
        """
        pixels = np.empty((len(rows), *self.shape), dtype="uint8")
        for index, row in enumerate(rows.tolist()):
            pixels[index] = read_picture(Path(self.files[row]), self.size, self.colour)
        return pixels

    def digest(self, rows: np.ndarray) -> str:
        """Return a SHA-256 digest of the digests of these pictures, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.digests[rows]).tobytes()).hexdigest()


def scan_pictures(
    files: Sequence[Path], size: tuple[int, int], colour: Colour, progress: Progress, *, same: bool
) -> PictureFiles:
    """Read the header of every picture file.

    Args:
        files: The files.
        size: The height and width that pictures are brought to.
        colour: `grey` or `rgb`.
        progress: Receives progress.
        same: Whether all must have that size.

    Raises:
        DataError: One is no picture, or has another size where all must have the same.
    """
    scanned: list[tuple[int, bytes]] = []
    with progress.bar("Reading headers of pictures", len(files), "") as bar, ThreadPoolExecutor(max_workers=4) as pool:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            scanned += pool.map(partial(_scan, size=size, same=same), batch)
            bar.advance(len(batch))
    channels = np.array([one for one, _ in scanned], dtype=int)
    digests = np.frombuffer(b"".join(digest for _, digest in scanned), dtype="uint8").reshape(len(scanned), 32)
    names = [str(file) for file in files]
    return PictureFiles(names, size, colour, channels > 0, int(channels.max(initial=0)) or 3, digests)


def _scan(file: Path, size: tuple[int, int], *, same: bool) -> tuple[int, bytes]:
    """Return the number of channels of a picture, 0 where it is not simple, and its digest."""
    try:
        with file.open("rb") as opened:
            start = opened.read(HASHED_BYTES)
            digest = start_digest(start, opened.seek(0, 2))
    except OSError as error:
        raise unreadable_file(file, error) from None
    header = simple_header(start)
    if header is not None and header[:2] == size:
        return header.channels, digest
    if same:
        require_size(file, picture_size(file), size)
    return 0, digest

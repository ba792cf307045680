"""Recordings that stay on disk: their headers are checked once, their samples read whenever they are indexed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nnrun.data.files.digests import file_start_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.progress import Progress

#: Headers read between two updates of the progress bar.
_BATCH = 512


class AudioReader(Protocol):
    """Reads recordings of one shape, as `nnrun.data.sources.audio.RecordingReader` does."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one recording."""

    def examine(self, file: Path) -> None:
        """Refuse a recording that is broken or does not suit."""

    def read(self, file: Path) -> np.ndarray:
        """Return the samples of a recording."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings on disk.

    Attributes:
        files: Their files.
        reader: Reads one.
        digests: SHA-256 of the first 64 KB of each file, and of its size, shape (recordings, 32).
    """

    files: Sequence[Path]
    reader: AudioReader
    digests: np.ndarray

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the recordings at these rows: float32 of shape (rows, samples) or (rows, samples, channels).

        Raises:
            DataError: One is broken or does not suit; with its path.
        """
        found = np.empty((len(rows), *self.reader.shape), dtype="float32")
        for index, row in enumerate(rows.tolist()):
            found[index] = self.reader.read(self.files[row])
        return found

    def digest(self, rows: np.ndarray) -> str:
        """Return a SHA-256 digest of the digests of these recordings, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.digests[rows]).tobytes()).hexdigest()


def scan_recordings(files: Sequence[Path], reader: AudioReader, progress: Progress) -> Recordings:
    """Read the header of every recording.

    Args:
        files: The files.
        reader: Reads one.
        progress: Receives progress.

    Raises:
        DataError: One is broken or does not suit.
    """

    def scan(file: Path) -> bytes:
        reader.examine(file)
        return file_start_digest(file)

    found: list[bytes] = []
    with progress.bar("Reading headers of recordings", len(files), "") as bar, ThreadPoolExecutor(4) as pool:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            found += pool.map(scan, batch)
            bar.advance(len(batch))
    return Recordings(files, reader, np.frombuffer(b"".join(found), dtype="uint8").reshape(len(found), 32))

"""Occlusion sensitivity: what a prediction loses where a patch of its picture is covered (Zeiler and Fergus, 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: A patch is so large a part of the shorter side, and moves by so large a part of itself.
_PATCH, _STRIDE = 5, 3
#: Memory that copies of examples may take at a time, in bytes.
_MOST_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class SlidingPatch:
    """A square patch that slides over pictures.

    Attributes:
        height: The height of the pictures in pixels.
        width: Their width.
        size: The side of the patch, in pixels.
        stride: By how many pixels it moves; at the lower and right edge by fewer, so that it covers every pixel.
    """

    height: int
    width: int
    size: int
    stride: int

    @classmethod
    def over(cls, height: int, width: int, size: int | None = None) -> SlidingPatch:
        """Return a patch of a side, by default a fifth of the shorter side of the pictures."""
        side = min(size or max(1, round(min(height, width) / _PATCH)), height, width)
        return cls(height, width, side, max(1, side // _STRIDE))

    @property
    def corners(self) -> list[tuple[int, int]]:
        """The upper left corner of each position."""
        return [(top, left) for top in self._starts(self.height) for left in self._starts(self.width)]

    def _starts(self, length: int) -> list[int]:
        return sorted({*range(0, length - self.size + 1, self.stride), length - self.size})

    def mean_over_positions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each pixel the mean over the positions that cover it.

        Args:
            values: One number a position, shape (examples, positions).

        Returns:
            Shape (examples, height, width).
        """
        sums = np.zeros((len(values), self.height, self.width))
        counts = np.zeros((self.height, self.width))
        for column, (top, left) in zip(values.T, self.corners, strict=True):
            sums[:, top : top + self.size, left : left + self.size] += column[:, None, None]
            counts[top : top + self.size, left : left + self.size] += 1
        return np.asarray(sums / counts)


def occluded(
    x: NDArray[np.float32], place: tuple[int, int], patch: SlidingPatch, fill: NDArray[np.float32]
) -> Iterator[NDArray[np.float32]]:
    """Yield copies of examples, of each example one for each position of the patch, in blocks that fit in memory.

    Args:
        x: The examples, each with all numbers in one dimension, shape (examples, numbers).
        place: Where the numbers of the picture begin and end; those of its pixels are in C order, channels last.
        patch: The patch.
        fill: The value of each channel inside the patch, shape (channels,).
    """
    start, stop = place
    pairs = [(example, corner) for example in range(len(x)) for corner in patch.corners]
    rows = max(1, _MOST_BYTES // (x.shape[1] * x.itemsize))
    for first in range(0, len(pairs), rows):
        block = pairs[first : first + rows]
        copies = x[[example for example, _ in block]]
        pictures = copies[:, start:stop].reshape(len(block), patch.height, patch.width, len(fill))
        for picture, (_, (top, left)) in zip(pictures, block, strict=True):
            picture[top : top + patch.size, left : left + patch.size] = fill
        copies[:, start:stop] = pictures.reshape(len(block), -1)
        yield copies

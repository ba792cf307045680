"""Shuffling: the order of examples in an epoch is a pure function of seed and epoch.

Keras with a seed repeats one permutation in every epoch (measured with 3.15.1 on TensorFlow), and without one cannot
be repeated at all; so nnrun shuffles itself, and a resumed run needs no saved position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: The order of more rows than this is never one array: of 100 million rows it takes 400 MB. See decision record 0006.
MAX_ARRAY_ROWS = 2**22
#: Rounds over both halves of a row's number; after three, random functions make a permutation that passes for a random
#: one (M. Luby and C. Rackoff, 1988), and mixing functions are not quite random.
_ROUNDS = 4
#: The constants of SplitMix64's finalizer (G. Steele, D. Lea and C. Flood, 2014).
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def epoch_order(seed: int, epoch: int, rows: int, *, shuffle: bool = True, rollbacks: int = 0) -> Order:
    """Return the indexes of all rows in the order of epoch `epoch` (counted from 0), shape (rows,).

    After each return to the start of an epoch (`rollbacks`) the order is another one.
    """
    if rows > MAX_ARRAY_ROWS:
        return LongOrder(seed, epoch, rows, shuffle=shuffle, rollbacks=rollbacks)
    indexes = np.arange(rows, dtype=np.int32)
    if shuffle:
        # The result of `permutation`, in half of its memory.
        _generator(seed, epoch, rollbacks).shuffle(indexes)
    return indexes


def _generator(seed: int, epoch: int, rollbacks: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch, rollbacks] if rollbacks else [seed, epoch])


class LongOrder:
    """The order of very many rows, of which any piece can be computed without the rest.

    A Feistel network turns a position into a row: it changes each half of the position's bits by a keyed function of
    the other half, which is a permutation for every such function. A result that is no row goes through the network
    again, which keeps it a permutation (J. Black and P. Rogaway, 2002).

    Args:
        seed: The experiment's seed.
        epoch: The epoch, counted from 0.
        rows: The number of rows, at least 2.
        shuffle: Whether to shuffle; else the order is that of the file.
        rollbacks: See `epoch_order`.
    """

    def __init__(self, seed: int, epoch: int, rows: int, *, shuffle: bool = True, rollbacks: int = 0) -> None:
        self._rows, self._shuffle = rows, shuffle
        bits = (rows - 1).bit_length()
        self._low = np.uint64(bits // 2)
        self._masks = (np.uint64((1 << (bits // 2)) - 1), np.uint64((1 << (bits - bits // 2)) - 1))
        self._keys = _generator(seed, epoch, rollbacks).integers(0, 2**64, (_ROUNDS, 2), dtype=np.uint64)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, piece: slice) -> NDArray[np.int32]:
        """Return the rows at some positions, shape (positions,)."""
        positions = np.arange(*piece.indices(self._rows), dtype=np.uint64)
        return (self._permuted(positions) if self._shuffle else positions).astype(np.int32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole order as one array."""
        return self[:].astype(dtype or np.int32, copy=False)

    def _permuted(self, positions: NDArray[np.uint64]) -> NDArray[np.uint64]:
        rows = self._network(positions)
        while (outside := rows >= self._rows).any():
            rows[outside] = self._network(rows[outside])
        return rows

    def _network(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        low, high = numbers & self._masks[0], numbers >> self._low
        for first, second in self._keys:
            low = low ^ (_mixed(high + first) & self._masks[0])
            high = high ^ (_mixed(low + second) & self._masks[1])
        return (high << self._low) | low


#: The indexes of rows in the order in which they are seen.
Order = Union["NDArray[np.int32]", LongOrder]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix numbers over 64 bits."""
    mixed = (numbers ^ (numbers >> _SHIFTS[0])) * _MULTIPLIERS[0]
    mixed = (mixed ^ (mixed >> _SHIFTS[1])) * _MULTIPLIERS[1]
    return mixed ^ (mixed >> _SHIFTS[2])

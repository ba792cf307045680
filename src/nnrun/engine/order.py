"""The order of examples in an epoch: a pure function of seed and epoch.

Keras with a seed repeats one permutation in every epoch (measured with 3.15.1 on TensorFlow), and without one cannot
be repeated at all; so the order is nnrun's own, and a resumed run needs no saved position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def order(seed: int, epoch: int, rows: int, *, shuffle: bool = True) -> NDArray[np.int32]:
    """Give the indexes of all rows in the order in which epoch `epoch` (counted from 0) sees them, shape (rows,)."""
    indexes = np.arange(rows, dtype=np.int32)
    if shuffle:
        # What `permutation` gives, in half of its memory: the windows of a long text are many.
        np.random.default_rng([seed, epoch]).shuffle(indexes)
    return indexes

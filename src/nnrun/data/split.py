"""Which rows go to which part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.shares import count

if TYPE_CHECKING:
    from nnrun.data.shares import SplitLike

#: Each part draws from a stream of its own, so that a share of one never moves the rows of the other.
_STREAMS = {"test": 1, "validation": 2}


def split_rows(rows: int, split: SplitLike | None, y: np.ndarray | None, seed: int) -> dict[str, np.ndarray]:
    """Deal rows out to `train`, and to `test` and `validation` where the split gives shares of them.

    Rows keep their order within a part, so that predictions stand in the order of the file.

    Args:
        rows: How many rows there are outside the source's own test part.
        split: The config's split.
        y: One class number a row, to stratify by.
        seed: The experiment's seed.

    Raises:
        ValueError: Nothing would be left for training.
    """
    left = np.arange(rows)
    parts: dict[str, np.ndarray] = {}
    for part in ("test", "validation"):
        share = getattr(split, part, None)
        if split is None or not isinstance(share, float):
            continue
        generator = np.random.default_rng([seed, _STREAMS[part]]) if split.shuffle else None
        chosen = _choose(
            count(len(left), share), left, y[left] if split.stratify and y is not None else None, generator
        )
        parts[part] = chosen
        left = np.setdiff1d(left, chosen, assume_unique=True)
    return {"train": left, **parts}


def _choose(wanted: int, rows: np.ndarray, y: np.ndarray | None, generator: np.random.Generator | None) -> np.ndarray:
    """`wanted` of the rows in order: the last ones without a generator, else drawn, by class where there is `y`."""
    if generator is None:
        return rows[len(rows) - wanted :]
    if y is None:
        return np.sort(generator.permutation(rows)[:wanted])
    classes, numbers = np.unique(y, return_inverse=True)
    quotas = allot(wanted, np.bincount(numbers, minlength=len(classes)))
    drawn = [generator.permutation(rows[numbers == index])[:quota] for index, quota in enumerate(quotas)]
    return np.sort(np.concatenate(drawn))


def allot(wanted: int, sizes: np.ndarray) -> np.ndarray:
    """How many rows to take of each class: its share rounded down, the rest to the largest remainders."""
    exact = sizes * (wanted / sizes.sum())
    quotas = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - quotas), kind="stable")
    quotas[order[: wanted - quotas.sum()]] += 1
    return np.asarray(quotas)

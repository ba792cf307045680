"""Which rows go to which part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.splits.split_sizes import count

if TYPE_CHECKING:
    from nnrun.spec.data import Split


#: Each part draws from a stream of its own, so that a share of one never moves the rows of the other.
_STREAMS = {"test": 1, "validation": 2}


def split_rows(
    rows: int, split: Split | None, y: np.ndarray | None, seed: int, groups: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Deal rows out to `train`, and to `test` and `validation` where the split gives shares of them.

    Rows keep their order within a part, so that predictions stand in the order of the file. Groups go to a part as a
    whole: it has at least its share of rows, and as few more as whole groups in their drawn order allow.

    Args:
        rows: How many rows there are outside the source's own test part.
        split: The config's split.
        y: One class number a row, to stratify by.
        seed: The experiment's seed.
        groups: One value a row, where rows of one value must not part.

    Raises:
        ValueError: Nothing would be left for training, or groups were to be dealt out by class.
    """
    if groups is not None and split is not None and split.stratify:
        raise ValueError("`stratify: true` deals rows out by class, which parts groups; k_fold can do both")
    left = np.arange(rows)
    parts: dict[str, np.ndarray] = {}
    for part in ("test", "validation"):
        share = getattr(split, part, None)
        if split is None or not isinstance(share, float):
            continue
        generator = np.random.default_rng([seed, _STREAMS[part]]) if split.shuffle else None
        wanted = count(len(left), share)
        if groups is not None:
            chosen = _choose_groups(wanted, left, groups[left], generator)
        else:
            chosen = _choose(wanted, left, y[left] if split.stratify and y is not None else None, generator)
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
    quotas = allocate(wanted, np.bincount(numbers, minlength=len(classes)))
    drawn = [generator.permutation(rows[numbers == index])[:quota] for index, quota in enumerate(quotas)]
    return np.sort(np.concatenate(drawn))


def _choose_groups(
    wanted: int, rows: np.ndarray, groups: np.ndarray, generator: np.random.Generator | None
) -> np.ndarray:
    """At least `wanted` of the rows in order, in whole groups: the last that begin without a generator, else drawn."""
    _, first, numbers = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(-first) if generator is None else generator.permutation(len(first))
    sizes = np.bincount(numbers)[order].cumsum()
    chosen = order[: np.searchsorted(sizes, wanted) + 1]
    if len(chosen) == len(order):
        text = f"a part of {wanted} of {len(rows)} rows takes all {len(order)} groups, and leaves none for training"
        raise ValueError(text)
    return rows[np.isin(numbers, chosen)]


def allocate(wanted: int, sizes: np.ndarray) -> np.ndarray:
    """How many rows to take of each class: its share rounded down, the rest to the largest remainders."""
    exact = sizes * (wanted / sizes.sum())
    quotas = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - quotas), kind="stable")
    quotas[order[: wanted - quotas.sum()]] += 1
    return np.asarray(quotas)

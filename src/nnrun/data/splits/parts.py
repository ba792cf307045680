"""Which rows go to the training, validation and test part, and how many."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.data import Split


#: Why a text has no folds.
NO_FOLDS = "k_fold would train on windows that overlap those it tests; a text takes shares such as `test: 0.1`"


def count(rows: int, share: float) -> int:
    """How many of `rows` a share is, rounded up as scikit-learn's `train_test_split` and Keras' `validation_split` do.

    Raises:
        ValueError: Nothing would be left.
    """
    # 0.1 * 30 is 3.0000000000000004 in binary: without the slack it would round up to 4.
    taken = ceil(rows * share - 1e-9)
    if taken >= rows:
        raise ValueError(f"a share of {share:g} of {rows} rows leaves none for training")
    return taken


def part_rows(rows: int, own_test: int, split: Split | None) -> Mapping[str, int]:
    """The rows of each part that a split gives; of a cross-validation those of its first fold, the largest test part.

    Args:
        rows: The rows outside the source's own test part.
        own_test: The rows of the source's own test part; 0 where it has none.
        split: The config's split; None keeps the source's own parts.

    Raises:
        ValueError: The split cannot be made; the reason.
    """
    refuse(own_test, split)
    left = rows
    parts: dict[str, int] = {"test": own_test} if own_test else {}
    if split is not None and split.k_fold is not None:
        if split.k_fold.groups is not None:
            return {}  # how large groups are is known only once they are read
        parts["test"] = fold_size(rows, split.k_fold.folds, 0)
        left -= parts["test"]
    if split is not None and isinstance(split.test, float):
        parts["test"] = count(left, split.test)
        left -= parts["test"]
    if split is not None and isinstance(split.validation, float):
        parts["validation"] = count(left, split.validation)
        left -= parts["validation"]
    parts["train"] = left
    for part, other in shared(split).items():
        parts[part] = parts[other]
    return {part: parts[part] for part in ("train", "validation", "test") if part in parts}


def fold_size(rows: int, folds: int, index: int) -> int:
    """How many rows fold `index` (counted from 0) tests: the first ones take one more where it does not come out even.

    Raises:
        ValueError: There are fewer rows than folds.
    """
    if folds > rows:
        raise ValueError(f"{folds} folds need at least as many rows, but there are {rows}")
    return rows // folds + (index < rows % folds)


def refuse(own_test: int, split: Split | None) -> None:
    """Refuse a split that the source's own parts forbid.

    Raises:
        ValueError: The reason.
    """
    if split is None:
        return
    if own_test and split.test is not None:
        raise ValueError(
            f"the source has a test part of its own ({own_test} rows), so `test: {split.test}` cannot be; leave it out"
        )
    if split.validation == "test" and not own_test and split.test is None and split.k_fold is None:
        raise ValueError("`validation: test` needs a test part: add a share such as `test: 0.2`")


def shared(split: Split | None) -> dict[str, str]:
    """The parts that are other parts over again: `{"validation": "test"}`."""
    if split is None:
        return {}
    twice = {"test": "train"} if split.test == "train" else {}
    return twice | ({"validation": "test"} if split.validation == "test" else {})


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

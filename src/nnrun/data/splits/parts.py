"""Which rows go to the training, validation and test part, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.dataset import add_shared
from nnrun.data.splits.forward import forward_ranges
from nnrun.data.splits.part_sizes import fold_size, part_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.data import Split


#: Error for folds of a text.
NO_FOLDS = "k_fold would train on windows that overlap those it tests; a text takes shares such as `test: 0.1`"
#: Errors for a stratified split of several targets, of a target of numbers, and of rows in groups.
STRATIFIED_TARGETS = "`stratify: true` needs a single target column"
STRATIFIED_NUMBERS = "`stratify: true` needs classes, but this data set's target is a number"
STRATIFIED_GROUPS = "`stratify: true` splits the rows of a class, which separates rows of one group; k_fold can do both"
#: Each part draws from a random stream of its own, so that the size of one never moves the rows of the other.
_STREAMS = {"test": 1, "validation": 2}


def split_sizes(rows: int, own_test: int, split: Split | None, own_validation: int = 0) -> Mapping[str, int]:
    """Return the number of rows of each part; of a cross-validation those of its first fold, the largest test part.

    Args:
        rows: The rows outside the source's own test part.
        own_test: The rows of the source's own test part; 0 where it has none.
        split: The config's split; None keeps the source's own parts.
        own_validation: The rows of the source's own validation part, which folds do not use; 0 where it has none.

    Raises:
        ValueError: The split is impossible.
    """
    check_split(own_test, split, own_validation)
    left = rows
    is_folded = split is not None and split.cross_validation is not None
    own = {"test": own_test, "validation": 0 if is_folded else own_validation}
    parts: dict[str, int] = {part: size for part, size in own.items() if size}
    if split is not None and split.k_fold is not None:
        if split.k_fold.groups is not None:
            return {}  # the sizes of groups are known only once they are read
        parts["test"] = fold_size(rows, split.k_fold.folds, 0)
        left -= parts["test"]
    if split is not None and split.forward is not None:
        left = _forward_sizes(left, split, parts)
    for part, share in _shares(split).items():
        parts[part] = part_size(left, share)
        left -= parts[part] + (0 if split is None or split.forward is None else split.forward.gap)
    if left < 1:
        raise ValueError("`gap` leaves no row for training")
    parts["train"] = left
    parts = add_shared(parts, shared_parts(split))
    return {part: parts[part] for part in ("train", "validation", "test") if part in parts}


def _forward_sizes(rows: int, split: Split, parts: dict[str, int]) -> int:
    """Add the size of the first forward test part to `parts`; return the number of rows that it is trained on."""
    assert split.forward is not None, "called for forward splits only"  # noqa: S101
    trained, tested = next(forward_ranges(rows, split.forward))
    parts["test"] = len(tested)
    return len(trained)


def check_split(own_test: int, split: Split | None, own_validation: int) -> None:
    """Refuse a split that contradicts the source's own test or validation part.

    Raises:
        ValueError: It does.
    """
    if split is None:
        return
    if own_test and split.test is not None:
        raise ValueError(f"the source has a test part of its own ({own_test} rows); leave out `test: {split.test}`")
    if own_test and split.forward is not None and split.cross_validation is None:
        raise ValueError(f"the source has a test part of its own ({own_test} rows); leave out `forward`")
    if own_validation and split.validation is not None and split.cross_validation is None:
        has = f"the source has a validation part of its own ({own_validation} rows)"
        raise ValueError(f"{has}; leave out `validation: {split.validation}`")
    makes_test = split.test is not None or split.k_fold is not None or split.forward is not None or split.by is not None
    if split.validation == "test" and not own_test and not makes_test:
        raise ValueError("`validation: test` needs a test part: add a share such as `test: 0.2`")


def shared_parts(split: Split | None) -> dict[str, str]:
    """Return the parts that are other parts over again: `{"validation": "test"}`."""
    if split is None:
        return {}
    shared = {"test": "train"} if split.test == "train" else {}
    return shared | ({"validation": "test"} if split.validation == "test" else {})


def _shares(split: Split | None) -> dict[str, float]:
    """Return the shares that a split takes off the training rows, in order."""
    shares = {} if split is None else {"test": split.test, "validation": split.validation}
    return {part: share for part, share in shares.items() if isinstance(share, float)}


def split_rows(
    rows: int, split: Split | None, y: np.ndarray | None, seed: int, groups: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the row indices of `train`, and of `test` and `validation` where the split takes shares for them.

    Rows keep their order within a part, so that predictions stand in the order of the file. Groups go to a part as a
    whole: it has at least its share of rows, and as few more as whole groups in their random order allow.

    Args:
        rows: The number of rows outside the source's own test part.
        split: The config's split.
        y: One class number a row, to stratify by.
        seed: The seed of the experiment.
        groups: One value a row; rows of one value stay together.

    Raises:
        ValueError: Nothing would be left for training, or a split of groups is to be stratified.
    """
    if groups is not None and split is not None and split.stratify:
        raise ValueError(STRATIFIED_GROUPS)
    left = np.arange(rows)
    parts: dict[str, np.ndarray] = {}
    for part, share in _shares(split).items():
        generator = np.random.default_rng([seed, _STREAMS[part]]) if split is not None and split.shuffle else None
        size = part_size(len(left), share)
        if groups is not None:
            chosen = _choose_groups(size, left, groups[left], generator)
        else:
            by_class = split is not None and split.stratify and y is not None
            chosen = _choose(size, left, y[left] if by_class and y is not None else None, generator)
        parts[part] = chosen
        left = np.setdiff1d(left, chosen, assume_unique=True)
    return {"train": left, **parts}


def _choose(size: int, rows: np.ndarray, y: np.ndarray | None, generator: np.random.Generator | None) -> np.ndarray:
    """Return `size` rows in order: the last ones without a generator, else random ones, by class where `y` is given."""
    if generator is None:
        return rows[len(rows) - size :]
    if y is None:
        return np.sort(generator.permutation(rows)[:size])
    classes, numbers = np.unique(y, return_inverse=True)
    sizes = allocate(size, np.bincount(numbers, minlength=len(classes)))
    chosen = [generator.permutation(rows[numbers == index])[:count] for index, count in enumerate(sizes)]
    return np.sort(np.concatenate(chosen))


def _choose_groups(
    size: int, rows: np.ndarray, groups: np.ndarray, generator: np.random.Generator | None
) -> np.ndarray:
    """Return at least `size` rows in order, in whole groups: those that begin last without a generator, else random."""
    _, first, numbers = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(-first) if generator is None else generator.permutation(len(first))
    sizes = np.bincount(numbers)[order].cumsum()
    chosen = order[: np.searchsorted(sizes, size) + 1]
    if len(chosen) == len(order):
        raise ValueError(
            f"a part of {size} of {len(rows)} rows takes all {len(order)} groups and leaves none to train on"
        )
    return rows[np.isin(numbers, chosen)]


def allocate(total: int, sizes: np.ndarray) -> np.ndarray:
    """Return how many rows to take of each class: its share rounded down, the rest to the largest remainders.

    Args:
        total: The number of rows to take.
        sizes: The number of rows of each class.
    """
    exact = sizes * (total / sizes.sum())
    counts = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return np.asarray(counts)

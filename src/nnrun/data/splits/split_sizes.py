"""How many rows each part gets: the arithmetic alone, for `check` and for the split itself."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

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

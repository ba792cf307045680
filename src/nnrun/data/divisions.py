"""The rows of each part of a split, or of each fold, as training and check both compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.data.cross_validation import assign_folds
from nnrun.data.load import part_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.dataset import SourceData
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms


@dataclass(frozen=True)
class Division:
    """The training rows and the rows that are scored, of a split or of one fold.

    Attributes:
        fold: The number of the fold; None where there are none.
        rows: The rows of the source's training part that each part takes.
    """

    fold: int | None
    rows: Mapping[str, np.ndarray]


def divide(data: SourceData, spec: DataSpec, *, forms: TargetForms, seed: int) -> list[Division]:
    """Return the division of a split, or that of every fold of all repeats.

    Raises:
        DataError: The split is impossible.
    """
    split = spec.split
    if split is None or split.cross_validation is None:
        return [Division(None, part_rows(data, split, seed))]
    folded = assign_folds(data, spec, form=forms, seed=seed)
    if isinstance(split.validation, float):
        return [Division(fold.number, folded.rows(fold.number)) for fold in folded.folds]
    return [Division(fold.number, {"train": fold.rest, "test": fold.test}) for fold in folded.folds]

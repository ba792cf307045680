"""A data set as the model takes it: arrays, facts and digests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.spec.facts import Facts


@dataclass(frozen=True)
class DataPart:
    """One part of a data set.

    Attributes:
        x: Examples, float32 (int32 where they are codes), C-contiguous, the first dimension counts them.
            Where they stay on disk, a `Stream`, which has the shape of such an array and is read in pieces.
            `load` gives one array; `nnrun.data.inputs.select` makes of it one by input where a model has several.
        y: Targets: int32 of shape (rows,) for class numbers, else float32 of shape (rows, targets); of shape (rows, 0)
            where the truth was not asked for. Several positions of classes stand between (rows, steps, classes).
            By target where the config gives each a loss; a target that is the input itself is `x` as float32.
        rows: The index of each example in its source, counted from 0.
        sample_weight: One weight an example, float32 of shape (rows,), or None.
    """

    x: np.ndarray
    y: np.ndarray | dict[str, np.ndarray]
    rows: np.ndarray
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Dataset:
    """A data set, split, prepared and encoded.

    Attributes:
        train: The training part.
        validation: The validation part, or None.
        test: The test part, or None.
        facts: What the data teach.
        digests: SHA-256 of every data file (`file:NAME`) and of the final arrays (`train.x`, ...); of examples on disk
            what identifies them and their order (`train.stream`).
        fitted: The fitted preparation as JSON, for `prepare.json`; an entry without `step` says how the
            source was read.
        shared: Parts that are other parts over again: `{"validation": "test"}`.
    """

    train: DataPart
    validation: DataPart | None
    test: DataPart | None
    facts: Facts
    digests: Mapping[str, str] = field(default_factory=dict)
    fitted: tuple[Mapping[str, Any], ...] = ()
    shared: Mapping[str, str] = field(default_factory=dict)

    def part(self, name: str) -> DataPart | None:
        """The part `train`, `validation` or `test`."""
        found: DataPart | None = getattr(self, name)
        return found

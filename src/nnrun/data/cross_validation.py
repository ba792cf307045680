"""The data sets of a cross-validation: read once, and for each fold dealt out, prepared and encoded anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.load import classes_to_stratify, make_source, prepare_dataset, read, separate_groups, split_parts
from nnrun.data.splits.folds import fold_seed, make_folds
from nnrun.data.splits.parts import NO_FOLDS, split_rows
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset, Examples, SourceData
    from nnrun.data.splits.folds import Fold
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec, KFold, Split
    from nnrun.spec.facts import TargetForms


@dataclass(frozen=True)
class FoldedData:
    """A source's examples, and the folds they are dealt into.

    Attributes:
        raw: The examples; a test part that the source has of its own is in no fold.
        folds: The folds of all repeats, in order.
        spec: The config's `data:`.
        form: How targets are encoded.
        seed: The experiment's seed.
        classes: One class number a row, where anything is stratified.
    """

    raw: SourceData
    folds: tuple[Fold, ...]
    spec: DataSpec
    form: TargetForms
    seed: int
    classes: np.ndarray | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the rows that each fold tests: two cross-validations with the same one can be paired."""
        digest = hashlib.sha256()
        for fold in self.folds:
            digest.update(f"{fold.number}:{','.join(map(str, fold.test.tolist()))};".encode())
        return digest.hexdigest()

    def dataset(self, number: int, progress: Progress) -> Dataset:
        """Fold `number` as a data set; its preparation is fitted on its training rows alone.

        Raises:
            DataError: The rows do not suit the preparation or the loss.
        """
        fold, split = self.folds[number], _split(self.spec)
        classes = self.classes[fold.rest] if self.classes is not None and split.stratify else None
        groups = None if self.raw.groups is None else self.raw.groups[fold.rest]
        try:
            within = split_rows(len(fold.rest), split, classes, fold_seed(self.seed, fold.repeat), groups)
        except ValueError as error:
            raise DataError(f"split: {error}") from None
        rows = {part: fold.rest[index] for part, index in within.items()} | {"test": fold.test}
        return self._assembled({part: self.raw.train.take(index) for part, index in rows.items()}, rows, progress)

    def whole(self, progress: Progress) -> Dataset:
        """All rows as a data set, for the final fit; a test part that the source has of its own is its test part.

        Raises:
            DataError: The rows do not suit the preparation or the loss.
        """
        return self._assembled(*split_parts(self.raw, self.spec.split, self.seed), progress)

    def _assembled(self, parts: dict[str, Examples], rows: dict[str, np.ndarray], progress: Progress) -> Dataset:
        return prepare_dataset(self.raw, parts, rows, self.spec, form=self.form, progress=progress)


def load_folded(spec: DataSpec, *, form: TargetForms, seed: int, paths: DataPaths, progress: Progress) -> FoldedData:
    """Read a config's data and deal them out to folds; the arguments are those of `nnrun.data.load.load`.

    Raises:
        DataError: The data cannot be used, or not be dealt out so.
    """
    source = make_source(spec.source, spec.prepare)
    if isinstance(source, TextSource):
        raise DataError(f"split: {NO_FOLDS}")
    raw = separate_groups(read(source, paths, progress), spec.split)
    split = _split(spec)
    k_fold = _k_fold(spec)
    try:
        classes = classes_to_stratify(raw) if k_fold.stratify or split.stratify else None
        folds = make_folds(len(raw.train), k_fold, y=classes if k_fold.stratify else None, groups=raw.groups, seed=seed)
    except ValueError as error:
        raise DataError(f"split: k_fold: {error}") from None
    if k_fold.stratify and classes is not None and (least := int(np.bincount(classes).min())) < k_fold.folds:
        progress.warn(f"A class has {least} rows, so that not each of the {k_fold.folds} folds can test one.")
    if raw.test is not None:
        use = "only the final fit is scored on it" if k_fold.final_fit else "it is not used"
        progress.say(f"The folds are made of the {len(raw.train):,} training rows; of the test part, {use}.")
    return FoldedData(raw, tuple(folds), spec, form, seed, classes)


def _split(spec: DataSpec) -> Split:
    assert spec.split is not None, "called for cross-validations only"  # noqa: S101
    return spec.split


def _k_fold(spec: DataSpec) -> KFold:
    k_fold = _split(spec).k_fold
    assert k_fold is not None, "called for cross-validations only"  # noqa: S101
    return k_fold

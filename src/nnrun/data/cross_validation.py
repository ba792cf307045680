"""The data of a cross-validation: read once, then split, prepared and encoded for each fold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.data.dataset import as_data_error
from nnrun.data.load import (
    check_independent,
    classes_to_stratify,
    make_source,
    prepare_dataset,
    read_source,
    split_parts,
)
from nnrun.data.splits.folds import fold_seed, make_folds, make_forward_folds
from nnrun.data.splits.forward import cut_off_end, time_order
from nnrun.data.splits.parts import NO_FOLDS, split_rows
from nnrun.data.splits.window_parts import series_order
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError
from nnrun.spec.data import Forward

if TYPE_CHECKING:
    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset, Examples, SourceData
    from nnrun.data.splits.folds import Fold
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec, KFold, Split
    from nnrun.spec.facts import TargetForms


@dataclass(frozen=True)
class FoldedData:
    """The examples of a source, and the folds that their rows are assigned to.

    Attributes:
        data: The examples; a test part of the source's own is in no fold.
        folds: The folds of all repeats, in order.
        spec: The config's `data:`.
        k_fold: The folds that it asks for.
        form: The form in which the loss takes targets.
        seed: The seed of the experiment.
        classes: One class number a row, where folds or parts are stratified.
    """

    data: SourceData
    folds: tuple[Fold, ...]
    spec: DataSpec
    k_fold: KFold | Forward
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
        """Return the data set of fold `number`; its preparation is fitted to its training rows alone.

        Raises:
            DataError: The rows do not suit the preparation or the loss.
        """
        rows = self.rows(number)
        return self._prepared({part: self.data.train.take(index) for part, index in rows.items()}, progress)

    def rows(self, number: int) -> dict[str, np.ndarray]:
        """Return the rows of each part of fold `number`.

        Raises:
            DataError: Nothing would be left for training.
        """
        fold, split = self.folds[number], self.spec.split
        if split is not None and split.forward is not None:
            return self._forward_rows(fold, split)
        by_class = split is not None and split.stratify
        classes = self.classes[fold.rest] if self.classes is not None and by_class else None
        groups = None if self.data.groups is None else self.data.groups[fold.rest]
        with as_data_error("split"):
            within = split_rows(len(fold.rest), split, classes, fold_seed(self.seed, fold.repeat), groups)
        return {part: fold.rest[index] for part, index in within.items()} | {"test": fold.test}

    def _forward_rows(self, fold: Fold, split: Split) -> dict[str, np.ndarray]:
        """Return the rows of each part of a forward fold, of which the last in time validate."""
        rows = {"train": fold.rest}
        if isinstance(split.validation, float):
            order, gap = _order(self.data), split.forward.gap if split.forward else 0
            with as_data_error("split"):
                rows["train"], rows["validation"] = cut_off_end(order, fold.rest, split.validation, gap)
        return {**rows, "test": fold.test}

    def whole(self, progress: Progress) -> Dataset:
        """Return the data set of the final fit: all rows, and the source's own test part where it has one.

        Raises:
            DataError: The rows do not suit the preparation or the loss.
        """
        return self._prepared(split_parts(self.data, self.spec.split, self.seed), progress)

    def _prepared(self, parts: dict[str, Examples], progress: Progress) -> Dataset:
        with self.data.naming_file():
            return prepare_dataset(self.data, parts, self.spec, form=self.form, seed=self.seed, progress=progress)


def _order(data: SourceData) -> np.ndarray:
    """Return the place of each row in time."""
    if data.train.series is not None:
        return series_order(data.train.series, data.times)
    return time_order(len(data.train), data.times)


def load_folded(spec: DataSpec, *, form: TargetForms, seed: int, paths: DataPaths, progress: Progress) -> FoldedData:
    """Read the data of a config and assign its rows to folds; the arguments are those of `nnrun.data.load.load`.

    Raises:
        DataError: The data cannot be used, or their rows cannot be assigned to folds.
    """
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    if isinstance(source, TextSource):
        raise DataError(f"split: {NO_FOLDS}")
    data = read_source(source, spec.split, paths, progress)
    folded = assign_folds(data, spec, form=form, seed=seed)
    left_out = [name for name, part in (("test", data.test), ("validation", data.validation)) if part is not None]
    if left_out:
        tests = data.test is not None and folded.k_fold.final_fit
        use = "only the final fit is scored on the test part" if tests else f"{_parts(left_out)} not used"
        progress.say(f"The folds are made of the {len(data.train):,} training rows; {use}.")
    return folded


def _parts(names: list[str]) -> str:
    return f"the {names[0]} part is" if len(names) == 1 else f"the {' and '.join(names)} parts are"


def assign_folds(data: SourceData, spec: DataSpec, *, form: TargetForms, seed: int) -> FoldedData:
    """Assign the rows of a source to the folds of a config.

    Raises:
        DataError: They cannot be assigned.
    """
    split = spec.split
    assert split is not None, "called for cross-validations only"  # noqa: S101
    k_fold = split.cross_validation
    assert k_fold is not None, "called for cross-validations only"  # noqa: S101
    with as_data_error(": ".join(split.path[1:])):
        if isinstance(k_fold, Forward) or data.windows is not None:
            check_independent(data, split)
        if isinstance(k_fold, Forward):
            folds = make_forward_folds(_order(data), k_fold)
            return FoldedData(data, tuple(folds), spec, k_fold, form, seed)
        classes = classes_to_stratify(data) if k_fold.stratify or split.stratify else None
        y = classes if k_fold.stratify else None
        folds = make_folds(len(data.train), k_fold, y=y, groups=data.groups, seed=seed)
    return FoldedData(data, tuple(folds), spec, k_fold, form, seed, classes)

"""Targets of numbers: their values, and rows that are in the order of their target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.splits.alternatives import other_splits
from nnrun.data.target_encoding import WHOLE_TARGET, target_column
from nnrun.errors import DataError
from nnrun.spec.finding import Finding
from nnrun.spec.target_values import TargetValues

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.data.dataset import Examples, SourceData
    from nnrun.data.divisions import Division
    from nnrun.errors import Path
    from nnrun.spec.data import DataSpec, Split

#: Fewer rows, or fewer different values, do not show an order.
_FEW_ROWS, _FEW_VALUES = 10, 5


def number_columns(
    data: SourceData, own: Mapping[str, Examples], key: str
) -> dict[str, tuple[np.ndarray, Mapping[str, np.ndarray]]]:
    """Return each column of a target of numbers: of the source's training part, and of its own parts."""
    try:
        arrays = [target_column(part.y, data.target_names, key) for part in (data.train, *own.values())]
    except DataError:
        return {}
    if any(array.dtype.kind not in "biuf" or not array.size or not np.isfinite(array).all() for array in arrays):
        return {}
    columns = [array.reshape(len(array), -1) for array in arrays]
    whole = key in {ALL_TARGETS, WHOLE_TARGET}
    names = data.target_names if whole and len(data.target_names) == columns[0].shape[1] else (key or "target",)
    if len(names) != columns[0].shape[1]:
        return {names[0]: (arrays[0], dict(zip(own, arrays[1:], strict=True)))}
    return {
        name: (columns[0][:, index], {part: array[:, index] for part, array in zip(own, columns[1:], strict=True)})
        for index, name in enumerate(names)
    }


def target_values(train: np.ndarray, own: Mapping[str, np.ndarray]) -> TargetValues:
    """Return what is known of a column of the source's training part and of its own parts."""
    everywhere = (train, *own.values())
    return TargetValues(
        min(float(one.min()) for one in everywhere),
        max(float(one.max()) for one in everywhere),
        float(train.mean(dtype="float64")),
        float(train.std(dtype="float64")),
    )


def check_order(
    columns: Mapping[str, tuple[np.ndarray, Mapping[str, np.ndarray]]], spec: DataSpec, divisions: Sequence[Division]
) -> Iterator[Finding]:
    """Find targets of numbers whose order is that of the rows, where the parts are cut in that order.

    Either the whole target rises or falls from row to row, or a part has no value within the range of the training
    rows. Rows that a split shuffles are in no such order.
    """
    for name, (train, own) in columns.items():
        if train.ndim > 1 or len(train) < _FEW_ROWS or len(np.unique(train[:10_000])) < _FEW_VALUES:
            continue
        steps = np.diff(train)
        rises = bool((steps >= 0).all())
        if is_cut_in_order(spec.split) and (rises or bool((steps <= 0).all())):
            cut = "folds" if divisions[0].fold is not None else "parts"
            text = (
                f"the rows are in the order of the target {name!r} (it only {'rises' if rises else 'falls'}), and the "
                f"{cut} are cut in that order: values are tested that the training rows do not have"
            )
        elif apart := _part_apart(train, own, spec, divisions):
            part, values, known = apart
            text = (
                f"the target {name!r} is {_range(values)} in the {part} part, but {_range(known)} in the training "
                "part: values are scored that training does not have"
            )
        else:
            continue
        hints = [line for _, line in other_splits(spec.split)]
        hint = (
            f"write {hints[0]}"
            if hints and is_cut_in_order(spec.split)
            else "join the parts into one, and write `split: {test: 0.2}`"
        )
        path: Path = ("data", "split") if spec.split is not None else spec.source.path
        yield Finding(path, text, hint, "ordered-target", "warning")


def is_cut_in_order(split: Split | None) -> bool:
    """Return whether parts or folds are taken in the order of the rows."""
    if split is None:
        return False
    if split.forward is not None:
        return False  # in the order of time for a reason
    if split.k_fold is not None:
        return not split.k_fold.shuffle and split.k_fold.groups is None
    return not split.shuffle and (isinstance(split.test, float) or isinstance(split.validation, float))


def _part_apart(
    train: np.ndarray, own: Mapping[str, np.ndarray], spec: DataSpec, divisions: Sequence[Division]
) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Return a part whose values and those of the training rows do not overlap, with both."""
    if divisions[0].fold is not None:
        return None
    rows = divisions[0].rows
    known, parts = train[rows["train"]], dict(own)
    if is_cut_in_order(spec.split):
        parts |= {part: train[index] for part, index in rows.items() if part != "train"}
    for part, values in parts.items():
        if len(values) >= _FEW_VALUES and (values.min() > known.max() or values.max() < known.min()):
            return part, values, known
    return None


def _range(values: np.ndarray) -> str:
    return f"{values.min():g} to {values.max():g}"

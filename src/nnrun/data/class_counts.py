"""How many rows of each class the parts and folds of a data set have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import label, labels
from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.target_encoding import WHOLE_TARGET, array_form, infer_positions, target_column
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.dataset import Examples, SourceData
    from nnrun.spec.facts import TargetForm

#: A target with more classes, or with more class numbers in all, is not counted.
_MOST_CLASSES, _MOST_NUMBERS = 10_000, 50_000_000


@dataclass(frozen=True)
class ClassTable:
    """The classes of one target, by row.

    Attributes:
        names: The classes' names.
        train: Of the source's training part one class number a row (or several: one a step, one a pixel); where a row
            may have several classes at once, of shape (rows, classes) with 1 for each that it has.
        own: The same of the source's own test and validation part.
        is_multi_label: Whether a row may have several classes at once, or none.
        is_wide: Whether `train` has a column for each class.
    """

    names: tuple[str, ...]
    train: np.ndarray
    own: Mapping[str, np.ndarray]
    is_multi_label: bool = False
    is_wide: bool = False

    def count(self, numbers: np.ndarray) -> np.ndarray:
        """Return how often each class occurs in rows of `train` or of `own`."""
        if self.is_wide:
            return np.asarray(np.count_nonzero(numbers, axis=0))
        return np.bincount(numbers.reshape(-1), minlength=len(self.names))


def class_table(data: SourceData, own: Mapping[str, Examples], key: str, form: TargetForm) -> ClassTable | None:
    """Return the classes of a target; None where it has none, or too many to count.

    Args:
        data: The data of the source.
        own: Its own test and validation part.
        key: The target's key.
        form: The form in which its loss takes it.
    """
    if form == "number" or data.task == "regression":
        return None
    try:
        columns = [target_column(part.y, data.target_names, key) for part in (data.train, *own.values())]
        first = columns[0]
        kept, dimensions = array_form(form, first.shape[1:], first.dtype.kind)
        if kept == "number" and data.positions is None:
            return None
        positions = (dimensions or infer_positions(columns, form)) if data.positions is None else data.positions
    except DataError:
        return None  # whatever is wrong is an error of its own
    if first.ndim > 1 + len(positions) and first.shape[-1] > 1:
        return _wide_table(data, own, key, columns, is_multi_label=form == "binary")
    found = _numbered(columns)
    if found is None:
        return None
    names, (train, *others) = found
    return ClassTable(_shown(names, data), train, dict(zip(own, others, strict=True)))


def _wide_table(
    data: SourceData, own: Mapping[str, Examples], key: str, columns: Sequence[np.ndarray], *, is_multi_label: bool
) -> ClassTable | None:
    """Return the table of a target with a column of 0 and 1 for each class."""
    width = columns[0].shape[-1]
    if any(column.dtype.kind not in "biuf" for column in columns) or columns[0].size > _MOST_NUMBERS:
        return None
    is_whole = key in {ALL_TARGETS, WHOLE_TARGET} and len(data.target_names) == width
    names = data.target_names if is_whole else data.class_names or tuple(map(str, range(width)))
    train, *others = (column.reshape(-1, width) if column.ndim > 2 else column for column in columns)
    if len(names) != width or len(train) != len(data.train):
        return None
    return ClassTable(tuple(names), train, dict(zip(own, others, strict=True)), is_multi_label, is_wide=True)


def _numbered(columns: Sequence[np.ndarray]) -> tuple[tuple[str, ...], list[np.ndarray]] | None:
    """Return the names of the classes in order, and each column as class numbers; None where they are no classes."""
    values = np.concatenate([column.reshape(-1) for column in columns])
    if values.size > _MOST_NUMBERS:
        return None
    if values.dtype == object:
        # A dictionary takes a tenth of the time of sorting texts.
        known: dict[object, int] = {}
        inverse = np.array([known.setdefault(value, len(known)) for value in values.tolist()], dtype=int)
        distinct = list(known)
    else:
        if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
            return None
        found, inverse = np.unique(values, return_inverse=True)
        distinct = found.tolist()
    if len(distinct) > _MOST_CLASSES or any(value is None for value in distinct):
        return None
    names = labels(distinct)
    numbers = {name: number for number, name in enumerate(names)}
    codes = np.array([numbers[label(value)] for value in distinct], dtype=int)[inverse]
    parts = np.split(codes, np.cumsum([column.size for column in columns])[:-1])
    return names, [part.reshape(len(column), -1) for part, column in zip(parts, columns, strict=True)]


def _shown(names: tuple[str, ...], data: SourceData) -> tuple[str, ...]:
    """Return the classes by the names that the source has for their numbers."""
    known = data.class_names if len(data.target_names) == 1 else ()
    return tuple(
        known[int(name)] if name not in known and name.isdecimal() and int(name) < len(known) else name
        for name in names
    )

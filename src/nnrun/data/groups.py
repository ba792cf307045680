"""The column whose rows of one value stay together in a cross-validation, and which is no feature for that reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nnrun.data.columns import Columns, resolve

if TYPE_CHECKING:
    import numpy as np

    from nnrun.data.raw import Examples, Outline, Raw
    from nnrun.data.shares import SplitLike

_NO_TABLE = "groups names a column, but these data are no table"


def column_of(split: SplitLike | None) -> str | int | None:
    """The column that a split groups rows by, as the config names it; None where it groups none."""
    return split.k_fold.groups if split is not None and split.k_fold is not None else None


def taken_out(examples: Examples, column: str | int) -> tuple[Examples, np.ndarray]:
    """The examples without the column of groups, and that column, shape (rows,).

    Raises:
        ValueError: There is no such column, or no other one.
    """
    x = examples.x
    if not isinstance(x, Columns):
        raise ValueError(_NO_TABLE)  # noqa: TRY004 - what the config says is wrong, not a type
    name = _resolved(column, x.names)
    left = {known: values for known, values in x.values.items() if known != name}
    return replace(examples, x=Columns(left)), x.values[name]


def grouped(raw: Raw, column: str | int) -> tuple[Raw, np.ndarray]:
    """A source's examples without the column of groups, and that column of those that folds are made of.

    Raises:
        ValueError: There is no such column, or no other one.
    """
    train, groups = taken_out(raw.train, column)
    return replace(raw, train=train, test=None if raw.test is None else taken_out(raw.test, column)[0]), groups


def foreseen(outline: Outline, column: str | int) -> Outline:
    """What is known of a source, without the column of groups.

    Raises:
        ValueError: There is no such column, or no other one.
    """
    if outline.columns is None or outline.shape is None:
        raise ValueError(_NO_TABLE)
    name = _resolved(column, outline.columns)
    left = tuple(known for known in outline.columns if known != name)
    return replace(outline, shape=(len(left),), columns=left, text=outline.text - {name})


def _resolved(column: str | int, names: tuple[str, ...]) -> str:
    # A file without a header names its columns "0", "1", ..., of which the target may be missing here.
    (name,) = resolve([str(column) if str(column) in names else column], names)
    if len(names) == 1:
        raise ValueError(f"groups takes the only feature column {name!r}, so that nothing is left to learn from")
    return name

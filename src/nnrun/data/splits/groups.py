"""The column whose rows of one value stay together, and which is no feature for that reason.

A reader names it (`group`), or a cross-validation does (`k_fold: {groups: ...}`); who names it twice must mean one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nnrun.data.columns import Columns, resolve

if TYPE_CHECKING:
    import numpy as np

    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.spec.data import Split


_NO_TABLE = "groups names a column, but these data are no table"


def column_of(split: Split | None) -> str | int | None:
    """The column that a split groups rows by, as the config names it; None where it groups none."""
    return split.k_fold.groups if split is not None and split.k_fold is not None else None


def refuse_two(group: str | None, column: str | int | None) -> None:
    """Refuse a reader and a split that group rows by different columns.

    Raises:
        ValueError: They do.
    """
    if group is not None and column is not None and str(column) != group:
        text = f"`groups` names the column {column!r}, but the source's `group` {group!r}; leave out one of the two"
        raise ValueError(text)


def pop_groups(examples: Examples, column: str | int) -> tuple[Examples, np.ndarray]:
    """The examples without the column of groups, and that column, shape (rows,).

    Raises:
        ValueError: There is no such column, or no other one.
    """
    x = examples.x
    if hasattr(x, "store"):
        hint = "rows that stay on disk are grouped by the source's own `group`, not by the split's `groups`"
        raise ValueError(hint)
    if not isinstance(x, Columns):
        raise ValueError(_NO_TABLE)  # noqa: TRY004 - what the config says is wrong, not a type
    name = resolved(column, x.names)
    left = {known: values for known, values in x.values.items() if known != name}
    return replace(examples, x=Columns(left)), x.values[name]


def grouped(raw: SourceData, split: Split | None) -> SourceData:
    """A source's examples without the column of groups, which is kept beside those that parts are made of.

    Raises:
        ValueError: There is no such column, or no other one, or two are named.
    """
    column = column_of(split)
    refuse_two(raw.group, column)
    if column is None or raw.group is not None:
        return raw
    train, groups = pop_groups(raw.train, column)
    test = None if raw.test is None else pop_groups(raw.test, column)[0]
    return replace(raw, train=train, test=test, groups=groups, group=str(column))


def foreseen(outline: DataFacts, column: str | int) -> DataFacts:
    """What is known of a source, without the column of groups.

    Raises:
        ValueError: There is no such column, or no other one, or two are named.
    """
    refuse_two(outline.group, column)
    if outline.group is not None:
        return outline
    if outline.columns is None or outline.shape is None:
        raise ValueError(_NO_TABLE)
    name = resolved(column, outline.columns)
    left = tuple(known for known in outline.columns if known != name)
    return replace(outline, shape=(len(left),), columns=left, text=outline.text - {name}, group=name)


def resolved(column: str | int, names: tuple[str, ...]) -> str:
    """The name of the column of groups among a table's features.

    Raises:
        ValueError: There is no such column, or no other one.
    """
    # A file without a header names its columns "0", "1", ..., of which the target may be missing here.
    (name,) = resolve([str(column) if str(column) in names else column], names)
    if len(names) == 1:
        raise ValueError(f"groups takes the only feature column {name!r}, so that nothing is left to learn from")
    return name

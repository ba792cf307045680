"""The column whose rows of one value stay in one part, and which is no feature for that reason.

Either a source names it (`group`) or a cross-validation (`k_fold: {groups: ...}`); where both do, they must agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nnrun.data.columns import Columns, resolve_columns

if TYPE_CHECKING:
    import numpy as np

    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.spec.data import Split


_NO_TABLE = "groups names a column, but these data are no table"


def group_column(split: Split | None, group: str | None = None, *, is_table: bool = False) -> str | int | None:
    """Return the column that a split groups rows by; None where it names none, or the source has grouped them already.

    Args:
        split: The config's split.
        group: The column that the source groups rows by.
        is_table: Whether the source has compared the two: only it knows which column an index is.

    Raises:
        ValueError: Split and source name different columns.
    """
    column = split.k_fold.groups if split is not None and split.k_fold is not None else None
    if group is not None and column is not None and str(column) != group and not is_table:
        text = f"`groups` names the column {column!r}, but the source's `group` {group!r}; leave out one of the two"
        raise ValueError(text)
    return column if group is None else None


def pop_groups(examples: Examples, column: str | int) -> tuple[Examples, np.ndarray]:
    """Return the examples without the column of groups, and that column, shape (rows,).

    Raises:
        ValueError: There is no such column, or no other one.
    """
    x = examples.x
    if hasattr(x, "store"):
        raise ValueError("data that stay on disk are grouped by the source's own `group`; write it there")
    if not isinstance(x, Columns):
        raise ValueError(_NO_TABLE)  # noqa: TRY004 - what the config says is wrong, not a type
    name = group_name(column, x.names)
    left = {known: values for known, values in x.values.items() if known != name}
    return replace(examples, x=replace(x, values=left)), x.values[name]


def separate_groups(data: SourceData, split: Split | None) -> SourceData:
    """Return the data of a source with the column of groups apart from the features.

    Raises:
        ValueError: There is no such column, or no other one, or two are named.
    """
    column = group_column(split, data.group, is_table=not hasattr(data.train.x, "dtype"))
    if column is None:
        return data
    train, groups = pop_groups(data.train, column)
    test, validation = (None if part is None else pop_groups(part, column)[0] for part in (data.test, data.validation))
    return replace(data, train=train, test=test, validation=validation, groups=groups, group=str(column))


def facts_without_groups(facts: DataFacts, split: Split | None) -> DataFacts:
    """Return what is known about a source without the column of groups.

    Raises:
        ValueError: There is no such column, or no other one, or two are named.
    """
    column = group_column(split, facts.group, is_table=facts.columns is not None)
    if column is None:
        return facts
    if facts.columns is None or facts.shape is None:
        raise ValueError(_NO_TABLE)
    name = group_name(column, facts.columns)
    left = tuple(known for known in facts.columns if known != name)
    return replace(facts, shape=(len(left),), columns=left, text=facts.text - {name}, group=name)


def group_name(column: str | int, names: tuple[str, ...]) -> str:
    """Return the name of the column of groups among the features of a table.

    Raises:
        ValueError: There is no such column, or no other one.
    """
    # A file without a header names its columns "0", "1", ..., of which the target may be missing here.
    (name,) = resolve_columns([str(column) if str(column) in names else column], names)
    if len(names) == 1:
        raise ValueError(f"groups takes the only feature column {name!r}, so that no feature is left")
    return name

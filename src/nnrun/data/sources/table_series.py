"""The rows of a table as series: its columns of times and groups, and what `check` finds in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nnrun.data.series.series_rows import series_rows
from nnrun.data.splits.window_parts import window_sizes
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.dataset import DataFacts
    from nnrun.data.series.series_rows import SeriesRows
    from nnrun.data.series.windows import WindowSpec
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath


def times_of(label: str, table: Mapping[str, np.ndarray], roles: ColumnRoles) -> np.ndarray | None:
    """Return the column of times as numbers, shape (rows,); None where the source names none.

    Args:
        label: The source's name in messages.
        table: The columns that have a role.
        roles: The columns' roles.

    Raises:
        DataError: It holds text that is no date.
    """
    if roles.time is None:
        return None
    times = table[roles.time]
    if times.dtype == object:
        text = f"{label}: expected dates or numbers in the column of times {roles.time!r}, received text such "
        hint = f"write how its dates are written: `types: {{{roles.time}: {{date: '%d.%m.%Y'}}}}`"
        raise DataError(f"{text}as {times[0]!r}", hint=hint)
    return times.astype("float64")


def series_of(
    label: str,
    table: Mapping[str, np.ndarray],
    roles: ColumnRoles,
    date_format: str | None,
    files: Mapping[str, Path],
    lines: np.ndarray | None,
) -> SeriesRows:
    """Return which series each row of a table belongs to.

    Args:
        label: The source's name in messages.
        table: The columns that have a role.
        roles: The columns' roles.
        date_format: The format of the dates of times; None where these are numbers.
        files: The files that were read.
        lines: The line of each row.

    Raises:
        DataError: The times of a series are not in order, or there twice.
    """
    groups = None if roles.group is None else table[roles.group]
    rows, file = len(next(iter(table.values()))), next(iter(files.values()), None)
    times = times_of(label, table, roles)
    return series_rows(rows, times, groups, date_format=date_format, time=roles.time, file=file, lines=lines)


def window_facts(
    windows: WindowSpec,
    facts: DataFacts,
    columns: Mapping[str, np.ndarray] | None,
    roles: ColumnRoles,
    date_formats: Mapping[str, str],
    path: ConfigPath,
) -> tuple[DataFacts, list[Finding]]:
    """Return the facts of a table whose examples are windows, and what is wrong with its series.

    Args:
        windows: The windows.
        facts: The facts of the table.
        columns: Its columns of times and groups; None where they are not read.
        roles: The roles of its columns.
        date_formats: The stated formats of dates by column.
        path: The place of the source's arguments in the config.
    """
    rows = facts.rows
    facts = replace(facts, windows=windows, group=None, split_sizes=lambda _: {})
    named = roles.time is not None or roles.group is not None
    if rows is None or (named and columns is None) or facts.test_rows or facts.validation_rows:
        return facts, []
    columns = columns or {}
    groups = None if roles.group is None else columns[roles.group]
    try:
        times = times_of("times", columns, roles)
        date_format = date_formats.get(str(roles.time), "")
        series = series_rows(rows, times, groups, date_format=date_format, time=roles.time)
    except DataError as error:
        at = (*path, "time" if roles.time is not None else "group")
        return facts, [Finding(at, error.text, error.hint, "defective-data")]
    sizes = partial(window_sizes, series, times, groups is not None, windows)
    return replace(facts, split_sizes=sizes), []

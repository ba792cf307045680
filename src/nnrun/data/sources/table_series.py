"""The rows of a table as series: its columns of times and groups, and what `check` finds in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nnrun.data.columns import label
from nnrun.data.csv.dates import has_zone
from nnrun.data.csv.defects import relative_to_here
from nnrun.data.csv.dialect import row_lines
from nnrun.data.csv.type_inference import distinct_texts
from nnrun.data.series.series_rows import series_rows
from nnrun.data.splits.window_parts import window_sizes
from nnrun.errors import DataError, Mark
from nnrun.formatting import format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.dataset import DataFacts
    from nnrun.data.series.series_rows import SeriesRows
    from nnrun.data.series.windows import WindowSpec
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath


#: Times that have a zone are numbers in UTC, and are shown as such.
_ISO_IN_UTC = "%Y-%m-%dT%H:%M:%SZ"


def times_of(name: str, table: Mapping[str, np.ndarray], roles: ColumnRoles) -> np.ndarray | None:
    """Return the column of times as numbers, shape (rows,); None where the source names none.

    Args:
        name: The source's name in messages.
        table: The columns that have a role.
        roles: The columns' roles.

    Raises:
        DataError: It holds text that is no date.
    """
    if roles.time is None:
        return None
    times = table[roles.time]
    if times.dtype == object:
        text = f"{name}: expected dates or numbers in the column of times {roles.time!r}, received text such "
        hint = f"write how its dates are written: `types: {{{roles.time}: {{date: '%d.%m.%Y'}}}}`"
        raise DataError(f"{text}as {times[0]!r}", hint=hint)
    return times.astype("float64")


def series_of(
    name: str,
    table: Mapping[str, np.ndarray],
    roles: ColumnRoles,
    date_format: str | None,
    files: Mapping[str, Path],
    lines: np.ndarray | None,
) -> SeriesRows:
    """Return which series each row of a table belongs to.

    Args:
        name: The source's name in messages.
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
    times = times_of(name, table, roles)
    return series_rows(rows, times, groups, date_format=date_format, time=roles.time, file=file, lines=lines)


def shown_format(date_format: str | None, *, zoned: bool) -> str | None:
    """Return the format in which times are shown: where those of the file have a zone, with that of the numbers.

    Args:
        date_format: The format of the dates of times; empty for ISO 8601, None where times are numbers.
        zoned: Whether the times of the file have a zone.
    """
    return _ISO_IN_UTC if date_format == "" and zoned else date_format


def has_zones(file: CsvFile, time: str | None) -> bool:
    """Return whether the first time of a csv file has a zone.

    Raises:
        DataError: The file cannot be read.
    """
    return time is not None and any(map(has_zone, distinct_texts(file, [time], 1)[time]))


def window_facts(
    windows: WindowSpec,
    facts: DataFacts,
    columns: Mapping[str, np.ndarray] | None,
    roles: ColumnRoles,
    date_formats: Mapping[str, str],
    path: ConfigPath,
    file: CsvFile | None = None,
) -> tuple[DataFacts, list[Finding]]:
    """Return the facts of a table whose examples are windows, and what is wrong with its series.

    Args:
        windows: The windows.
        facts: The facts of the table.
        columns: Its columns of times and groups; None where they are not read.
        roles: The roles of its columns.
        date_formats: The stated formats of dates by column.
        path: The place of the source's arguments in the config.
        file: The csv file that has the columns, whose lines are named; None of other tables.
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
        read = partial(series_rows, rows, times, groups, date_format=date_format, time=roles.time)
        series = read() if file is None else _with_lines(read, file, rows)
    except DataError as error:
        at = (*path, "time" if roles.time is not None else "group")
        mark = None if file is None or error.row is None else Mark(relative_to_here(file.path), error.row)
        return facts, [Finding(at, error.text, error.hint, "defective-data", mark=mark)]
    sizes = partial(window_sizes, series, times, groups is not None, windows)
    return replace(facts, split_sizes=sizes), list(_short_series(series, windows, path))


def _with_lines(read: Callable[..., SeriesRows], file: CsvFile, rows: int) -> SeriesRows:
    """Return the series of a csv file; lines are counted where an error names one.

    Raises:
        DataError: The times of a series are not in order, or there twice.
    """
    try:
        return read()
    except DataError:
        return read(lines=row_lines(file, rows))


def _short_series(series: SeriesRows, windows: WindowSpec, path: ConfigPath) -> Iterator[Finding]:
    """Yield a warning where some series, but not all, are too short for a window."""
    import numpy as np

    if series.group is None:
        return
    number, first, counts = np.unique(
        np.cumsum(np.append(0, np.diff(np.sort(series.key)) != 1)), return_index=True, return_counts=True
    )
    short = np.flatnonzero(counts < windows.span)
    if not 0 < len(short) < len(number):
        return
    order = np.argsort(series.key, kind="stable")
    names = format_names([label(series.group[order[first[at]]]) for at in short], 4)
    text = (
        f"{len(short):,} of {len(number):,} series have too few rows for a window and are not used: {names}; "
        f"a window of {windows.window} and a horizon of {windows.horizon} need {windows.span} rows"
    )
    hint = "write a smaller `window` or `horizon`, or leave their rows out"
    yield Finding((*path, "group"), text, hint, "short-series", "warning")

"""The rows of a table as series: their order in time, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import label
from nnrun.data.series.calendar import format_times
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class SeriesRows:
    """Which series each row belongs to, and where in it.

    Attributes:
        key: One number a row: one more than that of the row before it in its series, and more than that between two.
        time: The time of each row as a number; None without times.
        group: The series of each row as the file names it; None where there is a single one.
        date_format: The format of dates; empty for ISO 8601, None where times are numbers or there are none.
    """

    key: np.ndarray
    time: np.ndarray | None = None
    group: np.ndarray | None = None
    date_format: str | None = None

    def take(self, rows: np.ndarray) -> SeriesRows:
        """Return some of the rows."""
        time, group = (None if one is None else one[rows] for one in (self.time, self.group))
        return SeriesRows(self.key[rows], time, group, self.date_format)


def joined(parts: Sequence[SeriesRows]) -> SeriesRows:
    """Return the rows of several parts of one file as those of one."""
    key = np.concatenate([part.key for part in parts])
    times = [part.time for part in parts if part.time is not None]
    groups = [part.group for part in parts if part.group is not None]
    time, group = (np.concatenate(values) if values else None for values in (times, groups))
    return SeriesRows(key, time, group, parts[0].date_format)


def series_rows(
    rows: int,
    times: np.ndarray | None,
    groups: np.ndarray | None,
    *,
    date_format: str | None = None,
    time: str | None = None,
    file: Path | None = None,
    lines: np.ndarray | None = None,
) -> SeriesRows:
    """Return the rows of a table as series, each in the order of the file.

    Args:
        rows: The number of rows.
        times: Their times; None without any.
        groups: Their series; None for a single one.
        date_format: The format of dates, as of `SeriesRows`.
        time: The name of the column of times, for messages.
        file: The file, for messages.
        lines: The line of each row in the file, for messages.

    Raises:
        DataError: Within a series a time is before the one above it, or is there twice.
    """
    if groups is None:
        order, number = np.arange(rows), np.zeros(rows, dtype="int64")
    else:
        number = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)[1]
        order = np.argsort(number, kind="stable")
    key = np.empty(rows, dtype="int64")
    # A gap of one between the keys of two series.
    key[order] = np.arange(rows) + number[order]
    if times is not None:
        same = np.flatnonzero(np.diff(number[order]) == 0)
        steps = times[order][same + 1] - times[order][same]
        wrong = np.flatnonzero(~(steps > 0))
        if len(wrong):
            before, after = int(order[same[wrong[0]]]), int(order[same[wrong[0]] + 1])
            found = SeriesRows(key, times, groups, date_format)
            raise _disorder(found, before, after, len(wrong), time, file, lines)
    return SeriesRows(key, times, groups, date_format)


def _disorder(
    rows: SeriesRows,
    before: int,
    after: int,
    count: int,
    name: str | None,
    file: Path | None,
    lines: np.ndarray | None,
) -> DataError:
    """Return the error of the first two rows of a series that are out of order, or have one time."""
    times, groups = rows.time, rows.group
    assert times is not None, "called where there are times"  # noqa: S101
    if np.isnan(times[[before, after]]).any():
        return DataError("expected a time in every row, received a missing one", file=file, column=name)
    first, second = format_times(times[[before, after]], rows.date_format)
    place, at = ("row", before) if lines is None else ("line", int(lines[before]))
    series = "" if groups is None else f" of the series {label(groups[before])!r}"
    more = f" ({count:,} such places)" if count > 1 else ""
    if times[before] == times[after]:
        text = f"the time {first}{series} is there twice, in {place} {at} too{more}"
        hint = "leave one of the rows out, or name the column that tells the series apart: `group: store`"
    else:
        text = f"expected times{series} in order, received {second} below {first} of {place} {at}{more}"
        hint = f"sort the file by {name!r}" + ("" if groups is None else " within each series")
    where = "" if lines is not None else f" (row {after}, counted from 0)"
    row = None if lines is None else int(lines[after])
    return DataError(f"{text}{where}", file=file, row=row, column=name, hint=hint)

"""The times of a series: how far apart they are, which season they have, and how they go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Times whose distances differ by less than this, in days, are evenly apart: a tenth of a second.
_TOLERANCE = 1e-6
#: The usual season of times that are so many days apart, and its name.
_SEASONS = ((7.0, 52, "weeks of a year"), (1.0, 7, "days of a week"), (1 / 24, 24, "hours of a day"))
_MONTHS = {1: (12, "months of a year"), 3: (4, "quarters of a year")}


@dataclass(frozen=True)
class TimeStep:
    """How far one time is from the next.

    Attributes:
        days: Days, or the unit of times that are plain numbers; None for months.
        months: Months; None for days.
    """

    days: float | None = None
    months: int | None = None

    def continued(self, last: float, count: int) -> np.ndarray:
        """Return so many times after `last`, shape (count,)."""
        if self.months is None:
            return np.asarray(last + np.arange(1, count + 1) * (self.days or 1.0))
        moment = _moment(last)
        first, is_end = moment.year * 12 + moment.month - 1, (moment + timedelta(days=1)).month != moment.month
        found = []
        for step in range(1, count + 1):
            year, month = divmod(first + step * self.months, 12)
            following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC)
            length = (following - timedelta(days=1)).day
            day = length if is_end else min(moment.day, length)
            found.append((moment.replace(year=year, month=month + 1, day=day) - _EPOCH) / timedelta(days=1))
        return np.array(found)

    def season(self) -> tuple[int, str] | None:
        """Return the rows of the usual season, and which it is: 12, months of a year; None where there is none."""
        if self.months is not None:
            return _MONTHS.get(self.months)
        days = self.days or 0.0
        for length, season, name in _SEASONS:
            if abs(days - length) < _TOLERANCE:
                return season, name
        a_day = 1 / days if days > 0 else 0.0
        if a_day > 1 and abs(a_day - round(a_day)) < 1e-3:
            return round(a_day), "parts of a day"
        return None

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"days": self.days, "months": self.months}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TimeStep:
        """Restore what `as_json` returned."""
        days, months = values.get("days"), values.get("months")
        return cls(None if days is None else float(days), None if months is None else int(months))


def infer_step(times: np.ndarray, key: np.ndarray, *, are_dates: bool) -> TimeStep | None:
    """Return how far apart most neighbouring times are; None where they have no usual distance.

    Args:
        times: Days since 1970, or numbers, in the order of `key`, shape (rows,).
        key: One number a row, one more than that of the row before within a series.
        are_dates: Whether times are dates, which may be months apart.
    """
    same = np.flatnonzero(np.diff(key) == 1)
    if not len(same):
        return None
    steps = (times[same + 1] - times[same])[:100_000]
    values, counts = np.unique(np.round(steps, 6), return_counts=True)
    if are_dates and values.min() >= 27.9:
        months = _months(times[same + 1][:1000]) - _months(times[same][:1000])
        usual = int(np.bincount(months).argmax())
        if usual and (months == usual).mean() > 0.5:
            return TimeStep(months=usual)
    if counts.max() * 2 <= len(steps):
        return None
    usual_days = values[counts.argmax()]
    return TimeStep(days=float(steps[np.abs(steps - usual_days) < 1e-5].mean()))


def format_times(times: np.ndarray, date_format: str | None) -> list[str | float]:
    """Return times as text in the format of their dates, or as numbers.

    Args:
        times: Days since 1970, or numbers.
        date_format: The format in the codes of `strptime`; empty for ISO 8601; None where times are numbers.
    """
    if date_format is None:
        return [int(time) if float(time).is_integer() else float(time) for time in times.tolist()]
    moments = [_moment(time) for time in times.tolist()]
    if date_format and "%q" not in date_format:
        return [moment.strftime(date_format) for moment in moments]
    has_time = any(moment.hour or moment.minute or moment.second for moment in moments)
    return [moment.strftime("%Y-%m-%dT%H:%M:%S" if has_time else "%Y-%m-%d") for moment in moments]


@dataclass(frozen=True)
class TimeColumn:
    """Times that are written as in the file where they are shown.

    Attributes:
        values: The times as numbers, shape (rows,).
        date_format: The format of dates, as of `format_times`.
    """

    values: np.ndarray
    date_format: str | None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: slice | np.ndarray) -> TimeColumn:
        return TimeColumn(self.values[index], self.date_format)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Return the times as they are shown."""
        return np.array(format_times(self.values, self.date_format), dtype=dtype or object)


def _moment(time: float) -> datetime:
    # Rounded, as a time of day is a fraction of a day.
    return _EPOCH + timedelta(seconds=round(time * 86_400))


def _months(times: np.ndarray) -> np.ndarray:
    return np.array([moment.year * 12 + moment.month for moment in map(_moment, times.tolist())])

"""The source `dates`: generated pairs of a date in words and the same date in ISO 8601, to be translated."""

from __future__ import annotations

import datetime as dt

import numpy as np

from nnrun.data.sources.made_table import MadeTable

#: Written out here, as those of `strftime` depend on the user's language.
_MONTHS = [
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{short} {day}, {year}",
    "{day}.{number}.{year}",
)


class Dates(MadeTable):
    """Generated dates, each as it is written (`Sunday, 29 November 2026`, `Nov 29, 2026`, ...) and in ISO 8601.

    The columns are `written`, a feature, and `iso`, the target. The same options give the same dates.

    Args:
        rows: The number of dates.
        first: The first year.
        last: The last year.
        formats: How many of the 5 ways to write a date are used.
        seed: The seed that they are drawn with.
    """

    name = "dates"
    prose = frozenset({"written", "iso"})

    def __init__(
        self, rows: int = 5000, first: int = 1980, last: int = 2029, formats: int = len(_FORMATS), seed: int = 0
    ) -> None:
        super().__init__(None, "iso", seed)
        if rows < 1 or not 1000 <= first <= last <= 9999 or not 1 <= formats <= len(_FORMATS):
            raise ValueError("dates: expected rows of at least 1, years from 1000 to 9999, and 1 to 5 formats")
        self.rows, self.first, self.last, self.formats = rows, first, last, formats

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the dates."""
        begin, end = dt.date(self.first, 1, 1).toordinal(), dt.date(self.last, 12, 31).toordinal()
        days = generator.integers(begin, end, self.rows, endpoint=True).tolist()
        formats = generator.integers(0, self.formats, self.rows).tolist()
        dates = [dt.date.fromordinal(day) for day in days]
        written = [_written(date, _FORMATS[number]) for date, number in zip(dates, formats, strict=True)]
        iso = [date.isoformat() for date in dates]
        return {"written": np.array(written, dtype=object), "iso": np.array(iso, dtype=object)}


def _written(date: dt.date, form: str) -> str:
    month = _MONTHS[date.month - 1]
    parts = {"month": month, "short": month[:3], "number": f"{date.month:02}", "weekday": _DAYS[date.weekday()]}
    return form.format(day=date.day, year=date.year, **parts)

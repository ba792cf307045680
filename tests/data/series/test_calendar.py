"""The distance of times, their season, and how they go on."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.series.calendar import format_times, infer_step


def _days(*texts: str, date_format: str = "") -> np.ndarray:
    return np.array([days_since_epoch(text, date_format) for text in texts])


@pytest.mark.parametrize(
    ("times", "season", "following"),
    [
        (("2025-11-01", "2025-12-01", "2026-01-01"), 12, ["2026-02-01", "2026-03-01"]),
        (("2025-11-30", "2025-12-31", "2026-01-31"), 12, ["2026-02-28", "2026-03-31"]),
        (("2025-07-01", "2025-10-01", "2026-01-01"), 4, ["2026-04-01", "2026-07-01"]),
        (("2026-02-26", "2026-02-27", "2026-02-28"), 7, ["2026-03-01", "2026-03-02"]),
        (("2026-01-01", "2026-01-08", "2026-01-15"), 52, ["2026-01-22", "2026-01-29"]),
        (("2026-01-01T22:00", "2026-01-01T23:00"), 24, ["2026-01-02T00:00:00", "2026-01-02T01:00:00"]),
        (("2026-01-01T23:30", "2026-01-01T23:45"), 96, ["2026-01-02T00:00:00", "2026-01-02T00:15:00"]),
        (("2023-01-01", "2024-01-01", "2025-01-01"), None, ["2026-01-01", "2027-01-01"]),
    ],
)
def test_times_go_on_as_they_were(times, season, following) -> None:
    """Months, quarters and years follow the calendar, days and hours their distance; each has its usual season."""
    days = _days(*times)
    step = infer_step(days, np.arange(len(days)), are_dates=True)
    found = step.season()
    assert (None if found is None else found[0]) == season
    shown = format_times(step.continued(days[-1], 2), "")
    assert shown == following


def test_times_that_are_numbers_go_on_by_their_distance() -> None:
    """Numbers have no season, and stay whole."""
    step = infer_step(np.array([3.0, 5.0, 7.0]), np.arange(3), are_dates=False)
    assert format_times(step.continued(7.0, 2), None) == [9, 11]


def test_times_without_a_usual_distance_have_no_step() -> None:
    """Where no distance is that of most times, nothing says how they go on."""
    assert infer_step(np.array([0.0, 1.0, 3.0, 6.0]), np.arange(4), are_dates=True) is None
    assert infer_step(np.array([0.0, 9.0]), np.array([0, 7]), are_dates=True) is None


def test_dates_keep_the_format_of_the_file() -> None:
    """`%Y-%m` stays `%Y-%m`."""
    assert format_times(_days("1961-01", date_format="%Y-%m"), "%Y-%m") == ["1961-01"]

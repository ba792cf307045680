"""Dates as days since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.csv.dates import check_date_format, days_since_epoch, is_iso_date


@pytest.mark.parametrize(
    ("text", "date_format", "found"),
    [
        ("1970-01-01", "", 0),
        ("1969-12-31", "", -1),
        ("2026-11-25", "", 20782),
        (" 1970-01-02 ", "", 1),
        ("1970-01-01T06:00", "", 0.25),
        ("1970-01-01 06:00:00", "", 0.25),
        ("1970-01-01T06:00:00Z", "", 0.25),
        ("1970-01-01T06:00:00+06:00", "", 0),
        ("31.12.1970", "%d.%m.%Y", 364),
        ("1970-12", "%Y-%m", 334),
        ("19700103", "%Y%m%d", 2),
        ("2026-02-30", "", None),
        ("2026-2-3", "", None),
        ("20260203", "", None),
        ("2026-W01-1", "", None),
        ("03.02.2026", "", None),
        ("2026-02-03", "%d.%m.%Y", None),
        ("0001-01-01T00:00+23:00", "", -719162 - 23 / 24),
        ("", "", None),
    ],
)
def test_a_date_is_its_days_since_1970(text: str, date_format: str, found: float | None) -> None:
    """ISO dates with or without time and zone, or dates of a stated format; anything else is not a date."""
    assert days_since_epoch(text, date_format) == pytest.approx(found)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year > 999))
def test_every_moment_comes_back(moment: datetime) -> None:
    """The days of any ISO date, with its zone or without, give the date back to the millisecond."""
    for text in (moment.isoformat(), moment.replace(tzinfo=None).isoformat(sep=" ")):
        found = days_since_epoch(text)
        assert found is not None
        assert abs(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=found) - moment) < timedelta(milliseconds=1)


def test_days_that_do_not_exist_still_look_like_dates() -> None:
    """30 February has the form of a date, and is reported as a day that does not exist, not as text."""
    assert is_iso_date("2026-02-30")
    assert not is_iso_date("30 February")


@pytest.mark.parametrize(
    ("date_format", "text"), [("%H:%M", "does not contain the year"), ("%Q", "is not a date format"), ("d.m.Y", "year")]
)
def test_a_date_format_is_checked(date_format: str, text: str) -> None:
    """Formats without a year, and codes that Python does not know, are refused."""
    with pytest.raises(ValueError, match=text):
        check_date_format(date_format)

"""Dates as days since 1970."""

from __future__ import annotations

import locale
from contextlib import suppress
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


@pytest.mark.parametrize(
    ("text", "date_format", "found"),
    [
        ("Q1 1970", "Q%q %Y", 0),
        ("1970Q2", "%YQ%q", 90),
        ("1970-W02", "%G-W%V", 4),
        ("1970-W01-4", "%G-W%V-%u", 0),
        ("2 JAN 1970", "%d %b %Y", 1),
        ("February 1, 1970", "%B %d, %Y", 31),
        ("Thu, 01 Jan 1970 12:00:00 GMT", "%a, %d %b %Y %H:%M:%S %Z", 0.5),
        ("01.01.1970 06:00", "%d.%m.%Y %H:%M", 0.25),
        ("1/1/1970 12:00 AM", "%m/%d/%Y %I:%M %p", 0),
        ("1/1/1970 12:00 PM", "%m/%d/%Y %I:%M %p", 0.5),
        ("1970-01-01 06:00 +0600", "%Y-%m-%d %H:%M %z", 0),
        ("01.01.70", "%d.%m.%y", 0),
        ("1970 2", "%Y %j", 1),
        ("1970-01-01T00:00:00.123456789Z", "", 0.123456 / 86400),
        ("Jänner 1970", "%B %Y", None),
        ("31.02.1970", "%d.%m.%Y", None),
        ("Q5 1970", "Q%q %Y", None),
    ],
)
def test_dates_have_english_names_quarters_weeks_and_zones(text: str, date_format: str, found: float | None) -> None:
    """Months and quarters begin with their first day, weeks with Monday, times without a zone are UTC."""
    assert days_since_epoch(text, date_format) == (None if found is None else pytest.approx(found))


FORMATS = (
    *("%Y-%m-%d", "%d.%m.%Y %H:%M", "%m/%d/%y", "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%Y%m%dT%H%M%S", "%y%m%d"),
    *("%a, %d %b %Y %H:%M:%S", "%A %d %B %Y", "%I:%M %p %d.%m.%Y", "%Y-%j", "%G-W%V-%u", "%Y-%m-%d %H:%M:%S.%f %z"),
)


#: Those of which two digits are enough.
YEARS = (datetime(1969, 1, 1), datetime(2068, 12, 31))  # noqa: DTZ001 - hypothesis adds the zone


@given(st.datetimes(*YEARS, timezones=st.just(UTC)), st.sampled_from(FORMATS))
def test_dates_are_read_as_python_reads_them(moment: datetime, date_format: str) -> None:
    """Every moment in every format gives what `strptime` gives in the C locale."""
    text = moment.strftime(date_format)
    expected = datetime.strptime(text, date_format)  # noqa: DTZ007 - the zone is set below
    expected = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
    assert days_since_epoch(text, date_format) == (expected - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)


def test_names_do_not_depend_on_the_locale() -> None:
    """Under another locale the names of months are English still."""
    before = locale.setlocale(locale.LC_TIME)
    try:
        for other in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
            with suppress(locale.Error):
                locale.setlocale(locale.LC_TIME, other)
                check_date_format("%d %B %Y %a")
                assert days_since_epoch("2 May 1970", "%d %b %Y") == 121
    finally:
        locale.setlocale(locale.LC_TIME, before)

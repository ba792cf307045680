"""Dates written as text, read as days since 1970-01-01."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def days_since_epoch(text: str, date_format: str = "") -> float | None:
    """Return the days from 1970-01-01 to a date, its time of day as a fraction; None if the text is not a date.

    A time without a zone is taken as UTC, so that a day has 24 hours all year round.

    Args:
        text: The date.
        date_format: Its format in the codes of Python's `strptime`; empty for ISO 8601: `2026-01-31` with or without
            `12:30`, `T12:30:00` and a zone.
    """
    text = text.strip()
    try:
        if date_format:
            moment = datetime.strptime(text, date_format)  # noqa: DTZ007 - the zone is set below
        elif _ISO.fullmatch(text):
            moment = datetime.fromisoformat(text)
        else:
            return None
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) / _DAY
    except (ValueError, OverflowError):
        return None


def is_iso_date(text: str) -> bool:
    """Return whether a text has the form of an ISO date, even if the calendar has no such day."""
    return _ISO.fullmatch(text.strip()) is not None


def example_date(date_format: str) -> str:
    """Return the last day of 2001 in a format."""
    return datetime(2001, 12, 31, 22, 58, 59, tzinfo=UTC).strftime(date_format)


def check_date_format(date_format: str) -> None:
    """Refuse a format without the year, or with codes that Python does not know.

    Raises:
        ValueError: The reason.
    """
    try:
        parsed = datetime.strptime(example_date(date_format), date_format)  # noqa: DTZ007 - only the year is used
    except (ValueError, re.error) as error:
        raise ValueError(f"{date_format!r} is not a date format: {error}") from None
    if parsed.year != 2001:
        raise ValueError(f"the date format {date_format!r} does not contain the year: write one such as '%d.%m.%Y'")

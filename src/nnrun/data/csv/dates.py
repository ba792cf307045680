"""Dates in text: what a day becomes as a number."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def days(text: str, form: str = "") -> float | None:
    """The days from 1970-01-01 to a date, a time of day as their fraction; None where the text says no date.

    A time without a zone is taken as UTC, so that a day has 24 hours all year round.

    Args:
        text: The date.
        form: How it is written, in the codes of Python's `strptime`; empty: ISO 8601, `2026-01-31` with or without
            `12:30`, `T12:30:00` and a zone.
    """
    plain = text.strip()
    try:
        if form:
            moment = datetime.strptime(plain, form)  # noqa: DTZ007 - the zone is given below
        elif _ISO.fullmatch(plain):
            moment = datetime.fromisoformat(plain)
        else:
            return None
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) / _DAY
    except (ValueError, OverflowError):
        return None


def is_iso(text: str) -> bool:
    """Whether a text is written as an ISO date, be there such a day or not."""
    return _ISO.fullmatch(text.strip()) is not None


def example(form: str) -> str:
    """The last day of 2001 in a form."""
    return datetime(2001, 12, 31, 22, 58, 59, tzinfo=UTC).strftime(form)


def refuse_form(form: str) -> None:
    """Refuse a form that does not say the year, or that Python does not know.

    Raises:
        ValueError: The reason.
    """
    try:
        back = datetime.strptime(example(form), form)  # noqa: DTZ007 - only its year is looked at
    except (ValueError, re.error) as error:
        raise ValueError(f"the date format {form!r} is none: {error}") from None
    if back.year != 2001:
        raise ValueError(f"the date format {form!r} does not say the year: write one such as '%d.%m.%Y'")

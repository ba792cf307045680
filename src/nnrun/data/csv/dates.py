"""Dates written as text, read as days since 1970-01-01."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")

#: The names of months and days in English, whatever the locale of the process.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: What each code of a format matches: those of Python's `strptime`, and `%q` for a quarter, as of pandas' `Period`.
_CODES = {
    "Y": r"\d{4}",
    "G": r"\d{4}",
    "y": r"\d\d",
    "m": r"1[0-2]|0?[1-9]",
    "q": r"[1-4]",
    "d": r"3[01]|[12]\d|[0 ]?[1-9]",
    "j": r"36[0-6]|3[0-5]\d|[12]\d\d|0?[1-9]\d|0{0,2}[1-9]",
    "V": r"5[0-3]|[1-4]\d|0?[1-9]",
    "u": r"[1-7]",
    "H": r"2[0-3]|[01]?\d",
    "I": r"1[0-2]|0?[1-9]",
    "M": r"[0-5]?\d",
    "S": r"[0-5]?\d",
    "f": r"\d{1,9}",
    "p": r"AM|PM",
    "z": r"Z|[+-]\d\d:?[0-5]\d",
    "Z": r"UTC|GMT",
    "b": "|".join(name[:3] for name in MONTHS),
    "B": "|".join(MONTHS),
    "a": "|".join(name[:3] for name in WEEKDAYS),
    "A": "|".join(WEEKDAYS),
}


def days_since_epoch(text: str, date_format: str = "") -> float | None:
    """Return the days from 1970-01-01 to a date, its time of day as a fraction; None if the text is not a date.

    A time without a zone is taken as UTC, so that a day has 24 hours all year round. Months and quarters begin with
    their first day, weeks with their Monday.

    Args:
        text: The date.
        date_format: Its format in the codes of Python's `strptime`, with English names, and `%q` for a quarter; empty
            for ISO 8601: `2026-01-31` with or without `12:30`, `T12:30:00` and a zone.
    """
    text = text.strip()
    try:
        if date_format:
            moment = _parse(text, date_format)
        else:
            moment = datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
        return None if moment is None else ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) / _DAY
    except (ValueError, OverflowError):
        return None


def is_iso_date(text: str) -> bool:
    """Return whether a text has the form of an ISO date, even if the calendar has no such day."""
    return _ISO.fullmatch(text.strip()) is not None


def has_zone(text: str) -> bool:
    """Return whether a text is an ISO date whose time has a zone."""
    found = _ISO.fullmatch(text.strip())
    return found is not None and found[1] is not None


def example_date(date_format: str) -> str:
    """Return the last day of 2001 in a format."""
    moment = datetime(2001, 12, 31, 22, 58, 59, tzinfo=UTC)
    names = {"q": "4", "b": "Dec", "B": "December", "a": "Mon", "A": "Monday", "p": "PM"}
    # The names of the locale would not be read back.
    return moment.strftime(re.sub("%([a-zA-Z%])", lambda found: names.get(found[1], found[0]), date_format))


def check_date_format(date_format: str) -> None:
    """Refuse a format without the year, or with codes that Python does not know.

    Raises:
        ValueError: The reason.
    """
    try:
        parsed = _parse(example_date(date_format), date_format)
    except (ValueError, re.error) as error:
        raise ValueError(f"{date_format!r} is not a date format: {error}") from None
    if parsed is None or parsed.year != 2001:
        raise ValueError(f"the date format {date_format!r} does not contain the year: write one such as '%d.%m.%Y'")


def _parse(text: str, date_format: str) -> datetime | None:
    """Return the moment that a text is, or None.

    Raises:
        ValueError: There is no such day, or the format has a code that Python does not know.
    """
    pattern = _pattern(date_format)
    if pattern is None:
        # Such as %U and %x, which few files need.
        return datetime.strptime(text, date_format)  # noqa: DTZ007 - the zone is set by the caller
    found = pattern.fullmatch(text)
    return None if found is None else _moment(found.groupdict())


def _moment(parts: dict[str, str]) -> datetime:
    """Return the moment of the parts of a date by their codes.

    Raises:
        ValueError: There is no such day.
    """
    number = {code: int(text) for code, text in parts.items() if text.strip().isdecimal()}
    hour = number.get("H", 0)
    if "I" in number:
        hour = number["I"] % 12 + (12 if parts.get("p", "").upper() == "PM" else 0)
    micro = int(parts.get("f", "").ljust(6, "0")[:6])
    day = _day(parts, number)
    return datetime(day.year, day.month, day.day, hour, number.get("M", 0), number.get("S", 0), micro, _zone(parts))


def _day(parts: dict[str, str], number: dict[str, int]) -> date:
    if "G" in number:
        return date.fromisocalendar(number["G"], number.get("V", 1), number.get("u", 1))
    year = number.get("Y", 1900)
    if "y" in number:
        # As POSIX has it.
        year = number["y"] + (1900 if number["y"] >= 69 else 2000)
    if "j" in number:
        return date(year, 1, 1) + timedelta(days=number["j"] - 1)
    month = number.get("m", 3 * number.get("q", 1) - 2)
    name = parts.get("b") or parts.get("B")
    if name:
        month = 1 + [one[:3] for one in MONTHS].index(name[:3].title())
    return date(year, month, number.get("d", 1))


def _zone(parts: dict[str, str]) -> timezone | None:
    zone = parts.get("z", "")
    if not zone or zone in "Zz":
        return UTC if zone or "Z" in parts else None
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))


@cache
def _pattern(date_format: str) -> re.Pattern[str] | None:
    """Return the pattern of a format; None if it has a code that is left to Python."""
    pattern, seen = "", set()
    for literal, blanks, code in re.findall(r"([^%\s]+)|(\s+)|%(.?)", date_format):
        if literal or blanks:
            pattern += re.escape(literal) if literal else r"\s+"
        elif code == "%":
            pattern += "%"
        elif code in _CODES and code not in seen:
            seen.add(code)
            pattern += f"(?P<{code}>{_CODES[code]})"
        else:
            return None
    weekday_decides = "V" in seen and seen & {"a", "A"}
    return None if weekday_decides else re.compile(pattern, re.IGNORECASE | re.ASCII)

"""The formats in which dates are written, found from the dates themselves."""

from __future__ import annotations

import re
from itertools import islice, product, takewhile
from typing import TYPE_CHECKING

from nnrun.data.csv.dates import MONTHS, WEEKDAYS, days_since_epoch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_TIME = re.compile(
    r"(?P<hour>\d{1,2}):\d\d(?P<second>:\d\d(?P<fraction>\.\d{1,9})?)?(?P<half> ?[AaPp][Mm])?"
    r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?(?![\d:])"
)
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]")
_NAMES = {
    **{name.lower(): "B" for name in MONTHS},
    **{name[:3].lower(): "b" for name in MONTHS},
    **{name.lower(): "A" for name in WEEKDAYS},
    **{name[:3].lower(): "a" for name in WEEKDAYS},
}
#: The codes that digits may stand for, by their number of digits.
_BY_WIDTH = {1: "dm", 2: "dmy", 3: "j", 4: "Y"}
#: The codes of a date that is one run of digits, by its length.
_RUNS = {
    6: ("%Y%m", "%y%m%d", "%d%m%y", "%m%d%y"),
    7: ("%Y%j",),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
#: The codes of digits behind a `T`, and of a date by weeks.
_OF_TIME = {4: ("%H%M",), 6: ("%H%M%S",)}
_OF_WEEKS = {1: ("%u",), 4: ("%G",)}
#: What the codes of a date may be, whatever their order. A month without a name needs all four digits of its year.
_COMPLETE = (
    *({"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "m"}, {"Y", "j"}, {"Y", "q"}, {"y", "q"}),
    *({"G", "V"}, {"G", "V", "u"}),
)
#: So many texts of a column are looked at for the formats of its dates.
_TRIED = 8
#: The orders that people write: a year does not stand between day and month.
_UNUSUAL = ("dym", "dYm", "myd", "mYd", "ydm", "Ydm")


def fitting_formats(texts: Iterable[str]) -> list[str]:
    """Return the formats that read every text, the most usual first; none if there is no such format.

    Of several, nothing but knowing where the dates come from can tell which one is meant: 01/02/2021 is a day in
    January or in February.
    """
    known = list(texts)
    found: dict[tuple[float | None, ...], str] = {}
    for form in _candidates(known[0].strip()) if known else ():
        days = tuple(takewhile(lambda day: day is not None, (days_since_epoch(text, form) for text in known)))
        if len(days) == len(known):
            # Formats that read every date alike are one: May is its own abbreviation.
            found.setdefault(days, form)
    return list(found.values())


def best_format(texts: Collection[str]) -> tuple[str, list[str]] | None:
    """Return the format that reads the most texts, at least nine of ten, and the texts that it does not read."""
    forms = dict.fromkeys(form for text in islice(texts, _TRIED) for form in _candidates(text.strip()))
    unread = {form: [text for text in texts if days_since_epoch(text, form) is None] for form in forms}
    best = min(unread, key=lambda form: len(unread[form]), default=None)
    return (best, unread[best]) if best is not None and 10 * len(unread[best]) <= len(texts) else None


def formats_in_use(texts: Collection[str]) -> list[str]:
    """Return formats that together read every text, that of ISO 8601 as empty; none if a text is no date."""
    found: list[str] = []
    for text in texts:
        if not any(days_since_epoch(text, form) is not None for form in found):
            forms = ["", *_candidates(text.strip())]
            form = next((form for form in forms if days_since_epoch(text, form) is not None), None)
            if form is None or len(found) >= _TRIED:
                return []
            found.append(form)
    return found


def _candidates(text: str) -> Iterator[str]:
    """Yield the formats in which a text may be a date."""
    if len(text) > 60 or not any(letter.isdigit() for letter in text):
        return
    time = _TIME.search(text)
    if time is None:
        yield from _date_formats(text)
        return
    head, tail = text[: time.start()], text[time.end() :]
    for form in _date_formats(head + "\0" + tail):
        yield form.replace("\0", _time_format(time))


def _time_format(time: re.Match[str]) -> str:
    """Return the format of a time of day."""
    zone = time["zone"] or ""
    return (
        ("%I:%M" if time["half"] else "%H:%M")
        + (":%S" if time["second"] else "")
        + (".%f" if time["fraction"] else "")
        + (f"{time['half'][:-2]}%p" if time["half"] else "")
        + (" " * zone.startswith(" ") + ("%Z" if zone.strip() in ("UTC", "GMT") else "%z") if zone else "")
    )


def _date_formats(text: str) -> Iterator[str]:
    """Yield the formats in which a text may be a date without its time of day, whose place is marked by a zero byte."""
    tokens = _TOKEN.findall(text)
    options = [_options(token, tokens[index - 1] if index else "") for index, token in enumerate(tokens)]
    if any(not each for each in options) or sum(token.isdigit() for token in tokens) > 4:
        return
    found: dict[str, None] = {}
    for chosen in product(*options):
        codes = re.findall(r"%([A-Za-z])", "".join(chosen))
        dated = ["m" if code in "bB" else code for code in codes if code not in "aAHMS"]
        is_named = set(codes) & {"b", "B"} and set(dated) == {"y", "m"}
        is_complete = len(set(dated)) == len(dated) and (set(dated) in _COMPLETE or is_named)
        if is_complete and "".join(dated) not in _UNUSUAL:
            found["".join(chosen)] = None
    yield from sorted(found, key=_usual)


def _options(token: str, before: str) -> list[str]:
    """Return what a token of a date may be in a format."""
    if token.isdigit():
        only = {"q": ("%q",), "w": ("%V",), "t": _OF_TIME.get(len(token), ())}.get(before.lower())
        codes = [f"%{code}" for code in _BY_WIDTH.get(len(token), "")]
        return [*codes, *_RUNS.get(len(token), ()), *_OF_WEEKS.get(len(token), ())] if only is None else list(only)
    if len(token) > 1:
        name = _NAMES.get(token.lower())
        # May is its own abbreviation.
        return [f"%{name}", *(["%B"] if name == "b" and token.lower() == "may" else [])] if name else []
    return [token.replace("%", "%%")]


def _usual(form: str) -> int:
    """Return how unusual an order of codes is: the day before the month comes before the month before the day."""
    codes = re.findall(r"%([dmbByY])", form)
    orders = [list(order) for order in ("Ymd", "dmY", "mdY", "dmy", "mdy", "ymd")]
    named = ["m" if code in "bB" else code for code in codes]
    return orders.index(named) if named in orders else len(orders)

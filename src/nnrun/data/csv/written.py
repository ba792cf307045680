"""What the texts of a column are if all of them are numbers or dates that are written in another way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from nnrun.data.csv.date_proposals import best_format, fitting_formats, formats_in_use
from nnrun.data.csv.number_format import APOSTROPHES, SPACES, NumberFormat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: The marks in which numbers are written, the plainest first: the decimal mark, and the separator of thousands.
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), *((mark, group) for group in (" ", "'", "_") for mark in ".,"))
#: So many different words among numbers may stand for a missing value; more are probably names.
_MAX_WORDS = 5
#: The digits of a number, with the marks between them, and what stands before and after them.
_AROUND = re.compile(
    rf"(?P<before>[^\d.,]*)[.,]?\d(?:[\d.,_{SPACES}{APOSTROPHES}]*\d)?(?:[eE][-+]?\d+)?[.,]?(?P<after>\D*)",
    re.ASCII | re.DOTALL,
)
_SIGNS = "+-\N{MINUS SIGN}"
_CURRENCY = re.compile(r"[A-Z]{0,3}[$€£¥₹₽₩₺₴¢]|[A-Z]{3}|Fr\.|kr\.?|zł|Kč|Rs\.?")
#: What may stand behind a number as its unit: `kg`, `km/h`, `°C`, `m²`, `€`.
_UNIT = re.compile(r"[^\W\d_][\w°²³/%·^. -]{0,15}|[°'\"‰].{0,3}|[$€£¥₹₽₩₺₴¢]")
_MAX_UNITS = 4
_ORDINALS = {"st", "nd", "rd", "th"}


#: Texts that are numbers which no format of a config reads: what they are, and what to do.
_UNREAD = (
    (
        re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?", re.ASCII),
        "times of day",
        "write them as numbers in the file, such as hours: 9.5 for 09:30",
    ),
    (
        re.compile(r"[-+]?0[xX][0-9a-fA-F]+"),
        "hexadecimal numbers",
        "write them in decimal in the file, or state `types: {COLUMN: category}` if they are names",
    ),
)


@dataclass(frozen=True)
class Written:
    """What all texts of a column are.

    Attributes:
        example: One of the texts that are written in a way of their own.
        numbers: The formats in which all of them are numbers, the most usual first; none if they are dates.
        dates: The formats in which all of them are dates, the most usual first.
        problem: Why no line of a config reads all of them, as the end of "holds", and what to do; `COLUMN` stands for
            the column's name. Empty if a line does.
        unread: The texts that the format of dates does not read: days that do not exist, and the like.
        words: The texts that are neither, which may stand for a missing value.
    """

    example: str
    numbers: tuple[NumberFormat, ...] = ()
    dates: tuple[str, ...] = ()
    problem: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """How they are written, as the end of "holds": `numbers with thousands separators`."""
        if self.problem:
            return self.problem[0]
        if self.dates:
            return f"dates like {self.dates[0]}"
        form = self.numbers[0]
        traits = [
            ("thousands separators", bool(form.thousands)),
            ("a decimal comma", form.decimal == "," and not form.thousands),
            ("a percent sign", form.percent),
            ("a currency", bool(_CURRENCY.fullmatch(form.unit))),
            (f"the unit {form.unit!r}", bool(form.unit) and not _CURRENCY.fullmatch(form.unit)),
            ("parentheses around negative ones", form.negative == "parentheses"),
            ("a minus behind negative ones", form.negative == "trailing"),
        ]
        return f"numbers with {' and '.join(trait for trait, has in traits if has)}"


def written_as(texts: Collection[str], usual: NumberFormat, *, decimals: Iterable[str] = ".,") -> Written | None:
    """Return what the texts of a column are; None unless all of them are numbers, or dates, in one format.

    A few words without a digit may be among them.

    Args:
        texts: The distinct texts of the column that are not missing.
        usual: How the numbers of the file are written.
        decimals: The decimal marks that numbers have where they could have either: that of other columns, if any.
    """
    by_digits: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for text in texts:
        by_digits[any(letter.isdigit() for letter in text)][text.strip()] = None
    others, words = by_digits[True], tuple(by_digits[False])
    odd = next((text for text in others if usual.parse(text) is None), None)
    if odd is None or len(words) > min(_MAX_WORDS, len(others)):
        return None
    numbers, units = _number_formats(others, decimals)
    if numbers:
        return Written(odd, numbers, words=words)
    dates = tuple(fitting_formats(others))
    if dates:
        return Written(odd, dates=dates, words=words)
    return _not_in_one_format(odd, list(others), units, words)


def _not_in_one_format(odd: str, texts: Sequence[str], units: Sequence[str], words: tuple[str, ...]) -> Written | None:
    """Return what texts are that no single format reads; None if they are neither numbers nor dates."""
    if len(units) > 1:
        shown = ", ".join(map(repr, units))
        hint = f"write all of them in one unit in the file, and state it: `types: {{COLUMN: {{unit: {units[0]}}}}}`"
        return Written(odd, problem=(f"numbers in several units ({shown})", hint), words=words)
    if found := best_format(texts):
        return Written(odd, dates=(found[0],), unread=tuple(found[1]), words=words)
    if len(forms := formats_in_use(texts)) > 1:
        shown = ", ".join(form or "ISO 8601" for form in forms)
        return Written(
            odd, problem=(f"dates in several formats ({shown})", "write all dates in one format in the file")
        )
    for pattern, what, hint in _UNREAD:
        if all(pattern.fullmatch(text) for text in texts):
            return Written(odd, problem=(what, hint))
    return None


def may_be_missing(texts: Collection[str]) -> bool:
    """Return whether texts among numbers are a few words, which may stand for a missing value."""
    return 0 < len(texts) <= _MAX_WORDS and not any(letter.isdigit() for text in texts for letter in text)


def _number_formats(
    texts: Collection[str], decimals: Iterable[str]
) -> tuple[tuple[NumberFormat, ...], tuple[str, ...]]:
    """Return the formats that read every text, without those that read all of them as a plainer one does; the units."""
    units: set[str] = set()
    signs: set[str] = set()
    for text in texts:
        around = _around(text)
        if around is None or len(units) > _MAX_UNITS:
            return (), ()
        units.add(around[0])
        signs.add(around[1])
    named = tuple(sorted(units - {""}))
    negative = next(iter(signs - {"sign"}), "sign")
    if len(named) > 1 or len(signs - {"sign"}) > 1:
        return (), named
    unit = named[0] if named else ""
    forms = [NumberFormat(*marks, "", negative, percent=True) for marks in _MARKS] if unit == "%" else []
    found: dict[tuple[float | None, ...], NumberFormat] = {}
    for form in [*forms, *(NumberFormat(*marks, unit, negative) for marks in _MARKS)]:
        if unit == "%" and not form.percent and found:
            continue
        values = tuple(takewhile(lambda value: value is not None, map(form.parse, texts)))
        if len(values) == len(texts):
            found.setdefault(values, form)
    # What may be thousands, probably is: 1,234 is rarely 1.234.
    forms = sorted(found.values(), key=lambda form: not form.thousands)
    return tuple([form for form in forms if form.decimal in decimals] or forms), named


def _around(text: str) -> tuple[str, str] | None:
    """Return the unit of a number and how it is marked as negative; None if it is no number with a unit.

    Any text behind a number may be its unit, but only a currency or a percent sign stands before it: `v2` and `item 2`
    are names.
    """
    found = _AROUND.fullmatch(text)
    if found is None:
        return None
    before, after, negative = found["before"].strip(), found["after"].strip(), "sign"
    if "(" in before and after.endswith(")"):
        before, after, negative = before.replace("(", "", 1), after.removesuffix(")"), "parentheses"
    elif after[-1:] in ("-", "\N{MINUS SIGN}"):
        after, negative = after[:-1], "trailing"
    before, after = before.strip(_SIGNS + " "), after.strip()
    if (before and after) or (before and before != "%" and not _CURRENCY.fullmatch(before)):
        return None
    is_unit = not after or after == "%" or (_UNIT.fullmatch(after) and after.lower() not in _ORDINALS)
    return (before or after, negative) if is_unit else None

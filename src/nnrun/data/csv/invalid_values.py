"""What is wrong with a field or a row of a text table, and how to correct it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nnrun.config.files import load_package_data
from nnrun.data.csv.dates import days_since_epoch, example_date, is_iso_date
from nnrun.data.csv.type_inference import repeats_header

if TYPE_CHECKING:
    from nnrun.data.csv.dialect import CsvFile, Dialect
    from nnrun.data.csv.type_inference import ColumnType, Role


class InvalidValue(NamedTuple):
    """What is wrong with a field, or with a row as a whole.

    Attributes:
        kind: Its name, such as `unit`; defects of one kind and column are counted together.
        text: What was expected and what was received.
        hint: What to do about it.
    """

    kind: str
    text: str
    hint: str


@dataclass(frozen=True)
class QuoteError:
    """What is wrong with the quotes of a row.

    Attributes:
        kind: `unclosed-quote`, or `behind-quote` if text follows a closing quote.
        index: The index of the field.
    """

    kind: str
    index: int


@dataclass(frozen=True)
class ExpectedColumn:
    """What the fields of a column have to be.

    Attributes:
        name: The column's name.
        role: Its role.
        type: Its type.
        may_be_missing: Whether it may have missing values.
    """

    name: str
    role: Role
    type: ColumnType
    may_be_missing: bool


#: A byte that is invalid in a file's encoding, as `surrogateescape` reads it.
INVALID_BYTE = re.compile("[\udc80-\udcff]")
#: Characters of texts that belong to the writing of some languages, though a screen does not show them.
_JOINERS = "\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
#: Other formats of dates, in the codes of `strptime`; the message names the first that fits.
_DATE_FORMATS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%y", "%m/%d/%y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
    *("%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
)
#: What to do if a value of a column of each role is missing.
_MISSING: dict[Role, str] = {
    "feature": "fill it in, leave the row or the column out (`features:` names those to use), or add a step such as "
    "`Impute: {strategy}`",
    "target": "fill it in, or leave the row out: without its truth it teaches nothing",
    "weight": "fill it in: 1 counts a row once, 0 leaves it out",
    "group": "fill it in: a row of no group could stand in any part",
}


def invalid_row(
    fields: list[str], quote_error: QuoteError | None, file: CsvFile
) -> tuple[str | int, InvalidValue] | None:
    """Return what is wrong with a row as a whole, and the column to blame, or the index of a field that has none."""
    names = file.names
    if quote_error is not None:
        kind, index = quote_error.kind, quote_error.index
        text, hint = f"something stands behind the closing quote ({fields[index][:40]!r})", "a separator must follow it"
        if kind == "unclosed-quote":
            text, hint = f"the quote before {fields[index][:20]!r} is never closed", "close it"
        hint += "; a quote that belongs to the text is written twice"
        column = names[index] if index < len(names) else index
        return column, InvalidValue(kind, f"the row cannot be read: {text}", hint)
    if len(fields) != len(names):
        return _wrong_length(fields, file)
    if repeats_header(fields, file):
        hint = "take the row out: the file was put together from several"
        return names[0], InvalidValue("header-again", "the header stands among the rows once more", hint)
    if all(map(file.dialect.is_missing, fields)):
        return names[0], InvalidValue("empty-row", "expected values, received a row without any", "take the row out")
    return None


def _wrong_length(fields: list[str], file: CsvFile) -> tuple[str | int, InvalidValue]:
    """Return what is wrong with a row that is too short or too long, and why that may be."""
    names = file.names
    text = f"expected {len(names)} fields, received {len(fields)}"
    hint = "is the `separator` right, and are fields that hold it quoted?"
    if len(fields) > len(names):
        text = f"{text}: {fields[len(names)][:40]!r} and what follows it belongs to no column"
        return len(names), InvalidValue("too-many-fields", text, hint)
    if fields[0].startswith("#"):
        return names[0], InvalidValue("comment", f"{text}: a comment among the rows", "take the row out")
    others = [mark for mark in ";\t|," if mark != file.dialect.separator and fields[0].count(mark) == len(names) - 1]
    if others and len(fields) == 1:
        text = f"{text}: the row is separated by {others[0]!r}"
        return names[0], InvalidValue("other-separator", text, "write all rows with one separator")
    column = names[len(fields)]
    return column, InvalidValue("too-few-fields", f"{text}: the row ends before column {column!r}", hint)


def invalid_field(text: str, column: ExpectedColumn, dialect: Dialect) -> InvalidValue | None:
    """Return what is wrong with a field, or None.

    Args:
        text: The field, without blanks around it; bytes that are invalid in the file's encoding are lone surrogates.
        column: What the column's fields have to be.
        dialect: How the file is written.
    """
    if dialect.is_missing(text):
        strategy = "median" if column.type in ("number", "date") else "most_frequent"
        hint = _MISSING[column.role].format(strategy=strategy)
        missing = InvalidValue("missing", "expected a value, received a missing one", hint)
        return None if column.may_be_missing else missing
    if invalid := INVALID_BYTE.search(text):
        byte = bytes([ord(invalid[0]) - 0xDC00])
        message = f"expected text in the encoding {dialect.encoding}, received the byte 0x{byte[0]:02X}"
        meant = byte.decode("cp1252", "replace")
        hint = f"write the file as {dialect.encoding}; were it `encoding: cp1252`, the byte would be {meant!r}"
        return InvalidValue("invalid-byte", message, hint)
    if column.type == "number":
        return _invalid_number(text, column, dialect)
    if column.type == "date":
        return _invalid_date(text, column.name, dialect.dates.get(column.name, ""))
    found = _invisible(text, _JOINERS)
    return None if found is None else _received("text", text, found)


def _invalid_number(text: str, column: ExpectedColumn, dialect: Dialect) -> InvalidValue | None:
    value = dialect.number(text)
    if value is None:
        types = f"say `types: {{{column.name}: text}}` if the column holds text, or " if column.role != "weight" else ""
        hint = f"correct the field, or {types}`missing: [{text[:20]!r}]` if it stands for a missing value"
        return _received("a number", text, _not_a_number(text, dialect.decimal) or InvalidValue("text", "", hint))
    if column.role == "weight" and value < 0:
        message = f"expected a weight of at least 0, received {value:g}"
        return InvalidValue("negative-weight", message, "correct it, or name another column as `sample_weight`")
    return None


def _invalid_date(text: str, column: str, date_format: str) -> InvalidValue | None:
    if days_since_epoch(text, date_format) is not None:
        return None
    hint = f"correct the field, or say `types: {{{column}: text}}`, or `missing: [{text[:20]!r}]`"
    expected = f"a date like {date_format}" if date_format else "a date such as 2026-01-31"
    return _received(expected, text, _not_a_date(text, column, date_format) or InvalidValue("text", "", hint))


def _received(expected: str, text: str, found: InvalidValue) -> InvalidValue:
    """Complete the description of a field by what was expected."""
    description = f", {found.text}" if found.text else ""
    return found._replace(text=f"expected {expected}, received {text[:40]!r}{description}")


def _invisible(text: str, allowed: str = "") -> InvalidValue | None:
    """Return the first character of a text that a screen does not show."""
    for letter in text:
        if letter in "\t\r\n" or letter in allowed:
            continue
        if letter == "\N{NO-BREAK SPACE}" or unicodedata.category(letter) in {"Cc", "Cf"}:
            name = f"U+{ord(letter):04X} ({unicodedata.name(letter, 'a control character')})"
            return InvalidValue("invisible", f"which holds the invisible letter {name}", "take the letter out")
    return None


def _not_a_date(text: str, column: str, date_format: str) -> InvalidValue | None:
    """Return what stands where a date is expected; None if it is some other text."""
    if (found := _invisible(text)) is not None:
        return found
    pattern = re.sub(r"\d", "0", example_date(date_format))
    if re.sub(r"\d", "0", text) == pattern if date_format else is_iso_date(text):
        return InvalidValue("no-such-day", "a day that the calendar does not have", "correct the date")
    if date_format and days_since_epoch(text) is not None:
        return InvalidValue("iso-date", f"an ISO date among dates like {date_format}", "write all dates alike")
    for other in _DATE_FORMATS:
        if other != date_format and days_since_epoch(text, other) is not None:
            hint = f"write all dates alike; if all are written so, say `types: {{{column}: {{date: {other!r}}}}}`"
            return InvalidValue("other-date-format", f"a date in another format ({other})", hint)
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        hint = "write the date out; spreadsheets count days from 1899-12-30"
        return InvalidValue("number-among-dates", "a number, as spreadsheets keep dates", hint)
    return _match(text, ".", among_dates=True)


def _not_a_number(text: str, decimal: str) -> InvalidValue | None:
    """Return what stands where a number is expected; None if it is some other text."""
    try:
        is_infinite = isinf(float(text.replace(decimal, ".")))
    except ValueError:
        is_infinite = text.strip("+-") == "∞"
    if is_infinite:
        return InvalidValue("infinite", "a number that is not finite", "correct it, or leave the row out")
    if (found := _invisible(text)) is not None:
        return found
    if is_iso_date(text) or any(days_since_epoch(text, one) is not None for one in _DATE_FORMATS if one != "%Y%m%d"):
        return InvalidValue("date-among-numbers", "a date", "correct the field, or the column's `types`")
    return _match(text, decimal)


def _match(text: str, decimal: str, *, among_dates: bool = False) -> InvalidValue | None:
    """Return the first of the patterns of `not_numbers.yaml` that fits the field."""
    other, other_name = _OTHER_MARK[decimal]
    words = {"text": text, "decimal": decimal, "other": other, "other_name": other_name}
    for kind, (pattern, entry) in _patterns(decimal).items():
        if pattern.fullmatch(text) and (entry.get("also_among_dates") or not among_dates):
            return InvalidValue(kind, entry["text"].format(**words), entry["hint"].format(**words))
    return None


_OTHER_MARK = {".": (",", "comma"), ",": (".", "point")}
_DASHES = "\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"


@cache
def _patterns(decimal: str) -> dict[str, tuple[re.Pattern[str], dict[str, str]]]:
    """Return the patterns of `not_numbers.yaml` for a decimal mark."""
    other, _ = _OTHER_MARK[decimal]
    number = r"[-+]?(?:[0-9]+(?:<mark>[0-9]*)?|<mark>[0-9]+)(?:[eE][-+]?[0-9]+)?"
    parts = {
        "<dashed number>": f"(?=.*[{_DASHES}]){number.replace('[-', f'[-{_DASHES}')}",
        "<other number>": f"(?=.*[{other}]){number.replace('<mark>', f'[{other}]')}",
        "<number>": number,
        "<group>": f"[_' \N{NARROW NO-BREAK SPACE}{other}]",
        "<mark>": f"[{decimal}]",
        "<currency>": "(?:[$€£¥₹₽]|EUR|USD|GBP|CHF|JPY)",
        "<amount>": r"[-+]?[\d.,' ]*\d",
    }
    found = {}
    for kind, entry in load_package_data(Path(__file__).with_name("not_numbers.yaml")).items():
        pattern = entry["pattern"]
        for part, meaning in parts.items():
            pattern = pattern.replace(part, meaning)
        found[kind] = (re.compile(pattern), entry)
    return found

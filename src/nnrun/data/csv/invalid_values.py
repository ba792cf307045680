"""What is wrong with a field or a row of a text table, in the words of `defects.yaml`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.config.files import load_package_data
from nnrun.data.csv.dates import days_since_epoch, example_date, is_iso_date
from nnrun.data.csv.type_inference import repeats_header

if TYPE_CHECKING:
    from nnrun.data.csv.dialect import CsvFile, Dialect
    from nnrun.data.csv.type_inference import ColumnType, Role


class InvalidValue(NamedTuple):
    """What is wrong with a field, or with a row as a whole.

    Attributes:
        kind: Its name in `defects.yaml`; defects of one kind and column are counted together.
        text: What was expected and what was received.
        hint: What to do about it.
    """

    kind: str
    text: str
    hint: str


class DamagedRow(NamedTuple):
    """A row of a file in which something may be wrong.

    Attributes:
        line: The line on which it begins, counted from 1.
        fields: Its fields; bytes that are invalid in the file's encoding are lone surrogates.
        quote_error: `unclosed-quote`, `behind-quote` if text follows a closing quote, or None.
        error_index: The index of the field with that error.
    """

    line: int
    fields: list[str]
    quote_error: str | None
    error_index: int


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
#: Characters that a screen does not show, but that belong to the writing of some languages.
_JOINERS = "\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_OTHER_MARK = {".": (",", "comma"), ",": (".", "point")}


def describe(kind: str, **words: Any) -> InvalidValue:
    """Return what `defects.yaml` says about a kind of defect, with these words filled in."""
    entry = _data()["kinds"][kind]
    return InvalidValue(kind, entry["text"].format(**words), entry["hint"].format(**words))


def is_not_a_number(kind: str) -> bool:
    """Return whether a kind of defect is a text of another form where a number is expected."""
    return kind in _patterns(".") or kind in ("not-a-number", "not-a-weight")


def invalid_row(row: DamagedRow, file: CsvFile) -> tuple[str | int, InvalidValue] | None:
    """Return what is wrong with a row as a whole, and the column to blame, or the index of a field that has none."""
    names, fields, index = file.names, row.fields, row.error_index
    if row.quote_error is not None:
        column = names[index] if index < len(names) else index
        return column, describe(row.quote_error, field=fields[index][:40], start=fields[index][:20])
    if len(fields) != len(names):
        return _wrong_length(fields, file)
    if repeats_header(fields, file):
        return names[0], describe("header-again")
    if all(map(file.dialect.is_missing, fields)):
        return names[0], describe("empty-row")
    return None


def _wrong_length(fields: list[str], file: CsvFile) -> tuple[str | int, InvalidValue]:
    """Return what is wrong with a row that is too short or too long, and why that may be."""
    names = file.names
    words = {"expected": len(names), "received": len(fields)}
    if len(fields) > len(names):
        return len(names), describe("too-many-fields", field=fields[len(names)][:40], **words)
    if fields[0].startswith("#"):
        return names[0], describe("comment", **words)
    others = [mark for mark in ";\t|," if mark != file.dialect.separator and fields[0].count(mark) == len(names) - 1]
    if others and len(fields) == 1:
        return names[0], describe("other-separator", separator=others[0], **words)
    column = names[len(fields)]
    return column, describe("too-few-fields", column=column, **words)


def invalid_field(text: str, column: ExpectedColumn, dialect: Dialect) -> InvalidValue | None:
    """Return what is wrong with a field, or None.

    Args:
        text: The field, without blanks around it; bytes that are invalid in the file's encoding are lone surrogates.
        column: What the column's fields have to be.
        dialect: How the file is written.
    """
    if not text if column.type == "free_text" else dialect.is_missing(text):
        return None if column.may_be_missing else _missing(text, column)
    if invalid := INVALID_BYTE.search(text):
        byte = ord(invalid[0]) - 0xDC00
        meant = bytes([byte]).decode("cp1252", "replace")
        return describe("invalid-byte", encoding=dialect.encoding, byte=byte, meant=meant)
    if column.type == "number":
        number_format = dialect.number_format(column.name)
        value = number_format.parse(text)
        if value is not None:
            return describe("negative-weight", weight=value) if column.role == "weight" and value < 0 else None
        expected = "a percentage such as 11.2%" if number_format.percent else "a number"
        found = _instead_of_number(text, column, number_format.decimal)
    elif column.type == "date":
        date_format = dialect.dates.get(column.name, "")
        if days_since_epoch(text, date_format) is not None:
            return None
        expected = f"a date like {date_format}" if date_format else "a date such as 2026-01-31"
        found = _instead_of_date(text, column, date_format)
    else:
        character = None if column.type == "free_text" else _invisible_character(text, _JOINERS)
        if character is None:
            return None
        expected, found = "text", describe("invisible", character=character)
    description = f", {found.text}" if found.text else ""
    return found._replace(text=f"expected {expected}, received {text[:40]!r}{description}")


def missing_in_window(kind: ColumnType) -> str:
    """Return what to do about a missing feature of a window."""
    return describe("missing-feature-in-window", strategy=_strategy(kind)).hint


def _strategy(kind: ColumnType) -> str:
    """Return a strategy of SimpleImputer for a column of a type."""
    return "median" if kind in ("number", "date") else "most_frequent"


def _missing(text: str, column: ExpectedColumn) -> InvalidValue:
    """Return that a value is missing, and the word that stands there."""
    found = describe(f"missing-{column.role}", strategy=_strategy(column.type))
    return found._replace(text=f"{found.text} ({text!r})") if text else found


def _instead_of_number(text: str, column: ExpectedColumn, decimal: str) -> InvalidValue:
    """Return what stands where a number is expected."""
    try:
        is_infinite = isinf(float(text.replace(decimal, ".")))
    except ValueError:
        is_infinite = text.strip("+-") == "∞"
    if is_infinite:
        return describe("infinite", field=text)
    if (character := _invisible_character(text)) is not None:
        return describe("invisible", character=character)
    if is_iso_date(text) or any(
        days_since_epoch(text, one) is not None for one in _data()["date_formats"] if one != "%Y%m%d"
    ):
        return describe("date-among-numbers")
    other, other_name = _OTHER_MARK[decimal]
    kind = next((kind for kind, pattern in _patterns(decimal).items() if pattern.fullmatch(text)), None)
    kind = kind or ("not-a-weight" if column.role == "weight" else "not-a-number")
    words = {"decimal": decimal, "other": other, "other_name": other_name}
    return describe(kind, column=column.name, field=text, start=text[:20], **words)


def _instead_of_date(text: str, column: ExpectedColumn, date_format: str) -> InvalidValue:
    """Return what stands where a date is expected."""
    if (character := _invisible_character(text)) is not None:
        return describe("invisible", character=character)
    example = re.sub(r"\d", "0", example_date(date_format))
    if re.sub(r"\d", "0", text) == example if date_format else is_iso_date(text):
        return describe("no-such-day")
    if date_format and days_since_epoch(text) is not None:
        return describe("iso-date", date_format=date_format)
    for other in _data()["date_formats"]:
        if other != date_format and days_since_epoch(text, other) is not None:
            return describe("other-date-format", column=column.name, other=other)
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return describe("number-among-dates")
    among_dates = (kind for kind, entry in _data()["kinds"].items() if "among_dates" in entry)
    kind = next((kind for kind in among_dates if _patterns(".")[kind].fullmatch(text)), "not-a-date")
    return describe(kind, column=column.name, field=text, start=text[:20])


def _invisible_character(text: str, allowed: str = "") -> str | None:
    """Return the name of the first character of a text that a screen does not show; None if there is none."""
    for character in text:
        if character in "\t\r\n" or character in allowed:
            continue
        if character == "\N{NO-BREAK SPACE}" or unicodedata.category(character) in {"Cc", "Cf"}:
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
    return None


@cache
def _data() -> dict[str, Any]:
    """Return the content of `defects.yaml`."""
    content: dict[str, Any] = load_package_data(Path(__file__).with_name("defects.yaml"))
    return content


@cache
def _patterns(decimal: str) -> dict[str, re.Pattern[str]]:
    """Return the patterns of `defects.yaml` for a decimal mark."""
    other, _ = _OTHER_MARK[decimal]
    patterns = {kind: entry["pattern"] for kind, entry in _data()["kinds"].items() if "pattern" in entry}
    for part, meaning in [*_data()["pattern_parts"].items(), ("<mark>", f"[{decimal}]"), ("<other>", f"[{other}]")]:
        patterns = {kind: pattern.replace(part, meaning) for kind, pattern in patterns.items()}
    return {kind: re.compile(pattern) for kind, pattern in patterns.items()}

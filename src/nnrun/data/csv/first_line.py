"""Whether the first line of a text table names its columns, and whether the first column numbers the rows."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from nnrun.data.csv.dates import days_since_epoch
from nnrun.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nnrun.data.csv.dialect import Dialect


#: So many rows decide what the first line is, and whether a column numbers the rows.
MOST_ROWS = 1000
#: As many fields that count the columns are names, not a row: pandas writes `0,1,2,3` over a table without names.
_FEW_NAMES = 4
_YEAR = re.compile(r"[12]\d{3}")
#: In fewer rows than this, numbers that go up by one may be so by chance, or be a small table made by hand.
_FEW_ROWS = 10


class FirstLine(NamedTuple):
    """What the first line is.

    Attributes:
        is_header: Whether it names the columns.
        doubt: Why that is doubtful, as the second half of a sentence; empty where it is not.
    """

    is_header: bool
    doubt: str = ""


def names_columns(asked: Collection[str | int], fields: Sequence[str]) -> bool:
    """Return whether a column that was asked for stands among these fields by its name.

    A number that is also the index of a column is not its name: in a file without a header, columns are named so.
    """
    numbers = {str(name) for name in asked if isinstance(name, int) and name >= len(fields)}
    names = {name for name in asked if isinstance(name, str) and not (name.isdigit() and int(name) < len(fields))}
    return any(text in names or text in numbers for text in fields)


def infer_first_line(first: Sequence[str], below: Sequence[Sequence[str]], dialect: Dialect) -> FirstLine:
    """Return whether the first line is a header, from what its fields are and what stands below them.

    A text over numbers and a whole number over texts are names; a text that stands in its column again is a value.

    Args:
        first: The fields of the first line, without blanks around them.
        below: The rows below it (the first ones of a large file); those of another length are not compared.
        dialect: How the file is written.
    """
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=True)) or [()] * len(first)
    numbers = [at for at, text in enumerate(first) if _is_number(text, dialect)]
    known = set(numbers)
    texts = [at for at, text in enumerate(first) if text and at not in known]
    if not numbers and any(_all_numbers(columns[at], dialect) for at in texts):
        return FirstLine(is_header=True)
    over_numbers = {at: _all_numbers(columns[at], dialect) for at in texts}
    names = [at for at in texts if over_numbers[at]]
    names += [at for at in numbers if first[at].isdigit() and _all_texts(columns[at], dialect)]
    if not texts:
        return FirstLine(is_header=True) if names else _line_of_numbers(first, columns, dialect)
    again = {at: _count_elsewhere(at, first, below) for at in texts if not over_numbers[at]}
    most = max(again, key=lambda at: again[at], default=0)
    if again.get(most) and (numbers or not names):
        rows = f"{again[most]:,} of the {'first ' if len(below) >= MOST_ROWS else ''}{format_count(len(below), 'row')}"
        stands = f"{first[most][:30]!r} stands in column {most} in {rows} below it, too"
        return FirstLine(False, "" if numbers else f"is read as a row, because {stands}")
    if not numbers or (names and len(names) > sum(_all_numbers(columns[at], dialect) for at in numbers)):
        return FirstLine(is_header=True)
    if _are_years([first[at] for at in numbers]):
        return FirstLine(is_header=True)
    is_doubtful = len(below) >= _FEW_ROWS and all(first[at].lstrip("+-").isdigit() for at in numbers)
    doubt = f"is read as a row, because it holds the number {first[numbers[0]]}"
    return FirstLine(False, doubt if is_doubtful else "")


def _line_of_numbers(first: Sequence[str], columns: Sequence[Sequence[str]], dialect: Dialect) -> FirstLine:
    """Return whether a first line of numbers alone is a header: it is if they count the columns, as pandas does."""
    names = first[1:] if not first[0] else first
    if not names or list(names) != [str(at) for at in range(len(names))]:
        return FirstLine(is_header=False)
    fractions = any((dialect.number(text) or 0) % 1 for column in columns for text in column)
    if len(first) >= _FEW_NAMES or not first[0] or not fractions:
        return FirstLine(len(first) >= _FEW_NAMES or not first[0])
    return FirstLine(False, "is read as a row, but its numbers count the columns")


def is_row_numbers(column: Sequence[str]) -> bool:
    """Return whether a column counts its rows from 0 or from 1."""
    return (
        len(column) >= _FEW_ROWS
        and column[0] in ("0", "1")
        and all(text == str(number) for number, text in enumerate(column, int(column[0])))
    )


def is_row_names(column: Sequence[str], dialect: Dialect) -> bool:
    """Return whether each field of a column is another text, date or whole number, as an index of rows has them."""
    return len(set(column)) == len(column) and all(
        text and (text.lstrip("+-").isdigit() or dialect.number(text) is None) for text in column
    )


def _is_number(text: str, dialect: Dialect) -> bool:
    """Return whether a field is a number, a date or a word for a missing value."""
    if not text:
        return False
    return dialect.is_number(text) or dialect.is_missing(text) or days_since_epoch(text) is not None


def _all_numbers(column: Sequence[str], dialect: Dialect) -> bool:
    """Return whether a column holds numbers or dates wherever it holds a value."""
    known = [text for text in column if not dialect.is_missing(text)]
    return bool(known) and all(_is_number(text.strip(), dialect) for text in known)


def _count_elsewhere(index: int, first: Sequence[str], below: Sequence[Sequence[str]]) -> int:
    """Return in how many rows a field of the first line stands in its column again, repetitions of the line aside."""
    return sum(
        len(row) == len(first) and row[index].strip() == first[index] and [text.strip() for text in row] != list(first)
        for row in below
    )


def _all_texts(column: Sequence[str], dialect: Dialect) -> bool:
    """Return whether a column holds no numbers, and no word for a missing value."""
    return bool(column) and not any(not text or _is_number(text, dialect) for text in column)


def _are_years(fields: Sequence[str]) -> bool:
    """Return whether two or more fields are years or dates that go up by the same step."""
    values = [float(text) if _YEAR.fullmatch(text) else days_since_epoch(text) for text in fields]
    known = [value for value in values if value is not None]
    steps = {after - before for before, after in pairwise(known)}
    return len(known) == len(values) > 1 and len(steps) == 1 and min(steps) > 0

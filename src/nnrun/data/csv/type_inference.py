"""The types of a text table's columns: what most of their fields are, from one pass with the standard library."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Literal

from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.dialect import data_rows
from nnrun.data.csv.number_format import NumberFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from nnrun.data.csv.dialect import CsvFile, Dialect


#: The most distinct values of a column that are kept: one with more is not a column of categories.
_MAX_VALUES = 1000
#: Texts with so many words each on average are prose.
_WORDS_OF_PROSE, _WORD = 3, re.compile(r"\w+")
#: `free_text` is a column of prose: no type of the config, but of what a step such as TextVectorization reads.
ColumnType = Literal["number", "date", "text", "category", "free_text"]
TEXT_TYPES = ("text", "category", "free_text")
Role = Literal["feature", "target", "weight", "group", "time"]


@dataclass(frozen=True)
class ColumnRequest:
    """The columns to read from a file.

    Attributes:
        roles: The role of each column to read, in order.
        types: The types of columns that are stated.
        gaps: The columns that may have missing values.
        hints: Returns better hints for defects where they are known: by `number` (something else stands where a number
            is expected) or `missing` and the column's name, from the file, what it holds, and how many rows were
            examined (None for all).
    """

    roles: Mapping[str, Role]
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    gaps: Collection[str] = ()
    hints: Callable[[CsvFile, TableStats, int | None], Mapping[tuple[str, str], str]] | None = field(
        default=None, compare=False
    )


@dataclass
class ColumnStats:
    """What the fields of one column are.

    Attributes:
        date_format: The format of its dates; empty for ISO 8601.
        number_format: How its numbers are written.
        counts: How many fields are numbers, dates, other texts and missing values.
        words: How many fields are each word that stands for a missing value.
        shows_mark: Whether a number has a decimal mark.
        leading_zero: The first number that begins with a zero which means nothing; empty if there is none.
        has_invisible: Whether a field holds characters that cannot be printed.
        least: The least number, at most 0.
        low: The least number; infinite without numbers.
        high: The largest number.
        known: The classes of the fields seen so far, as a look-up is faster than parsing again.
        is_full: Whether there are too many distinct fields to keep.
        is_free_text: Whether it is prose: every field is text, with any characters, and none but an empty one missing.
    """

    date_format: str = ""
    number_format: NumberFormat = field(default_factory=NumberFormat)
    counts: dict[str, int] = field(default_factory=lambda: {"number": 0, "date": 0, "text": 0, "missing": 0})
    words: dict[str, int] = field(default_factory=dict)
    shows_mark: bool = False
    leading_zero: str = ""
    has_invisible: bool = False
    least: float = 0.0
    low: float = inf
    high: float = -inf
    known: dict[str, str] = field(default_factory=dict)
    is_full: bool = False
    is_free_text: bool = False

    def add(self, text: str, dialect: Dialect) -> None:
        """Count one field."""
        kind = self.known.get(text) or self._add_new(text, dialect)
        self.counts[kind] += 1
        if kind == "missing" and (word := text.strip()):
            self.words[word] = self.words.get(word, 0) + 1

    def values(self) -> set[str] | None:
        """Return the distinct fields that are not missing; None if there are too many."""
        return None if self.is_full else {text.strip() for text, kind in self.known.items() if kind != "missing"}

    def present(self) -> list[str]:
        """Return the distinct fields that are not missing, in order, as far as they were kept."""
        return [text for text, kind in self.known.items() if kind != "missing"]

    def has_other_than_numbers(self) -> bool:
        """Return whether something else stands in the column than numbers."""
        return bool(self.counts["text"] or self.counts["date"])

    def inferred_type(self) -> ColumnType:
        """Return `date` if more than half of the fields are dates, `text` if less than half are numbers."""
        numbers, dates, texts = (self.counts[kind] for kind in ("number", "date", "text"))
        if dates > numbers + texts:
            return "date"
        return "text" if dates + texts > numbers else "number"

    def all_are(self, kind: ColumnType) -> bool:
        """Return whether all fields that are not missing are of this type."""
        others = {"number": ("date", "text"), "date": ("number", "text")}.get(kind, ())
        return not self.has_invisible and not any(self.counts[other] for other in others)

    def is_prose(self) -> bool:
        """Return whether the fields are sentences rather than categories: many, of several words each on average."""
        words = sum(len(_WORD.findall(text)) for text in self.known)
        is_many = len(self.known) > _MAX_VALUES / 20 and 10 * len(self.known) > sum(self.counts.values())
        return (self.is_full or is_many) and words >= _WORDS_OF_PROSE * len(self.known)

    def _add_new(self, text: str, dialect: Dialect) -> str:
        """Classify a field that was not seen before."""
        kind = self._classify(text, dialect)
        self.has_invisible = self.has_invisible or not (text.isprintable() or self.is_free_text)
        self.is_full = self.is_full or len(self.known) >= _MAX_VALUES
        if not self.is_full:
            self.known[text] = kind
        return kind

    def _classify(self, text: str, dialect: Dialect) -> str:
        if self.is_free_text:
            return "text" if text.strip() else "missing"
        if dialect.is_missing(text):
            return "missing"
        # Dates of a stated format may look like numbers: 20260131.
        if self.date_format and days_since_epoch(text, self.date_format) is not None:
            return "date"
        if (number := self.number_format.parse(text)) is not None:
            self.least = min(self.least, number)
            self.low, self.high = min(self.low, number), max(self.high, number)
            self.shows_mark = self.shows_mark or self.number_format.decimal in text
            digits = text.strip()
            if digits[:1] == "0" and len(digits) > 1 and digits.isdecimal():
                self.leading_zero = self.leading_zero or digits
            return "number"
        return "text" if self.date_format or days_since_epoch(text) is None else "date"


@dataclass
class TableStats:
    """What the rows of a file hold.

    Attributes:
        columns: The requested columns.
        rows: How many rows were read.
        has_broken_rows: Whether a row is too short or too long, or repeats the header.
    """

    columns: dict[str, ColumnStats]
    rows: int = 0
    has_broken_rows: bool = False

    def types(self, request: ColumnRequest) -> dict[str, ColumnType]:
        """Return the type of each column: as stated, else as inferred."""
        return {name: request.types.get(name) or stats.inferred_type() for name, stats in self.columns.items()}

    def is_sound(self, request: ColumnRequest) -> bool:
        """Return whether the columns are free of defects, as far as these figures show."""
        types = self.types(request)
        return (
            self.rows > 0
            and not self.has_broken_rows
            and all(
                stats.all_are(types[name])
                and (not stats.counts["missing"] or name in request.gaps)
                and (request.roles[name] != "weight" or stats.least >= 0)
                for name, stats in self.columns.items()
            )
        )


def read_stats(file: CsvFile, request: ColumnRequest, limit: int | None) -> TableStats:
    """Read what the requested columns of a file hold, in at most `limit` rows.

    Raises:
        DataError: The file cannot be read, or its quotes are not sound.
    """
    rows = (fields for _, fields in data_rows(file))
    return stats_of(islice(rows, limit), file, request)


def stats_of(rows: Iterable[list[str]], file: CsvFile, request: ColumnRequest) -> TableStats:
    """Return what the requested columns of these rows hold."""
    dialect = file.dialect
    found = TableStats(
        {
            name: ColumnStats(
                dialect.dates.get(name, ""),
                dialect.number_format(name),
                is_free_text=request.types.get(name) == "free_text",
            )
            for name in request.roles
        }
    )
    columns = [(file.positions[name], stats) for name, stats in found.columns.items()]
    for fields in rows:
        found.rows += 1
        if len(fields) != len(file.names) or repeats_header(fields, file):
            found.has_broken_rows = True
            continue
        for index, stats in columns:
            stats.add(fields[index], dialect)
    return found


def distinct_texts(file: CsvFile, names: Iterable[str], limit: int | None) -> dict[str, dict[str, None]]:
    """Return the distinct fields of columns that are not missing, in at most `limit` rows, in order.

    Raises:
        DataError: The file cannot be read, or its quotes are not sound.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in names}
    columns = [(file.positions[name], texts) for name, texts in found.items()]
    for _, fields in islice(data_rows(file), limit):
        if len(fields) == len(file.names):
            for index, texts in columns:
                if not file.dialect.is_missing(fields[index]):
                    texts[fields[index]] = None
    return found


def repeats_header(fields: list[str], file: CsvFile) -> bool:
    """Return whether a row is the header again, as in a file that was put together from several."""
    return (
        file.header_line > 0
        and fields[0].strip() == file.names[0]
        and all(text.strip() == name for text, name in zip(fields, file.names, strict=True))
    )

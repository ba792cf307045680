"""Files of fields between separators: their header, their rows with line numbers, and what is wrong with them.

Reads with the standard library alone, so that a config can be checked without pandas; pandas reads the numbers later.
"""

from __future__ import annotations

import csv
import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite
from typing import IO, TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

#: Distinct values of a column beyond this number are not kept: it is no column of categories.
_MOST_VALUES = 1000


@dataclass(frozen=True)
class Dialect:
    """How a file separates its fields.

    Attributes:
        separator: One character; a blank stands for any run of blanks and tabs.
        decimal: The decimal mark, a point or a comma.
        encoding: The text's encoding.
        missing: The fields that stand for a missing value.
        header: Whether the first line names the columns; None: it does unless one of its fields is a number.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("", "NA", "NaN", "nan", "null")
    header: bool | None = None

    def number(self, text: str) -> float | None:
        """The number that a field says, or None; neither `nan` nor `1_000` is a number here."""
        plain = text.strip().replace(self.decimal, ".") if self.decimal != "." else text
        try:
            value = float(plain)
        except ValueError:
            return None
        return value if isfinite(value) and "_" not in plain else None

    def is_missing(self, text: str) -> bool:
        """Whether a field stands for a missing value."""
        return text.strip() in self.missing


@dataclass(frozen=True)
class Head:
    """A file's columns.

    Attributes:
        names: The columns' names; their indexes as text where the file has no header.
        line: The line of the header, or 0 where there is none.
    """

    names: tuple[str, ...]
    line: int


@dataclass
class Tally:
    """What one column of a file holds.

    Attributes:
        numbers: How many fields are numbers.
        texts: How many fields are neither numbers nor missing.
        first_text: The row and text of the first of them.
        first_missing: The row of the first missing value.
        seen: What each field met so far is; a look-up is quicker than a second look.
        full: Whether there are too many different fields to keep.
    """

    numbers: int = 0
    texts: int = 0
    first_text: tuple[int, str] | None = None
    first_missing: int | None = None
    seen: dict[str, str] = field(default_factory=dict)
    full: bool = False

    def add(self, row: int, text: str, dialect: Dialect) -> None:
        """Count one field."""
        kind = self.seen.get(text) or self._new(row, text, dialect)
        if kind == "number":
            self.numbers += 1
        elif kind == "text":
            self.texts += 1

    def distinct(self) -> set[str] | None:
        """The distinct fields that are not missing; None where there are too many."""
        return None if self.full else {text.strip() for text, kind in self.seen.items() if kind != "missing"}

    def kind(self) -> str:
        """`text` where less than half of the fields are numbers, else `number`."""
        return "text" if self.texts > self.numbers else "number"

    def _new(self, row: int, text: str, dialect: Dialect) -> str:
        """What a field is that was not met before."""
        kind = "missing" if dialect.is_missing(text) else "text" if dialect.number(text) is None else "number"
        if kind == "missing":
            self.first_missing = self.first_missing or row
        elif kind == "text":
            self.first_text = self.first_text or (row, text.strip())
        self.full = self.full or len(self.seen) >= _MOST_VALUES
        if not self.full:
            self.seen[text] = kind
        return kind


@dataclass
class Scan:
    """What a file holds, row by row.

    Attributes:
        rows: How many rows were read.
        columns: What each column holds.
        ragged: The row and number of fields of the first row that is too short or too long.
    """

    rows: int
    columns: dict[str, Tally]
    ragged: tuple[int, int] | None = None


@contextmanager
def open_text(file: Path, encoding: str) -> Iterator[IO[str]]:
    """The file's text, unpacked where it is gzipped.

    Raises:
        DataError: It cannot be read, is binary, is not of that encoding, or is a damaged gzip file.
    """
    unzip = file.suffix == ".gz"
    try:
        with gzip.open(file) if unzip else file.open("rb") as binary:
            start = binary.read(4096)
        if b"\0" in start and encoding.lower().replace("_", "-").startswith(
            ("utf-8", "latin", "ascii", "iso", "cp125")
        ):
            raise DataError(
                "expected text, received binary data (a zero byte near the start)",
                file=file,
                hint="if the text is UTF-16, say `encoding: utf-16`",
            )
        codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        with (
            gzip.open(file, "rt", encoding=codec, newline="") if unzip else file.open(encoding=codec, newline="")
        ) as stream:
            yield stream
    except UnicodeError as error:
        raise DataError(
            f"expected text in the encoding {encoding}: {error}",
            file=file,
            row=_bad_line(file, encoding),
            hint="say the file's encoding, such as `encoding: latin-1`",
        ) from None
    except LookupError:
        raise DataError(
            f"there is no encoding {encoding!r}", file=file, hint="write `encoding: utf-8` or `encoding: latin-1`"
        ) from None
    except (OSError, EOFError) as error:
        raise DataError(f"cannot be read: {error}", file=file, hint="is the file whole, and may you read it?") from None


def _bad_line(file: Path, encoding: str) -> int | None:
    """The first line that is not of that encoding."""
    if file.suffix == ".gz":
        return None
    with file.open("rb") as binary:
        for number, line in enumerate(binary, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None


def rows(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line it begins on.

    Raises:
        DataError: The text cannot be read, or a quote is never closed.
    """
    with open_text(file, dialect.encoding) as stream:
        if dialect.separator == " ":
            yield from ((number, fields) for number, line in enumerate(stream, 1) if (fields := line.split()))
            return
        reader = csv.reader(stream, delimiter=dialect.separator, skipinitialspace=True, strict=True)
        start = 1
        try:
            for fields in reader:
                if fields:
                    yield start, fields
                start = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"the row cannot be read: {error}",
                file=file,
                row=start,
                hint="look for a quote that is never closed, or say another `separator`",
            ) from None


def read_head(file: Path, dialect: Dialect) -> Head:
    """The file's columns.

    Raises:
        DataError: The file is empty, or names a column twice.
    """
    first = next(rows(file, dialect), None)
    if first is None:
        raise DataError("expected rows of fields, received an empty file", file=file, hint="is it the right file?")
    line, fields = first
    numbers = [text for text in fields if dialect.number(text) is not None or dialect.is_missing(text)]
    if dialect.header is False or (dialect.header is None and numbers):
        return Head(tuple(str(index) for index in range(len(fields))), 0)
    names = tuple(text.strip() for text in fields)
    for index, name in enumerate(names):
        if name in names[:index]:
            raise DataError(
                f"the header names the column {name!r} twice (fields {names.index(name)} and {index})",
                file=file,
                row=line,
                column=name,
                hint="rename one of them, or say `header: false` if this is no header",
            )
    return Head(names, line)


def scan(file: Path, dialect: Dialect, head: Head, used: Sequence[str], limit: int | None = None) -> Scan:
    """Read the file row by row, at most `limit` rows, and tell what the columns `used` hold."""
    where = {head.names.index(name): Tally() for name in used}
    found = Scan(0, {head.names[index]: tally for index, tally in where.items()})
    for row, fields in islice((pair for pair in rows(file, dialect) if pair[0] > head.line), limit):
        found.rows += 1
        if len(fields) != len(head.names):
            found.ragged = found.ragged or (row, len(fields))
            continue
        for index, tally in where.items():
            tally.add(row, fields[index], dialect)
    return found


def defects(
    file: Path, head: Head, found: Scan, types: Mapping[str, str], gaps: Collection[str] = ()
) -> list[DataError]:
    """What is wrong with the rows, one error for each kind and column, first rows first.

    Args:
        file: The file.
        head: Its columns.
        found: What its rows hold.
        types: The types of columns that are not what they look like.
        gaps: The columns that may have missing values.
    """
    errors = []
    if not found.rows:
        errors.append(
            DataError("expected rows below the header, received none", file=file, hint="is it the right file?")
        )
    if found.ragged:
        row, count = found.ragged
        errors.append(
            DataError(
                f"expected {len(head.names)} fields, received {count}",
                file=file,
                row=row,
                hint="is the `separator` right, and are fields that hold it quoted?",
            )
        )
    for name, tally in found.columns.items():
        errors += _column_defects(file, name, tally, types.get(name, tally.kind()), gap=name in gaps)
    return sorted(errors, key=lambda error: error.row or 0)


def _column_defects(file: Path, name: str, tally: Tally, kind: str, *, gap: bool) -> list[DataError]:
    errors = []
    if tally.first_missing and not gap:
        errors.append(
            DataError(
                "expected a value, received a missing one",
                file=file,
                row=tally.first_missing,
                column=name,
                hint="fill it in, leave the row or the column out (`features:` names those to use), or, in a feature, "
                "add a step such as `Impute: median`",
            )
        )
    if kind == "number" and tally.first_text:
        row, text = tally.first_text
        errors.append(
            DataError(
                f"expected a number, received {text[:40]!r}",
                file=file,
                row=row,
                column=name,
                hint=f"correct the field, or say `types: {{{name}: text}}` if the column holds text, "
                f"or `missing: [{text[:20]!r}]` if it stands for a missing value",
            )
        )
    return errors

"""Text tables: how they are written, and their rows with line numbers.

Only the standard library is used, so that a config is checked without importing pandas.
"""

from __future__ import annotations

import codecs
import csv
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING

from nnrun.data.csv.missing_words import MISSING_WORDS
from nnrun.data.csv.number_format import NumberFormat
from nnrun.data.files.limits import open_gzip
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np


#: Separators that a file may have in place of the one that is stated.
OTHER_SEPARATORS = ";\t|, "
#: A file with a larger fraction of zero bytes than this is binary, not text with a stray one in it.
_MAX_ZEROS = 0.1
#: The control characters that no text has, how many may be damage, and the share of a file's start that may.
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\x1a\x1b"})
_FEW_CONTROLS, _MAX_CONTROLS = 16, 0.05


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes:
        separator: The character between fields; a blank stands for any run of blanks and tabs.
        decimal: The decimal mark, a point or a comma.
        thousands: The separator of thousands, one of `nnrun.data.csv.number_format.THOUSANDS`; empty for none.
        encoding: The text's encoding.
        missing: The fields that stand for a missing value.
        header: Whether the first line names the columns; None: it does unless one of its fields is a number or date.
        dates: The formats of dates by column, as `nnrun.data.csv.dates.days_since_epoch` takes them.
        numbers: How the numbers of columns are written, where it is not as in the rest of the file.
    """

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    missing: tuple[str, ...] = MISSING_WORDS
    header: bool | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, NumberFormat] = field(default_factory=dict)

    def number_format(self, column: str = "") -> NumberFormat:
        """Return how the numbers of a column are written."""
        return self.numbers.get(column) or NumberFormat(self.decimal, self.thousands)

    def number(self, text: str, column: str = "") -> float | None:
        """Return the number in a field, or None: `nan`, `1_000` and (with decimal commas) `1.000` are not numbers."""
        return self.number_format(column).parse(text)

    def is_number(self, text: str) -> bool:
        """Return whether a field is a number as any column writes it."""
        forms = (NumberFormat(self.decimal, self.thousands), *self.numbers.values())
        return any(form.parse(text) is not None for form in forms)

    def is_missing(self, text: str) -> bool:
        """Return whether a field stands for a missing value."""
        return text.strip() in self.missing


@dataclass(frozen=True)
class CsvFile:
    """A text table whose columns are known.

    Attributes:
        path: The file.
        dialect: How it is written.
        names: The columns' names; their indexes as text if the file has no header, or a column no name in it.
        header_line: The line of the header, or 0 if there is none.
        above: The last line above the rows: that of the header, of a comment, or 0.
        trailing: How many empty fields follow the last column, as spreadsheets write them.
        doubt: Why it is doubtful that the first line is no header; empty where it is not.
        nameless: The columns without a name in the header.
        left_out: A first column without a name that `numbers` or `names` the rows: no feature unless it is asked for.
        row_numbers: The other columns that count the rows from 0 or 1.
        is_sampled: Whether only the first rows were compared to find these.
    """

    path: Path
    dialect: Dialect
    names: tuple[str, ...]
    header_line: int = 0
    above: int = 0
    trailing: int = 0
    doubt: str = ""
    nameless: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    row_numbers: tuple[str, ...] = ()
    is_sampled: bool = False

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The position of each column by its name: looking names up one by one would be slow for many columns."""
        return {name: at for at, name in reversed(list(enumerate(self.names)))}

    def trimmed(self, fields: list[str]) -> list[str]:
        """Return the fields of a row without empty ones behind the last column, if the file has such."""
        count = len(self.names)
        is_longer = count < len(fields) <= count + self.trailing
        return fields[:count] if is_longer and not any(text.strip() for text in fields[count:]) else fields


def is_utf8(encoding: str) -> bool:
    """Return whether an encoding is UTF-8 by any of its names."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")


def open_binary(path: Path) -> IO[bytes]:
    """Open a file's bytes, decompressed if it ends in `.gz`."""
    return open_gzip(path) if path.suffix == ".gz" else path.open("rb")


def has_zero_bytes(path: Path, encoding: str) -> bool:
    """Return whether a text holds zero bytes, at which pandas would cut a field short."""
    if encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32", "utf16", "utf32")):
        return False
    with open_binary(path) as stream:
        return any(b"\0" in chunk for chunk in iter(lambda: stream.read(1 << 20), b""))


@contextmanager
def open_text(path: Path, encoding: str, errors: str) -> Iterator[IO[str]]:
    """Open a file's text, decompressed if it ends in `.gz`.

    Args:
        path: The file.
        encoding: Its encoding.
        errors: How bytes that are invalid in that encoding are handled, as by Python's `open`.

    Raises:
        DataError: The file cannot be read, is binary, has another encoding, or is a damaged gzip file.
    """
    try:
        codecs.lookup(encoding)
    except LookupError:
        hint = "write `encoding: utf-8` or `encoding: latin-1`"
        raise DataError(f"there is no encoding {encoding!r}", file=path, hint=hint) from None
    try:
        with open_binary(path) as stream:
            start = stream.read(4096)
        if (sign := _binary_sign(start, encoding)) is not None:
            hint = "set `encoding: utf-16`" if _is_wide(start) else "check that it is the right file"
            raise DataError(f"expected text, received binary data ({sign} near the start)", file=path, hint=hint)
        codec = "utf-8-sig" if is_utf8(encoding) else encoding
        with open_binary(path) as stream, TextIOWrapper(stream, codec, errors, newline="") as text:
            yield text
    except UnicodeError as error:
        hint, line = "set the file's encoding, such as `encoding: latin-1`", _first_invalid_line(path, encoding)
        message = f"expected text in the encoding {encoding}: {error}"
        raise DataError(message, file=path, row=line, hint=hint) from None
    except (OSError, EOFError) as error:
        hint = "check that the file is complete, and that you may read it"
        raise DataError(f"cannot be read: {error}", file=path, hint=hint) from None


def _is_wide(start: bytes) -> bool:
    """Return whether the first bytes of a file are text of two bytes a letter: most of every second one are zero."""
    few, many = sorted((start[::2].count(0), start[1::2].count(0)))
    return few == 0 and many > len(start) // 4


def _binary_sign(start: bytes, encoding: str) -> str | None:
    """Return what shows that the first bytes of a file are no text of one byte a letter; None where nothing does.

    A single zero byte or control character below the first line is a defect of its row.
    """
    if not encoding.lower().replace("_", "-").startswith(("utf-8", "latin", "ascii", "iso", "cp125")):
        return None
    if b"\0" in start.lstrip().split(b"\n", 1)[0] or start.count(b"\0") > _MAX_ZEROS * len(start):
        return "a zero byte"
    controls = len(start) - len(start.translate(None, delete=_CONTROLS))
    return "control characters" if controls > max(_FEW_CONTROLS, _MAX_CONTROLS * len(start)) else None


def _first_invalid_line(path: Path, encoding: str) -> int | None:
    """Return the first line that is not text in that encoding."""
    if path.suffix == ".gz":
        return None
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None


def read_rows(path: Path, dialect: Dialect, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it begins.

    Raises:
        DataError: The file cannot be read, or its quotes are not sound.
    """
    with open_text(path, dialect.encoding, errors) as stream:
        if dialect.separator == " ":
            yield from ((line, fields) for line, text in enumerate(stream, 1) if (fields := split_blanks(text)))
            return
        reader = csv.reader(stream, delimiter=dialect.separator, skipinitialspace=True, strict=True)
        line = 1
        try:
            for fields in reader:
                if not is_blank(fields):
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise unreadable_row(path, line, error) from None


def row_lines(file: CsvFile, rows: int, *, quick: bool = False) -> np.ndarray | None:
    """Return the line on which each of the rows of a file begins, counted from 1: int64 of shape (rows,).

    Where the file has as many lines as rows below its header, each row is one line. Otherwise (blank lines, fields of
    several lines) the rows are read; with `quick`, None is returned instead.

    Raises:
        DataError: The file cannot be read.
    """
    import numpy as np

    if _count_lines(file.path) == file.above + rows:
        return np.arange(file.above + 1, file.above + 1 + rows)
    if quick:
        return None
    return np.fromiter((line for line, _ in data_rows(file)), dtype="int64", count=rows)


def data_rows(file: CsvFile) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header that are not blank, each with the line on which it begins.

    Raises:
        DataError: The file cannot be read, or its quotes are not sound.
    """
    for line, fields in read_rows(file.path, file.dialect):
        if line > file.above:
            yield line, file.trimmed(fields)


def _count_lines(path: Path) -> int:
    """Return the number of line feeds in a file of one byte a letter, without the blank lines at its end, plus one."""
    count, end = 1, b""
    with open_binary(path) as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            count += chunk.count(b"\n")
            end = (end + chunk)[-(1 << 16) :]
    return count - end[len(end.rstrip()) :].count(b"\n")


def split_blanks(line: str) -> list[str]:
    """Return the fields of a line that blanks and tabs separate; a field between quotes may contain some."""
    if '"' not in line:
        return line.split()
    return next(csv.reader([line.strip().replace("\t", " ")], delimiter=" ", skipinitialspace=True), [])


def unreadable_row(path: Path, line: int, error: csv.Error) -> DataError:
    """Return the error for a row that the csv module refuses."""
    hint = "look for a quote that is never closed, or set another `separator`"
    return DataError(f"the row cannot be read: {error}", file=path, row=line, hint=hint)


def is_blank(fields: list[str]) -> bool:
    """Return whether a row is an empty line."""
    return not fields or (len(fields) == 1 and not fields[0].strip())

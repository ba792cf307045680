"""Files of fields between separators: their header, and their rows with line numbers.

Reads with the standard library alone, so that a config can be checked without pandas; pandas reads the numbers later.
"""

from __future__ import annotations

import csv
import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import IO, TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


#: A larger share of zero bytes than this is no text with a stray one in it.
_MOST_ZEROS = 0.1


@dataclass(frozen=True)
class Dialect:
    """How a file separates its fields.

    Attributes:
        separator: One character; a blank stands for any run of blanks and tabs.
        decimal: The decimal mark, a point or a comma.
        encoding: The text's encoding.
        missing: The fields that stand for a missing value.
        header: Whether the first line names the columns; None: it does unless one of its fields is a number or date.
        dates: How the dates of columns are written, as `nnrun.data.csv.dates.days` takes it, by the column's name.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("", "NA", "NaN", "nan", "null")
    header: bool | None = None
    dates: Mapping[str, str] = field(default_factory=dict)

    def number(self, text: str) -> float | None:
        """The number that a field says, or None: `nan` and `1_000` say none, nor does `1.000` with decimal commas."""
        plain = text
        if self.decimal != ".":
            plain = text.replace(".", "_").replace(self.decimal, ".")
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


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, however it is written."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")


def first_bytes(file: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked where it is gzipped."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as binary:
        return binary.read(count)


def has_zero_bytes(file: Path, encoding: str) -> bool:
    """Whether a text holds zero bytes, which cut a field short where numbers are read by a library in C."""
    if encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32", "utf16", "utf32")):
        return False
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as binary:
        return any(b"\0" in chunk for chunk in iter(lambda: binary.read(1 << 20), b""))


@contextmanager
def open_text(file: Path, encoding: str, errors: str = "strict") -> Iterator[IO[str]]:
    """The file's text, unpacked where it is gzipped.

    Args:
        file: The file.
        encoding: Its encoding.
        errors: What becomes of bytes that are no text in that encoding, as Python's `open` takes it.

    Raises:
        DataError: It cannot be read, is binary, is not of that encoding, or is a damaged gzip file.
    """
    try:
        if _is_binary(first_bytes(file, 4096), encoding):
            raise DataError(
                "expected text, received binary data (a zero byte near the start)",
                file=file,
                hint="if the text is UTF-16, say `encoding: utf-16`",
            )
        codec = "utf-8-sig" if is_utf8(encoding) else encoding
        with (
            gzip.open(file, "rt", encoding=codec, errors=errors, newline="")
            if file.suffix == ".gz"
            else file.open(encoding=codec, errors=errors, newline="")
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


def _is_binary(start: bytes, encoding: str) -> bool:
    """Whether a file that begins so is no text of one byte a letter; one zero byte further down is a row's defect."""
    if not encoding.lower().replace("_", "-").startswith(("utf-8", "latin", "ascii", "iso", "cp125")):
        return False
    return b"\0" in start.lstrip().split(b"\n", 1)[0] or start.count(b"\0") > _MOST_ZEROS * len(start)


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


def rows(file: Path, dialect: Dialect, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line it begins on.

    Raises:
        DataError: The text cannot be read, or a quote is never closed.
    """
    with open_text(file, dialect.encoding, errors) as stream:
        if dialect.separator == " ":
            yield from ((number, fields) for number, line in enumerate(stream, 1) if (fields := line.split()))
            return
        reader = csv.reader(stream, delimiter=dialect.separator, skipinitialspace=True, strict=True)
        start = 1
        try:
            for fields in reader:
                if len(fields) > 1 or (fields and fields[0].strip()):
                    yield start, fields
                start = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"the row cannot be read: {error}",
                file=file,
                row=start,
                hint="look for a quote that is never closed, or say another `separator`",
            ) from None

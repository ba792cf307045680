"""Rows of a damaged table with their places: read on where a strict reader stops, so that all damage can be told."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nnrun.data.csv.dialect import first_bytes, is_utf8, open_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nnrun.data.csv.dialect import Dialect


#: A quoted field may run over this many more lines; beyond, its quote counts as one that is never closed.
_MOST_LINES = 50
_MARK = b"\xef\xbb\xbf"
Fault = Literal["unclosed-quote", "behind-quote"]


@dataclass(frozen=True)
class Field:
    """A field of a row.

    Attributes:
        text: What it says, without its quotes; a byte that is no text in the file's encoding is a lone surrogate.
        start: Where it begins in its line, counted from 1.
        length: How many letters of the line it takes, its quotes included.
    """

    text: str
    start: int
    length: int


@dataclass(frozen=True)
class Row:
    """A row, sound or not.

    Attributes:
        number: The line it begins on, counted from 1.
        texts: What its fields say.
        spans: Where each begins in the line, counted from 0, and its length; None where they follow from the texts.
        line: That line, without its end.
        offset: How many bytes come before it.
        fault: What is wrong with its quotes, or None.
        at: Which of its fields that is.
    """

    number: int
    texts: Sequence[str]
    spans: Sequence[tuple[int, int]] | None
    line: str
    offset: int
    fault: Fault | None = None
    at: int = 0

    def field(self, index: int) -> Field:
        """One of its fields, with its place."""
        if self.spans is not None:
            start, length = self.spans[index]
        else:
            start, length = sum(map(len, self.texts[:index])) + index, len(self.texts[index])
        return Field(self.texts[index], start + 1, max(1, length))


def damaged_rows(file: Path, dialect: Dialect, width: int) -> Iterator[Row]:
    """All rows that are not blank, whatever is wrong with them.

    Args:
        file: The file.
        dialect: How it separates its fields.
        width: How many fields a row should have; a quoted field that runs over several lines must lead to so many.

    Raises:
        DataError: The file cannot be read at all.
    """
    with open_text(file, dialect.encoding, errors="surrogateescape") as stream:
        number, offset = 1, len(_MARK) if is_utf8(dialect.encoding) and first_bytes(file, 3) == _MARK else 0
        ahead: deque[str] = deque()
        while (line := ahead.popleft() if ahead else next(stream, None)) is not None:
            row, taken = _row(number, line, dialect.separator, offset), 0
            if row.fault == "unclosed-quote":
                row, taken = _joined(row, line, ahead, stream, (dialect.separator, width))
            if line.strip():
                yield row
            for part in (line, *(ahead.popleft() for _ in range(taken))):
                offset += _bytes(part, dialect.encoding)
                number += 1


def _joined(
    row: Row, line: str, ahead: deque[str], stream: Iterator[str], expected: tuple[str, int]
) -> tuple[Row, int]:
    """A row with a field that runs over lines, and how many of those ahead it takes; none where it never ends well."""
    separator, width = expected
    for taken in range(1, _MOST_LINES + 1):
        if len(ahead) < taken:
            more = next(stream, None)
            if more is None:
                break
            ahead.append(more)
        line += ahead[taken - 1]
        if '"' not in ahead[taken - 1]:
            continue
        whole = _row(row.number, line, separator, row.offset)
        if whole.fault is None and len(whole.texts) == width:
            return replace(whole, line=row.line), taken
        if whole.fault != "unclosed-quote":
            break
    return row, 0


def _row(number: int, line: str, separator: str, offset: int) -> Row:
    line = line.rstrip("\r\n")
    if separator == " ":
        words = list(re.finditer(r"\S+", line))
        spans = [(word.start(), len(word[0])) for word in words]
        return Row(number, [word[0] for word in words], spans, line, offset)
    if '"' not in line and " " not in line:
        return Row(number, line.split(separator), None, line, offset)
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    fault: Fault | None = None
    at = place = 0
    while place <= len(line):
        place += len(line) - place - len(line[place:].lstrip(" "))
        quoted = line.startswith('"', place)
        text, end, wrong = _quoted(line, place, separator) if quoted else _plain(line, place, separator)
        if wrong is not None and fault is None:
            fault, at = wrong, len(texts)
        texts.append(text)
        places.append((place, end - place))
        place = end + 1
    return Row(number, texts, places, line, offset, fault, at)


def _plain(line: str, place: int, separator: str) -> tuple[str, int, Fault | None]:
    """The text of a field without quotes, and where it ends."""
    end = line.find(separator, place)
    end = len(line) if end < 0 else end
    return line[place:end], end, None


def _quoted(line: str, place: int, separator: str) -> tuple[str, int, Fault | None]:
    """The text of a field in quotes, where it ends, and what is wrong with its quotes."""
    close = line.find('"', place + 1)
    while close >= 0 and line.startswith('""', close):
        close = line.find('"', close + 2)
    if close < 0:
        return line[place + 1 :], len(line), "unclosed-quote"
    text = line[place + 1 : close].replace('""', '"')
    rest, end, _ = _plain(line, close + 1, separator)
    return text + rest, end, "behind-quote" if rest else None


def _bytes(line: str, encoding: str) -> int:
    return len(line.encode("utf-8" if is_utf8(encoding) else encoding, "surrogateescape"))

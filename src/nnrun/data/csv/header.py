"""The columns of a text table: where its rows begin, their names, and everything that is wrong with these."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nnrun.data.csv.defects import DefectList
from nnrun.data.csv.dialect import CsvFile, open_text, read_rows
from nnrun.data.csv.first_line import (
    MOST_ROWS,
    FirstLine,
    infer_first_line,
    is_row_names,
    is_row_numbers,
    names_columns,
)
from nnrun.data.csv.invalid_values import describe
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from nnrun.data.csv.dialect import Dialect


#: The line with which spreadsheets name the separator of a file.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
#: The name that pandas gives to a column without one, as a file has it that was written again.
_NAMELESS = "Unnamed: 0"


@dataclass
class _Beginning:
    """The first rows of a file.

    Attributes:
        dialect: How the file is written; with the separator that a first line `sep=;` names.
        rows: The first rows that are no comments, each with its line; fields have no blanks around them.
        width: The usual number of fields below the first row.
    """

    dialect: Dialect
    rows: list[tuple[int, list[str]]]
    width: int

    @property
    def below(self) -> list[list[str]]:
        """The rows below the first one."""
        return [fields for _, fields in self.rows[1:]]

    @property
    def is_sampled(self) -> bool:
        """Whether the file may have more rows."""
        return len(self.rows) > MOST_ROWS

    @property
    def has_row_names(self) -> bool:
        """Whether every row has one field more than the first line, as R writes the names of rows before a row."""
        width = len(self.rows[0][1]) + 1
        return len(self.rows) > 2 and all(len(row) == width for row in self.below) and self.text_behind(width - 1) > 0

    def column(self, index: int) -> list[str]:
        """Return a column of the rows below the first one that have the usual number of fields."""
        return [row[index] for row in self.below if len(row) == self.width > index]

    def text_behind(self, count: int) -> int:
        """Return how many fields some row has behind so many, up to the last one that is not empty."""
        return max((at + 1 - count for row in self.below for at in range(count, len(row)) if row[at]), default=0)


def read_header(
    path: Path,
    dialect: Dialect,
    asked: Collection[str | int] = (),
    needing_name: Callable[[Sequence[str]], Collection[int]] = lambda _: (),
) -> CsvFile:
    """Read which columns a file has.

    Where the config does not state it, the first line is a header if a column that was asked for stands in it, and else
    by what its fields are and what stands below them.

    Args:
        path: The file.
        dialect: How it is written.
        asked: The columns that the config or a run names.
        needing_name: Called with the names in the header; returns the indexes of the columns that may not be nameless.

    Raises:
        DefectsError: Columns have the same name, or lack a name that they need; with all of these defects.
        DataError: The file is empty, or its header is not text.
    """
    start = _read_beginning(path, dialect)
    line, fields = start.rows[0]
    names = [fields[0].lstrip("#").lstrip(), *fields[1:]]
    if dialect.header is not None:
        first = FirstLine(dialect.header)
    elif names_columns(asked, fields) or names_columns(asked, names) or start.has_row_names:
        first = FirstLine(is_header=True)
    else:
        first = infer_first_line(names, start.below, start.dialect)
    if not first.is_header:
        trailing = _count_empty(fields, start.below) if start.below else 0
        indexes = tuple(map(str, range(len(fields) - trailing)))
        candidates = [at for at in range(len(indexes)) if fields[at] in ("0", "1")]
        numbering = tuple(indexes[at] for at in candidates if is_row_numbers([fields[at], *start.column(at)]))
        return CsvFile(
            path,
            start.dialect,
            indexes,
            0,
            line - 1,
            trailing,
            doubt=first.doubt,
            row_numbers=numbering,
            is_sampled=start.is_sampled,
        )
    if any("\ud800" <= letter <= "\udfff" for text in fields for letter in text):
        message = (
            f"expected text in the encoding {dialect.encoding}, but the header contains bytes that are invalid in it"
        )
        hint = "set the file's encoding, such as `encoding: latin-1`"
        raise DataError(message, file=path, row=line, hint=hint)
    return _with_header(path, start, fields if names_columns(asked, fields[:1]) else names, needing_name)


def _with_header(
    path: Path, start: _Beginning, names: list[str], needing_name: Callable[[Sequence[str]], Collection[int]]
) -> CsvFile:
    """Return a file whose first line names its columns."""
    line = start.rows[0][0]
    trailing = _count_empty(names, start.below)
    names = ["", *names] if start.has_row_names else names[: len(names) - trailing]
    trailing = max(trailing, 0 if start.has_row_names else start.width - len(names) - start.text_behind(len(names)))
    has_index = names[0] in ("", _NAMELESS) and len(names) > 1
    defects = _header_defects(path, line, names, [at for at in needing_name(names) if at or not has_index])
    widths = {len(row) for row in start.below}
    if len(widths) == 1 and start.width not in (len(names), len(names) + trailing):
        defects.add(line, None, describe("header-length", expected=start.width, received=len(names)))
    if defects:
        raise defects.error()
    named = tuple(name or _index_name(at, names) for at, name in enumerate(names))
    beginning = start.below[0] if start.below else []
    candidates = [at for at, text in enumerate(beginning[: len(named)]) if text in ("0", "1")]
    numbering = [named[at] for at in candidates if is_row_numbers(start.column(at))]
    left_out = {}
    if has_index and is_row_names(start.column(0), start.dialect):
        left_out = {named[0]: "numbers" if start.column(0)[0].isdigit() else "names"}
    return CsvFile(
        path,
        start.dialect,
        named,
        line,
        line,
        trailing,
        nameless=tuple(named[at] for at, name in enumerate(names) if not name),
        left_out=left_out,
        row_numbers=tuple(name for name in numbering if name not in left_out),
        is_sampled=start.is_sampled,
    )


def _index_name(index: int, names: Sequence[str]) -> str:
    """Return the name of a column that has none in the header: its index, as in files without a header."""
    return str(index) if str(index) not in names else f"column {index}"


def _read_beginning(path: Path, dialect: Dialect) -> _Beginning:
    """Read the first rows of a file.

    Raises:
        DataError: The file cannot be read, or is empty.
    """
    with open_text(path, dialect.encoding, errors="surrogateescape") as stream:
        named = _SEPARATOR_LINE.fullmatch(stream.readline(10))
    dialect = dialect if named is None else replace(dialect, separator=named[1])
    rows: list[tuple[int, list[str]]] = []
    try:
        # Invalid bytes further down must not keep the header from being read.
        for line, fields in read_rows(path, dialect, errors="surrogateescape"):
            if named is None or line > 1:
                rows.append((line, [text.strip() for text in fields]))
            if len(rows) > MOST_ROWS:
                break
    except DataError:
        if not rows:
            raise
    if not rows:
        raise DataError(
            "expected rows of fields, received an empty file", file=path, hint="check that it is the right file"
        )
    width = Counter(len(fields) for _, fields in rows[1:] or rows).most_common(1)[0][0]
    while len(rows) > 1 and rows[0][1][0].startswith("#") and len(rows[0][1]) != width:
        rows.pop(0)
    return _Beginning(dialect, rows, width)


def _count_empty(first: Sequence[str], below: Sequence[Sequence[str]]) -> int:
    """Return how many fields at the end of the first line are empty in all rows, as spreadsheets write them."""
    count = 0
    for at in range(len(first) - 1, 0, -1):
        if first[at] or any(len(row) > at and row[at] for row in below):
            break
        count += 1
    return count


def _header_defects(path: Path, line: int, names: Sequence[str], nameless: Collection[int]) -> DefectList:
    """Return the columns without a name that need one, and the names that several columns have."""
    indexes: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name:
            indexes.setdefault(name, []).append(index)
    defects = DefectList(path)
    for index, name in enumerate(names):
        if index in nameless:
            defects.add(line, index, describe("nameless"))
        elif index in indexes.get(name, [])[1:2]:
            *first, last = indexes[name]
            often = "twice" if len(first) == 1 else f"{len(first) + 1} times"
            listed = f"{', '.join(map(str, first))} and {last}"
            defects.add(line, name, describe("named-twice", column=name, often=often, indexes=listed))
    return defects

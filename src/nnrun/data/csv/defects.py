"""Everything that is wrong with a text table: each kind of defect of each column, with its lines and the fix."""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun.data.csv.dialect import data_rows, is_blank, is_utf8, open_binary, open_text, split_blanks, unreadable_row
from nnrun.data.csv.invalid_values import (
    INVALID_BYTE,
    DamagedRow,
    ExpectedColumn,
    InvalidValue,
    describe,
    invalid_field,
    invalid_row,
    is_not_a_number,
)
from nnrun.data.csv.type_inference import read_stats, stats_of
from nnrun.errors import DataError, DefectsError, Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.csv.type_inference import ColumnRequest, ColumnType, TableStats


#: Of each kind of defect in a column the first is described, so many of the next are named by their line.
_MAX_LINES = 3
#: More kinds of defects of more columns than this are only counted.
_MAX_DEFECTS = 50
#: A quoted field may continue over this many more lines; beyond them, its quote counts as never closed.
_MAX_CONTINUED = 50
#: Rows that are examined at a time.
_BLOCK_ROWS = 20_000


@dataclass
class Defect:
    """One kind of defect of one column.

    Attributes:
        column: The column's name, or the index of a field that has none.
        first: What is wrong with the first.
        lines: The lines of the first ones, counted from 1; or their rows.
        count: How many there are.
    """

    column: str | int | None
    first: InvalidValue
    lines: list[int]
    count: int = 1


class DefectList:
    """The defects of one file by kind and column: the first of each in full, the others counted.

    Args:
        path: The file.
        has_lines: Whether rows are lines of a text that an editor can show.
        examined: The number of rows that were examined if there are more; None if these are all.
    """

    def __init__(self, path: Path, *, has_lines: bool = True, examined: int | None = None) -> None:
        self.path, self._has_lines, self._examined = path, has_lines, examined
        self._defects: dict[tuple[str, str | int | None], Defect] = {}
        self._not_listed = 0

    def __bool__(self) -> bool:
        return bool(self._defects)

    def has(self, kind: str, column: str | int | None) -> bool:
        """Return whether a defect of this kind and column was added."""
        return (kind, column) in self._defects

    def add(self, row: int | None, column: str | int | None, invalid: InvalidValue) -> None:
        """Add a defect.

        Args:
            row: The line of the row, counted from 1, if rows are lines; None for a defect of the whole file.
            column: The column's name, or the index of a field that has none.
            invalid: What is wrong.
        """
        known = self._defects.get((invalid.kind, column))
        if known is not None:
            known.count += 1
            known.lines += [row] if row is not None and len(known.lines) <= _MAX_LINES else []
        elif len(self._defects) < _MAX_DEFECTS:
            self._defects[invalid.kind, column] = Defect(column, invalid, [] if row is None else [row])
        else:
            self._not_listed += 1

    def set_hints(self, hints: Mapping[tuple[str, str], str]) -> None:
        """Replace the hints of defects, as `ColumnRequest.hints` returns them."""
        for (kind, column), defect in self._defects.items():
            group = "number" if is_not_a_number(kind) else "missing" if kind.startswith("missing-") else ""
            hint = hints.get((group, str(column)))
            if hint is not None:
                defect.first = defect.first._replace(hint=hint)

    def problems(self) -> list[Problem]:
        """Return all defects in the order in which they were added."""
        problems = []
        among = f" of the first {self._examined:,} rows" if self._examined is not None else ""
        for defect in self._defects.values():
            line = self._line(defect)
            mark = None if line is None else Mark(relative_to_here(self.path), line)
            place = [
                f"{word} {value}" for word, value in (("line", line), ("column", defect.column)) if value is not None
            ]
            text = f"{', '.join(place)}: {defect.first.text}" if place else defect.first.text
            if defect.count > 1:
                hidden = defect.count - len(defect.lines)
                rows = ", ".join(map(str, defect.lines[1:])) + (f" and {hidden:,} more" if hidden else "") + among
                word = "line" if self._has_lines else "row"
                text += f" (likewise in {word}{'s' if defect.count > 2 else ''} {rows})"
            problems.append(Problem(mark, text, defect.first.hint, "defective-data"))
        if self._not_listed:
            text = f"and {self._not_listed:,} more defects{among}"
            problems.append(Problem(None, text, "correct these first", "defective-data"))
        return problems

    def error(self) -> DefectsError:
        """Return all defects as one error, which leads with the first."""
        problems = self.problems()
        first = next(iter(self._defects.values()))
        return DefectsError(
            problems,
            file=self.path,
            row=self._line(first),
            column=first.column,
            text=first.first.text + (f" (and {len(problems) - 1} more defects)" if len(problems) > 1 else ""),
            hint=first.first.hint,
        )

    def _line(self, defect: Defect) -> int | None:
        return defect.lines[0] if self._has_lines and defect.lines else None


def examine(file: CsvFile, request: ColumnRequest, limit: int | None = None) -> tuple[TableStats, DefectList]:
    """Return what the requested columns of a file hold, and everything that is wrong with them, in order of rows.

    Args:
        file: The file.
        request: The columns.
        limit: The most rows to examine; None for all.

    Raises:
        DataError: The file cannot be read at all.
    """
    unreadable = None
    try:
        stats = read_stats(file, request, limit)
        if stats.is_sound(request):
            return stats, DefectList(file.path)
    except DataError as error:
        unreadable = error
        # Reading stopped at the first invalid byte or quote; types are inferred from all rows that can be read.
        rows = (row.fields for row in islice(_damaged_rows(file), limit) if row.quote_error is None)
        stats = stats_of(rows, file, request)
    defects = _find_defects(file, request, stats.types(request), limit, has_more=stats.rows == limit)
    if unreadable is not None and not defects:
        raise unreadable
    if defects and request.hints is not None:
        defects.set_hints(request.hints(file, stats, limit))
    if not stats.rows and not defects:
        defects.add(None, None, describe("no-rows"))
    return stats, defects


def _find_defects(
    file: CsvFile, request: ColumnRequest, types: Mapping[str, ColumnType], limit: int | None, *, has_more: bool
) -> DefectList:
    import pandas as pd

    defects = DefectList(file.path, examined=limit if has_more else None)
    columns = [ExpectedColumn(name, role, types[name], name in request.gaps) for name, role in request.roles.items()]
    rows = islice(_damaged_rows(file), limit)
    while block := list(islice(rows, _BLOCK_ROWS)):
        wrong = {row.line: invalid_row(row, file) for row in block}
        found: list[tuple[Any, str | int, InvalidValue]] = [
            (line, *one) for line, one in wrong.items() if one is not None
        ]
        sound = {row.line: row.fields for row in block if wrong[row.line] is None}
        frame = pd.DataFrame(list(sound.values()), index=list(sound), columns=list(file.names), dtype=object)
        for column in columns:
            texts = frame[column.name].str.strip()
            # Each distinct text is checked once.
            checked = {text: invalid_field(text, column, file.dialect) for text in texts.unique()}
            invalid = texts.map(checked.get)
            found += [(line, column.name, one) for line, one in invalid[invalid.notna()].items()]
        for line, name, one in sorted(found, key=lambda item: item[0]):
            if one.kind == "invalid-byte" and not defects.has(one.kind, name):
                before = INVALID_BYTE.findall("".join(sound[line][: file.names.index(name)]))
                place = f" (byte {_byte_offset(file, line, len(before)):,} of the file, counted from 0)"
                defects.add(line, name, one._replace(text=one.text + place))
            else:
                defects.add(line, name, one)
    return defects


def _damaged_rows(file: CsvFile) -> Iterator[DamagedRow]:
    """Yield every row below the header that is not blank, with what is wrong with its quotes.

    Raises:
        DataError: A field is too long for the csv module.
    """
    line = 1
    with open_text(file.path, file.dialect.encoding, errors="surrogateescape") as stream:
        window = deque(islice(stream, _MAX_CONTINUED + 1))
        while window:
            try:
                taken, row = _first_row(line, window, file)
            except csv.Error as error:
                raise unreadable_row(file.path, line, error) from None
            row = row._replace(fields=file.trimmed(row.fields))
            if line > file.above and (row.quote_error is not None or not is_blank(row.fields)):
                yield row
            line += taken
            for _ in range(taken):
                window.popleft()
            window.extend(islice(stream, taken))


def _first_row(line: int, window: deque[str], file: CsvFile) -> tuple[int, DamagedRow]:
    """Return how many lines the row at the start of a window takes, and the row.

    A line with an unclosed quote is joined with the next ones if they make a sound row, as in a field of several lines.
    Otherwise it is a row by itself.
    """
    separator, index = file.dialect.separator, 0
    fields, error = _parse([window[0]], separator)
    if error == "unclosed-quote":
        for count in range(2, len(window) + 1):
            if '"' in window[count - 1]:
                joined, problem = _parse(list(islice(window, count)), separator)
                if problem is None and len(file.trimmed(joined)) == len(file.names):
                    return count, DamagedRow(line, joined, None, 0)
                if problem != error:
                    break
        index = len(fields) - 1
    elif error is not None:
        # The field with text behind its quotes is the last one of the shortest beginning of the line with the error.
        pieces = window[0].split(separator)
        beginnings = [separator.join(pieces[:count]) for count in range(1, len(pieces) + 1)]
        shortest = bisect_left(beginnings, True, key=lambda text: _parse([text], separator)[1] == error)
        index = len(_parse([beginnings[shortest]], separator)[0]) - 1
    return 1, DamagedRow(line, fields, error, index)


def _parse(lines: list[str], separator: str) -> tuple[list[str], str | None]:
    """Return the fields of a row, and what is wrong with its quotes."""
    if separator == " ":
        return split_blanks(lines[0]), None
    try:
        return next(csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True), []), None
    except csv.Error as error:
        kind = "behind-quote" if "expected after" in str(error) else "unclosed-quote"
    return [text.rstrip("\r\n") for text in next(csv.reader(lines, delimiter=separator, skipinitialspace=True))], kind


def _byte_offset(file: CsvFile, line: int, skipped: int) -> int:
    """Return the offset in the file of the invalid byte that follows `skipped` others in the row on a line."""
    encoding = file.dialect.encoding
    codec = "utf-8" if is_utf8(encoding) else encoding
    with open_binary(file.path) as binary:
        offset = 3 if is_utf8(encoding) and binary.read(3) == b"\xef\xbb\xbf" else 0
    with open_text(file.path, encoding, errors="surrogateescape") as stream:
        offset += sum(len(text.encode(codec, "surrogateescape")) for text in islice(stream, line - 1))
        row = "".join(islice(stream, _MAX_CONTINUED + 1))
    end = next(islice(INVALID_BYTE.finditer(row), skipped, None)).start()
    return offset + len(row[:end].encode(codec, "surrogateescape"))


def place_of_text(file: CsvFile, name: str, text: str) -> Mark | None:
    """Return where a column has a text for the first time; None where it does not."""
    index = file.positions[name]
    for line, fields in data_rows(file):
        if index < len(fields) and fields[index].strip() == text.strip():
            return Mark(relative_to_here(file.path), line)
    return None


def relative_to_here(path: Path) -> str:
    """Return the path as a user in the working folder would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

"""The header of a text table: the names of its columns, and everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.csv.dates import is_iso_date
from nnrun.data.csv.defects import DefectList
from nnrun.data.csv.dialect import CsvFile, read_rows
from nnrun.data.csv.invalid_values import describe
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from nnrun.data.csv.dialect import Dialect


def read_header(
    path: Path, dialect: Dialect, needing_name: Callable[[Sequence[str]], Collection[int]] = lambda _: ()
) -> CsvFile:
    """Read which columns a file has.

    Args:
        path: The file.
        dialect: How it is written.
        needing_name: Called with the names in the header; returns the indexes of the columns that may not be nameless.

    Raises:
        DefectsError: Columns have the same name, or lack a name that they need; with all of these defects.
        DataError: The file is empty, or its header is not text.
    """
    # Invalid bytes further down must not keep the header from being read.
    line, fields = next(read_rows(path, dialect, errors="surrogateescape"), (0, []))
    if not line:
        raise DataError(
            "expected rows of fields, received an empty file", file=path, hint="check that it is the right file"
        )
    is_data = any(dialect.is_number(text) or dialect.is_missing(text) or is_iso_date(text) for text in fields)
    if dialect.header is False or (dialect.header is None and is_data):
        return CsvFile(path, dialect, tuple(map(str, range(len(fields)))), 0)
    if any("\ud800" <= letter <= "\udfff" for text in fields for letter in text):
        message = (
            f"expected text in the encoding {dialect.encoding}, but the header contains bytes that are invalid in it"
        )
        hint = "set the file's encoding, such as `encoding: latin-1`"
        raise DataError(message, file=path, row=line, hint=hint)
    names = tuple(text.strip() for text in fields)
    defects = _header_defects(path, line, names, needing_name(names))
    if defects:
        raise defects.error()
    return CsvFile(path, dialect, names, line)


def _header_defects(path: Path, line: int, names: Sequence[str], nameless: Collection[int]) -> DefectList:
    """Return the columns without a name that need one, and the names that several columns have."""
    indexes: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if index not in nameless:
            indexes.setdefault(name, []).append(index)
    defects = DefectList(path)
    for index, name in enumerate(names):
        if index in nameless:
            defects.add(line, index, describe("nameless"))
        elif index in indexes[name][1:2]:
            *first, last = indexes[name]
            often = "twice" if len(first) == 1 else f"{len(first) + 1} times"
            listed = f"{', '.join(map(str, first))} and {last}"
            defects.add(line, name, describe("named-twice", column=name, often=often, indexes=listed))
    return defects

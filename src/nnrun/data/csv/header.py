"""The header of a file of fields between separators: which columns it names, and everything that is wrong with it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from nnrun.data.csv.dates import is_iso
from nnrun.data.csv.defects import defect_at, refusal
from nnrun.data.csv.dialect import Head, rows
from nnrun.data.csv.invalid_values import Misfit
from nnrun.data.csv.rows import damaged_rows
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nnrun.data.csv.column_roles import Asked
    from nnrun.data.csv.dialect import Dialect
    from nnrun.data.csv.rows import Row


def read_head(file: Path, dialect: Dialect, asked: Asked | None = None) -> Head:
    """The file's columns.

    Args:
        file: The file.
        dialect: How it is written.
        asked: Which columns are asked for, where that says which of them need a name.

    Raises:
        DefectsError: The header names columns twice, or has columns without a name that need one; with all of them.
        DataError: The file is empty, or its header is no text.
    """
    # What is wrong further down must not keep the header from being read.
    first = next(rows(file, dialect, "surrogateescape"), None)
    if first is None:
        raise DataError("expected rows of fields, received an empty file", file=file, hint="is it the right file?")
    line, fields = first
    numbers = [text for text in fields if dialect.number(text) is not None or dialect.is_missing(text) or is_iso(text)]
    if dialect.header is False or (dialect.header is None and numbers):
        return Head(tuple(str(index) for index in range(len(fields))), 0)
    if any("\ud800" <= letter <= "\udfff" for text in fields for letter in text):
        raise DataError(
            f"expected text in the encoding {dialect.encoding}, but the header holds bytes that are none",
            file=file,
            row=line,
            hint="say the file's encoding, such as `encoding: latin-1`",
        )
    names = tuple(text.strip() for text in fields)
    if len(set(names)) < len(names) or "" in names:
        _refuse(file, dialect, names, [] if asked is None else asked.nameless(names))
    return Head(names, line)


def line_of(file: Path, dialect: Dialect, row: int) -> int:
    """The line on which a row below the header begins, both counted as people do: rows from 0, lines from 1.

    Raises:
        DataError: The text cannot be read.
    """
    head = read_head(file, dialect)
    below = (line for line, _ in rows(file, dialect) if line > head.line)
    return next(islice(below, row, None))


def _refuse(file: Path, dialect: Dialect, names: Sequence[str], nameless: Sequence[int]) -> None:
    """Refuse a header, with all that is wrong with it; one whose columns without a name need none may be sound."""
    row = next(damaged_rows(file, dialect, len(names)))
    wrong = sorted([*_nameless(row, nameless), *_twice(row, names, nameless)], key=lambda misfit: misfit.at.start)
    if wrong:
        raise refusal(file, [defect_at(file, row, misfit) for misfit in wrong])


def _nameless(row: Row, columns: Sequence[int]) -> Iterator[Misfit]:
    hint = "name it; if it numbers the rows (pandas writes such a column), say which `features` to use"
    for index in columns:
        yield Misfit("nameless", index, row.field(index), "a column has no name in the header", hint)


def _twice(row: Row, names: Sequence[str], nameless: Sequence[int]) -> Iterator[Misfit]:
    hint = "rename one of them, or say `header: false` if this is no header"
    for name in dict.fromkeys(names):
        places = [index for index, other in enumerate(names) if other == name and index not in nameless]
        if len(places) > 1:
            often = "twice" if len(places) == 2 else f"{len(places)} times"
            listed = f"{', '.join(map(str, places[:-1]))} and {places[-1]}"
            text = f"the header names the column {name!r} {often} (fields {listed})"
            yield Misfit("named-twice", name, row.field(places[1]), text, hint)

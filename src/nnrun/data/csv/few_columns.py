"""A few columns of a text table, read with the standard library alone: `check` needs the targets, and has no pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.csv.dates import days_since_epoch, is_iso_date
from nnrun.data.csv.dialect import data_rows
from nnrun.data.csv.type_inference import TEXT_TYPES
from nnrun.data.exact_numbers import number_array

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.csv.type_inference import ColumnType


def read_few_columns(
    file: CsvFile, types: Mapping[str, ColumnType], names: Iterable[str], gaps: Collection[str] = ()
) -> dict[str, np.ndarray] | None:
    """Return columns as `read_columns` does: numbers and dates as float64, text as objects without blanks around it.

    Args:
        file: The file.
        types: The stated types of columns.
        names: The columns to read.
        gaps: Those that may have missing values.

    Returns:
        The columns; None where a row has another number of fields, a field is missing in another column, or one is
        not of its column's type: such defects are errors of their own.

    Raises:
        DataError: The file cannot be read.
    """
    texts: dict[str, list[str]] = {name: [] for name in names}
    wanted = [(file.positions[name], texts[name]) for name in texts]
    for _, fields in data_rows(file):
        if len(fields) != len(file.names):
            return None
        for index, column in wanted:
            column.append(fields[index])
    columns = {
        name: _converted(column, name, file, types.get(name), gaps=name in gaps) for name, column in texts.items()
    }
    found = {name: column for name, column in columns.items() if column is not None}
    return found if len(found) == len(columns) else None


def _converted(
    texts: Sequence[str], name: str, file: CsvFile, stated: ColumnType | None, *, gaps: bool
) -> np.ndarray | None:
    """Return a column of its stated type, else of the type that all its fields have."""
    dialect, distinct = file.dialect, dict.fromkeys(texts)
    missing = [text for text in distinct if dialect.is_missing(text)]
    if not texts or (missing and not gaps):
        return None
    values: dict[str, float | None] = {}
    for text in missing:
        del distinct[text]
    kinds = (stated,) if stated is not None else ("number", "date", "text")
    for kind in kinds:
        if kind in TEXT_TYPES:
            known = {text: text.strip() for text in distinct}
            return np.array([known.get(text) for text in texts], dtype=object)
        form = dialect.dates.get(name, "")
        if kind == "date":
            values = {text: days_since_epoch(text, form) for text in distinct}
        else:
            values = {text: dialect.number_format(name).parse_exactly(text) for text in distinct}
        if None not in values.values():
            return number_array([values.get(text) for text in texts], is_key=True)
    return None


def is_sorted_by_date(file: CsvFile, types: Mapping[str, ColumnType], names: Iterable[str]) -> bool:
    """Return whether the rows are in the order of a column of dates that never falls, or never rises.

    Args:
        file: The file.
        types: The stated types of columns.
        names: The columns that may be such dates.
    """
    first = next((fields for _, fields in data_rows(file)), [])
    if len(first) != len(file.names):
        return False
    dates = [
        name
        for name in names
        if types.get(name) == "date" or (name not in types and is_iso_date(first[file.positions[name]]))
    ]
    columns = read_few_columns(file, dict.fromkeys(dates, "date"), dates) if dates else None
    steps = [np.diff(column) for column in (columns or {}).values()]
    return any(len(step) > 0 and bool((step >= 0).all() or (step <= 0).all()) for step in steps)

"""The columns of a text table as arrays, read by pandas at once or in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.defects import examine
from nnrun.data.csv.dialect import has_zero_bytes, is_utf8
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from nnrun.data.csv.dialect import CsvFile, Dialect
    from nnrun.data.csv.type_inference import ColumnRequest, ColumnType


#: The most rows of a block, and the fraction of the memory that its numbers take (pandas needs several times as much).
_MAX_ROWS, _FRACTION = 200_000, 1 / 32


def read_columns(file: CsvFile, request: ColumnRequest) -> tuple[dict[str, np.ndarray], Mapping[str, ColumnType]]:
    """Return the requested columns as arrays, and the type of each.

    Numbers are float64, dates float64 of days since 1970-01-01, text and categories objects; missing values of
    `request.gaps` are NaN and None.

    Raises:
        DefectsError: Rows or fields are invalid; with every kind of defect and its place.
        DataError: The file cannot be read.
    """
    types, blocks = _read(file, request, None)
    return next(blocks), types


def csv_blocks(
    file: CsvFile, request: ColumnRequest, memory: float
) -> tuple[Mapping[str, ColumnType], Iterator[dict[str, np.ndarray]]]:
    """Return the type of each requested column, and the columns block by block, as `read_columns` returns them.

    Args:
        file: The file.
        request: The columns.
        memory: How much memory may be used, in bytes.

    Raises:
        DefectsError: Rows or fields are invalid; with every kind of defect and its place.
        DataError: The file cannot be read.
    """
    return _read(file, request, max(1, min(_MAX_ROWS, int(memory * _FRACTION / (8 * len(file.names))))))


class _Survey:
    """What pandas reads of a file without stated types, to decide how each column is read.

    Attributes:
        has_columns: Whether every block has the file's columns.
        is_plain: Whether only finite numbers are requested and found, in whole rows.
        dtypes: The kinds of dtype of each column, over all blocks.
        frame: The last block.
    """

    def __init__(self, file: CsvFile, request: ColumnRequest) -> None:
        self._names, self._request = list(file.names), request
        self.has_columns = True
        self.is_plain = all(request.types.get(name, "number") == "number" for name in request.roles)
        self.dtypes: dict[str, set[str]] = {name: set() for name in request.roles}
        self.frame: pd.DataFrame | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Add a block."""
        if frame.shape[1] != len(self._names):
            self.has_columns = False
            return
        frame.columns = self._names
        self.frame = frame
        for name, kinds in self.dtypes.items():
            kinds.add(frame[name].dtype.kind)
        self.is_plain = self.is_plain and all(map(self.is_numeric, self.dtypes)) and self._is_sound(frame)

    def is_numeric(self, name: str) -> bool:
        """Return whether pandas reads a column as numbers everywhere."""
        return self.dtypes[name] <= {"i", "u", "f"}

    def _is_sound(self, frame: pd.DataFrame) -> bool:
        # A short row lacks its last field. pandas reads `inf` as a number.
        if frame.iloc[:, -1].isna().any() or not np.isfinite(frame[list(self.dtypes)].to_numpy(dtype="float64")).all():
            return False
        return all(bool((frame[name] >= 0).all()) for name, role in self._request.roles.items() if role == "weight")


def _read(
    file: CsvFile, request: ColumnRequest, rows: int | None
) -> tuple[Mapping[str, ColumnType], Iterator[dict[str, np.ndarray]]]:
    """Return the types of the requested columns and their blocks of so many rows; None for one block of all."""
    survey, is_readable = _Survey(file, request), True
    try:
        for frame in _frames(file, rows):
            survey.add(frame)
    except (ValueError, OSError, EOFError):
        is_readable = False
    is_readable = is_readable and survey.has_columns and survey.frame is not None
    types: Mapping[str, ColumnType] = dict.fromkeys(request.roles, "number")
    if not (is_readable and survey.is_plain) or has_zero_bytes(file.path, file.dialect.encoding):
        stats, defects = examine(file, request)
        if defects:
            raise defects.error()
        if not is_readable:
            hint = "look for stray quotes, or write the file anew"
            raise DataError("pandas cannot read the table", file=file.path, hint=hint)
        types = stats.types(request)
    return types, _blocks(file, survey, types, rows)


def _blocks(
    file: CsvFile, survey: _Survey, types: Mapping[str, ColumnType], rows: int | None
) -> Iterator[dict[str, np.ndarray]]:
    as_text = [name for name in types if types[name] != "number" or not survey.is_numeric(name)]
    # As a float, not every integer is the same number: -0 is not, and those above 2**53.
    as_float = [name for name in types if len(survey.dtypes[name]) > 1 and name not in as_text]
    frames: Iterator[pd.DataFrame]
    if rows is None and not as_text and survey.frame is not None:
        frames = iter([survey.frame])
    else:
        indexes = {name: file.names.index(name) for name in types}
        dtypes = {indexes[name]: str for name in as_text} | {indexes[name]: "float64" for name in as_float}
        frames = _frames(file, rows, dtype=dtypes)
    survey.frame = None
    for frame in frames:
        frame.columns = list(file.names)
        yield {name: _as_array(frame[name], types[name], file.dialect) for name in types}


def _frames(file: CsvFile, rows: int | None, **options: Any) -> Iterator[pd.DataFrame]:
    """Yield the table as pandas reads it, in blocks of so many rows, or at once."""
    import pandas as pd

    dialect = file.dialect
    options |= {
        "sep": r"\s+" if dialect.separator == " " else dialect.separator,
        "header": None,
        "skiprows": file.header_line,
        "decimal": dialect.decimal,
        "encoding": "utf-8-sig" if is_utf8(dialect.encoding) else dialect.encoding,
        "na_values": list(dialect.missing),
        "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }
    try:
        if rows is None:
            yield pd.read_csv(file.path, **options)
            return
        with pd.read_csv(file.path, chunksize=rows, **options) as blocks:
            yield from blocks
    except pd.errors.EmptyDataError:
        return


def _as_array(column: pd.Series[Any], kind: ColumnType, dialect: Dialect) -> np.ndarray:
    """Return a column as float64, or as objects without blanks around them, None where a text is missing."""
    if kind == "number":
        if column.dtype.kind in "iuf":
            return column.to_numpy(dtype="float64")
        return np.array([dialect.number(str(value)) for value in column], dtype="float64")
    texts = [
        None if is_missing else str(value).strip() for value, is_missing in zip(column, column.isna(), strict=True)
    ]
    if kind != "date":
        return np.array(texts, dtype=object)
    date_format = dialect.dates.get(str(column.name), "")
    days = {text: np.nan if text is None else days_since_epoch(text, date_format) for text in set(texts)}
    return np.array([days[text] for text in texts], dtype="float64")

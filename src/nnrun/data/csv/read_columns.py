"""The columns of a text table as arrays, read by pandas at once or in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.defects import examine
from nnrun.data.csv.dialect import has_zero_bytes, is_utf8
from nnrun.data.exact_numbers import from_integers, number_array
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import pandas as pd

    from nnrun.data.csv.dialect import CsvFile, Dialect
    from nnrun.data.csv.type_inference import ColumnRequest, ColumnType, TableStats


#: The most rows of a block, and the fraction of the memory that its numbers take (pandas needs several times as much).
_MAX_ROWS, _FRACTION = 200_000, 1 / 32
#: The roles of columns whose values are only compared.
_KEYS = ("target", "group")
#: The kinds of dtypes of numbers.
_NUMERIC = {"i", "u", "f"}


def read_columns(file: CsvFile, request: ColumnRequest) -> tuple[dict[str, np.ndarray], Mapping[str, ColumnType]]:
    """Return the requested columns as arrays, and the type of each.

    Numbers are float64 (int64 or uint64 if some are whole numbers beyond 2^53), dates float64 of days since 1970-01-01,
    text and categories objects; missing values of `request.gaps` are NaN and None.

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

    Numbers are float64; targets and groups with whole numbers beyond 2^53 are categories.

    Args:
        file: The file.
        request: The columns.
        memory: How much memory may be used, in bytes.

    Raises:
        DefectsError: Rows or fields are invalid; with every kind of defect and its place.
        DataError: The file cannot be read.
    """
    return _read(file, request, max(1, min(_MAX_ROWS, int(memory * _FRACTION / (8 * len(file.names))))))


def _read(
    file: CsvFile, request: ColumnRequest, rows: int | None
) -> tuple[Mapping[str, ColumnType], Iterator[dict[str, np.ndarray]]]:
    """Return the types of the requested columns, and their blocks of so many rows, or one block of all."""
    dtypes: dict[str, set[str]] = {name: set() for name in request.roles}
    types: Mapping[str, ColumnType] = dict.fromkeys(request.roles, "number")
    is_plain = all(request.types.get(name, "number") == "number" for name in request.roles)
    # Where numbers are written in a way of their own, pandas would take some of them for others: 1.234 with a decimal
    # comma for 1.234 with a point.
    formatted = {name for name in request.roles if name in file.dialect.numbers}
    free_text = {name for name in request.roles if request.types.get(name) == "free_text"}
    as_is = {file.positions[name]: str for name in formatted | free_text}
    long_keys: dict[str, ColumnType] = {}
    is_readable, frame = True, None
    try:
        for frame in _frames(file, rows, free_text, dtype=as_is):
            if frame.shape[1] != len(file.names):
                is_readable = False
                break
            frame.columns = list(file.names)
            for name, kinds in dtypes.items():
                kinds.add(frame[name].dtype.kind)
            long_keys |= {} if rows is None else _long_keys(frame, request)
            is_plain = is_plain and _is_plain(frame, request)
    except (ValueError, OSError, EOFError):
        is_readable = False
    if not (is_readable and is_plain and frame is not None) or has_zero_bytes(file.path, file.dialect.encoding):
        stats, defects = examine(file, request)
        if defects:
            raise defects.error()
        if not is_readable or frame is None:
            hint = "look for stray quotes, or save the file again"
            raise DataError("pandas cannot read the table", file=file.path, hint=hint)
        types = stats.types(request)
        long_texts = _long_texts(stats, types, request)
        # pandas reads integers next to missing values as floats.
        long_keys |= {name: kind for name, kind in long_texts.items() if rows is not None or name in request.gaps}
    types = {**types, **long_keys}
    as_text = {name for name in types if types[name] != "number" or name in formatted or not dtypes[name] <= _NUMERIC}
    # As a float, not every integer is the same number: -0 is not, and those above 2**53.
    as_float = {name for name in types if len(dtypes[name]) > 1} - as_text
    if rows is None and not as_text:
        frames = iter([frame])
    else:
        columns = {file.positions[name]: str for name in as_text}
        frames = _frames(file, rows, free_text, dtype=columns | {file.positions[name]: "float64" for name in as_float})
    arrays = (_arrays(frame, types, file, request) for frame in frames)
    return types, arrays if rows is None else (_without_integers(block) for block in arrays)


def _without_integers(block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a block whose numbers are all float64, as converted tables hold them."""
    return {name: column.astype("float64") if column.dtype.kind in "iu" else column for name, column in block.items()}


def _long_keys(frame: pd.DataFrame, request: ColumnRequest) -> dict[str, ColumnType]:
    """Return the targets and groups that a file of blocks of float64 would merge, as categories."""
    names = [name for name, role in request.roles.items() if role in _KEYS and frame[name].dtype.kind in "iu"]
    return {name: "category" for name in names if from_integers(frame[name].to_numpy()).dtype.kind in "iu"}


def _long_texts(stats: TableStats, types: Mapping[str, ColumnType], request: ColumnRequest) -> dict[str, ColumnType]:
    """Return the same of numbers that pandas reads as text, as they are beyond 2^64."""
    names = [name for name, role in request.roles.items() if role in _KEYS and types[name] == "number"]
    columns = {name: stats.columns[name] for name in names}
    return {
        name: "category"
        for name, column in columns.items()
        if any(isinstance(column.number_format.parse_exactly(text), int) for text in column.present())
    }


def _is_plain(frame: pd.DataFrame, request: ColumnRequest) -> bool:
    """Return whether rows are whole, and the requested columns hold nothing but valid numbers."""
    # A row that is too short lacks its last field.
    if frame.iloc[:, -1].isna().any() or not all(frame[name].dtype.kind in _NUMERIC for name in request.roles):
        return False
    # pandas reads `inf` as a number.
    if not np.isfinite(frame[list(request.roles)].to_numpy(dtype="float64")).all():
        return False
    return all(bool((frame[name] >= 0).all()) for name, role in request.roles.items() if role == "weight")


def _missing_words(file: CsvFile, free_text: Collection[str]) -> Any:
    """Return pandas' `na_values`: the words for a missing value, by column where one is free text."""
    words = list(file.dialect.missing)
    if not free_text:
        return words
    return {at: [""] if name in free_text else words for name, at in file.positions.items()}


def _frames(file: CsvFile, rows: int | None, free_text: Collection[str], **options: Any) -> Iterator[pd.DataFrame]:
    """Yield the table as pandas reads it, in blocks of so many rows, or at once.

    Args:
        file: The file.
        rows: The rows of a block; None for all.
        free_text: The columns in which no word but an empty one is a missing value.
        **options: Other arguments of `pandas.read_csv`.
    """
    import pandas as pd

    dialect = file.dialect
    options |= {
        "sep": r"\s+" if dialect.separator == " " else dialect.separator,
        "header": None,
        "skiprows": file.above,
        "decimal": dialect.decimal,
        "encoding": "utf-8-sig" if is_utf8(dialect.encoding) else dialect.encoding,
        "na_values": _missing_words(file, free_text),
        "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }
    try:
        if rows is None:
            yield _trimmed(pd.read_csv(file.path, **options), file)
            return
        with pd.read_csv(file.path, chunksize=rows, **options) as blocks:
            yield from (_trimmed(block, file) for block in blocks)
    except pd.errors.EmptyDataError:
        return


def _trimmed(frame: pd.DataFrame, file: CsvFile) -> pd.DataFrame:
    """Return a table without the empty columns behind its last one, if the file has such."""
    count = len(file.names)
    behind = frame.iloc[:, count:]
    is_longer = count < frame.shape[1] <= count + file.trailing
    return frame.iloc[:, :count].copy() if is_longer and not (behind.notna() & (behind != "")).any(axis=None) else frame


def _arrays(
    frame: pd.DataFrame, types: Mapping[str, ColumnType], file: CsvFile, request: ColumnRequest
) -> dict[str, np.ndarray]:
    frame.columns = list(file.names)
    return {
        name: _array(frame[name], kind, file.dialect, is_key=request.roles[name] in _KEYS)
        for name, kind in types.items()
    }


def _array(column: pd.Series[Any], kind: ColumnType, dialect: Dialect, *, is_key: bool) -> np.ndarray:
    """Return a column as numbers, or as objects without blanks around them, None where a text is missing."""
    if kind == "number" and column.dtype.kind in "iu":
        return from_integers(column.to_numpy())
    if kind == "number" and column.dtype.kind == "f":
        return column.to_numpy(dtype="float64")
    # pandas finds missing words only where no blanks stand around them.
    is_word = (lambda _: False) if kind == "free_text" else dialect.is_missing
    texts = [
        None if is_missing or is_word(str(value)) else str(value).strip()
        for value, is_missing in zip(column, column.isna(), strict=True)
    ]
    if kind == "number":
        number_format = dialect.number_format(str(column.name))
        numbers: dict[str | None, float | int | None] = {None: None}
        numbers |= {text: number_format.parse_exactly(text) for text in set(texts) if text is not None}
        return number_array([numbers[text] for text in texts], is_key=is_key)
    if kind != "date":
        return np.array(texts, dtype=object)
    date_format = dialect.dates.get(str(column.name), "")
    days = {text: np.nan if text is None else days_since_epoch(text, date_format) for text in set(texts)}
    return np.array([days[text] for text in texts], dtype="float64")

"""The columns of a text file as arrays: numbers by pandas, everything that is wrong by a slow reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.dates import days
from nnrun.data.defects import examine, refusal
from nnrun.data.delimited import has_zero_bytes, is_utf8
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from nnrun.data.delimited import Dialect, Head
    from nnrun.data.scan import Kind, Wanted


def read_columns(file: Path, dialect: Dialect, wanted: Wanted) -> tuple[dict[str, np.ndarray], dict[str, Kind]]:
    """The wanted columns as arrays, and what each holds.

    Numbers are float64, dates float64 of days since 1970-01-01, text and categories objects; missing values of
    `wanted.gaps` are NaN and None.

    Raises:
        DefectsError: Rows or fields are not what they should be; with every kind of defect, its row and column.
        DataError: The file cannot be read.
    """
    names, head = list(wanted.roles), wanted.head
    frame = _frame(file, dialect, head)
    whole = frame is not None and frame.shape[1] == len(head.names) and not frame.iloc[:, -1].isna().any()
    if whole and frame is not None:
        frame.columns = list(head.names)
        if len(frame) and all_numbers(frame, wanted) and not has_zero_bytes(file, dialect.encoding):
            return {name: as_numbers(frame[name], dialect) for name in names}, dict.fromkeys(names, "number")
    found, defects = examine(file, dialect, wanted)
    if defects:
        raise refusal(file, defects)
    if frame is None or frame.shape[1] != len(head.names):
        raise DataError("pandas cannot read the table", file=file, hint="look for stray quotes, or write the file anew")
    frame.columns = list(head.names)
    kinds = wanted.kinds(found.columns)
    return {name: _column(file, dialect, (head, frame), name, kinds) for name in names}, kinds


def _column(
    file: Path, dialect: Dialect, table: tuple[Head, pd.DataFrame], name: str, kinds: Mapping[str, Kind]
) -> np.ndarray:
    head, frame = table
    if kinds[name] == "number":
        return as_numbers(frame[name], dialect)
    text = _text(file, dialect, head, name)
    return as_days(text, dialect.dates.get(name, "")) if kinds[name] == "date" else text


def all_numbers(frame: pd.DataFrame, wanted: Wanted) -> bool:
    """Whether nothing but finite numbers is wanted and there, and no weight is negative."""
    import numpy as np

    names = list(wanted.roles)
    if any(wanted.types.get(name, "number") != "number" for name in names):
        return False
    if not all(frame[name].dtype.kind in "iuf" for name in names):
        return False
    # pandas reads `inf` as a number.
    if not np.isfinite(frame[names].to_numpy(dtype="float64")).all():
        return False
    return all(bool((frame[name] >= 0).all()) for name, role in wanted.roles.items() if role == "weight")


def options(dialect: Dialect, head: Head) -> dict[str, Any]:
    """How pandas is told to read a file, at once or in pieces."""
    return {
        "sep": r"\s+" if dialect.separator == " " else dialect.separator,
        "header": None,
        "skiprows": head.line,
        "decimal": dialect.decimal,
        "encoding": "utf-8-sig" if is_utf8(dialect.encoding) else dialect.encoding,
        "na_values": list(dialect.missing),
        "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }


def _frame(file: Path, dialect: Dialect, head: Head, **more: Any) -> pd.DataFrame | None:
    """The table as pandas reads it; None where pandas refuses it."""
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(file, **options(dialect, head), **more)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=range(len(head.names)))
    except (ValueError, OSError, EOFError):
        return None
    return frame


def as_numbers(column: pd.Series[Any], dialect: Dialect) -> np.ndarray:
    """A column of numbers as pandas read it, or as the file writes it where pandas read no numbers: float64."""
    import numpy as np

    if column.dtype.kind not in "iuf":
        return np.array([dialect.number(str(value)) for value in column], dtype="float64")
    return column.to_numpy(dtype="float64")


def _text(file: Path, dialect: Dialect, head: Head, name: str) -> np.ndarray:
    """The column as the file writes it: pandas would otherwise turn `012` into 12 and `true` into True."""
    frame = _frame(file, dialect, head, usecols=[head.names.index(name)], dtype=str)
    assert frame is not None, "the file was read before"  # noqa: S101
    return as_text(frame.iloc[:, 0])


def as_text(column: pd.Series[Any]) -> np.ndarray:
    """A column as the file writes it, without spaces around it; None where a text is missing."""
    import numpy as np

    said = [None if gap else str(value).strip() for value, gap in zip(column, column.isna(), strict=True)]
    return np.array(said, dtype=object)


def as_days(column: np.ndarray, form: str) -> np.ndarray:
    """Dates as days since 1970-01-01, NaN where they are missing."""
    import numpy as np

    known = {text: days(text, form) for text in set(column.tolist()) if text is not None}
    return np.array([known.get(text, np.nan) for text in column.tolist()], dtype="float64")

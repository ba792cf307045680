"""The columns of a text file as arrays: numbers by pandas, everything that is wrong by a slow reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.data.csv.dates import days
from nnrun.data.csv.defects import examine, refusal
from nnrun.data.csv.dialect import has_zero_bytes, is_utf8
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from nnrun.data.csv.dialect import Dialect, Head
    from nnrun.data.csv.type_inference import Kind, Wanted


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


#: Rows a block: at most, and the share of the memory that a block's numbers take (pandas needs several times as much).
_MOST_ROWS, _SHARE = 200_000, 32


@dataclass
class _Seen:
    """What the columns of all blocks hold.

    Attributes:
        whole: Whether every block is a table of the wanted columns.
        plain: Whether nothing but finite numbers is wanted and there.
        kinds: NumPy's kinds of each column in the blocks.
    """

    whole: bool = True
    plain: bool = True
    kinds: dict[str, set[str]] = field(default_factory=dict)

    def add(self, frame: pd.DataFrame, wanted: Wanted) -> None:
        """Look at a block."""
        if frame.shape[1] != len(wanted.head.names):
            self.whole = False
            return
        self.whole = self.whole and not frame.iloc[:, -1].isna().any()
        frame.columns = list(wanted.head.names)
        self.plain = self.plain and all_numbers(frame, wanted)
        for name in wanted.roles:
            self.kinds.setdefault(name, set()).add(frame[name].dtype.kind)

    def numeric(self, name: str) -> bool:
        """Whether pandas reads the column as numbers everywhere."""
        return self.kinds[name] <= {"i", "u", "f"}

    def mixed(self, name: str) -> bool:
        """Whether some blocks hold integers, and others other numbers."""
        return len(self.kinds[name]) > 1


def csv_blocks(
    file: Path, dialect: Dialect, wanted: Wanted, memory: float
) -> tuple[Mapping[str, Kind], Iterator[dict[str, np.ndarray]]]:
    """What each wanted column holds, and the columns block by block, as `read_columns` gives them.

    Args:
        file: The file.
        dialect: How it is written.
        wanted: Which of its columns are read.
        memory: How much memory may be taken, in bytes.

    Raises:
        DefectsError: Rows or fields are not what they should be; with every kind of defect, its row and column.
        DataError: The file cannot be read.
    """
    rows = max(1, min(_MOST_ROWS, int(memory / _SHARE / (8 * len(wanted.head.names)))))
    seen, broken = _look(file, dialect, wanted, rows)
    names = list(wanted.roles)
    kinds: Mapping[str, Kind] = dict.fromkeys(names, "number")
    if broken or not (seen.whole and seen.plain and seen.kinds) or has_zero_bytes(file, dialect.encoding):
        found, defects = examine(file, dialect, wanted)
        if defects:
            raise refusal(file, defects)
        if broken or not seen.kinds:
            hint = "look for stray quotes, or write the file anew"
            raise DataError("pandas cannot read the table", file=file, hint=hint)
        kinds = wanted.kinds(found.columns)
    return kinds, _columns(file, dialect, wanted, (seen, kinds, rows))


def _look(file: Path, dialect: Dialect, wanted: Wanted, rows: int) -> tuple[_Seen, bool]:
    """What the columns hold, and whether pandas refuses the file."""
    seen = _Seen()
    try:
        for frame in _frames(file, dialect, wanted, rows):
            seen.add(frame, wanted)
    except (ValueError, OSError, EOFError):
        return seen, True
    return seen, False


def _columns(
    file: Path, dialect: Dialect, wanted: Wanted, about: tuple[_Seen, Mapping[str, Kind], int]
) -> Iterator[dict[str, np.ndarray]]:
    seen, kinds, rows = about
    places = {name: wanted.head.names.index(name) for name in wanted.roles}
    as_written = {name for name in places if kinds[name] != "number" or not seen.numeric(name)}
    # Not every integer is the same number when it is read as a float: -0 is not, and those above 2**53.
    floats = {name for name in places if seen.mixed(name) and name not in as_written}
    types = {places[name]: str for name in as_written} | {places[name]: "float64" for name in floats}
    for frame in _frames(file, dialect, wanted, rows, dtype=types):
        frame.columns = list(wanted.head.names)
        yield {name: _column_table_blocks(frame[name], dialect, name, kinds[name]) for name in places}


def _column_table_blocks(column: pd.Series[Any], dialect: Dialect, name: str, kind: Kind) -> np.ndarray:
    if kind == "number":
        return as_numbers(column, dialect)
    text = as_text(column)
    return as_days(text, dialect.dates.get(name, "")) if kind == "date" else text


def _frames(file: Path, dialect: Dialect, wanted: Wanted, rows: int, **more: Any) -> Iterator[pd.DataFrame]:
    import pandas as pd

    try:
        with pd.read_csv(file, **options(dialect, wanted.head), chunksize=rows, **more) as blocks:
            yield from blocks
    except pd.errors.EmptyDataError:
        return

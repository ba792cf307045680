"""A text file's columns block by block, the same numbers and texts as `nnrun.data.table_file` reads at once.

pandas tells the type of a whole column where it reads a whole file. So a first reading tells what each column holds in
all blocks together, and only what is not all numbers is read in another way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.data.defects import examine, refusal
from nnrun.data.delimited import has_zero_bytes
from nnrun.data.table_file import all_numbers, as_days, as_numbers, as_text, options
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from nnrun.data.delimited import Dialect
    from nnrun.data.scan import Kind, Wanted

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
        yield {name: _column(frame[name], dialect, name, kinds[name]) for name in places}


def _column(column: pd.Series[Any], dialect: Dialect, name: str, kind: Kind) -> np.ndarray:
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

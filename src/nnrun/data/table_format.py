"""How a text table is written, found from its beginning: its encoding and its separator."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from nnrun.data.csv.dialect import OTHER_SEPARATORS, Dialect, open_binary, read_rows
from nnrun.data.text.text_file import detect_encoding
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_READ_BYTES = 1_000_000
_READ_ROWS = 50
#: The share of rows with the same number of fields from which a character counts as the separator.
_SAME_WIDTH = 0.9


def infer_encoding(path: Path) -> str:
    """Return the encoding of a text table, from its first megabyte.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with open_binary(path) as stream:
            start = stream.read(_READ_BYTES)
    except (OSError, EOFError) as error:
        raise DataError(f"cannot be read: {error}", file=path, hint="check that you may read it") from None
    # A character that is cut in half at the end would look like a wrong byte.
    return detect_encoding(start[: start.rfind(b"\n") + 1] if len(start) == _READ_BYTES else start)


def infer_separator(path: Path, encoding: str, default: str, *, least: float = _SAME_WIDTH) -> str | None:
    """Return the character that divides the rows of a text into the same number of fields.

    Args:
        path: The file.
        encoding: Its encoding.
        default: The separator to prefer where several divide all rows evenly.
        least: The share of rows that must have the same number of fields.

    Returns:
        The separator; None where no character divides the rows into several fields each.

    Raises:
        DataError: The file cannot be read, or is binary.
    """
    evenness: dict[str, float] = {}
    for separator in dict.fromkeys((default, ",", *OTHER_SEPARATORS)):
        widths = _widths(path, Dialect(separator, encoding=encoding))
        if widths and widths[0][0] > 1:
            evenness[separator] = widths[0][1] / sum(count for _, count in widths)
    # A blank inside texts divides many rows evenly by chance.
    marks = {mark: share for mark, share in evenness.items() if mark != " "}
    best = max(marks or evenness, key=evenness.__getitem__, default=None)
    return best if best is not None and evenness[best] >= least else None


def _widths(path: Path, dialect: Dialect) -> list[tuple[int, int]]:
    """Return how many of the first rows have how many fields, the most usual first; none of unsound quotes."""
    try:
        rows = [fields for _, fields in islice(read_rows(path, dialect, errors="surrogateescape"), _READ_ROWS)]
    except DataError as error:
        if error.row is None:
            raise
        return []
    return Counter(map(len, rows)).most_common()

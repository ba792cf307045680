"""`predictions.csv`: truth and prediction of the rows that a run was scored on."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.formatting import from_cell
from nnrun.regular_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

#: The largest file that is read: some million rows.
_MOST_BYTES = 1024 * 1024 * 1024


def read_predictions(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read the headings and the rows of a file of predictions, each row with a field for each heading.

    Raises:
        FileNotFoundError: There is no such file.
        RunError: It cannot be read, or is no such table; with the line.
    """
    try:
        content = read_regular(path, _MOST_BYTES).decode()
        table = [row for row in csv.reader(io.StringIO(content, newline=""), strict=True) if row]
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"Cannot read {path}: {error}.") from error
    if not table or len(set(table[0])) != len(table[0]):
        raise RunError(f"Cannot read {path}: expected a first line of different headings.")
    headings, *rows = table
    for number, row in enumerate(rows, 2):
        if len(row) != len(headings):
            text = f"expected {len(headings)} fields, as many as headings, received {len(row)}"
            raise RunError(f"Cannot read {path}: line {number}: {text}.")
    if "'" in content:
        rows = [[from_cell(cell) for cell in row] for row in rows]
    return headings, rows

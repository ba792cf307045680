"""`metrics.jsonl`: one flushed line for each epoch, readable even if the process was killed while writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.disk import append as append_bytes
from nnrun.runs.disk import disk_error
from nnrun.runs.json_text import NOT_FINITE, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The end of the file that surely holds its last line: figures of an epoch take some hundred bytes.
_TAIL_BYTES = 65536


def append(path: Path, *rows: Mapping[str, Any]) -> None:
    """Add the figures of one epoch, or of several at once.

    Args:
        path: The file; it is made where it is missing. A torn last line is removed first.
        rows: `epoch` (counts from 1), `fold` (from 0, or None), the metrics, `learning_rate`, `seconds`.

    Raises:
        RunError: The disk refuses.
    """
    lines = [{"epoch": row.get("epoch"), "fold": row.get("fold"), **row} for row in rows]
    text = "".join(f"{dumps(line, indent=None)}\n" for line in lines)
    append_bytes(path, _mend(path) + text.encode())


def read(path: Path) -> list[dict[str, Any]]:
    """The figures of every epoch, in the order of writing; a torn last line is left out, a missing file is empty.

    Raises:
        RunError: A line other than the last is not an epoch, or the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from error
    rows = [_row(line) for line in lines]
    last = max((number for number, line in enumerate(lines) if line.strip()), default=-1)
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        if row is None and line.strip() and number != last:
            text = f"expected the figures of an epoch as JSON; received: {line[:60]!r}"
            raise RunError(f"{path}, line {number + 1}: {text}.", "The file was edited or damaged; remove that line.")
    return [row for row in rows if row is not None]


def whole(path: Path) -> list[dict[str, Any]]:
    """The figures of every epoch whose line is whole, whatever stands between them; none where nothing can be read."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return [row for line in lines if (row := _row(line)) is not None]


def last(path: Path) -> dict[str, Any] | None:
    """The figures of the last whole line, read from the file's end alone; None where there is none."""
    try:
        rows = [_row(line) for line in _tail(path).split(b"\n")]
    except OSError:
        return None
    return next((row for row in reversed(rows) if row is not None), None)


def _row(line: bytes) -> dict[str, Any] | None:
    """One line as figures, or None where it is not a whole object."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    return {key: NOT_FINITE.get(value, value) if isinstance(value, str) else value for key, value in row.items()}


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read()


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return file.read() in (b"", b"\n")


def _mend(path: Path) -> bytes:
    """Cut off a torn last line; what must come between the file's end and a new line."""
    try:
        if _ends_whole(path):
            return b""
        torn = _tail(path).rpartition(b"\n")[2]
        if not torn:
            return b""
        if _row(torn) is not None:
            return b"\n"
        with path.open("r+b") as file:
            file.truncate(file.seek(0, 2) - len(torn))
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise disk_error(error, path) from error
    return b""

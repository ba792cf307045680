"""`metrics.jsonl` and `samples.jsonl`: one line for each epoch, readable even if a kill interrupted the writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.disk import append as append_bytes
from nnrun.runs.disk import disk_error
from nnrun.runs.json_files import NOT_FINITE, dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nnrun.runs.folder import RunFolder

#: The end of the file that certainly holds its last line: the metrics of an epoch take some hundred bytes.
_TAIL_BYTES = 65536


def append(path: Path, *rows: Mapping[str, Any]) -> None:
    """Add the metrics of one epoch, or of several at once.

    Args:
        path: The file, created if it is missing. A torn last line is removed first.
        rows: `epoch` (from 1), `fold` (from 0, or None), the metrics, `learning_rate`, `seconds`.

    Raises:
        RunError: The file cannot be written.
    """
    lines = [{"epoch": row.get("epoch"), "fold": row.get("fold"), **row} for row in rows]
    text = "".join(f"{dumps(line, indent=None)}\n" for line in lines)
    append_bytes(path, _repair_end(path) + text.encode())


def read(path: Path) -> list[dict[str, Any]]:
    """Read the metrics of every epoch in the order of writing, without a torn last line; a missing file is empty.

    Raises:
        RunError: A line other than the last is not an epoch, or the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from error
    rows = [_parse_line(line) for line in lines]
    last_number = max((number for number, line in enumerate(lines) if line.strip()), default=-1)
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        if row is None and line.strip() and number != last_number:
            text = f"expected the metrics of an epoch as JSON; received: {line[:60]!r}"
            raise RunError(f"{path}, line {number + 1}: {text}.", "The file was edited or damaged; remove that line.")
    return [row for row in rows if row is not None]


def read_complete_lines(path: Path) -> list[dict[str, Any]]:
    """Read every complete line, whatever stands between them; none if the file cannot be read."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return [row for line in lines if (row := _parse_line(line)) is not None]


def read_last(path: Path) -> dict[str, Any] | None:
    """Read the last complete line, from the file's end only; None if there is none."""
    try:
        rows = [_parse_line(line) for line in _read_tail(path).split(b"\n")]
    except OSError:
        return None
    return next((row for row in reversed(rows) if row is not None), None)


def keep_folds(folder: RunFolder, numbers: Iterable[int]) -> None:
    """Rewrite the metrics of a cross-validation from the files of some of its folds: those of all others are dropped.

    Raises:
        RunError: A fold's file cannot be read, or the run's file cannot be written.
    """
    rows = [row for number in sorted(numbers) for row in read(folder.fold(number).metrics)]
    if rows or folder.metrics.exists():
        folder.write_text(folder.metrics, "".join(f"{dumps(row, indent=None)}\n" for row in rows))


def write_sample(folder: RunFolder, epoch: int, seed_text: str, text: str) -> None:
    """Add a generated text to `samples.jsonl`, which is rewritten as a whole so that no kill leaves a torn line.

    Args:
        folder: The run's folder.
        epoch: The epoch after which it was generated, from 1; lines of this epoch and later ones are replaced.
        seed_text: The text that it continues.
        text: The generated text.

    Raises:
        RunError: The file cannot be written, or the folder has vanished.
    """
    try:
        lines = folder.samples.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise disk_error(error, folder.samples) from error
    earlier = [line for line in lines if _is_before(line, epoch)]
    line = dumps({"epoch": epoch, "seed_text": seed_text, "text": text}, indent=None)
    folder.write_text(folder.samples, "".join(f"{line}\n" for line in (*earlier, line)))


def _is_before(line: str, epoch: int) -> bool:
    try:
        return bool(json.loads(line)["epoch"] < epoch)
    except (ValueError, KeyError, TypeError):
        return False


def _parse_line(line: bytes) -> dict[str, Any] | None:
    """Parse one line; None if it is not a complete JSON object."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    return {key: NOT_FINITE.get(value, value) if isinstance(value, str) else value for key, value in row.items()}


def _read_tail(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read()


def _repair_end(path: Path) -> bytes:
    """Cut off a torn last line; return what must come between the file's end and a new line."""
    try:
        torn = _read_tail(path).rpartition(b"\n")[2]
        if not torn:
            return b""
        if _parse_line(torn) is not None:
            return b"\n"
        with path.open("r+b") as file:
            file.truncate(file.seek(0, 2) - len(torn))
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise disk_error(error, path) from error
    return b""

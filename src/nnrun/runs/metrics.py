"""`metrics.jsonl` and `samples.jsonl`: one line for each epoch, readable even if a kill interrupted the writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.regular_files import open_regular, read_regular
from nnrun.runs.disk import append as append_bytes
from nnrun.runs.disk import disk_error
from nnrun.runs.json_files import MOST_BYTES, dumps, parse_json, with_numbers
from nnrun.runs.schema import Mismatch, fields, figure, or_null, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.runs.folder import RunFolder
    from nnrun.runs.schema import Check

#: The end of the file that certainly holds its last line: the metrics of an epoch take some hundred bytes.
_TAIL_BYTES = 65536
#: A line of metrics.
_EPOCH = fields({"epoch": whole(), "fold": or_null(whole())}, required=("epoch",), others=or_null(figure))
#: A line of samples.
_SAMPLE = fields({"epoch": whole(), "seed_text": text, "text": text}, required=("epoch", "text"))


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

    Torn is a last line that is no epoch and has no end, or is not even JSON.

    Raises:
        RunError: Any other line is not an epoch, or the file cannot be read.
    """
    lines = _read_lines(path)
    last_number = max((number for number, line in enumerate(lines) if line.strip()), default=-1)
    rows = []
    for number, line in enumerate(lines):
        try:
            rows += [_parse_epoch(line)] if line.strip() else []
        except ValueError as error:
            has_no_end = number == len(lines) - 1
            if number == last_number and (has_no_end or not isinstance(error, Mismatch)):
                break  # torn by a kill
            text = f"expected the metrics of an epoch as JSON; received: {line[:60]!r} ({error})"
            hint = "The file was edited or damaged; remove that line."
            raise RunError(f"{path}, line {number + 1}: {text}.", hint) from error
    return rows


def read_complete_lines(path: Path) -> list[dict[str, Any]]:
    """Read every complete line, whatever stands between them; none if the file cannot be read."""
    try:
        lines = _read_lines(path)
    except RunError:
        return []
    return [row for line in lines if (row := _parse_line(line)) is not None]


def read_samples(folder: RunFolder) -> list[dict[str, Any]]:
    """Read the texts that a text model generated during training; lines that are none are left out.

    Raises:
        RunError: The file is a link, a pipe or a device, or cannot be read.
    """
    lines = (line for line in _read_lines(folder.samples) if line.strip())
    return [row for line in lines if (row := _parsed(line, _SAMPLE)) is not None]


def _read_lines(path: Path) -> list[bytes]:
    try:
        return read_regular(path, MOST_BYTES).split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}.") from error


def read_last(path: Path) -> dict[str, Any] | None:
    """Read the last complete line, from the file's end only; None if there is none."""
    try:
        lines = _read_tail(path).split(b"\n")
    except (OSError, RunError):
        return None
    return next((row for line in reversed(lines) if (row := _parse_line(line)) is not None), None)


def keep_epochs(folder: RunFolder, epochs: Mapping[int | None, int | None]) -> None:
    """Rewrite the metrics of a cross-validation from the files of its folds, fold by fold.

    So the lines have one order, in whatever order the folds were trained: by several processes, or for more epochs.

    Args:
        folder: The run's folder.
        epochs: How many epochs of which folds are kept (the fold None is the final fit, which comes last; None: all its
            epochs); those of all others are dropped.

    Raises:
        RunError: A fold's file cannot be read, or the run's file cannot be written.
    """
    rows: list[dict[str, Any]] = []
    for number, count in sorted(epochs.items(), key=lambda item: (item[0] is None, item[0])):
        file = folder.final_fit_metrics if number is None else folder.fold(number).metrics
        rows += [row for row in read(file) if count is None or row["epoch"] <= count]
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
    lines = [line for line in _read_lines(folder.samples) if line.strip()]
    earlier = [line for line in lines if (row := _parsed(line, _SAMPLE)) is not None and row["epoch"] < epoch]
    line = dumps({"epoch": epoch, "seed_text": seed_text, "text": text}, indent=None)
    folder.write_bytes(folder.samples, b"".join(b"%s\n" % line for line in (*earlier, line.encode())))


def _parse_line(line: bytes) -> dict[str, Any] | None:
    """Parse a line of metrics; None if it is none."""
    try:
        return _parse_epoch(line)
    except ValueError:
        return None


def _parsed(line: bytes, check: Check) -> dict[str, Any] | None:
    """Parse a line; None if it is not what the check expects."""
    try:
        row: dict[str, Any] = parse_json(line)
        check(row)
    except ValueError:
        return None
    return row


def _parse_epoch(line: bytes) -> dict[str, Any]:
    """Parse a line of metrics.

    Raises:
        ValueError: It is no JSON; a `Mismatch` if it is something else than the metrics of an epoch.
    """
    row = parse_json(line)
    _EPOCH(row)
    return {"epoch": row["epoch"], "fold": None, **with_numbers(row)}


def _read_tail(path: Path) -> bytes:
    with os.fdopen(open_regular(path), "rb") as file:
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
        with os.fdopen(open_regular(path, os.O_RDWR), "r+b") as file:
            file.truncate(file.seek(0, 2) - len(torn))
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise disk_error(error, path) from error
    return b""

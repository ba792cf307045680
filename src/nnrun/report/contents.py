"""What a run folder holds, read as far as it can be read: a run that failed or still runs has a report too."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs import metrics, record
from nnrun.runs.json_text import NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nnrun.runs.folder import RunFolder

#: Of a longer log the end is shown: it says how the run ended.
MOST_LOG = 200_000
#: A report of its own making is no part of what a run kept.
_OWN = ("report.html", "plots/")


@dataclass(frozen=True)
class Contents:
    """A run folder's files, as plain data.

    Attributes:
        folder: The folder.
        record: `record.json`.
        config: The user's text.
        resolved: The same said out in full.
        epochs: The lines of `metrics.jsonl` that are whole.
        scores: `scores.json`; empty where there is none.
        folds: The scores of each fold of a cross-validation, by number.
        predictions: The lines of `predictions.csv`, its headings first; empty where there is none.
        samples: What a model of a text wrote while it trained.
        mistakes: The pictures that the model was most wrong about, by their row in the source: uint8 of shape (height,
            width, 1 or 3).
        model: The model's picture, an SVG document.
        summary: The model's table.
        log: The log, its end where it is long.
        files: Every file with its size in bytes.
        notes: What could not be read, and why.
    """

    folder: RunFolder
    record: Mapping[str, Any]
    config: str
    resolved: str
    epochs: tuple[Mapping[str, Any], ...]
    scores: Mapping[str, Any]
    folds: Mapping[int, Mapping[str, Any]]
    predictions: tuple[tuple[str, ...], ...]
    samples: tuple[Mapping[str, Any], ...]
    mistakes: Mapping[int, NDArray[Any]]
    model: bytes
    summary: str
    log: str
    files: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]


def read(folder: RunFolder) -> Contents:
    """Read a run folder.

    Raises:
        RunError: It has no readable record, so that it is no run.
    """
    notes: list[str] = []
    return Contents(
        folder,
        record.read(folder),
        _text(folder.config),
        _text(folder.resolved),
        _epochs(folder, notes),
        _json(folder.scores, notes),
        _folds(folder, notes),
        _lines(folder.predictions, notes),
        _samples(folder.samples),
        _mistakes(folder.mistakes, notes),
        _bytes(folder.model_svg),
        _text(folder.summary),
        _text(folder.log)[-MOST_LOG:],
        _files(folder.path),
        tuple(notes),
    )


def number(value: object) -> float | None:
    """A figure as a run folder keeps it, `"nan"` and `"inf"` included; None for anything else."""
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: a file may have been changed by hand."""
    return value if isinstance(value, dict) else {}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _json(path: Path, notes: list[str]) -> Mapping[str, Any]:
    content = _bytes(path)
    if not content:
        return {}
    try:
        value = json.loads(content)
    except ValueError as error:
        notes.append(f"{path.name} is damaged: {error}")
        return {}
    return mapping(value)


def _epochs(folder: RunFolder, notes: list[str]) -> tuple[Mapping[str, Any], ...]:
    try:
        return tuple(metrics.read(folder.metrics))
    except RunError as error:
        notes.append(str(error))
        return tuple(metrics.whole(folder.metrics))


def _folds(folder: RunFolder, notes: list[str]) -> dict[int, Mapping[str, Any]]:
    paths = [path for path in sorted(folder.folds.glob("*/scores.json")) if path.parent.name.isdigit()]
    return {int(path.parent.name): _json(path, notes) for path in paths}


def _lines(path: Path, notes: list[str]) -> tuple[tuple[str, ...], ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(tuple(line) for line in csv.reader(file))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, csv.Error) as error:
        notes.append(f"{path.name} cannot be read: {error}")
        return ()


def _samples(path: Path) -> tuple[Mapping[str, Any], ...]:
    rows = metrics.whole(path)
    return tuple(row for row in rows if isinstance(row.get("text"), str))


def _mistakes(path: Path, notes: list[str]) -> dict[int, NDArray[Any]]:
    content = _bytes(path)
    if not content:
        return {}
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            rows, pictures = file["rows"], file["pictures"]
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        notes.append(f"{path.name} is damaged: {error}")
        return {}
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
        notes.append(f"{path.name} holds no pictures")
        return {}
    return {int(row): picture for row, picture in zip(rows, pictures, strict=False)}


def _files(root: Path) -> tuple[tuple[str, int], ...]:
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(_OWN):
            found.append((name, path.stat().st_size))
    return tuple(found)

"""The files of a run folder as plain data, read as far as possible: an unfinished or failed run has a report too."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs import metrics, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nnrun.runs.folder import RunFolder

#: Characters of the log that are shown, counted from its end, where a failure is explained.
LOG_LENGTH = 200_000
#: The files of an earlier report, which the list of files leaves out.
_REPORT_FILES = ("report.html", "plots/")


@dataclass(frozen=True)
class RunContents:
    """The files of a run folder.

    Attributes:
        folder: The folder.
        record: `record.json`.
        config: `config.yaml`, as the user wrote it.
        resolved: `resolved.yaml`.
        epochs: The complete lines of `metrics.jsonl`.
        scores: `scores.json`; empty if missing.
        folds: `scores.json` of each fold of a cross-validation, by the fold's number.
        predictions: The rows of `predictions.csv`, its header first; empty if missing.
        samples: The texts that a text model generated during training.
        mistakes: The images of the most confident mistakes by their row in the source: uint8, shape (height, width,
            1 or 3).
        model_svg: The drawing of the model.
        summary: The model's table of layers.
        log: The end of the log.
        files: Each file with its size in bytes.
        damaged: What could not be read, and why.
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
    model_svg: bytes
    summary: str
    log: str
    files: tuple[tuple[str, int], ...]
    damaged: tuple[str, ...]


def read_run(folder: RunFolder) -> RunContents:
    """Read a run folder.

    Raises:
        RunError: The folder has no readable record, so it is not a run.
    """
    damaged: list[str] = []
    folds = [path for path in sorted(folder.folds.glob("*/scores.json")) if path.parent.name.isdigit()]
    return RunContents(
        folder,
        record.read(folder),
        _text(folder.config),
        _text(folder.resolved),
        _epochs(folder, damaged),
        _parsed(folder.scores, _json, damaged),
        {int(path.parent.name): _parsed(path, _json, damaged) for path in folds},
        _parsed(folder.predictions, _csv, damaged),
        tuple(row for row in metrics.read_complete_lines(folder.samples) if isinstance(row.get("text"), str)),
        _parsed(folder.mistakes, _images, damaged),
        _bytes(folder.model_svg),
        _text(folder.summary),
        _text(folder.log)[-LOG_LENGTH:],
        _files(folder),
        tuple(damaged),
    )


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is and anything else as an empty one: the file may have been edited by hand."""
    return value if isinstance(value, dict) else {}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _parsed(path: Path, parse: Callable[[bytes], Any], damaged: list[str]) -> Any:
    """Parse a file; a missing one, and one that cannot be parsed, as an empty one."""
    content = _bytes(path)
    try:
        return parse(content)
    except (ValueError, KeyError, OSError, csv.Error, zipfile.BadZipFile) as error:
        damaged.append(f"{path.name} is damaged: {error}")
        return parse(b"")


def _json(content: bytes) -> Mapping[str, Any]:
    return as_mapping(json.loads(content)) if content else {}


def _csv(content: bytes) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in csv.reader(io.StringIO(content.decode(), newline="")))


def _images(content: bytes) -> dict[int, NDArray[Any]]:
    if not content:
        return {}
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        rows, images = file["rows"], file["pictures"]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError("expected uint8 images of shape (height, width, 1 or 3)")
    return {int(row): image for row, image in zip(rows, images, strict=False)}


def _epochs(folder: RunFolder, damaged: list[str]) -> tuple[Mapping[str, Any], ...]:
    try:
        return tuple(metrics.read(folder.metrics))
    except RunError as error:
        damaged.append(str(error))
        return tuple(metrics.read_complete_lines(folder.metrics))


def _files(folder: RunFolder) -> tuple[tuple[str, int], ...]:
    paths = [(path.relative_to(folder.path).as_posix(), path) for path in folder.files()]
    return tuple((name, path.stat().st_size) for name, path in paths if not name.startswith(_REPORT_FILES))

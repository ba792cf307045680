"""The files of a run folder as plain data, read as far as possible: an unfinished or failed run has a report too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from nnrun.errors import RunError
from nnrun.regular_files import open_regular, read_regular, require_regular
from nnrun.runs import metrics, record
from nnrun.runs.baselines import read_baselines_if_any
from nnrun.runs.documents import read_scores_if_any
from nnrun.runs.example_pictures import read_example_pictures
from nnrun.runs.explanations import read_explanations_if_any
from nnrun.runs.importance import read_importance_if_any
from nnrun.runs.mistakes import read_mistakes
from nnrun.runs.predictions import read_predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nnrun.runs.example_pictures import ExamplePictures
    from nnrun.runs.explanations import Explanations
    from nnrun.runs.folder import RunFolder

_T = TypeVar("_T")
#: The largest config, table of layers or drawing that is read.
_MOST_BYTES = 64 * 1024 * 1024
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
        baselines: `baselines.json`; empty if missing.
        importance: `importance.json`; empty if missing.
        explanations: `explanations.json` and its maps; None where there are none.
        folds: `scores.json` of each fold of a cross-validation, by the fold's number.
        predictions: The rows of `predictions.csv`, its header first; empty if missing.
        samples: The texts that a text model generated during training.
        mistakes: The images of the most confident mistakes by their row in the source: uint8, shape (height, width,
            1 or 3).
        pictures: Some predictions that are pictures; None where there are none.
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
    baselines: Mapping[str, Any]
    importance: Mapping[str, Any]
    explanations: Explanations | None
    folds: Mapping[int, Mapping[str, Any]]
    predictions: tuple[tuple[str, ...], ...]
    samples: tuple[Mapping[str, Any], ...]
    mistakes: Mapping[int, NDArray[Any]]
    pictures: ExamplePictures | None
    model_svg: bytes
    summary: str
    log: str
    files: tuple[tuple[str, int], ...]
    damaged: tuple[str, ...]


def read_run(folder: RunFolder) -> RunContents:
    """Read a run folder.

    Raises:
        RunError: The folder has no readable record, so it is not a run; or one of its files is a link, a pipe or a
            device.
    """
    run_record, damaged = record.read(folder), _Damaged()
    for path in (
        folder.config,
        folder.resolved,
        folder.metrics,
        folder.scores,
        folder.predictions,
        folder.samples,
        folder.importance,
        folder.explanations,
        folder.explanation_maps,
    ):
        require_regular(path)
    folds = {number: folder.fold(number) for number in folder.fold_numbers()}
    return RunContents(
        folder,
        run_record,
        _text(folder.config, damaged),
        _text(folder.resolved, damaged),
        _epochs(folder, damaged),
        damaged.read(lambda: read_scores_if_any(folder), {}),
        damaged.read(lambda: read_baselines_if_any(folder), {}),
        damaged.read(lambda: read_importance_if_any(folder), {}),
        damaged.read(lambda: read_explanations_if_any(folder), None),
        {number: damaged.read(partial(read_scores_if_any, fold), {}) for number, fold in folds.items()},
        damaged.read(lambda: _predictions(folder.predictions), ()),
        tuple(metrics.read_samples(folder)),
        damaged.read(lambda: read_mistakes(folder), {}),
        damaged.read(lambda: read_example_pictures(folder), None),
        _bytes(folder.model_svg, damaged),
        _text(folder.summary, damaged),
        _end_of_log(folder.log),
        _files(folder),
        tuple(damaged.texts),
    )


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is and anything else as an empty one: the file may have been edited by hand."""
    return value if isinstance(value, dict) else {}


class _Damaged:
    """Collects what could not be read.

    Attributes:
        texts: What is wrong with each file.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read(self, read: Callable[[], _T], empty: _T) -> _T:
        """Return what a function reads; `empty` where the file is missing or damaged."""
        try:
            return read()
        except OSError:
            return empty
        except RunError as error:
            self.texts.append(error.text)
            return empty


def _bytes(path: Path, damaged: _Damaged) -> bytes:
    require_regular(path)
    return damaged.read(lambda: read_regular(path, _MOST_BYTES), b"")


def _text(path: Path, damaged: _Damaged) -> str:
    return _bytes(path, damaged).decode("utf-8", "replace")


def _end_of_log(path: Path) -> str:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            # A letter has four bytes at most.
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4 * LOG_LENGTH))
            return file.read().decode("utf-8", "replace")[-LOG_LENGTH:]
    except OSError:
        return ""


def _predictions(path: Path) -> tuple[tuple[str, ...], ...]:
    headings, rows = read_predictions(path)
    return (tuple(headings), *map(tuple, rows))


def _epochs(folder: RunFolder, damaged: _Damaged) -> tuple[Mapping[str, Any], ...]:
    rows: list[dict[str, Any]] | None = damaged.read(lambda: metrics.read(folder.metrics), None)
    return tuple(metrics.read_complete_lines(folder.metrics) if rows is None else rows)


def _files(folder: RunFolder) -> tuple[tuple[str, int], ...]:
    paths = [(path.relative_to(folder.path).as_posix(), path) for path in folder.files()]
    return tuple((name, path.stat().st_size) for name, path in paths if not name.startswith(_REPORT_FILES))

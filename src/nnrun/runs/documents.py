"""The JSON files of a run folder: what each must hold (`nnrun.runs.schema`), and the one way to read it."""

from __future__ import annotations

from math import isfinite
from os.path import lexists
from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import is_number
from nnrun.errors import RunError
from nnrun.runs.json_files import read_json, with_numbers
from nnrun.runs.schema import (
    Mismatch,
    fields,
    figure,
    finite,
    flag,
    list_of,
    mapping,
    mapping_of,
    or_null,
    require_mapping,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.runs.folder import RunFolder

#: The format of the run folders that this version writes. A number goes up when earlier versions cannot read a folder;
#: a folder without a number has format 1.
FORMAT = 1
#: What to type next if a word leads to no run.
LIST_HINT = "List the runs with: nnrun runs list"
#: More threads than any machine has cores; more than this may end the process.
_MOST_THREADS = 4096
#: The largest size of a dimension, and the largest number of classes.
_MOST_SIZE = 2**31 - 1

_names, _count, _size = list_of(text), or_null(whole()), or_null(whole(0, _MOST_SIZE))
_counts, _texts = mapping_of(whole()), mapping_of(or_null(text))
_TARGET_FACTS = {
    "task": text,
    "form": text,
    "classes": _size,
    "targets": _size,
    "class_names": _names,
    "positions": list_of(_size),
    "zero_one": or_null(flag),
}
_facts = fields(
    {
        **_TARGET_FACTS,
        "input_shape": or_null(list_of(_size)),
        "features": _size,
        "rows": _counts,
        "columns": _names,
        "target_names": _names,
        "vocabulary": _size,
        "window": _size,
        "horizon": _size,
        "sample_rate": _size,
        "arrays": mapping_of(list_of(_size)),
        "by_target": mapping_of(fields(_TARGET_FACTS, required=("task", "form"))),
        "streamed": flag,
    },
    required=("task", "form", "input_shape"),
)
_class_scores = fields(
    {"precision": or_null(figure), "recall": or_null(figure), "f1": or_null(figure), "support": whole()},
    required=("precision", "recall", "f1", "support"),
)
_mistake = fields(
    {"row": whole(-1), "truth": text, "prediction": text, "confidence": or_null(figure)},
    required=("row", "truth", "prediction", "confidence"),
)
_interval = list_of(or_null(figure), length=2)


def _matrix(value: object) -> None:
    """Expect a square matrix of counts, whose sums fit in 64 bits."""
    size = len(value) if isinstance(value, list) else 0
    list_of(list_of(whole(0, 2**40), length=size), least=1)(value)


_PART = {
    "rows": whole(),
    "errors": whole(),
    "error_rate": figure,
    "error_percent": figure,
    "error_percent_interval_95": list_of(figure, length=2),
    "interval": text,
    "exact_match_interval_95": list_of(figure, length=2),
    "not_scored": text,
    "per_class": mapping_of(_class_scores),
    "confusion_matrix": _matrix,
    "worst": list_of(_mistake),
    "residual_quantiles": mapping_of(or_null(figure)),
    "horizons": list_of(fields({"horizon": whole(1), "rows": whole()}, others=or_null(figure))),
    "naive_forecasts": mapping_of(
        fields({"rows": whole(), "season": whole(1), "season_from": text}, others=or_null(figure))
    ),
}


def _scores_of_output(value: object) -> None:
    """Expect the scores of a part of the data, or of one output; a score that is not known here is a number."""
    fields(_PART, others=or_null(figure))(value)
    found = require_mapping(value)
    if "confusion_matrix" in found and len(found.get("per_class", ())) > len(found["confusion_matrix"]):
        expected = f"a row for each of the {len(found['per_class'])} classes"
        raise Mismatch(expected, found["confusion_matrix"], ("confusion_matrix",))


def _part(value: object) -> None:
    own = {name: score for name, score in require_mapping(value).items() if name != "outputs"}
    _scores_of_output(own)
    fields({"outputs": mapping_of(_scores_of_output)})(value)


def _folds(value: object) -> None:
    """Expect the summary of a cross-validation: every score has a mean, a spread and an interval, in every fold."""
    fields(
        {
            "folds": whole(1),
            "repeats": whole(1),
            "interval": text,
            "mean": mapping_of(or_null(figure)),
            "sd": mapping_of(or_null(figure)),
            "interval_95": mapping_of(_interval),
            "each": list_of(fields({"fold": whole(), "repeat": _count}, required=("fold",), others=figure), least=1),
        },
        required=("folds", "repeats", "interval", "mean", "sd", "interval_95", "each"),
    )(value)
    found = require_mapping(value)
    for key in ("sd", "interval_95"):
        if missing := found["mean"].keys() - found[key].keys():
            raise Mismatch(f"a value for '{min(missing)}'", found[key], (key,))


_scores = fields(
    {
        "task": text,
        "checkpoint": text,
        "test": or_null(_part),
        "validation": or_null(_part),
        "train": or_null(_part),
        "data": or_null(_part),
        "cross_validation": _folds,
    }
)
_RECORD = {
    "format": whole(1),
    "id": text,
    "name": text,
    "status": text,
    "argv": _names,
    "versions": _texts,
    "git": _texts,
    "host": or_null(text),
    "system": or_null(text),
    "cpu": or_null(text),
    "cores": _count,
    "onednn": or_null(flag),
    "threads": or_null(whole(0, _MOST_THREADS)),
    "seed": or_null(whole(-(2**63))),
    "executor": or_null(text),
    "executor_why": or_null(text),
    "digests": mapping_of(text),
    "start": or_null(text),
    "end": or_null(text),
    "seconds": mapping_of(finite(0)),
    "peak_memory_bytes": _count,
    "error": or_null(text),
    "process": or_null(fields({"host": text, "pid": whole(), "start": or_null(text)}, required=("host", "pid"))),
    "warnings": _names,
    "notes": _names,
    "facts": _facts,
    "epochs": whole(),
    "training_epochs": whole(),
    "callbacks": list_of(fields({"name": text, "text": text}, required=("text",))),
    "code": list_of(fields({"file": text, "sha256": text}, required=("file", "sha256"))),
    "init_from": or_null(fields({"run": text, "file": text, "sha256": text})),
    "reproduces": text,
    "planned_epochs": whole(1),
    "lineage": fields(
        {
            "run": text,
            "folder": text,
            "epoch": whole(),
            "step": whole(),
            "sha256": text,
            "changed": mapping_of(fields({"before": text, "now": text}, required=("before", "now"))),
            "afresh": _names,
        },
        required=("run", "folder", "epoch", "step", "sha256", "changed", "afresh"),
    ),
    "folds": whole(),
    "folds_done": list_of(whole()),
    "folds_digest": text,
    "jobs": whole(1),
    "rows": _counts,
    "fold": _count,
    "repeat": _count,
    "scores": _scores,
}
_record = fields(_RECORD, required=("status",))
_finished_fold = fields(
    {**_RECORD, "fold": whole(), "rows": fields({}, required=("test", "train"), others=whole())},
    required=("status", "fold", "repeat", "facts", "digests", "rows", "epochs", "scores"),
)
_layer = fields({"class_name": text, "config": mapping}, required=("class_name", "config"))
_model = fields({"config": fields({"layers": list_of(_layer)}, required=("layers",))}, required=("config",))
_layout = fields(
    {
        **dict.fromkeys(("names", "features", "targets", "text", "missing", "columns", "vocabulary"), _names),
        "dates": _texts,
        "group": or_null(text),
        "time": or_null(text),
        "header": flag,
        "size": list_of(whole(1, 2**16), length=2),
        "shape": list_of(_size),
        "encoding": or_null(text),
    }
)
_step = fields(
    {
        "step": text,
        "target_step": text,
        "token_target": text,
        "column": text,
        "arguments": mapping,
        "learned": mapping,
        "targets": mapping,
        "source": text,
        "layout": _layout,
    }
)


def _preparation(value: object) -> None:
    list_of(_step)(value)
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if "step" in entry:
            list_of(fields({}, required=("step", "arguments", "learned")))([entry])
        elif "target_step" in entry:
            list_of(fields({}, required=("target_step", "arguments", "learned", "targets")))([entry])
        elif "token_target" in entry:
            list_of(fields({}, required=("token_target", "arguments", "learned", "column")))([entry])
        elif "source" not in entry:
            raise Mismatch("a step or a source", entry, (index,))


def read_record(folder: RunFolder) -> dict[str, Any]:
    """Read a run's record.

    Raises:
        RunError: The folder has no record, one that is damaged, or one of a later format.
    """
    if not folder.record.is_file():
        found = "has no record.json" if folder.path.is_dir() else "does not exist"
        raise RunError(f"The run folder {folder.path} {found}.", LIST_HINT)
    record: dict[str, Any] = read_json(folder.record, _versioned_record, LIST_HINT)
    if record.get("format", 1) > FORMAT:
        made_by = record.get("versions", {}).get("nnrun") if isinstance(record.get("versions"), dict) else None
        newer = f"the run was made by a later version of nnrun{f', {made_by}' if isinstance(made_by, str) else ''}"
        received = f"the folder has format {record['format']}, and this version reads formats up to {FORMAT}"
        raise RunError(f"Cannot read {folder.path}: {newer}; {received}.", "pip install --upgrade nnrun")
    return record


def _versioned_record(value: object) -> None:
    """Expect a record; of a later format only its number is known."""
    fields({"format": whole(1)})(value)
    if require_mapping(value).get("format", 1) <= FORMAT:
        _record(value)


def read_finished_fold(folder: RunFolder) -> dict[str, Any] | None:
    """Read the record of a fold that is done; None if it is not done.

    Its scores are numbers, NaN too, as those of a fold that was just trained: both are summarized together.

    Raises:
        RunError: The record is damaged.
    """
    if not folder.record.is_file():
        return None
    fold: dict[str, Any] = read_json(folder.record, _record, LIST_HINT)
    if fold["status"] != "done":
        return None
    fold = read_json(folder.record, _finished_fold, LIST_HINT)
    parts = {name: with_numbers(part) if isinstance(part, dict) else part for name, part in fold["scores"].items()}
    return {**fold, "scores": parts}


def read_scores(folder: RunFolder) -> dict[str, Any]:
    """Read the scores of a run or a fold.

    Raises:
        RunError: There are none, or they are damaged.
    """
    return read_json(folder.scores, _scores)  # type: ignore[no-any-return]


def read_scores_if_any(folder: RunFolder) -> dict[str, Any]:
    """Read the scores of a run or a fold; empty where there are none.

    Raises:
        RunError: They are damaged.
    """
    return read_scores(folder) if lexists(folder.scores) else {}


def score_at(scores: Mapping[str, Any], path: str) -> float | None:
    """Return the number at a dotted path of `scores.json`; None if there is none.

    A key may itself contain dots (a class called `1.5`): of several readings of the path, the one that leads to a
    number is used.
    """
    return _number_at(scores, path.split("."))


def _number_at(value: Any, keys: Sequence[str]) -> float | None:
    if not keys:
        return float(value) if is_number(value) and isfinite(value) else None
    if isinstance(value, list):
        index = int(keys[0]) if keys[0].isdecimal() else len(value)
        return _number_at(value[index], keys[1:]) if index < len(value) else None
    if not isinstance(value, dict):
        return None
    ends = range(1, len(keys) + 1)
    found = (_number_at(value[key], keys[end:]) for end in ends if (key := ".".join(keys[:end])) in value)
    return next((number for number in found if number is not None), None)


def read_model(folder: RunFolder) -> dict[str, Any]:
    """Read a model's config as Keras writes it.

    Raises:
        RunError: There is none, or it is damaged.
    """
    return read_json(folder.model_json, _model)  # type: ignore[no-any-return]


def read_preparation(folder: RunFolder) -> list[dict[str, Any]]:
    """Read the fitted preparation steps.

    Raises:
        RunError: There are none, or they are damaged.
    """
    return read_json(folder.prepare, _preparation)  # type: ignore[no-any-return]

"""What a model card needs of a run: its data set, its kind of task, and the scores of each output with intervals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from nnrun.catalog.figures import Figure
from nnrun.config.document import parse
from nnrun.data.named.datasets import data_set_names, named_data_set
from nnrun.errors import ConfigError
from nnrun.report.elements import format_value
from nnrun.report.predictions import is_cross_validated, scored_part
from nnrun.report.run_contents import as_mapping
from nnrun.runs.json_files import as_number, dumps
from nnrun.runs.statistics import CONFIDENCE, interval_within, t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.data.named.datasets import NamedDataSet
    from nnrun.report.predictions import OutputPredictions
    from nnrun.report.run_contents import RunContents

#: Tasks of Hugging Face's hub by the kind of data; the first is for classes, the second for numbers.
_TASKS = {
    "table": ("tabular-classification", "tabular-regression"),
    "picture": ("image-classification", "image-to-image"),
    "sound": ("audio-classification", None),
    "text": ("text-classification", None),
    "series": ("time-series-forecasting", "time-series-forecasting"),
}
_KINDS = {
    **dict.fromkeys(("images", "idx", "mnist", "fashion_mnist", "cifar10", "cifar100", "digits", "shapes"), "picture"),
    **dict.fromkeys(("audio", "spoken_digits"), "sound"),
    **dict.fromkeys(("texts", "imdb", "sms_spam", "descriptions", "orders", "people"), "text"),
}
#: Sources of one text, which a model learns to write.
_WRITTEN = ("text", "shakespeare", "metamorphosis")
#: How far the errors of the predictions may be from the score, which is computed in another precision.
_TOLERANCE = 1e-3
_LEAST_ROWS = 3
_MOST_TEXT = 200


@dataclass(frozen=True)
class DataSource:
    """The source of a run's data.

    Attributes:
        kind: Its name in the config: `csv`, `mnist`; empty where that is unknown.
        name: The named data set, or the name of the file or folder.
        named: The named data set; None for all others.
    """

    kind: str
    name: str
    named: NamedDataSet | None


def resolved_config(run: RunContents) -> Mapping[str, Any]:
    """Return the resolved config as plain data; empty where it cannot be read."""
    try:
        return as_mapping(parse(run.resolved, "resolved.yaml").data)
    except ConfigError:
        return {}


def data_source(config: Mapping[str, Any]) -> DataSource:
    """Return the source of a resolved config; of a path the last part, which says nothing of a machine."""
    source = as_mapping(config.get("data")).get("source")
    kind = part_name(source or "")
    arguments = as_mapping(as_mapping(source).get(kind))
    if kind in data_set_names():
        return DataSource(kind, kind, named_data_set(kind))
    if kind == "sklearn" and arguments.get("set") in data_set_names():
        return DataSource(kind, arguments["set"], named_data_set(arguments["set"]))
    given = next((arguments[key] for key in ("file", "folder", "name", "images") if arguments.get(key)), kind)
    return DataSource(kind, last_part(given), None)


def last_part(path: object) -> str:
    """Return the last part of a path, of Windows too."""
    return re.split(r"[/\\]", str(path).rstrip("/\\"))[-1]


def hub_task(source: DataSource, facts: Mapping[str, Any]) -> str | None:
    """Return the task of a run in the words of Hugging Face's hub; None where the run folder does not say it."""
    if source.kind in _WRITTEN:
        return "text-generation"
    if facts.get("arrays"):
        return None  # the hub has no task for pictures with columns
    is_number = facts.get("task") == "regression"
    kind = _KINDS.get(source.kind, "table" if facts.get("columns") else "")
    if facts.get("positions") and not is_number:
        return {"picture": "image-segmentation", "text": "token-classification"}.get(kind)
    # Tables with columns of text have a window, too.
    if facts.get("horizon") is not None and kind == "table":
        kind = "series"
    return _TASKS[kind][is_number] if kind in _TASKS else None


def part_outputs(run: RunContents) -> Mapping[str, Mapping[str, Any]]:
    """Return the scores of each output on the part that counts, by its name; empty for the only one."""
    part = scored_part(run)[1]
    outputs = as_mapping(part.get("outputs"))
    if not outputs:
        return {"": part} if part else {}
    return {str(name): {"rows": part.get("rows"), **as_mapping(scores)} for name, scores in outputs.items()}


def error_intervals(run: RunContents, output: OutputPredictions) -> Iterator[tuple[str, str, str]]:
    """Yield the errors of predicted numbers with the t interval of their mean over the rows: name, value, interval.

    Nothing is yielded where rows are not independent (windows of a series), where folds have intervals of their own, or
    where the predictions are not those of the scores.
    """
    import numpy as np

    scores = as_mapping(part_outputs(run).get(output.name))
    rows = len(output.truth)
    is_series = as_mapping(run.record.get("facts")).get("window") is not None
    if is_cross_validated(run) or is_series or rows < _LEAST_ROWS or rows != scores.get("rows"):
        return
    errors = output.predicted - output.truth
    for name, each in (("mean_absolute_error", np.abs(errors)), ("root_mean_squared_error", errors**2)):
        by_row = each.reshape(rows, -1).mean(axis=1)
        mean, is_root = float(by_row.mean()), name.startswith("root")
        value, known = sqrt(mean) if is_root else mean, as_number(scores.get(name))
        if known is None or abs(value - known) > _TOLERANCE * (1 + abs(known)):
            continue
        reach = t_quantile(CONFIDENCE, rows - 1) * float(by_row.std(ddof=1)) / sqrt(rows)
        ends = interval_within(mean, reach, Figure(0, better="smaller"))
        low, high = (sqrt(end) if is_root else end for end in ends)
        yield name, format_value(value), f"{format_value(low)} to {format_value(high)}"


def part_name(value: object) -> str:
    """Return the name of a part of a config without its arguments."""
    return str(next(iter(value), "")) if isinstance(value, dict) else str(value)


def part_text(value: object) -> str:
    """Return a part of a config in one line: `Adam(learning_rate=0.01)`; cut where it is long."""
    text = _part_text(value)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."


def _part_text(value: object) -> str:
    if isinstance(value, dict) and len(value) == 1:
        name, arguments = next(iter(value.items()))
        inner = as_mapping(arguments)
        if inner or arguments is None or arguments == {}:
            return f"{name}({', '.join(f'{key}={_part_text(one)}' for key, one in inner.items())})"
        return f"{name}({_part_text(arguments)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_part_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_part_text, value))}]"
    return dumps(value) if value is None or isinstance(value, bool) else str(value)

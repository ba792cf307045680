"""What the folds of a cross-validation say together, on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.cli.terminal.layout import Table, put_paragraph, put_table, put_terms
from nnrun.formatting import format_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.cli.terminal.screen import Screen


#: What other lines of the table say in other words.
_TWICE = ("errors", "error_rate")


def put_fold_scores(screen: Screen, crossed: Mapping[str, Any]) -> None:
    """Write each figure's mean over folds, its spread and its interval."""
    means = {name: value for name, value in crossed["mean"].items() if name not in _TWICE}
    if any(name != "loss" and value == means.get("loss") for name, value in means.items()):
        del means["loss"]  # a metric of the same name as the loss says it better
    rows = []
    for name, mean in means.items():
        low, high = crossed["interval_95"][name]
        rows.append(
            [
                name,
                format_number(mean),
                format_number(crossed["sd"][name]),
                f"{format_number(low)} to {format_number(high)}",
            ]
        )
    headings = ("figure", "mean", "sd", "95 % interval")
    put_table(screen, Table(headings, rows, frozenset(headings[1:]), ("95 % interval",)))
    repeats = f", {crossed['repeats']} times" if crossed["repeats"] > 1 else ""
    put_paragraph(screen, f"Over {crossed['folds']} folds{repeats}; sd over folds, interval: {crossed['interval']}.")


_PARTS = ("test", "validation", "train", "data")
#: What the columns `error` and `95 % interval` say already.
_ERRORS = ("errors", "error_rate", "error_percent", "error_percent_interval_95", "interval")
#: What only `nnrun eval` shows, below the table.
_DETAILS = {
    "roc_auc": "area under the ROC curve",
    "pr_auc": "average precision",
    "log_loss": "log loss",
    "expected_calibration_error": "calibration error",
}
_BY_CLASS = ("precision", "recall", "f1", "support")
#: With more classes than this a screen is no place for them.
_MOST_CLASSES = 30


def put_scores(screen: Screen, scores: Mapping[str, Any]) -> None:
    """Write a table with one row for each part of the data, after what folds say together."""
    if "cross_validation" in scores:
        put_fold_scores(screen, scores["cross_validation"])
    parts = {name: scores[name] for name in _PARTS if isinstance(scores.get(name), dict)}
    if not parts:
        return
    if any("outputs" in part for part in parts.values()):
        _put_outputs(screen, parts)
        return
    first = next(iter(parts.values()))
    counts = "error_percent" in first
    metrics = [name for name in first if name not in (*_ERRORS, *_DETAILS, "rows") and _is_figure(first[name])]
    headings = ("part", *(("error", "95 % interval", "errors") if counts else ()), *metrics, "rows")
    rows = [
        [
            name,
            *(_error_cells(part) if counts else ()),
            *(format_number(part.get(metric)) for metric in metrics),
            f"{part['rows']:,}",
        ]
        for name, part in parts.items()
    ]
    spare = (
        *(("accuracy",) if counts else ()),
        "rows",
        *(reversed(metrics) if counts else reversed(metrics[1:])),
        "errors",
    )
    put_table(screen, Table(headings, rows, frozenset(headings[1:]), tuple(dict.fromkeys(spare))))


def put_details(screen: Screen, scores: Mapping[str, Any]) -> None:
    """Write what else is known of one part: areas and calibration, and the figures of each class."""
    part: Mapping[str, Any] = next((scores[name] for name in _PARTS if isinstance(scores.get(name), dict)), {})
    told = [(words, format_number(part[name])) for name, words in _DETAILS.items() if part.get(name) is not None]
    if told:
        screen.put()
        put_terms(screen, told)
    classes = part.get("per_class", {})
    if 0 < len(classes) <= _MOST_CLASSES:
        screen.put()
        rows = [[name, *(format_number(one[key]) for key in _BY_CLASS)] for name, one in classes.items()]
        put_table(screen, Table(("class", *_BY_CLASS), rows, frozenset(_BY_CLASS)))


def _is_figure(value: object) -> bool:
    return value is None or isinstance(value, int | float | str)


def _put_outputs(screen: Screen, parts: Mapping[str, Any]) -> None:
    """Write a model of several outputs: a row for each figure, a column for each part; a wide table would not fit."""
    figures = {name: _figures_by_output(part) for name, part in parts.items()}
    names = dict.fromkeys(name for known in figures.values() for name in known)
    rows = [[name, *(known.get(name, "-") for known in figures.values())] for name in names]
    put_table(screen, Table(("figure", *figures), rows, frozenset(figures)))


def _figures_by_output(part: Mapping[str, Any]) -> dict[str, str]:
    told = {"rows": f"{part['rows']:,}"} | {
        name: format_number(value) for name, value in part.items() if name not in ("rows", "outputs")
    }
    for output, figures in part.get("outputs", {}).items():
        told |= {f"{output} {name}": shown for name, shown in _output_figures(figures).items()}
    return told


def _output_figures(figures: Mapping[str, Any]) -> dict[str, str]:
    if "error_percent" not in figures:
        return {name: format_number(value) for name, value in figures.items() if _is_figure(value)}
    error, interval, _ = _error_cells(figures)
    return {"error": error, "95 % interval": interval}


def _error_cells(part: Mapping[str, Any]) -> tuple[str, str, str]:
    low, high = part["error_percent_interval_95"]
    return f"{part['error_percent']:.2f} %", f"{low:.2f} to {high:.2f} %", f"{part['errors']:,}"

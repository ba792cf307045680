"""The scores of a run as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.cli.terminal.output import Table, print_paragraph, print_table, print_terms
from nnrun.formatting import format_number
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.cli.terminal.output import Output


_PARTS = ("test", "validation", "train", "data")
#: Scores that the columns `error`, `95 % interval` and `errors` show.
_ERROR_SCORES = ("errors", "error_rate", "error_percent", "error_percent_interval_95", "interval")
#: Scores that only `nnrun eval` shows, below the table.
_DETAILS = {
    "roc_auc": "area under the ROC curve",
    "pr_auc": "average precision",
    "log_loss": "log loss",
    "expected_calibration_error": "calibration error",
}
_CLASS_SCORES = ("precision", "recall", "f1", "support")
#: With more classes the scores of each class are not shown.
_MAX_CLASSES = 30


def print_scores(output: Output, scores: Mapping[str, Any]) -> None:
    """Print a table with one row for each part of the data, below the table of a cross-validation."""
    if "cross_validation" in scores:
        _print_cross_validation(output, scores["cross_validation"])
    parts = {name: scores[name] for name in _PARTS if isinstance(scores.get(name), dict)}
    if not parts:
        return
    if any("outputs" in part for part in parts.values()):
        _print_outputs(output, parts)
        return
    first = next(iter(parts.values()))
    has_errors = "error_percent" in first
    left_out = (*_ERROR_SCORES, *_DETAILS, "rows", "not_scored")
    metrics = [name for name in first if name not in left_out and _is_metric(first[name])]
    headings = ("part", *(("error", "95 % interval", "errors") if has_errors else ()), *metrics, "rows")
    rows = [
        [
            name,
            *(_error_cells(part) if has_errors else ()),
            *(format_number(part.get(metric)) for metric in metrics),
            format_number(part.get("rows")),
        ]
        for name, part in parts.items()
    ]
    optional = ["rows", *reversed(metrics[1:])]
    if has_errors:
        optional = ["accuracy", "rows", *reversed(metrics), "errors"]
    print_table(output, Table(headings, rows, frozenset(headings[1:]), tuple(optional)))
    if "not_scored" in first:
        print_paragraph(output, f"Not scored: {first['not_scored']}.")


def _print_cross_validation(output: Output, summary: Mapping[str, Any]) -> None:
    """Print each metric's mean over folds, its standard deviation and its interval."""
    means = {name: value for name, value in summary["mean"].items() if name not in ("errors", "error_rate")}
    if any(name != "loss" and value == means.get("loss") for name, value in means.items()):
        del means["loss"]  # a metric shows the same values under its own name
    rows = []
    for name, mean in means.items():
        interval = format_interval(summary["interval_95"][name], summary["sd"][name])
        rows.append([name, format_number(mean), format_number(summary["sd"][name]), interval])
    headings = ("metric", "mean", "sd", "95 % interval")
    print_table(output, Table(headings, rows, frozenset(headings[1:]), ("95 % interval",)))
    repeats = f"{summary['repeats']} repeats of " if summary["repeats"] > 1 else ""
    print_paragraph(
        output,
        f"Over {repeats}{summary['folds']} folds. sd: standard deviation over the folds (ddof 0). "
        f"Interval of the mean (ddof 1): {summary['interval']}.",
    )


def format_interval(ends: Sequence[Any], sd: object) -> str:
    """Format the interval of a mean over folds; folds that are all equal say nothing about its uncertainty."""
    low, high = map(format_number, ends)
    return "all folds are equal" if sd == 0 else f"{low} to {high}"


def print_score_details(output: Output, scores: Mapping[str, Any]) -> None:
    """Print the other scores of the first part: areas under curves, calibration, and the scores of each class."""
    part: Mapping[str, Any] = next((scores[name] for name in _PARTS if isinstance(scores.get(name), dict)), {})
    details = [(label, format_number(part[name])) for name, label in _DETAILS.items() if part.get(name) is not None]
    if details:
        output.write_line()
        print_terms(output, details)
    classes = part.get("per_class", {})
    if 0 < len(classes) <= _MAX_CLASSES:
        output.write_line()
        names = [name for name in (*_CLASS_SCORES, "iou") if name in next(iter(classes.values()))]
        rows = [[name, *(format_number(one.get(key)) for key in names)] for name, one in classes.items()]
        print_table(output, Table(("class", *names), rows, frozenset(names)))


def _is_metric(value: object) -> bool:
    return value is None or isinstance(value, int | float | str)


def _print_outputs(output: Output, parts: Mapping[str, Any]) -> None:
    """Print the scores of a model of several outputs, with a column for each part so that the table stays narrow."""
    columns = {name: _scores_of_outputs(part) for name, part in parts.items()}
    names = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [[name, *(column.get(name, "-") for column in columns.values())] for name in names]
    print_table(output, Table(("metric", *columns), rows, frozenset(columns)))


def _scores_of_outputs(part: Mapping[str, Any]) -> dict[str, str]:
    scores = {"rows": part.get("rows")} | {name: value for name, value in part.items() if name != "outputs"}
    cells = {name: format_number(value) for name, value in scores.items()}
    for output, values in part.get("outputs", {}).items():
        if "error_percent" in values:
            error, interval, _ = _error_cells(values)
            cells |= {f"{output} error": error, f"{output} 95 % interval": interval}
        else:
            cells |= {f"{output} {name}": format_number(value) for name, value in values.items() if _is_metric(value)}
    return cells


def _error_cells(part: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the error, its interval and the count; what an edited file lacks is a dash."""
    error, *ends = (as_number(end) for end in (part.get("error_percent"), *part.get("error_percent_interval_95", ())))
    shown = "-" if error is None else f"{error:.2f} %"
    low, high = ends or (None, None)
    interval = "-" if low is None or high is None else f"{low:.2f} to {high:.2f} %"
    return shown, interval, format_number(part.get("errors"))

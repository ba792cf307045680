"""The scores of a run: the headlines, the table of each part of the data, and the folds of a cross-validation."""

from __future__ import annotations

from math import isclose, isfinite
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count
from nnrun.report.elements import Headline, ReportSection, ReportTable, format_value, score_name, score_title
from nnrun.report.predictions import scored_part
from nnrun.report.run_contents import as_mapping
from nnrun.report.style import FIRST, SECOND, Plot, new_figure
from nnrun.runs.baselines import DECIDING, own_scores
from nnrun.runs.json_files import as_number
from nnrun.runs.record import headline_metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from nnrun.report.run_contents import RunContents

PARTS = {"test": "test part", "validation": "validation part", "train": "training part"}
_MORE_OF_CLASSES: tuple[str, ...] = ("mean_iou", "accuracy", "roc_auc", "expected_calibration_error")
_MORE_OF_NUMBERS: tuple[str, ...] = ("psnr", "root_mean_squared_error", "mean_absolute_error", "r2")
_MORE_OF_TEXT: tuple[str, ...] = ("perplexity",)
#: Stands for the interval of folds without any spread, of which no formula knows more than the mean.
_EQUAL = "all folds are equal"
#: Headlines of a cross-validation at most, and plots of its folds.
_MAX_HEADLINES, _MAX_FOLD_PLOTS = 4, 6
#: Scores that the row of the error already shows.
_ERRORS = ("error_rate", "error_percent", "error_percent_interval_95", "interval", "errors")
#: Values of a fold that are not scores, or repeat another score in another unit.
_NOT_PLOTTED = ("errors", "error_rate", "rows", "fold", "repeat", "log_loss")


def headlines(run: RunContents) -> list[Headline]:
    """Return the main scores: of the folds together and of the part that counts; for each output."""
    found = _fold_headlines(as_mapping(run.scores.get("cross_validation")))
    name, part = scored_part(run)
    outputs = as_mapping(part.get("outputs"))
    for output, scores in outputs.items():
        found += _part_headlines(f"{PARTS[name]}, output {output}", {**as_mapping(scores), "rows": part.get("rows")})
    if part and not outputs:
        found += _part_headlines(PARTS[name], part)
    return found or _last_loss(run)


def _fold_headlines(summary: Mapping[str, Any]) -> list[Headline]:
    means = _numbers(as_mapping(summary.get("mean")))
    if not means:
        return []
    more = [name for name in (*_MORE_OF_CLASSES, *_MORE_OF_NUMBERS) if name in means]
    names = list(dict.fromkeys([headline_metric(means)[0], *more]))
    return [_fold_headline(summary, name) for name in names[:_MAX_HEADLINES]]


def _fold_headline(summary: Mapping[str, Any], name: str) -> Headline:
    mean, sd = (_with_unit(as_mapping(summary.get(key)).get(name), name) for key in ("mean", "sd"))
    repeats = summary.get("repeats")
    repeated = f", {repeats} times" if isinstance(repeats, int) and repeats > 1 else ""
    title = "Error" if name == "error_percent" else score_title(name)
    interval = _interval(as_mapping(summary.get("interval_95")).get(name), name)
    detail = f"95 % interval {interval}, {summary.get('interval')}; sd {sd} (ddof 0)"
    if as_mapping(summary.get("sd")).get(name) == 0:
        detail = f"{_EQUAL}, which says nothing about its uncertainty"
    return Headline(f"{title}, mean of {summary.get('folds')} folds{repeated}", mean, detail)


def _interval(ends: object, name: str) -> str:
    """Format an interval; missing ends as `-`."""
    low, high = ends if isinstance(ends, list | tuple) and len(ends) == 2 else (None, None)
    return f"{_with_unit(low, name).removesuffix(' %')} to {_with_unit(high, name)}"


def _with_unit(value: object, name: str) -> str:
    """Format a score: a percentage with two decimals and its sign."""
    if name != "error_percent":
        return format_value(value)
    number = as_number(value)
    return "- %" if number is None else f"{number:.2f} %"


def _numbers(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if as_number(value) is not None}


def _part_headlines(where: str, part: Mapping[str, Any]) -> list[Headline]:
    numbers = _numbers(part)
    if not numbers.keys() - {"rows"}:
        return []
    # Of a text, the errors of single characters say little; the bits are what is usually reported.
    first = "bits_per_character" if "bits_per_character" in numbers else headline_metric(numbers)[0]
    if first == "error_percent":
        title, more, detail = "Error", _MORE_OF_CLASSES, _error_detail(part)
    else:
        more = _MORE_OF_TEXT if "perplexity" in part else _MORE_OF_NUMBERS
        title, detail = score_title(first), _rows(part)
    found = [Headline(f"{title} on the {where}", _with_unit(part[first], first), detail)]
    names = [name for name in more if name in numbers and name != first]
    return found + [Headline(f"{score_title(name)} on the {where}", format_value(part[name])) for name in names]


def _error_detail(part: Mapping[str, Any]) -> str:
    ends = part.get("error_percent_interval_95")
    interval = f"95 % interval {_interval(ends, 'error_percent')} ({part.get('interval')}); " if ends else ""
    errors, rate = as_number(part.get("errors")), as_number(part.get("error_rate"))
    # A row may have several predictions, each of which is counted.
    count = round(errors / rate) if errors and rate else part.get("rows")
    total = _rows(part) if count == part.get("rows") else _count(count, "prediction")
    return f"{interval}{_count(part.get('errors'), 'error')} in {total}"


def _rows(part: Mapping[str, Any]) -> str:
    return _count(part["rows"], "row") if part.get("rows") is not None else ""


def _count(value: object, noun: str) -> str:
    """Format a count of the run folder's JSON, which may have been edited."""
    return format_count(value, noun) if isinstance(value, int) else f"{format_value(value)} {noun}s"


def _last_loss(run: RunContents) -> list[Headline]:
    """Return the last known loss of a run without scores."""
    for name, title in (("val_loss", "Validation loss"), ("loss", "Training loss")):
        known = [row for row in run.epochs if as_number(row.get(name)) is not None]
        if known:
            last, detail = known[-1], "not scored: the run did not finish"
            return [Headline(f"{title} after epoch {last.get('epoch')}", format_value(last[name]), detail)]
    return []


def scores_section(run: RunContents) -> ReportSection:
    """Return the table of every scalar of `scores.json`, with a column for each part of the data."""
    parts = {name: as_mapping(run.scores.get(name)) for name in PARTS if as_mapping(run.scores.get(name))}
    if not parts:
        return ReportSection("scores", "Scores")
    columns = [dict(_scalars(part)) for part in parts.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = tuple((name, *(column.get(name, "-") for column in columns)) for name in names)
    table = ReportTable("Scores of each part of the data", ("score", *(PARTS[name] for name in parts)), rows)
    return ReportSection("scores", "Scores", tuple(_score_notes(run)), tables=(table,))


def baselines_section(run: RunContents) -> ReportSection:
    """Return the scores of simple models next to those of the run on the same rows."""
    if not run.baselines:
        return ReportSection("baselines", "Baselines")
    own, each = own_scores(run.baselines, run.scores), run.baselines["baselines"]
    names = [name for name in each[0]["scores"] if name not in (*_ERRORS, "mean_squared_error") and name in own]
    names = [name for name in (DECIDING.get(run.baselines["task"], ""), *names) if name]
    rows = [("this run", *(_with_unit(own.get(name), name) for name in names))]
    rows += [(one["name"], *(_with_unit(one["scores"].get(name), name) for name in names)) for one in each]
    headings = ("model", *("error" if name == "error_percent" else score_name(name) for name in names))
    part = {"folds": "folds, means"}.get(run.baselines["part"], PARTS.get(run.baselines["part"], ""))
    table = ReportTable(f"On the {part}", headings, tuple(dict.fromkeys(rows)))
    note = (
        "Simple models of scikit-learn, with its default settings, fitted to the same training rows after the same "
        "preparation."
    )
    notes = (note, *run.baselines.get("notes", ()))
    return ReportSection("baselines", "Baselines", notes, tables=(table,))


def is_scored_on_training(run: RunContents) -> bool:
    """Return whether the test part is the training part: it has no arrays, and no digest, of its own then."""
    digests = as_mapping(run.record.get("digests"))
    return "test" in run.scores and "train.x" in digests and "test.x" not in digests


def _score_notes(run: RunContents) -> Iterator[str]:
    if is_scored_on_training(run):
        yield (
            "The test part is the training part: its scores show how well the model fits the data it was trained on, "
            "not how well it generalizes."
        )
    part = scored_part(run)[1]
    for name, scores in (("", part), *as_mapping(part.get("outputs")).items()):
        if (reason := as_mapping(scores).get("not_scored")) is not None:
            yield f"Not scored{f', {name}' if name else ''}: {reason}."
    checkpoint = run.scores.get("checkpoint")
    if checkpoint:
        yield f"Scored model: {'the weights with which training ended' if checkpoint == 'last' else checkpoint}."


def _scalars(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in part.items():
        if name == "error_percent":
            if ends := part.get("error_percent_interval_95"):
                yield "error, with 95 % interval", f"{_with_unit(value, name)} ({_interval(ends, name)})"
            else:
                yield "error", _with_unit(value, name)
            yield "errors", format_value(part.get("errors"))
        elif name not in _ERRORS and (value is None or as_number(value) is not None):
            yield score_name(name), format_value(value)
    for output, scores in as_mapping(part.get("outputs")).items():
        for name, text in _scalars(as_mapping(scores)):
            yield f"{output}: {name}", text


def folds_section(run: RunContents) -> ReportSection:
    """Return the scores of a cross-validation: of all folds together and of each, as far as they are done."""
    summary = as_mapping(run.scores.get("cross_validation"))
    if not summary and not run.folds:
        return ReportSection("folds", "Folds")
    if not summary:
        done = [{"fold": number, **as_mapping(scores.get("test"))} for number, scores in run.folds.items()]
        note = f"{len(done)} of {run.record.get('folds')} folds are done; their mean follows when all are."
        return ReportSection("folds", "Folds", (note,), tables=(_fold_table(done),))
    each = [as_mapping(fold) for fold in summary.get("each") or ()]
    tables = (mean_table(summary), _fold_table(each))
    return ReportSection("folds", "Folds", (folds_note(summary),), plots=tuple(fold_plots(summary)), tables=tables)


def folds_note(summary: Mapping[str, Any]) -> str:
    """Return how the intervals of a cross-validation were computed."""
    return (
        "Folds share training rows, so the usual t interval of their mean would be too narrow. Interval: "
        f"{summary.get('interval')}. The standard deviation is that of the folds with ddof 0; the interval is computed "
        "with ddof 1."
    )


def mean_table(summary: Mapping[str, Any]) -> ReportTable:
    """Return the mean of each score over the folds, with its standard deviation and interval."""
    rows = []
    for name, mean in as_mapping(summary.get("mean")).items():
        low, high = as_mapping(summary.get("interval_95")).get(name) or (None, None)
        sd = as_mapping(summary.get("sd")).get(name)
        interval = _EQUAL if sd == 0 else f"{format_value(low)} to {format_value(high)}"
        rows.append((score_name(name), format_value(mean), format_value(sd), interval))
    return ReportTable("Mean over the folds", ("score", "mean", "standard deviation", "95 % interval"), tuple(rows))


def _fold_table(each: Sequence[Mapping[str, Any]]) -> ReportTable:
    numbers = [_numbers(fold) for fold in each]
    names = list(dict.fromkeys(name for fold in numbers for name in fold))
    rows = tuple(tuple(format_value(fold.get(name)) for name in names) for fold in numbers)
    return ReportTable("Scores of each fold", tuple(map(score_name, names)), rows)


def fold_scores(summary: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the scores to plot with the value of each fold; first the one that the headlines show."""
    each = [as_mapping(fold) for fold in summary.get("each") or ()]
    names = [name for name in (each[0] if each else ()) if name not in _NOT_PLOTTED]
    columns = {name: [as_number(fold.get(name)) for fold in each] for name in names}
    known = {
        name: [value for value in column if value is not None]
        for name, column in columns.items()
        if all(value is not None and isfinite(value) for value in column)
    }
    # A metric that equals the loss has the better name.
    if any(name != "loss" and _are_equal(values, known.get("loss", [])) for name, values in known.items()):
        del known["loss"]
    first = headline_metric(each[0])[0] if each else ""
    return {name: known[name] for name in sorted(known, key=lambda name: name != first)[:_MAX_FOLD_PLOTS]}


def _are_equal(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(isclose(a, b, rel_tol=1e-5) for a, b in zip(one, other, strict=True))


def fold_plots(summary: Mapping[str, Any]) -> list[Plot]:
    """Return a box plot of each score over the folds, with the mean and its interval."""
    plots = []
    for name, values in fold_scores(summary).items():
        mean = as_number(as_mapping(summary.get("mean")).get(name))
        ends = [as_number(end) for end in as_mapping(summary.get("interval_95")).get(name) or ()]
        interval = [end for end in ends if end is not None]
        alt = f"Box plot of {score_name(name)} over {len(values)} folds, from {min(values):.3g} to {max(values):.3g}"
        alt += f"; mean {mean:.3g}" if mean is not None else ""
        alt += f", 95 % interval {interval[0]:.3g} to {interval[1]:.3g}" if len(interval) == 2 else ""
        figure = _fold_figure(score_name(name), values, mean, interval)
        plots.append(Plot(f"folds_{name}", score_title(name), f"{alt}.", figure))
    return plots


def _fold_figure(name: str, values: Sequence[float], mean: float | None, interval: Sequence[float]) -> Figure:
    figure, axes = new_figure(height=1.9)
    box = axes.boxplot([list(values)], positions=[0], orientation="horizontal", widths=0.55, showfliers=False)
    for line in (line for lines in box.values() for line in lines):
        line.set(color=FIRST, linewidth=1.2)
    axes.scatter(values, [0] * len(values), s=16, color=FIRST, alpha=0.55, linewidths=0, zorder=3, label="each fold")
    if mean is not None:
        low, high = interval if len(interval) == 2 else (mean, mean)
        style: dict[str, Any] = {"fmt": "D", "markersize": 5, "color": SECOND, "capsize": 3, "elinewidth": 1.4}
        axes.errorbar([mean], [0.75], xerr=[[mean - low], [high - mean]], label="mean, 95 % interval", **style)
    axes.set(xlabel=name, ylim=(-0.6, 1.1))
    axes.locator_params(axis="x", nbins=7)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, handletextpad=0.4)
    return figure

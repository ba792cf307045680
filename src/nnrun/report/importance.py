"""The section about the columns that a model goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.report.elements import ReportSection, ReportTable
from nnrun.report.style import FIRST, MUTED, Plot, new_figure, short_label
from nnrun.runs.importance import strongest_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.report.run_contents import RunContents

#: As many columns are drawn; the table has all of them.
_MOST_BARS = 20
_ERRORS = {"error_rate": "share of wrong rows", "mean_absolute_error": "mean absolute error"}


def importance_section(run: RunContents) -> ReportSection:
    """Return how much worse predictions are where a column is shuffled; empty where it was not computed."""
    known = run.importance
    if not known:
        return ReportSection("importance", "Columns")
    note = (
        "How much larger the error is where the values of one column are shuffled between rows "
        f"({known['rows']:,} rows of the {known['part']} part, {known['repeats']} permutations): what the model goes "
        "by, which need not be what causes the target."
    )
    plots, tables = [], []
    for output in known["outputs"]:
        of = f" of {output['name']}" if output["name"] else ""
        error = _ERRORS.get(output["error"], output["error"])
        rows = tuple(
            (one["column"], _number(one["importance"]), " to ".join(map(_number, one["interval_95"])))
            for one in output["columns"]
        )
        headings = ("column", f"growth of the {error}", "95 % interval")
        tables.append(
            ReportTable(
                f"Importance of columns{of}; the {error} itself is {_number(output['value'])}",
                headings,
                rows,
                collapsed=True,
            )
        )
        plots.append(_plot(output, error, of))
    notes = [note, *known["notes"]]
    if known.get("texts"):
        notes.append(
            f"Texts: {known.get('texts_selection', 'some')}. Each word is left out, and the text is prepared and "
            "predicted again: what the prediction loses then is what the word speaks for it. Words that say the same "
            "stand in for each other."
        )
        tables.append(_texts_table(known["texts"]))
    return ReportSection("importance", "Columns", tuple(notes), plots=tuple(plots), tables=tuple(tables))


def _texts_table(texts: Sequence[Mapping[str, Any]]) -> ReportTable:
    rows = []
    for one in texts:
        place = f"row {one['row']}, {', '.join(name for name in (one['column'], one['output']) if name)}"
        value = "-" if one["value"] is None else _number(one["value"])
        predicted = value if one["predicted"] is None else f"{one['predicted']} ({value})"
        rows.append((place, predicted, one["truth"] or "-", *strongest_words(one)))
    headings = ("text", "prediction", "truth", "words for it", "words against it")
    return ReportTable("What predictions of texts lose without a word", headings, tuple(rows))


def _plot(output: Mapping[str, Any], error: str, of: str) -> Plot:
    shown = output["columns"][:_MOST_BARS][::-1]
    figure, axes = new_figure()
    middles = [one["importance"] for one in shown]
    reach = [
        [one["importance"] - one["interval_95"][0] for one in shown],
        [one["interval_95"][1] - one["importance"] for one in shown],
    ]
    axes.barh([short_label(one["column"]) for one in shown], middles, xerr=reach, color=FIRST, ecolor=MUTED, height=0.7)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set(xlabel=f"growth of the {error}")
    best = shown[-1]["column"] if shown else "none"
    alt = f"Importance of {len(shown)} columns{of}; the largest is that of {best}."
    name = f"{output['name']}_importance" if output["name"] else "importance"
    return Plot(name, f"Importance of columns{of}", alt, figure, "Bars: mean over rows; lines: 95 % interval.")


def _number(value: float) -> str:
    return f"{float(value):.4g}"

"""Forecasts of time series: against the truth over time, and their errors by horizon with those of naive forecasts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.report.elements import ReportTable, format_value, score_name
from nnrun.report.run_contents import as_mapping
from nnrun.report.style import FIRST, MUTED, SECOND, THIRD, Plot, new_figure, short_label
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nnrun.report.elements import ReportSection
    from nnrun.report.predictions import OutputPredictions

_MEASURES = ("mean_absolute_error", "root_mean_squared_error", "mean_absolute_scaled_error")
_BASELINES = {"last_value": "last value", "seasonal_naive": "seasonal naive"}
#: The most points of a series that are drawn, and the most series.
_MOST_POINTS, _MOST_SERIES = 300, 3


def forecast_section(output: OutputPredictions, section: ReportSection) -> ReportSection:
    """Return the section of an output with its forecasts in front, if it has any."""
    horizons = [as_mapping(one) for one in output.scores.get("horizons") or () if isinstance(one, dict)]
    if not horizons:
        return section
    baselines = as_mapping(output.scores.get("naive_forecasts"))
    plots = [*_series_plots(output, len(horizons)), *_horizon_plot(output, horizons, baselines)]
    rows = [_row(f"{one.get('horizon')} ahead", one) for one in horizons]
    rows += [_row(_described(name, as_mapping(one)), as_mapping(one)) for name, one in baselines.items()]
    table = ReportTable(
        "Errors by horizon, and of naive forecasts", ("forecast", *map(score_name, _MEASURES), "windows"), tuple(rows)
    )
    note = (
        "Mean absolute scaled error: the mean absolute error divided by that of the naive forecast on the training "
        "rows (Hyndman and Koehler 2006)."
    )
    return replace(
        section, notes=(*section.notes, note), plots=(*plots, *section.plots), tables=(table, *section.tables)
    )


def _described(name: str, baseline: Mapping[str, Any]) -> str:
    shown = _BASELINES.get(name, name)
    return f"{shown}, season {baseline['season']} ({baseline.get('season_from')})" if "season" in baseline else shown


def _row(name: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    return (name, *(format_value(figures.get(measure)) for measure in _MEASURES), format_value(figures.get("rows")))


def _series_plots(output: OutputPredictions, horizon: int) -> list[Plot]:
    """Return the first target of each of the first series over time, as it was and as it was forecast."""
    import numpy as np

    groups = output.origin.get("group")
    named = np.array([groups.get(int(row), "") if groups else "" for row in output.rows.tolist()])
    plots = []
    for number, group in enumerate(list(dict.fromkeys(named.tolist()))[:_MOST_SERIES]):
        at = np.flatnonzero(named == group)[:_MOST_POINTS]
        plots.append(_series_plot(output, at, group, number, horizon))
    return plots


def _series_plot(output: OutputPredictions, at: NDArray[Any], group: str, number: int, horizon: int) -> Plot:
    import numpy as np

    width = output.truth.shape[1] // horizon
    figure, axes = new_figure(width=7.2, height=2.9)
    places = np.arange(len(at))
    axes.plot(places, output.truth[at, 0], color=MUTED, linewidth=1.4, label="truth")
    axes.plot(places, output.predicted[at, 0], color=FIRST, linewidth=1.2, label="1 ahead")
    if horizon > 1:
        # The forecast for a step ahead stands where its truth does.
        last = (horizon - 1) * width
        axes.plot(places + horizon - 1, output.predicted[at, last], color=SECOND, linewidth=1, label=f"{horizon} ahead")
    times = output.origin.get("time")
    if times:
        ticks = np.unique(np.linspace(0, len(at) - 1, min(5, len(at))).astype(int))
        axes.set_xticks(ticks, [short_label(times.get(int(output.rows[at[tick]]), ""), 19) for tick in ticks])
    axes.set(xlabel="time" if times else "window", ylabel=short_label(output.names[0].partition("+")[0] or "value", 30))
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.4)
    of = f" of {short_label(group, 40)}" if group else ""
    alt = f"Forecasts{of} against the truth: {len(at)} windows, truth from {output.truth[at, 0].min():.3g} to "
    alt += f"{output.truth[at, 0].max():.3g}."
    return Plot(f"{output.prefix}forecast_{number}", f"Forecast against truth{of}", alt, figure)


def _horizon_plot(
    output: OutputPredictions, horizons: Sequence[Mapping[str, Any]], baselines: Mapping[str, Any]
) -> list[Plot]:
    """Return the RMSE of each step ahead, with those of the naive forecasts over all steps; none of a single step."""
    known = (as_number(one.get("root_mean_squared_error")) for one in horizons)
    errors = [error for error in known if error is not None]
    if len(errors) < max(2, len(horizons)):
        return []
    figure, axes = new_figure()
    axes.plot(range(1, len(errors) + 1), errors, color=FIRST, marker="o", markersize=3.5, label="model")
    for (name, one), colour in zip(baselines.items(), (MUTED, THIRD), strict=False):
        value = as_number(as_mapping(one).get("root_mean_squared_error"))
        if value is not None:
            axes.axhline(value, color=colour, linewidth=1.2, linestyle="--", label=_BASELINES.get(name, name))
    axes.set(xlabel="steps ahead", ylabel=score_name("root_mean_squared_error"), ylim=(0, None))
    axes.locator_params(axis="x", integer=True)
    figure.legend(loc="outside upper center", ncols=3, handletextpad=0.4)
    alt = f"Root mean squared error from {errors[0]:.3g}, one step ahead, to {errors[-1]:.3g}, {len(errors)} ahead."
    caption = "Dashed: naive forecasts, all steps together."
    return [Plot(f"{output.prefix}horizons", "Error by horizon", alt, figure, caption)]

"""Figures of forecasts: errors by horizon and in units of the naive forecast, with those of naive forecasts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.data.series.reference import ForecastReference
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.scoring.predictions import Predictions


def with_forecast_scores(evaluation: Evaluation, reference: ForecastReference) -> Evaluation:
    """Return the scores of a part with the figures of its forecasts, those of each output where there are several."""
    scores = dict(evaluation.scores)
    for one in evaluation.predictions:
        more = forecast_scores(one, reference)
        if one.name and more:
            outputs = dict(scores.get("outputs", {}))
            outputs[one.name] = {**outputs.get(one.name, {}), **more}
            scores["outputs"] = outputs
        else:
            scores |= {name: value for name, value in more.items() if name not in scores}
    return replace(evaluation, scores=scores)


def forecast_scores(one: Predictions, reference: ForecastReference) -> dict[str, Any]:
    """Return the figures of forecasts of numbers in addition to those of all regressions; nothing of other outputs.

    MASE is the mean absolute error divided by that of the naive forecast on the training rows of the same series:
    R. J. Hyndman and A. B. Koehler, International Journal of Forecasting 22 (2006), 679-688.

    Args:
        one: The predictions of an output, with the truth.
        reference: What they are compared with.
    """
    columns = [at for at, name in enumerate(reference.names) if name in one.facts.target_names]
    shape = (len(one.outputs), reference.spec.horizon, len(columns))
    if one.truth is None or one.predicted is None or one.kind != "predictions" or one.truth.size != np.prod(shape):
        return {}
    truth = one.truth.reshape(shape).astype(np.float64)
    residuals = truth - one.outputs.reshape(shape).astype(np.float64)
    season = reference.season()
    period = None if season is None else season[0]
    scale = reference.scale(period)[:, None, columns]
    baselines: dict[str, Any] = {"last_value": _figures(truth - reference.forecasts(None)[:, :, columns], scale)}
    if season is not None:
        seasonal = _figures(truth - reference.forecasts(period)[:, :, columns], scale)
        baselines["seasonal_naive"] = {**seasonal, "season": season[0], "season_from": season[1]}
    by_horizon = [{"horizon": step + 1, **_figures(residuals[:, step : step + 1], scale)} for step in range(shape[1])]
    return {
        "mean_absolute_scaled_error": _figures(residuals, scale)["mean_absolute_scaled_error"],
        "horizons": by_horizon,
        "naive_forecasts": baselines,
    }


def _figures(residuals: NDArray[Any], scale: NDArray[Any]) -> dict[str, Any]:
    """Return the errors of residuals of shape (windows, steps, targets); None where none is known."""
    known = np.isfinite(residuals).all(axis=(1, 2))
    if not known.any():
        return {"rows": 0}
    errors = np.abs(residuals[known])
    scaled = errors / scale[known]
    return {
        "mean_absolute_error": float(errors.mean()),
        "root_mean_squared_error": float(np.sqrt((errors**2).mean())),
        "mean_absolute_scaled_error": float(np.nanmean(scaled)) if np.isfinite(scaled).any() else None,
        "rows": int(known.sum()),
    }


def forecast_table(predictions: tuple[Predictions, ...], origin: Any) -> tuple[tuple[str, ...], list[list[object]]]:
    """Return how series go on as a table: a line for each series and step, with its time where there are times.

    Args:
        predictions: The predictions of every output for the last window of each series.
        origin: The `group` of each series and its `next` times, as of `nnrun.data.splits.window_parts.last_windows`.
    """
    horizon, values = predictions[0].facts.horizon or 1, []
    columns = [name for name, known in (("group", "group"), ("time", "next")) if known in origin] + ["step"]
    for one in predictions:
        steps = np.asarray(one.outputs if one.predicted is None else one.predicted)
        steps = steps.reshape(len(one.outputs), horizon, -1)
        width = steps.shape[2]
        names = one.facts.target_names if width == len(one.facts.target_names) else tuple(map(str, range(width)))
        columns += ["prediction"] if width == 1 and not one.name else [f"prediction_{name}" for name in names]
        values.append(_named(steps, one))
    lines: list[list[object]] = []
    for series in range(len(values[0])):
        for step in range(horizon):
            place = [origin["group"][series]] if "group" in origin else []
            place += [origin["next"][series][step]] if "next" in origin else []
            lines.append([*place, step + 1, *(value for found in values for value in found[series][step])])
    return tuple(columns), lines


def _named(steps: NDArray[Any], one: Predictions) -> list[list[list[object]]]:
    """Return predictions of shape (series, steps, targets) as they are shown: classes by their names."""
    names = one.facts.class_names if one.facts.task == "classification" else ()
    found: list[list[list[object]]] = steps.tolist()
    return [[[names[int(value)] for value in step] for step in series] for series in found] if names else found  # type: ignore[call-overload]

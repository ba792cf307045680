"""How far predicted numbers lie from the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Which residuals are told, as shares of all.
QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
#: Of a target with more numbers than this (a picture) the share of explained variance means nothing.
MOST_NUMBERS = 100


def number_figures(outputs: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    """Give errors and residuals (truth less prediction) of numbers, both of as many rows and numbers a row.

    Every example counts once, whatever its sample weight.
    """
    true = truth.reshape(len(truth), -1).astype(np.float64)
    residuals = true - outputs.reshape(true.shape)
    squared = float(np.mean(residuals**2))
    return {
        "mean_squared_error": squared,
        "root_mean_squared_error": squared**0.5,
        "mean_absolute_error": float(np.mean(np.abs(residuals))),
        "r2": explained(true, residuals) if true.shape[1] <= MOST_NUMBERS else None,
        "residual_quantiles": _quantiles(residuals),
    }


def explained(truth: NDArray[Any], residuals: NDArray[Any]) -> float | None:
    """Give the share of variance explained (R2), the mean over columns; None where a column's truth never varies."""
    varies = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return float(np.mean(1 - (residuals**2).sum(axis=0) / varies)) if varies.all() else None


def _quantiles(residuals: NDArray[Any]) -> dict[str, float]:
    told = np.quantile(residuals, list(QUANTILES.values()))
    return dict(zip(QUANTILES, map(float, told), strict=True))

"""What forecasts are compared with: the last value, the value of a season ago, and the errors of these in training.

Baselines and the scale of MASE are those of R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast
accuracy", International Journal of Forecasting 22 (2006), 679-688. As in the M4 competition, the error that scales is
that of the seasonal naive forecast where there is a season, else that of the last value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import label
from nnrun.data.series.calendar import infer_step

if TYPE_CHECKING:
    from nnrun.data.columns import Columns
    from nnrun.data.series.series_rows import SeriesRows
    from nnrun.data.series.windows import WindowSpec


@dataclass(frozen=True)
class ForecastReference:
    """The past of the series of one part, in the unit of the targets.

    Attributes:
        series: Which series each row of the file of the part belongs to.
        values: The targets of all rows, shape (rows, targets).
        names: The names of the targets.
        first_targets: The key of the first target of each window, shape (windows,).
        trained: Which series each training row belongs to; their keys may be those of another file.
        trained_values: The targets of the training rows, shape (training rows, targets).
        spec: The windows.
    """

    series: SeriesRows
    values: np.ndarray
    names: tuple[str, ...]
    first_targets: np.ndarray
    trained: SeriesRows
    trained_values: np.ndarray
    spec: WindowSpec

    def season(self) -> tuple[int, str] | None:
        """Return after how many rows a season comes back, and how that is known; None where there is none."""
        if self.spec.season is not None:
            return self.spec.season, "stated"
        if self.series.time is None:
            return None
        order = np.argsort(self.series.key, kind="stable")
        are_dates = self.series.date_format is not None
        step = infer_step(self.series.time[order], self.series.key[order], are_dates=are_dates)
        found = step.season() if step is not None and are_dates else None
        return None if found is None else (found[0], f"{found[1]}, by the times")

    def forecasts(self, season: int | None) -> np.ndarray:
        """Return the naive forecast of every window, shape (windows, horizon, targets); NaN where its past is unknown.

        Args:
            season: The value of so many rows before, or of a multiple of that; None: the last value before the targets.
        """
        steps = np.arange(1, self.spec.horizon + 1)
        back = steps if season is None else -(-steps // season) * season
        keys = self.first_targets[:, None] + (steps - 1 - back)
        return self._values_at(keys, self.first_targets[:, None])

    def scale(self, season: int | None) -> np.ndarray:
        """Return the mean absolute error of the naive forecast over the training rows, shape (windows, targets).

        It is that of the window's own series; of a series without such rows, the mean of the others. Where a series
        never changes it is NaN.

        Args:
            season: As of `forecasts`.
        """
        lag = season or 1
        order = np.argsort(self.trained.key, kind="stable")
        keys, values = self.trained.key[order], self.trained_values[order].astype("float64")
        of_row, of_window = self._series_of(order)
        before = np.minimum(np.searchsorted(keys, keys - lag), len(keys) - 1)
        errors = np.abs(values - values[before])
        errors[(keys[before] != keys - lag) | (of_row[before] != of_row)] = np.nan
        known = ~np.isnan(errors)
        count = np.zeros((1 + max(of_row.max(initial=0), of_window.max(initial=0)), errors.shape[1]))
        total = np.zeros_like(count)
        np.add.at(count, of_row, known)
        np.add.at(total, of_row, np.where(known, errors, 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            by_series, mean = total / count, total.sum(axis=0) / count.sum(axis=0)
        found = np.where(count[of_window] > 0, by_series[of_window], mean)
        return np.asarray(np.where(found > 0, found, np.nan))

    def _series_of(self, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the series of training rows and of each window, by the name of the group."""
        if self.trained.group is None or self.series.group is None:
            return np.zeros(len(trained), dtype="int64"), np.zeros(len(self.first_targets), dtype="int64")
        order = np.argsort(self.series.key, kind="stable")
        rows = order[np.searchsorted(self.series.key[order], self.first_targets)]
        groups = [*self.trained.group[trained].tolist(), *self.series.group[rows].tolist()]
        names = {group: label(group) for group in set(groups)}
        numbers = np.unique([names[group] for group in groups], return_inverse=True)[1]
        return numbers[: len(trained)], numbers[len(trained) :]

    def _begins(self) -> np.ndarray:
        """Return the least key of each series, in order."""
        keys = np.sort(self.series.key)
        return np.asarray(keys[np.concatenate([[0], np.flatnonzero(np.diff(keys) != 1) + 1])])

    def _series_at(self, keys: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._begins(), keys, side="right") - 1

    def _values_at(self, keys: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Return the targets at keys, shape (*keys.shape, targets); NaN where the series of `of` has no such row."""
        order = np.argsort(self.series.key, kind="stable")
        known = self.series.key[order]
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        values = self.values[order][at].astype("float64")
        begins = self._begins()[self._series_at(np.broadcast_to(of, keys.shape).reshape(-1))].reshape(keys.shape)
        values[(known[at] != keys) | (keys < begins)] = np.nan
        return values


def target_matrix(y: np.ndarray | Columns | None) -> np.ndarray | None:
    """Return targets of numbers as they are in the source, float64 of shape (rows, targets); None for text."""
    if y is None:
        return None
    columns = [y] if isinstance(y, np.ndarray) else list(y.values.values())
    if any(column.dtype.kind not in "biuf" for column in columns):
        return None
    return np.column_stack(columns).astype("float64")

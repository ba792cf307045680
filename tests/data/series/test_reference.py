"""Naive forecasts and the scale of MASE, against loops over each series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.series.reference import ForecastReference
from nnrun.data.series.series_rows import series_rows
from nnrun.data.series.windows import WindowSpec


@given(
    lengths=st.lists(st.integers(4, 12), min_size=1, max_size=3),
    horizon=st.integers(1, 3),
    season=st.none() | st.integers(1, 4),
    seed=st.integers(0, 100),
)
def test_naive_forecasts_look_back_in_their_own_series(lengths, horizon, season, seed) -> None:
    """The value is the last one, or that of a season ago, of the same series, or unknown before it begins."""
    generator = np.random.default_rng(seed)
    groups = generator.permutation(np.repeat(np.arange(len(lengths)), lengths))
    values = generator.normal(size=(len(groups), 1))
    series = series_rows(len(groups), None, groups)
    firsts = [row for row in range(len(groups)) if generator.random() < 0.5] or [0]
    trained = generator.random(len(groups)) < 0.7
    reference = ForecastReference(
        series,
        values,
        ("y",),
        series.key[firsts],
        series.take(trained),
        values[trained],
        WindowSpec(2, horizon, season=season),
    )
    found, scale = reference.forecasts(season), reference.scale(season)
    errors: dict[int, list[float]] = {group: [] for group in range(len(lengths))}
    lag = season or 1
    for group, found_errors in errors.items():
        rows = np.flatnonzero(groups == group)
        for before, row in zip(rows, rows[lag:], strict=False):
            if trained[before] and trained[row]:
                found_errors.append(abs(values[row, 0] - values[before, 0]))
    for index, first in enumerate(firsts):
        rows = np.flatnonzero(groups == groups[first]).tolist()
        place = rows.index(first)
        for step in range(horizon):
            back = place - 1 if season is None else place + step - -(-(step + 1) // season) * season
            expected = values[rows[back], 0] if back >= 0 else np.nan
            assert found[index, step, 0] == pytest.approx(expected, nan_ok=True)
        own = errors[int(groups[first])] or [error for known in errors.values() for error in known]
        assert scale[index, 0] == pytest.approx(np.mean(own) if own else np.nan, nan_ok=True)


def test_the_season_is_stated_or_that_of_the_times() -> None:
    """Daily times have a season of a week; numbers have none."""
    values = np.zeros((4, 1))
    days = series_rows(4, np.arange(4.0), None, date_format="")
    assert ForecastReference(days, values, ("y",), days.key, days, values, WindowSpec(1)).season() == (
        7,
        "days of a week, by the times",
    )
    assert ForecastReference(days, values, ("y",), days.key, days, values, WindowSpec(1, season=3)).season() == (
        3,
        "stated",
    )
    numbers = series_rows(4, np.arange(4.0), None)
    assert ForecastReference(numbers, values, ("y",), numbers.key, numbers, values, WindowSpec(1)).season() is None

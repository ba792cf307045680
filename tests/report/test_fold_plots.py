"""The folds side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nnrun.report.fold_plots import fold_plots, fold_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_points_box_and_mean_are_those_of_the_scores(crossed: Callable[..., RunFolder]) -> None:
    """Each fold is a point at its figure, the box is of all, and the mean stands with the interval that is kept."""
    told = json.loads(crossed(names=()).scores.read_bytes())["cross_validation"]
    plots = {plot.name: plot for plot in fold_plots(told)}
    axes = plots["folds_mean_squared_error"].figure.axes[0]
    values = [fold["mean_squared_error"] for fold in told["each"]]
    assert axes.collections[0].get_offsets()[:, 0].tolist() == values
    bars = axes.containers[0]
    assert bars.lines[0].get_xdata()[0] == told["mean"]["mean_squared_error"]
    (segment,) = bars.lines[2][0].get_segments()
    assert segment[:, 0].tolist() == pytest.approx(told["interval_95"]["mean_squared_error"])
    assert "Box plot of mean squared error over 4 folds" in plots["folds_mean_squared_error"].alt


def test_the_most_telling_figure_comes_first(crossed: Callable[..., RunFolder]) -> None:
    """Of classes the error; what says the same in other words is not drawn."""
    told = json.loads(crossed().scores.read_bytes())["cross_validation"]
    names = list(fold_values(told))
    assert names[0] == "error_percent"
    assert not {"errors", "error_rate", "rows", "fold"} & set(names)


def test_a_fold_without_a_number_has_no_box() -> None:
    """A figure that is not finite in some fold is left out, and no folds are no plots."""
    each = [{"fold": 0, "loss": 1.0, "f": "nan"}, {"fold": 1, "loss": 2.0, "f": 1.0}]
    assert list(fold_values({"each": each})) == ["loss"]
    assert fold_plots({}) == []


def test_a_metric_that_is_the_loss_is_drawn_once() -> None:
    """Up to how they were summed, both are the same figures."""
    each = [{"fold": at, "loss": 2.0 + at, "mean_squared_error": 2.0000001 + at} for at in range(3)]
    assert list(fold_values({"each": each})) == ["mean_squared_error"]

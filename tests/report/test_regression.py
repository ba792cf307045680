"""True and predicted numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.report.page import prediction_sections
from nnrun.report.predictions import OutputPredictions
from nnrun.report.regression import MAX_SEPARATE, largest_residuals, regression_plots, split_targets
from nnrun.report.run_contents import read_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow

TRUTH, PREDICTED = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[1.5], [2.0], [3.0], [9.0]])


def _output(truth: np.ndarray, predicted: np.ndarray) -> OutputPredictions:
    names = tuple(f"n{at}" for at in range(truth.shape[1]))
    return OutputPredictions("", "numbers", {}, names, np.arange(len(truth)) + 10, truth, predicted)


def test_points_and_bars_are_the_values() -> None:
    """The scatter plots have a point for every row, the histogram every residual."""
    (target,) = split_targets(_output(TRUTH, PREDICTED))
    predicted, residuals, histogram = (plot.figure.axes[0] for plot in regression_plots(target))
    assert predicted.collections[0].get_offsets().tolist() == np.hstack([PREDICTED, TRUTH]).tolist()
    assert residuals.collections[0].get_offsets().tolist() == np.hstack([PREDICTED, TRUTH - PREDICTED]).tolist()
    assert sum(bar.get_height() for bar in histogram.patches) == 4
    assert predicted.get_aspect() == 1.0


def test_few_targets_are_separate_and_many_together() -> None:
    """A few targets have plots of their own; the pixels of an image share one."""
    few = split_targets(_output(np.ones((5, MAX_SEPARATE)), np.zeros((5, MAX_SEPARATE))))
    assert [one.name for one in few] == [f"n{at}" for at in range(MAX_SEPARATE)]
    (many,) = split_targets(_output(np.ones((5, MAX_SEPARATE + 1)), np.zeros((5, MAX_SEPARATE + 1))))
    assert len(many.truth) == 5 * (MAX_SEPARATE + 1)
    assert many.rows[: MAX_SEPARATE + 2].tolist() == [10] * (MAX_SEPARATE + 1) + [11]


def test_values_that_are_not_finite_are_left_out() -> None:
    """Rows with a prediction that is not finite are left out; a target without others has no plots."""
    (target,) = split_targets(_output(TRUTH, np.array([[np.nan], [2.0], [np.inf], [9.0]])))
    assert target.truth.tolist() == [2.0, 8.0]
    assert target.rows.tolist() == [11, 13]
    assert split_targets(_output(TRUTH, np.full((4, 1), np.nan))) == []


def test_the_largest_residuals_come_first() -> None:
    """The table begins with the row of the largest residual, whatever its sign."""
    (target,) = split_targets(_output(TRUTH, PREDICTED))
    assert largest_residuals(target)[:2] == [(12, 4.0, 3.0, 1.0), (13, 8.0, 9.0, -1.0)]
    assert len(largest_residuals(target)) == 4


@pytest.mark.parametrize(("rows", "raster"), [(100, False), (5000, True)])
def test_many_points_are_a_bitmap(rows: int, raster: bool) -> None:
    """Thousands of points are a bitmap inside the SVG, which would otherwise take megabytes."""
    random = np.random.default_rng(0).normal(size=(rows, 1))
    (target,) = split_targets(_output(random, random))
    points = regression_plots(target)[0].figure.axes[0].collections[0]
    assert bool(points.get_rasterized()) is raster


def test_a_regression_has_three_plots_and_a_table(finished: Callable[..., RunFolder]) -> None:
    """The section of a regression has three plots and the table of the largest residuals."""
    (section,) = prediction_sections(read_run(finished(names=())))
    assert [plot.name for plot in section.plots] == ["predicted_true", "residuals", "residual_histogram"]
    (table,) = section.tables
    sizes = [abs(float(row[3])) for row in table.rows]
    assert len(sizes) == 20
    assert sizes == sorted(sizes, reverse=True)

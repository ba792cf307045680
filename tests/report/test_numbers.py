"""Predicted and true numbers."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.report.answers import Output
from nnrun.report.numbers import APART, largest, number_plots, numbers_of

TRUTH, SAID = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[1.5], [2.0], [3.0], [9.0]])


def _output(truth: np.ndarray, said: np.ndarray) -> Output:
    names = tuple(f"n{at}" for at in range(truth.shape[1]))
    return Output("", "numbers", {}, names, np.arange(len(truth)) + 10, truth, said)


def test_points_and_bars_are_the_numbers() -> None:
    """The clouds hold every row's numbers, the histogram every residual."""
    (numbers,) = numbers_of(_output(TRUTH, SAID))
    predicted, residuals, histogram = (plot.figure.axes[0] for plot in number_plots(numbers))
    assert predicted.collections[0].get_offsets().tolist() == np.hstack([TRUTH, SAID]).tolist()
    assert residuals.collections[0].get_offsets().tolist() == np.hstack([SAID, TRUTH - SAID]).tolist()
    assert sum(bar.get_height() for bar in histogram.patches) == 4
    assert predicted.get_aspect() == 1.0


def test_few_numbers_stand_apart_and_many_together() -> None:
    """Targets of their own have plots of their own; the pixels of a picture are one cloud."""
    few = numbers_of(_output(np.ones((5, APART)), np.zeros((5, APART))))
    assert [one.name for one in few] == [f"n{at}" for at in range(APART)]
    (many,) = numbers_of(_output(np.ones((5, APART + 1)), np.zeros((5, APART + 1))))
    assert len(many.truth) == 5 * (APART + 1)
    assert many.rows[: APART + 2].tolist() == [10] * (APART + 1) + [11]


def test_what_is_no_number_is_left_out() -> None:
    """A model that gave NaN for some rows is drawn for the others, and for none where it gave nothing else."""
    (numbers,) = numbers_of(_output(TRUTH, np.array([[np.nan], [2.0], [np.inf], [9.0]])))
    assert numbers.truth.tolist() == [2.0, 8.0]
    assert numbers.rows.tolist() == [11, 13]
    assert numbers_of(_output(TRUTH, np.full((4, 1), np.nan))) == []


def test_the_largest_residuals_come_first() -> None:
    """The table begins with the row that is furthest off, of whatever sign."""
    (numbers,) = numbers_of(_output(TRUTH, SAID))
    assert largest(numbers)[:2] == [(12, 4.0, 3.0, 1.0), (13, 8.0, 9.0, -1.0)]
    assert len(largest(numbers)) == 4


@pytest.mark.parametrize(("rows", "raster"), [(100, False), (5000, True)])
def test_many_points_become_a_picture(rows: int, raster: bool) -> None:
    """Thousands of points would make megabytes of drawing."""
    random = np.random.default_rng(0).normal(size=(rows, 1))
    (numbers,) = numbers_of(_output(random, random))
    cloud = number_plots(numbers)[0].figure.axes[0].collections[0]
    assert bool(cloud.get_rasterized()) is raster

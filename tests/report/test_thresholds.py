"""ROC, precision and recall, calibration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.answers import outputs_of, shares_of
from nnrun.report.contents import read
from nnrun.report.thresholds import (
    bins_of,
    calibration_plot,
    precision_recall_of,
    precision_recall_plot,
    roc_of,
    roc_plot,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

HOLDS = np.array([True, True, False, True, False, False])
SCORES = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.1])


def test_the_roc_curve_is_drawn_through_every_threshold() -> None:
    """The line has the shares found and the false alarms of each threshold, ties together, and names its area."""
    curve = roc_of("yes", HOLDS, SCORES)
    figure = roc_plot([curve]).figure
    line = figure.axes[0].lines[1]
    assert line.get_xdata().tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3, 2 / 3, 1])
    assert line.get_ydata().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1])
    assert line.get_label() == f"area {curve.area:.4f}"
    assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(curve.area)


def test_the_steps_of_precision_have_the_average_precision_below_them() -> None:
    """The area under the drawn steps is the average precision that the legend names; guessing is dashed."""
    curve = precision_recall_of("yes", HOLDS, SCORES)
    plot = precision_recall_plot([curve])
    dashed, line = plot.figure.axes[0].lines
    x, y = line.get_xdata(), line.get_ydata()
    assert line.get_drawstyle() == "steps-pre"
    assert float(np.sum(np.diff(x) * y[1:])) == pytest.approx(curve.area)
    assert dashed.get_ydata()[0] == pytest.approx(0.5)
    assert f"{curve.area:.4f}" in plot.alt


@given(
    st.lists(st.tuples(st.booleans(), st.floats(-5, 5)), min_size=2).filter(lambda rows: len({a for a, _ in rows}) == 2)
)
def test_the_areas_are_those_under_the_curves(rows: list[tuple[bool, float]]) -> None:
    """Whatever the scores and ties, the area told is the area drawn, for both curves."""
    holds, scores = np.array([one for one, _ in rows]), np.array([score for _, score in rows])
    roc, steps = roc_of("", holds, scores), precision_recall_of("", holds, scores)
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(roc.area)
    assert np.sum(np.diff(steps.x) * steps.y[1:]) == pytest.approx(steps.area)
    assert roc.x[-1] == roc.y[-1] == steps.x[-1] == 1


def test_several_classes_have_a_legend_of_their_own() -> None:
    """Each class against the rest is a line that the legend names with its area."""
    plot = roc_plot([roc_of("cat", HOLDS, SCORES), roc_of("dog", ~HOLDS, SCORES)])
    labels = [text.get_text() for text in plot.figure.legends[0].get_texts()]
    assert [label.split(":")[0] for label in labels] == ["cat", "dog"]


def test_the_diagram_has_the_bins_of_the_calibration_error(finished: Callable[..., RunFolder]) -> None:
    """The points stand at each bin's confidence and share of right answers, whose gaps make the error of the scores."""
    folder = finished(names=("a", "b", "c"))
    (output,) = outputs_of(read(folder))
    bins = bins_of(output.truth, output.predicted, shares_of(output))
    kept = json.loads(folder.scores.read_bytes())["test"]["expected_calibration_error"]
    assert bins.error == pytest.approx(kept, abs=1e-6)
    there = bins.counts > 0
    gaps = np.abs(bins.right[there] - bins.confidence[there]) * bins.counts[there]
    assert gaps.sum() / 60 == pytest.approx(kept, abs=1e-5)
    above, below = calibration_plot(bins).figure.axes
    points = above.containers[0].lines[0]
    assert points.get_xdata().tolist() == bins.confidence[there].tolist()
    assert points.get_ydata().tolist() == bins.right[there].tolist()
    assert [bar.get_height() for bar in below.patches] == bins.counts.tolist()

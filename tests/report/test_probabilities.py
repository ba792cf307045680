"""ROC curves, precision-recall curves and calibration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from nnrun.engine.scoring.metrics import average_precision, roc_auc
from nnrun.report.predictions import OneVsRest, class_probabilities, read_predictions
from nnrun.report.probabilities import calibration_bins, calibration_plot, precision_recall_plot, roc_plot
from nnrun.report.run_contents import read_run
from nnrun.report.style import CLASS_COLOURS, FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.report.style import Plot
    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow

HOLDS = np.array([True, True, False, True, False, False])
SCORES = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.1])
YES = OneVsRest("yes", HOLDS, SCORES)
ROWS = st.lists(st.tuples(st.booleans(), st.floats(-5, 5)), min_size=2)


def _curve(plot: Plot) -> tuple[list[float], list[float]]:
    """Return the points of the only line that is not the dashed chance level."""
    (line,) = [line for line in plot.figure.axes[0].lines if line.get_linestyle() == "-"]
    return list(line.get_xdata()), list(line.get_ydata())


def test_the_roc_curve_is_that_of_scikit_learn() -> None:
    """The curve has scikit-learn's points, and its legend and description the area below them."""
    plot = roc_plot([YES])
    x, y, _ = roc_curve(HOLDS, SCORES)
    area = roc_auc_score(HOLDS, SCORES)
    assert _curve(plot) == (x.tolist(), y.tolist())
    assert [text.get_text() for text in plot.figure.axes[0].get_legend().get_texts()] == [
        f"area under the curve {area:.4f}"
    ]
    assert np.trapezoid(y, x) == pytest.approx(area)
    assert f"{area:.4f}" in plot.alt


def test_the_precision_recall_curve_is_that_of_scikit_learn() -> None:
    """The curve has scikit-learn's steps, whose area is the average precision; the chance level is dashed."""
    plot = precision_recall_plot([YES])
    precision, recall, _ = precision_recall_curve(HOLDS, SCORES)
    area = average_precision_score(HOLDS, SCORES)
    assert _curve(plot) == (recall.tolist(), precision.tolist())
    line, chance = sorted(plot.figure.axes[0].lines, key=lambda line: line.get_linestyle() != "-")
    assert line.get_drawstyle() == "steps-post"
    assert chance.get_ydata()[0] == pytest.approx(0.5)
    assert -float(np.sum(np.diff(recall) * precision[:-1])) == pytest.approx(area)
    assert f"{area:.4f}" in plot.alt


@settings(deadline=None, max_examples=25)
@given(ROWS.filter(lambda rows: len({holds for holds, _ in rows}) == 2))
def test_the_areas_of_the_curves_are_those_of_the_scores(rows: list[tuple[bool, float]]) -> None:
    """For any scores and ties, the areas of the plots equal those that `scores.json` would have."""
    holds, scores = np.array([one for one, _ in rows]), np.array([score for _, score in rows])
    classes = [OneVsRest("", holds, scores)]
    x, y = _curve(roc_plot(classes))
    assert np.trapezoid(y, x) == pytest.approx(roc_auc(holds, scores))
    recall, precision = _curve(precision_recall_plot(classes))
    assert -np.sum(np.diff(recall) * precision[:-1]) == pytest.approx(average_precision(holds, scores))


@pytest.mark.parametrize("draw", [roc_plot, precision_recall_plot])
def test_each_of_several_classes_has_a_curve_and_a_legend_entry(draw: Callable[..., Plot]) -> None:
    """The curve of each class has a colour of its own, and one legend names all classes with their areas."""
    plot = draw([OneVsRest("cat", HOLDS, SCORES), OneVsRest("dog", ~HOLDS, SCORES)])
    labels = [text.get_text() for text in plot.figure.legends[0].get_texts()]
    assert [label.split(":")[0] for label in labels] == ["cat", "dog"]
    assert plot.figure.axes[0].get_legend() is None
    curves = [line for line in plot.figure.axes[0].lines if line.get_linestyle() == "-"]
    assert [line.get_color() for line in curves] == list(CLASS_COLOURS[:2])
    assert [line.get_color() for line in draw([YES]).figure.axes[0].lines if line.get_linestyle() == "-"] == [FIRST]


def test_the_diagram_has_the_bins_of_the_calibration_error(finished: Callable[..., RunFolder]) -> None:
    """The points are at each bin's confidence and accuracy, whose weighted gaps are the calibration error."""
    folder = finished(names=("a", "b", "c"))
    (output,) = read_predictions(read_run(folder))
    data = (output.truth, output.predicted, class_probabilities(output))
    bins = calibration_bins(*data)
    kept = json.loads(folder.scores.read_bytes())["test"]["expected_calibration_error"]
    assert bins.error == pytest.approx(kept, abs=1e-6)
    filled = bins.counts > 0
    gaps = np.abs(bins.accuracy[filled] - bins.confidence[filled]) * bins.counts[filled]
    assert gaps.sum() / 60 == pytest.approx(kept, abs=1e-5)
    above, below = calibration_plot(*data).figure.axes
    points = above.containers[0].lines[0]
    assert points.get_xdata().tolist() == bins.confidence[filled].tolist()
    assert points.get_ydata().tolist() == bins.accuracy[filled].tolist()
    assert [bar.get_height() for bar in below.patches] == bins.counts.tolist()

"""The confusion matrix and the classes' figures."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.engine.scoring.intervals import wilson
from nnrun.report.answers import Output, outputs_of
from nnrun.report.classes import (
    MOST,
    by_class_plot,
    classes_of,
    confusion_plot,
    confusions,
    errors_plot,
    labels_of,
    matrix_of,
)
from nnrun.report.contents import read
from nnrun.report.style import drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

MATRIX = np.array([[8, 2, 0], [1, 9, 0], [3, 0, 0]])
NAMES = ("cat", "dog", "owl")


def test_the_matrix_is_that_of_the_scores_and_of_the_predictions(finished: Callable[..., RunFolder]) -> None:
    """What the scores keep is what counting the predictions gives."""
    folder = finished(names=NAMES)
    (output,) = outputs_of(read(folder))
    kept = json.loads(folder.scores.read_bytes())["test"]["confusion_matrix"]
    assert matrix_of(output).tolist() == kept
    counted = Output(output.name, output.kind, {}, output.names, output.rows, output.truth, output.predicted)
    assert matrix_of(counted).tolist() == kept


def test_each_class_is_that_of_the_scores(finished: Callable[..., RunFolder]) -> None:
    """Precision, recall, F1 and support are the figures that the scores keep."""
    folder = finished(names=NAMES)
    kept = json.loads(folder.scores.read_bytes())["test"]["per_class"]
    for one in classes_of(matrix_of(outputs_of(read(folder))[0]), NAMES):
        told = {"precision": one.precision, "recall": one.recall, "f1": one.f1, "support": one.support}
        assert told == kept[one.name]
        assert one.interval == wilson(one.errors, one.support)


def test_the_matrix_is_drawn_cell_by_cell() -> None:
    """The colours are the rows' shares and the cells say the counts."""
    plot = confusion_plot(MATRIX, NAMES)
    axes = plot.figure.axes[0]
    shares = MATRIX / MATRIX.sum(axis=1, keepdims=True)
    assert np.allclose(axes.images[0].get_array(), shares)
    cells = {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in axes.texts}
    assert cells[0, 1] == "2\n20 %"
    assert {place: int(text.split("\n")[0]) for place, text in cells.items()} == {
        (row, column): MATRIX[row, column] for row in range(3) for column in range(3)
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    assert "17 of 23 on the diagonal" in plot.alt


def test_a_class_without_examples_has_an_empty_row() -> None:
    """Nothing is divided by nothing."""
    with np.errstate(all="raise"):
        plot = confusion_plot(np.array([[3, 1], [0, 0]]), ("a", "b"))
    assert plot.figure.axes[0].images[0].get_array()[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("count", [2, 10, 100])
def test_the_labels_of_a_matrix_do_not_touch(count: int) -> None:
    """With 2, 10 and 100 classes every class is named, and no name lies over another or over a cell's edge."""
    with drawing():
        plot = confusion_plot(np.eye(count, dtype=np.int64) * 1234, tuple(f"class {at}" for at in range(count)))
        plot.figure.canvas.draw()
        axes = plot.figure.axes[0]
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        heights = [label.get_window_extent() for label in axes.get_yticklabels()]
        cell = axes.get_window_extent().width / count
        assert len(boxes) == len(heights) == count
        assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
        assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(heights))
        assert all(text.get_window_extent().width <= cell for text in axes.texts)


def test_confusions_are_sorted_by_how_often() -> None:
    """What was most often taken for what stands first, as a share of the true class; what was right is not told."""
    assert confusions(MATRIX, NAMES) == [("owl", "cat", 3, 1.0), ("cat", "dog", 2, 0.2), ("dog", "cat", 1, 0.1)]


def test_the_marks_of_each_class_are_its_figures() -> None:
    """Three marks a class, at its precision, recall and F1; a gap where there is none."""
    told = classes_of(MATRIX, NAMES)
    lines = {line.get_label(): line for line in by_class_plot(told).figure.axes[0].lines}
    assert lines["recall"].get_xdata().tolist() == pytest.approx([0.8, 0.9, 0.0])
    assert lines["precision"].get_xdata()[:2].tolist() == pytest.approx([8 / 12, 9 / 11])
    assert np.isnan(lines["precision"].get_xdata()[2])
    assert lines["F1"].get_xdata().tolist() == pytest.approx([one.f1 for one in told])


def test_error_rates_have_their_intervals() -> None:
    """Each class stands at its share of errors with both ends of Wilson's interval; dashed, all classes together."""
    axes = errors_plot(classes_of(MATRIX, NAMES)).figure.axes[0]
    bars = axes.containers[0]
    assert list(bars.lines[0].get_xdata()) == pytest.approx([20.0, 10.0, 100.0])
    ends = [segment[:, 0].tolist() for segment in bars.lines[2][0].get_segments()]
    for (low, high), (errors, rows) in zip(ends, [(2, 10), (1, 10), (3, 3)], strict=True):
        assert (low / 100, high / 100) == pytest.approx(wilson(errors, rows))
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(100 * 6 / 23)


def test_many_classes_show_the_worst() -> None:
    """A chart has room for some classes: those with the lowest F1, and it says so."""
    matrix = np.diag(np.full(MOST + 10, 5))
    matrix[7, 8], matrix[7, 7] = 5, 0
    plot = by_class_plot(classes_of(matrix, [f"c{at}" for at in range(len(matrix))]))
    labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert len(labels) == MOST
    assert labels[:2] == ["c7", "c8"]
    assert f"{MOST} classes with the lowest F1 of {MOST + 10}" in plot.caption


def test_labels_fare_each_for_itself() -> None:
    """A label's errors are its examples that were not given it."""
    truth, said = np.array([[1, 0], [1, 1], [0, 1]]), np.array([[1, 1], [0, 1], [0, 1]])
    first, second = labels_of(Output("", "labels", {}, ("red", "round"), np.arange(3), truth, said))
    assert (first.support, first.errors, first.precision, first.recall) == (2, 1, 1.0, 0.5)
    assert (second.support, second.errors, second.precision, second.recall) == (2, 0, pytest.approx(2 / 3), 1.0)

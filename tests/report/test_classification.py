"""The confusion matrix, the scores of each class and the most confident mistakes."""

from __future__ import annotations

import base64
import io
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.report.classification import (
    MAX_IN_CHART,
    class_scores,
    class_scores_plot,
    confusion_matrix,
    confusion_plot,
    confusions,
    error_rate_plot,
    label_scores,
)
from nnrun.report.page import prediction_sections
from nnrun.report.predictions import OutputPredictions, read_predictions
from nnrun.report.run_contents import read_run
from nnrun.report.style import plot_style

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow

MATRIX = np.array([[8, 2, 0], [1, 9, 0], [3, 0, 0]])
NAMES = ("cat", "dog", "owl")


def test_the_matrix_of_the_scores_is_that_of_the_predictions(finished: Callable[..., RunFolder]) -> None:
    """The confusion matrix of the scores equals the one counted from the predictions."""
    folder = finished(names=NAMES)
    (output,) = read_predictions(read_run(folder))
    kept = json.loads(folder.scores.read_bytes())["test"]["confusion_matrix"]
    assert confusion_matrix(output).tolist() == kept
    counted = OutputPredictions(output.name, output.kind, {}, output.names, output.rows, output.truth, output.predicted)
    assert confusion_matrix(counted).tolist() == kept


def test_the_scores_of_a_class_are_those_of_the_scores(finished: Callable[..., RunFolder]) -> None:
    """Precision, recall, F1 and support equal those of `scores.json`."""
    folder = finished(names=NAMES)
    kept = json.loads(folder.scores.read_bytes())["test"]["per_class"]
    for one in class_scores(confusion_matrix(read_predictions(read_run(folder))[0]), NAMES):
        found = {"precision": one.precision, "recall": one.recall, "f1": one.f1, "support": one.support}
        assert found == kept[one.name]
        assert one.interval == wilson_interval(one.errors, one.support)


def test_the_matrix_is_drawn_cell_by_cell() -> None:
    """The colours are the shares of each row, and the cells show the counts."""
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
    """A row of zeros is drawn without a division by zero."""
    with np.errstate(all="raise"):
        plot = confusion_plot(np.array([[3, 1], [0, 0]]), ("a", "b"))
    assert plot.figure.axes[0].images[0].get_array()[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("count", [2, 10, 100])
def test_the_labels_of_a_matrix_do_not_overlap(count: int) -> None:
    """With 2, 10 and 100 classes, every class is labelled, and no label or count overlaps its neighbours."""
    with plot_style():
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


def test_confusions_are_sorted_by_count() -> None:
    """The most frequent confusion is first, with its share of the true class; right predictions are not listed."""
    assert confusions(MATRIX, NAMES) == [("owl", "cat", 3, 1.0), ("cat", "dog", 2, 0.2), ("dog", "cat", 1, 0.1)]


def test_the_marks_of_each_class_are_its_scores() -> None:
    """Each class has marks at its precision, recall and F1, except for an undefined score."""
    scores = class_scores(MATRIX, NAMES)
    lines = {line.get_label(): line for line in class_scores_plot(scores).figure.axes[0].lines}
    assert lines["recall"].get_xdata().tolist() == pytest.approx([0.8, 0.9, 0.0])
    assert lines["precision"].get_xdata()[:2].tolist() == pytest.approx([8 / 12, 9 / 11])
    assert np.isnan(lines["precision"].get_xdata()[2])
    assert lines["F1"].get_xdata().tolist() == pytest.approx([one.f1 for one in scores])


def test_error_rates_have_their_intervals() -> None:
    """Each class has its error rate with both ends of the Wilson interval; a dashed line has that of all classes."""
    axes = error_rate_plot(class_scores(MATRIX, NAMES)).figure.axes[0]
    bars = axes.containers[0]
    assert list(bars.lines[0].get_xdata()) == pytest.approx([20.0, 10.0, 100.0])
    ends = [segment[:, 0].tolist() for segment in bars.lines[2][0].get_segments()]
    for (low, high), (errors, rows) in zip(ends, [(2, 10), (1, 10), (3, 3)], strict=True):
        assert (low / 100, high / 100) == pytest.approx(wilson_interval(errors, rows))
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(100 * 6 / 23)


def test_a_chart_of_many_classes_has_those_with_the_lowest_f1() -> None:
    """A chart is limited to the classes with the lowest F1, and its caption states so."""
    matrix = np.diag(np.full(MAX_IN_CHART + 10, 5))
    matrix[7, 8], matrix[7, 7] = 5, 0
    plot = class_scores_plot(class_scores(matrix, [f"c{at}" for at in range(len(matrix))]))
    labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert len(labels) == MAX_IN_CHART
    assert labels[:2] == ["c7", "c8"]
    assert f"{MAX_IN_CHART} classes with the lowest F1 of {MAX_IN_CHART + 10}" in plot.caption


def test_each_label_has_its_scores() -> None:
    """The errors of a label are its examples that were not given it."""
    truth, predicted = np.array([[1, 0], [1, 1], [0, 1]]), np.array([[1, 1], [0, 1], [0, 1]])
    first, second = label_scores(OutputPredictions("", "labels", {}, ("red", "round"), np.arange(3), truth, predicted))
    assert (first.support, first.errors, first.precision, first.recall) == (2, 1, 1.0, 0.5)
    assert (second.support, second.errors, second.precision, second.recall) == (2, 0, pytest.approx(2 / 3), 1.0)


def test_classes_have_all_plots_and_tables(finished: Callable[..., RunFolder]) -> None:
    """Classes have six plots, and tables of classes, confusions and mistakes."""
    folder = finished(names=("a", "b", "c"))
    (section,) = prediction_sections(read_run(folder))
    assert {plot.name for plot in section.plots} == {
        "confusion_matrix",
        "per_class",
        "error_rates",
        "roc",
        "precision_recall",
        "calibration",
    }
    classes, confusions, mistakes = section.tables
    assert [row[0] for row in classes.rows] == ["a", "b", "c"]
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    assert [row[:3] for row in mistakes.rows] == [(str(one["row"]), one["truth"], one["prediction"]) for one in worst]
    assert sum(int(row[2]) for row in confusions.rows) == json.loads(folder.scores.read_bytes())["test"]["errors"]


def test_many_classes_have_no_curves(finished: Callable[..., RunFolder]) -> None:
    """ROC and precision-recall curves are drawn for up to ten classes."""
    (section,) = prediction_sections(read_run(finished(names=tuple(f"c{at}" for at in range(12)))))
    assert not {"roc", "precision_recall"} & {plot.name for plot in section.plots}
    assert "calibration" in {plot.name for plot in section.plots}


def test_the_mistakes_of_folds_are_found_in_the_predictions(crossed: Callable[..., RunFolder]) -> None:
    """A cross-validation lists its most confident mistakes, the most confident first."""
    (section,) = prediction_sections(read_run(crossed()))
    table = next(table for table in section.tables if table.caption.startswith("Most confident"))
    confidences = [float(row[3]) for row in table.rows]
    assert confidences
    assert confidences == sorted(confidences, reverse=True)
    assert all(row[1] != row[2] for row in table.rows)


def test_the_images_of_mistakes_are_shown(finished: Callable[..., RunFolder]) -> None:
    """Each image of a mistake is embedded pixel by pixel, with its true and its predicted class."""
    folder = finished(names=("a", "b"))
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    kept = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    with folder.mistakes.open("wb") as file:
        np.savez_compressed(file, rows=[worst[1]["row"], 9999], pictures=kept)
    (section,) = prediction_sections(read_run(folder))
    (image,) = section.images
    assert image.alt == f"Row {worst[1]['row']}: {worst[1]['truth']}, predicted {worst[1]['prediction']}"
    shown = Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2])))
    assert np.array_equal(np.asarray(shown), kept[0])


def test_a_run_of_one_class_has_a_report(finished: Callable[..., RunFolder]) -> None:
    """An older run of a target of one class has two classes in its matrix, but the name of one."""
    folder = finished(names=("0", "1"))
    part = {"rows": 18, "loss": 0.7, "errors": 14, "confusion_matrix": [[4, 14], [0, 0]]}
    part["per_class"] = {"1": {"precision": 1.0, "recall": 0.2, "f1": 0.4, "support": 18}}
    scores = json.loads(folder.scores.read_bytes()) | {"test": part}
    folder.write_json(folder.scores, scores)
    lines = [f"{row},1,1,0.{row + 40}" for row in range(18)]
    folder.write_text(folder.predictions, "\n".join(["row,truth,prediction,output", *lines]) + "\n")
    (section,) = prediction_sections(read_run(folder))
    table = next(table for table in section.tables if table.rows[0][0] == "1")
    assert [row[0] for row in table.rows] == ["1", "0"]


def test_a_class_without_rows_in_the_part_has_a_row_in_the_table(finished: Callable[..., RunFolder]) -> None:
    """A class that training has and the scored part has not is shown without recall."""
    folder = finished(names=NAMES)
    header, *lines = folder.predictions.read_text().splitlines()
    left = [line for line in lines if ",owl," not in line]
    scores = json.loads(folder.scores.read_bytes())
    scores["test"]["confusion_matrix"] = [[5, 1, 0], [0, 6, 0], [0, 0, 0]]
    folder.write_json(folder.scores, scores)
    folder.write_text(folder.predictions, "\n".join([header, *left]) + "\n")
    (section,) = prediction_sections(read_run(folder))
    assert any(row[0] == "owl" for table in section.tables for row in table.rows)

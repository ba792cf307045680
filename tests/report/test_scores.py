"""Headlines, tables of scores, and folds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nnrun.report.run_contents import read_run
from nnrun.report.scores import fold_plots, fold_scores, folds_section, headlines, scores_section
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow


def test_the_headline_of_classes_is_the_error_with_its_interval(finished: Callable[..., RunFolder]) -> None:
    """The first headline is the error with its Wilson interval and the number of rows."""
    folder = finished(names=("a", "b"))
    part = json.loads(folder.scores.read_bytes())["test"]
    first = headlines(read_run(folder))[0]
    low, high = part["error_percent_interval_95"]
    assert first.name == "Error on the test part"
    assert first.value == f"{part['error_percent']:.2f} %"
    assert first.detail == f"95 % interval {low:.2f} to {high:.2f} % (Wilson); {part['errors']} errors in 60 rows"


def test_errors_are_counted_per_prediction(finished: Callable[..., RunFolder]) -> None:
    """Errors are relative to the number of predictions, of which a row may have several."""
    folder = finished(names=("a", "b"))
    part = {
        "rows": 10,
        "loss": 1.0,
        "errors": 30,
        "error_rate": 0.25,
        "error_percent": 25.0,
        "error_percent_interval_95": [18.1, 33.4],
        "interval": "Wilson",
    }
    folder.write_json(folder.scores, {"test": part})
    assert "30 errors in 120 predictions" in headlines(read_run(folder))[0].detail
    folder.write_json(folder.scores, {"test": {**part, "bits_per_character": 2.0, "perplexity": 4.0}})
    assert [one.name for one in headlines(read_run(folder))] == [
        "Bits per character on the test part",
        "Perplexity on the test part",
    ]


def test_the_headline_of_numbers_is_the_squared_error(finished: Callable[..., RunFolder]) -> None:
    """The headlines of a regression are the squared error and its usual companions."""
    names = [one.name for one in headlines(read_run(finished(names=())))]
    assert names == [
        f"{what} on the test part"
        for what in ("Mean squared error", "Root mean squared error", "Mean absolute error", "R²")
    ]


def test_the_headline_of_folds_is_their_mean(crossed: Callable[..., RunFolder]) -> None:
    """The first headline of a cross-validation is the mean over folds with its interval and the interval's name."""
    folder = crossed()
    summary = json.loads(folder.scores.read_bytes())["cross_validation"]
    first = headlines(read_run(folder))[0]
    assert first.name == "Error, mean of 4 folds"
    assert first.value == f"{summary['mean']['error_percent']:.2f} %"
    low, high = summary["interval_95"]["error_percent"]
    assert first.detail.startswith(f"95 % interval {low:.2f} to {high:.2f} %, corrected resampled t")


def test_each_output_has_headlines(finished: Callable[..., RunFolder]) -> None:
    """A model with several outputs has headlines for each."""
    folder = finished(names=("a", "b"))
    part = json.loads(folder.scores.read_bytes())["test"]
    outputs = {"kind": part, "size": {"r2": 0.5}}
    folder.write_json(folder.scores, {"test": {"rows": 60, "loss": 1.0, "outputs": outputs}})
    names = [one.name for one in headlines(read_run(folder))]
    assert names[0] == "Error on the test part, output kind"
    assert names[-1] == "R² on the test part, output size"


def test_the_headline_of_a_run_without_scores_is_its_last_loss(finished: Callable[..., RunFolder]) -> None:
    """A run that failed in training has its last loss as headline, and one that never trained has none."""
    folder = finished(status="failed", error="out of memory")
    assert headlines(read_run(folder)) == []
    metrics.append(folder.metrics, {"epoch": 1, "loss": 2.0, "val_loss": 3.0})
    metrics.append(folder.metrics, {"epoch": 2, "loss": 1.0})
    (one,) = headlines(read_run(folder))
    assert (one.name, one.value) == ("Validation loss after epoch 1", "3.0000")
    assert "did not finish" in one.detail


def test_every_scalar_of_the_scores_is_in_the_table(finished: Callable[..., RunFolder]) -> None:
    """Each part is a column, a missing score is a dash, and lists and tables are left out."""
    folder = finished(names=("a", "b"))
    kept = json.loads(folder.scores.read_bytes())
    folder.write_json(folder.scores, {**kept, "train": {"rows": 9, "loss": "nan"}})
    (table,) = scores_section(read_run(folder)).tables
    assert table.headings == ("score", "test part", "training part")
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["loss"] == ("0.5000", "nan")
    assert cells["log loss"] == (f"{kept['test']['log_loss']:.4f}", "-")
    assert cells["errors"][0] == str(kept["test"]["errors"])
    assert not {"worst", "per class", "confusion matrix"} & set(cells)


def test_a_test_part_of_training_rows_is_pointed_out(finished: Callable[..., RunFolder]) -> None:
    """If the test part is the training part, a note states what its scores mean."""
    folder = finished(names=("a", "b"))
    record = json.loads(folder.record.read_bytes())
    for digests, noted in (({"train.x": "1"}, True), ({"train.x": "1", "test.x": "2"}, False)):
        folder.write_json(folder.record, {**record, "digests": digests})
        notes = scores_section(read_run(folder)).notes
        assert any("The test part is the training part" in note for note in notes) is noted


def test_the_folds_have_a_table_of_their_mean_and_one_of_each(crossed: Callable[..., RunFolder]) -> None:
    """Mean, standard deviation and interval are those of `scores.json`; each fold is a row."""
    folder = crossed()
    summary = json.loads(folder.scores.read_bytes())["cross_validation"]
    together, each = folds_section(read_run(folder)).tables
    mean = next(row for row in together.rows if row[0] == "error in %")
    assert mean[1:3] == (f"{summary['mean']['error_percent']:.4f}", f"{summary['sd']['error_percent']:.4f}")
    assert [row[0] for row in each.rows] == ["0", "1", "2", "3"]


def test_an_interrupted_cross_validation_shows_the_folds_that_are_done(crossed: Callable[..., RunFolder]) -> None:
    """An interrupted cross-validation shows the folds that are done, without a mean."""
    folder = crossed()
    folder.scores.unlink()
    folder.write_json(folder.record, {**json.loads(folder.record.read_bytes()), "folds": 10})
    section = folds_section(read_run(folder))
    assert section.notes[0].startswith("4 of 10 folds are done")
    assert len(section.tables[0].rows) == 4


def test_points_and_mean_are_those_of_the_scores(crossed: Callable[..., RunFolder]) -> None:
    """Each fold is a point of the box plot, and the mean has the interval of `scores.json`."""
    summary = json.loads(crossed(names=()).scores.read_bytes())["cross_validation"]
    plots = {plot.name: plot for plot in fold_plots(summary)}
    axes = plots["folds_mean_squared_error"].figure.axes[0]
    values = [fold["mean_squared_error"] for fold in summary["each"]]
    assert axes.collections[0].get_offsets()[:, 0].tolist() == values
    bars = axes.containers[0]
    assert bars.lines[0].get_xdata()[0] == summary["mean"]["mean_squared_error"]
    (segment,) = bars.lines[2][0].get_segments()
    assert segment[:, 0].tolist() == pytest.approx(summary["interval_95"]["mean_squared_error"])
    assert "Box plot of mean squared error over 4 folds" in plots["folds_mean_squared_error"].alt


def test_the_score_of_the_headline_is_drawn_first(crossed: Callable[..., RunFolder]) -> None:
    """The error of classes is the first plot; scores that repeat it in another unit are not drawn."""
    summary = json.loads(crossed().scores.read_bytes())["cross_validation"]
    names = list(fold_scores(summary))
    assert names[0] == "error_percent"
    assert not {"errors", "error_rate", "rows", "fold"} & set(names)


def test_a_score_that_is_not_finite_in_a_fold_has_no_plot() -> None:
    """A score that is not finite in some fold has no plot, and no folds have no plots."""
    each = [{"fold": 0, "loss": 1.0, "f": "nan"}, {"fold": 1, "loss": 2.0, "f": 1.0}]
    assert list(fold_scores({"each": each})) == ["loss"]
    assert fold_plots({}) == []


def test_a_metric_that_is_the_loss_is_drawn_once() -> None:
    """A metric that equals the loss, up to rounding, is drawn instead of it."""
    each = [{"fold": at, "loss": 2.0 + at, "mean_squared_error": 2.0000001 + at} for at in range(3)]
    assert list(fold_scores({"each": each})) == ["mean_squared_error"]

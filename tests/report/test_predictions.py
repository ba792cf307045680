"""Predictions parsed from `predictions.csv`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.engine.scoring.metrics import areas_under_curves
from nnrun.report.predictions import class_probabilities, one_vs_rest, read_predictions, scored_part
from nnrun.report.run_contents import read_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow


def test_classes_are_parsed(finished: Callable[..., RunFolder]) -> None:
    """Truth and prediction are class indices in the order of the scores; rows are those of the source."""
    folder = finished(names=("b", "a", "New York"))
    (output,) = read_predictions(read_run(folder))
    assert (output.name, output.kind, output.names) == ("", "classes", ("b", "a", "New York"))
    assert output.truth.tolist() == [at % 3 for at in range(60)]
    assert output.rows.tolist() == list(range(100, 160))
    assert int((output.truth != output.predicted).sum()) == json.loads(folder.scores.read_bytes())["test"]["errors"]
    assert output.raw.shape == (60, 3)


def test_numbers_are_parsed(finished: Callable[..., RunFolder]) -> None:
    """Truth and prediction of a regression have a column for each target."""
    folder = finished(names=())
    (output,) = read_predictions(read_run(folder))
    assert output.kind == "numbers"
    assert output.truth.shape == output.predicted.shape == (60, 1)
    expected = json.loads(folder.scores.read_bytes())["test"]["mean_squared_error"]
    assert np.mean((output.truth - output.predicted) ** 2) == pytest.approx(expected)


def test_several_outputs_are_separated(finished: Callable[..., RunFolder]) -> None:
    """Each output has the columns whose names end in its name, and its own scores."""
    folder = finished(names=("x", "y"))
    single = json.loads(folder.scores.read_bytes())["test"]
    folder.write_json(folder.scores, {"test": {"rows": 2, "outputs": {"kind": single, "the_size": {"r2": 0.5}}}})
    folder.write_text(
        folder.predictions,
        "row,truth_kind,prediction_kind,output_x_kind,output_y_kind,truth_the_size,"
        "prediction_the_size\n3,x,y,0.4,0.6,1.5,1.25\n4,y,y,0.1,0.9,2.5,2.0\n",
    )
    kind, size = read_predictions(read_run(folder))
    assert (kind.name, kind.truth.tolist(), kind.predicted.tolist()) == ("kind", [0, 1], [1, 1])
    assert (size.name, size.truth.tolist(), size.predicted.tolist()) == ("the_size", [[1.5], [2.5]], [[1.25], [2.0]])
    assert size.scores == {"r2": 0.5}


@pytest.mark.parametrize("header", ["truth_a,truth_b,prediction_a,prediction_b", "truth,prediction_a,prediction_b"])
def test_several_numbers_are_one_output(finished: Callable[..., RunFolder], header: str) -> None:
    """Several targets of one output belong together, as an older run has their truths in one field."""
    folder = finished(names=())
    truths = "1.5,2.5" if header.startswith("truth_a") else "1.5 2.5"
    folder.write_text(folder.predictions, f"row,file,{header}\n3,x/1.png,{truths},1.0,2.0\n")
    (output,) = read_predictions(read_run(folder))
    assert (output.name, output.kind, output.names) == ("", "numbers", ("a", "b"))
    assert (output.truth.tolist(), output.predicted.tolist()) == ([[1.5, 2.5]], [[1.0, 2.0]])
    assert output.table("Worst", ("n",), [(3, 7)]).rows == (("3", "x/1.png", "7"),)


def test_positions_are_examples(finished: Callable[..., RunFolder]) -> None:
    """Each position of a row with several predictions is an example with its own outputs."""
    folder = finished(names=("x", "y"))
    folder.write_text(
        folder.predictions,
        "row,truth,prediction,output_0,output_1,output_2,output_3,output_4,output_5\n"
        "7,x y y,x x y,0.9,0.1,0.8,0.2,0.3,0.7\n",
    )
    (output,) = read_predictions(read_run(folder))
    assert output.positions == 3
    assert output.truth.tolist() == [0, 1, 1]
    assert output.predicted.tolist() == [0, 0, 1]
    assert output.raw.tolist() == [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    assert output.rows.tolist() == [7, 7, 7]


def test_several_labels_are_not_positions(finished: Callable[..., RunFolder]) -> None:
    """If a row may have several labels, truth and prediction are 0 or 1 for each label."""
    folder = finished(names=("x", "y"))
    scores = {"precision": 0.5, "recall": 1.0, "f1": 0.667, "support": 1}
    folder.write_json(folder.scores, {"test": {"rows": 2, "per_class": {"red": scores, "round": scores}}})
    folder.write_text(
        folder.predictions, "row,truth,prediction,output_red,output_round\n0,1 0,1 1,0.9,0.6\n1,0 0,0 0,0.2,0.1\n"
    )
    (output,) = read_predictions(read_run(folder))
    assert output.kind == "labels"
    assert output.truth.tolist() == [[1, 0], [0, 0]]
    assert output.predicted.tolist() == [[1, 1], [0, 0]]
    assert [one.name for one in one_vs_rest(output)] == ["red"]


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_probabilities_have_the_log_loss_of_the_scores(
    names: tuple[str, ...], finished: Callable[..., RunFolder], *, logits: bool
) -> None:
    """The log loss of the scores decides whether outputs are probabilities or logits."""
    folder = finished(names=names, logits=logits)
    probabilities = class_probabilities(read_predictions(read_run(folder))[0])
    assert probabilities is not None
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-6)
    other = finished(names=names, logits=not logits)
    assert probabilities == pytest.approx(class_probabilities(read_predictions(read_run(other))[0]), abs=1e-5)


def test_outputs_with_another_log_loss_are_not_probabilities(finished: Callable[..., RunFolder]) -> None:
    """Outputs that have the log loss of the scores in neither reading are not treated as probabilities."""
    folder = finished(names=("a", "b"))
    scores = json.loads(folder.scores.read_bytes())
    scores["test"]["log_loss"] += 0.1
    folder.write_json(folder.scores, scores)
    assert class_probabilities(read_predictions(read_run(folder))[0]) is None
    del scores["test"]["log_loss"]
    folder.write_json(folder.scores, scores)
    assert class_probabilities(read_predictions(read_run(folder))[0]) is None


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c", "d")])
def test_the_areas_are_those_of_the_scores(names: tuple[str, ...], finished: Callable[..., RunFolder]) -> None:
    """The mean over each class against the rest gives the areas of the scores."""
    folder = finished(names=names)
    classes = one_vs_rest(read_predictions(read_run(folder))[0])
    kept = json.loads(folder.scores.read_bytes())["test"]
    each = [areas_under_curves(one.holds[:, None], one.scores[:, None]) for one in classes]
    for area in ("roc_auc", "pr_auc"):
        assert np.mean([one[area] for one in each]) == pytest.approx(kept[area])


def test_folds_are_pooled(crossed: Callable[..., RunFolder]) -> None:
    """The rows of all folds are pooled, and their log loss is the mean over all rows."""
    folder = crossed()
    (output,) = read_predictions(read_run(folder))
    assert output.rows.tolist() == [*range(100, 120)] * 4
    assert output.truth.shape == (80,)
    assert set(output.scores) == {"log_loss"}
    assert class_probabilities(output) is not None


def test_predictions_that_do_not_match_the_scores_are_left_out(finished: Callable[..., RunFolder]) -> None:
    """A class that the scores do not have, or a text for a number, leaves the output out."""
    folder = finished(names=("a", "b"))
    for text in (
        "row,truth,prediction,output_a,output_b\n0,z,a,0.5,0.5\n",
        "row,truth,prediction\n0,one,2\n",
        "truth,prediction\n1,2\n",
        "row,truth,prediction\n0\n",
        "row,truth,prediction\n",
    ):
        folder.write_text(folder.predictions, text)
        assert read_predictions(read_run(folder)) == ()


def test_the_scored_part_is_test_else_validation(finished: Callable[..., RunFolder]) -> None:
    """The scored part is the test part, or the validation part if there is no test part."""
    folder = finished(names=("a", "b"))
    assert scored_part(read_run(folder))[0] == "test"
    folder.write_json(folder.scores, {"validation": {"loss": 1.0}, "train": {"loss": 0.5}})
    assert scored_part(read_run(folder)) == ("validation", {"loss": 1.0})
    folder.write_json(folder.scores, {})
    assert scored_part(read_run(folder)) == ("", {})

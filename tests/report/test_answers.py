"""Answers read back from `predictions.csv`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.engine.scoring.classes import areas
from nnrun.report.answers import against_rest, outputs_of, part_of, shares_of
from nnrun.report.contents import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_classes_come_back(finished: Callable[..., RunFolder]) -> None:
    """Truth and prediction are class numbers in the order of the scores, and the rows those of the source."""
    folder = finished(names=("b", "a", "New York"))
    (output,) = outputs_of(read(folder))
    assert (output.name, output.kind, output.names) == ("", "classes", ("b", "a", "New York"))
    assert output.truth.tolist() == [at % 3 for at in range(60)]
    assert output.rows.tolist() == list(range(100, 160))
    assert int((output.truth != output.predicted).sum()) == json.loads(folder.scores.read_bytes())["test"]["errors"]
    assert output.outputs.shape == (60, 3)


def test_numbers_come_back(finished: Callable[..., RunFolder]) -> None:
    """Of a regression, truth and prediction are as many numbers a row as there are targets."""
    folder = finished(names=())
    (output,) = outputs_of(read(folder))
    assert output.kind == "numbers"
    assert output.truth.shape == output.predicted.shape == (60, 1)
    told = json.loads(folder.scores.read_bytes())["test"]["mean_squared_error"]
    assert np.mean((output.truth - output.predicted) ** 2) == pytest.approx(told)


def test_several_outputs_are_told_apart(finished: Callable[..., RunFolder]) -> None:
    """Each output has its own columns, whose names end in its own, and its own scores."""
    folder = finished(names=("x", "y"))
    single = json.loads(folder.scores.read_bytes())["test"]
    folder.write_json(folder.scores, {"test": {"rows": 2, "outputs": {"kind": single, "the_size": {"r2": 0.5}}}})
    folder.write_text(
        folder.predictions,
        "row,truth_kind,prediction_kind,output_x_kind,output_y_kind,truth_the_size,"
        "prediction_the_size\n3,x,y,0.4,0.6,1.5,1.25\n4,y,y,0.1,0.9,2.5,2.0\n",
    )
    kind, size = outputs_of(read(folder))
    assert (kind.name, kind.truth.tolist(), kind.predicted.tolist()) == ("kind", [0, 1], [1, 1])
    assert (size.name, size.truth.tolist(), size.predicted.tolist()) == ("the_size", [[1.5], [2.5]], [[1.25], [2.0]])
    assert size.figures == {"r2": 0.5}


def test_positions_are_laid_out_one_after_the_other(finished: Callable[..., RunFolder]) -> None:
    """A row with several answers counts as many times, each with its own outputs."""
    folder = finished(names=("x", "y"))
    folder.write_text(
        folder.predictions,
        "row,truth,prediction,output_0,output_1,output_2,output_3,output_4,output_5\n"
        "7,x y y,x x y,0.9,0.1,0.8,0.2,0.3,0.7\n",
    )
    (output,) = outputs_of(read(folder))
    assert output.positions == 3
    assert output.truth.tolist() == [0, 1, 1]
    assert output.predicted.tolist() == [0, 0, 1]
    assert output.outputs.tolist() == [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    assert output.rows.tolist() == [7, 7, 7]


def test_several_labels_are_no_positions(finished: Callable[..., RunFolder]) -> None:
    """Where a row may have each of several labels, truth and prediction are a 0 or 1 for each."""
    folder = finished(names=("x", "y"))
    folder.write_json(folder.scores, {"test": {"rows": 2, "per_class": {"red": {}, "round": {}}}})
    folder.write_text(
        folder.predictions, "row,truth,prediction,output_red,output_round\n0,1 0,1 1,0.9,0.6\n1,0 0,0 0,0.2,0.1\n"
    )
    (output,) = outputs_of(read(folder))
    assert output.kind == "labels"
    assert output.truth.tolist() == [[1, 0], [0, 0]]
    assert output.predicted.tolist() == [[1, 1], [0, 0]]
    assert [name for name, _, _ in against_rest(output)] == ["red"]


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_probabilities_are_what_the_log_loss_was_counted_of(
    names: tuple[str, ...], finished: Callable[..., RunFolder], *, logits: bool
) -> None:
    """Whether a model gave shares or logits is told by the kept log loss, and either becomes the same shares."""
    folder = finished(names=names, logits=logits)
    shares = shares_of(outputs_of(read(folder))[0])
    assert shares is not None
    assert shares.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-6)
    other = finished(names=names, logits=not logits)
    assert shares == pytest.approx(shares_of(outputs_of(read(other))[0]), abs=1e-5)


def test_outputs_of_another_loss_are_no_probabilities(finished: Callable[..., RunFolder]) -> None:
    """Where the log loss does not come out either way, nothing is called a probability."""
    folder = finished(names=("a", "b"))
    scores = json.loads(folder.scores.read_bytes())
    scores["test"]["log_loss"] += 0.1
    folder.write_json(folder.scores, scores)
    assert shares_of(outputs_of(read(folder))[0]) is None
    del scores["test"]["log_loss"]
    folder.write_json(folder.scores, scores)
    assert shares_of(outputs_of(read(folder))[0]) is None


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c", "d")])
def test_the_areas_are_those_of_the_scores(names: tuple[str, ...], finished: Callable[..., RunFolder]) -> None:
    """Each class against the rest, in the mean, gives the areas that the scores tell."""
    folder = finished(names=names)
    told = against_rest(outputs_of(read(folder))[0])
    kept = json.loads(folder.scores.read_bytes())["test"]
    each = [areas(holds[:, None], speaks[:, None]) for _, holds, speaks in told]
    for area in ("roc_auc", "pr_auc"):
        assert np.mean([one[area] for one in each]) == pytest.approx(kept[area])


def test_folds_come_together(crossed: Callable[..., RunFolder]) -> None:
    """Of a cross-validation every row is told with its fold, and the log loss is the mean over all rows."""
    folder = crossed()
    (output,) = outputs_of(read(folder))
    assert output.folds.tolist() == [fold for fold in range(4) for _ in range(20)]
    assert set(output.figures) == {"log_loss"}
    assert shares_of(output) is not None


def test_a_table_that_does_not_fit_the_scores_is_left_out(finished: Callable[..., RunFolder]) -> None:
    """A class that the scores do not know, or a word for a number, is no reason to fail."""
    folder = finished(names=("a", "b"))
    for text in (
        "row,truth,prediction,output_a,output_b\n0,z,a,0.5,0.5\n",
        "row,truth,prediction\n0,one,2\n",
        "truth,prediction\n1,2\n",
        "row,truth,prediction\n0\n",
        "row,truth,prediction\n",
    ):
        folder.write_text(folder.predictions, text)
        assert outputs_of(read(folder)) == ()


def test_the_part_that_counts(finished: Callable[..., RunFolder]) -> None:
    """It is the test part, and the validation part where there is none."""
    folder = finished(names=("a", "b"))
    assert part_of(read(folder))[0] == "test"
    folder.write_json(folder.scores, {"validation": {"loss": 1.0}, "train": {"loss": 0.5}})
    assert part_of(read(folder)) == ("validation", {"loss": 1.0})
    folder.write_json(folder.scores, {})
    assert part_of(read(folder)) == ("", {})

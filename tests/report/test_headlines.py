"""The figures that stand for a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.report.contents import read
from nnrun.report.headlines import headlines
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_classes_are_told_by_their_error_and_its_interval(finished: Callable[..., RunFolder]) -> None:
    """First stands the error with Wilson's interval and what it was counted of."""
    folder = finished(names=("a", "b"))
    part = json.loads(folder.scores.read_bytes())["test"]
    first = headlines(read(folder))[0]
    low, high = part["error_percent_interval_95"]
    assert first.name == "Error on the test part"
    assert first.value == f"{part['error_percent']:.2f} %"
    assert first.detail == f"95 % interval {low:.2f} to {high:.2f} % (Wilson); {part['errors']} wrong in 60 rows"


def test_answers_are_counted_where_a_row_has_several(finished: Callable[..., RunFolder]) -> None:
    """Errors are told of all answers, not of rows, of which there may be fewer."""
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
    assert "30 wrong in 120 answers" in headlines(read(folder))[0].detail
    folder.write_json(folder.scores, {"test": {**part, "bits_per_character": 2.0, "perplexity": 4.0}})
    assert [one.name for one in headlines(read(folder))] == [
        "Bits per character on the test part",
        "Perplexity on the test part",
    ]


def test_numbers_are_told_by_their_first_metric(finished: Callable[..., RunFolder]) -> None:
    """Of a regression the squared error stands first, then what one asks next."""
    names = [one.name for one in headlines(read(finished(names=())))]
    assert names == [
        f"{what} on the test part"
        for what in ("Mean squared error", "Root mean squared error", "Mean absolute error", "R²")
    ]


def test_folds_are_told_by_their_mean(crossed: Callable[..., RunFolder]) -> None:
    """Of a cross-validation the mean over folds stands first, with its interval and what that is called."""
    folder = crossed()
    told = json.loads(folder.scores.read_bytes())["cross_validation"]
    first = headlines(read(folder))[0]
    assert first.name == "Error, mean of 4 folds"
    assert first.value == f"{told['mean']['error_percent']:.2f} %"
    low, high = told["interval_95"]["error_percent"]
    assert first.detail.startswith(f"95 % interval {low:.2f} to {high:.2f} %, corrected resampled t")


def test_each_output_has_its_own(finished: Callable[..., RunFolder]) -> None:
    """A model of several outputs is told by the figures of each."""
    folder = finished(names=("a", "b"))
    part = json.loads(folder.scores.read_bytes())["test"]
    outputs = {"kind": part, "size": {"r2": 0.5}}
    folder.write_json(folder.scores, {"test": {"rows": 60, "loss": 1.0, "outputs": outputs}})
    names = [one.name for one in headlines(read(folder))]
    assert names[0] == "Error on the test part, output kind"
    assert names[-1] == "R² on the test part, output size"


def test_a_run_without_scores_is_told_by_its_last_loss(finished: Callable[..., RunFolder]) -> None:
    """A run that failed in training shows how far it came, and one that never trained shows nothing."""
    folder = finished(status="failed", error="out of memory")
    assert headlines(read(folder)) == []
    metrics.append(folder.metrics, {"epoch": 1, "loss": 2.0, "val_loss": 3.0})
    metrics.append(folder.metrics, {"epoch": 2, "loss": 1.0})
    (one,) = headlines(read(folder))
    assert (one.name, one.value) == ("Validation loss after epoch 1", "3.0000")
    assert "did not come to its end" in one.detail

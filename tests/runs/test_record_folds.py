"""Folds on disk: which are done, and the headline metric of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.runs.folder import RunFolder
from nnrun.runs.json_files import dumps
from nnrun.runs.record import headline_metric, read_finished_folds
from nnrun.runs.statistics import summarize_folds


def test_only_whole_folds_are_done(folder: RunFolder, finished_fold: Callable[..., dict[str, Any]]) -> None:
    """A fold that was interrupted is not done; one whose record is damaged is an error that names the file."""
    for number, fields in enumerate((finished_fold(0), {"fold": 1, "status": "running"})):
        place = folder.fold(number)
        place.restart()
        place.write_json(place.record, fields)
    folder.fold(2).restart()
    assert list(read_finished_folds(folder)) == [0]
    folder.write_json(folder.fold(1).record, finished_fold(1) | {"rows": {"test": 3}})
    with pytest.raises(RunError, match=r"01/record\.json: rows: expected a value for 'train'"):
        read_finished_folds(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 0.5])
def test_a_fold_read_again_is_summarized_as_before(
    folder: RunFolder, finished_fold: Callable[..., dict[str, Any]], value: float
) -> None:
    """A score that JSON has no number for is that number again, so that a resumed run keeps it in its summary."""
    fresh = []
    for number in range(2):
        test = {"rows": 10, "loss": value, "accuracy": 0.5, "not_scored": "nan is no class", "interval": "Wilson"}
        fields = finished_fold(number) | {"scores": {"task": "classification", "checkpoint": "last", "test": test}}
        folder.write_json(folder.fold(number).record, fields)
        fresh.append({"fold": number, "repeat": 0, **test})
    read = [{"fold": one["fold"], "repeat": 0, **one["scores"]["test"]} for one in read_finished_folds(folder).values()]
    before, now = (dumps(summarize_folds(each, repeats=1, share=0.5)) for each in (fresh, read))
    assert before == now
    assert '"loss"' in now


def test_a_fold_begun_again_loses_its_lines(folder: RunFolder) -> None:
    """The metrics of an earlier attempt are removed."""
    place = folder.fold(0)
    place.restart()
    place.metrics.write_text('{"epoch": 1}\n', encoding="utf-8")
    place.restart()
    assert not place.metrics.exists()


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"rows": 5, "loss": 1.0, "accuracy": 0.9, "errors": 1, "error_percent": 20.0}, ("error_percent", 20.0)),
        ({"rows": 5, "loss": 1.0, "mean_absolute_error": 0.5}, ("mean_absolute_error", 0.5)),
        ({"rows": 5, "loss": 1.0, "classes": {}}, ("loss", 1.0)),
        ({"rows": 5, "loss": "inf"}, ("loss", float("inf"))),
    ],
)
def test_the_figure_that_stands_for_a_fold(scores: dict, expected: tuple[str, float]) -> None:
    """The headline is the error of classes, else the first metric, else the loss."""
    assert headline_metric(scores) == expected

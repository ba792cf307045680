"""Folds on disk: which are done, and the headline metric of one."""

from __future__ import annotations

import pytest

from nnrun.runs.folder import RunFolder
from nnrun.runs.record import headline_metric, read_finished_folds


def test_only_whole_folds_are_done(folder: RunFolder) -> None:
    """A fold that was interrupted, or whose record is torn, is not done."""
    for number, text in enumerate(('{"fold": 0, "status": "done"}', '{"fold": 1, "status": "running"}', '{"fold"')):
        place = folder.fold(number)
        place.restart()
        place.write_text(place.record, text)
    assert list(read_finished_folds(folder)) == [0]


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

"""The sections of curves, scores and folds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nnrun.report.contents import read
from nnrun.report.scored import folds, learning, scores
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder


def test_every_epoch_is_in_the_table(finished: Callable[..., RunFolder]) -> None:
    """Behind the curves stand their figures, a line for each epoch; hundreds are thinned out, the last is kept."""
    folder = finished()
    for epoch in range(1, 452):
        metrics.append(folder.metrics, {"epoch": epoch, "loss": 1 / epoch, "learning_rate": 0.01})
    section = learning(read(folder))
    (table,) = section.tables
    assert table.headings == ("epoch", "loss", "learning rate")
    assert [row[0] for row in table.rows[:2]] == ["5", "10"]
    assert table.rows[-1][:2] == ("451", "0.0022")
    assert "every 5th line" in table.caption
    assert section.notes == ("The learning rate was 0.01 throughout.",)


def test_lost_numbers_are_said(finished: Callable[..., RunFolder]) -> None:
    """Where training left the finite numbers, the page says from which epoch on."""
    folder = finished()
    for epoch, loss in ((1, 1.0), (2, float("inf")), (3, float("nan"))):
        metrics.append(folder.metrics, {"epoch": epoch, "fold": 2, "loss": loss})
    assert "Not a finite number from epoch 2 of fold 2 on: gaps in the curves." in learning(read(folder)).notes


def test_a_run_without_epochs_says_so(finished: Callable[..., RunFolder]) -> None:
    """No curves is a sentence, not an empty place."""
    assert learning(read(finished())).notes == ("No epoch was finished.",)


def test_bits_are_told_where_the_loss_is_in_nats(finished: Callable[..., RunFolder]) -> None:
    """Of a text whose loss is its nats for each character, the curve in bits comes first."""
    folder = finished()
    metrics.append(folder.metrics, {"epoch": 1, "loss": 2.0})
    for loss, first in ((1.9, "curve_bits_per_character"), (2.5, "curve_loss")):
        folder.write_json(folder.scores, {"validation": {"loss": loss, "nats_per_character": 1.9}})
        assert learning(read(folder)).plots[0].name == first


def test_every_plain_figure_of_the_scores_is_in_the_table(finished: Callable[..., RunFolder]) -> None:
    """Each part is a column; what a part lacks is a dash; lists and tables are told elsewhere."""
    folder = finished(names=("a", "b"))
    kept = json.loads(folder.scores.read_bytes())
    folder.write_json(folder.scores, {**kept, "train": {"rows": 9, "loss": "nan"}})
    (table,) = scores(read(folder)).tables
    assert table.headings == ("figure", "test part", "training part")
    told = {row[0]: row[1:] for row in table.rows}
    assert told["loss"] == ("0.5000", "nan")
    assert told["log loss"] == (f"{kept['test']['log_loss']:.4f}", "-")
    assert told["errors"][0] == str(kept["test"]["errors"])
    assert not {"worst", "per class", "confusion matrix"} & set(told)


def test_a_test_on_training_rows_is_called_by_its_name(finished: Callable[..., RunFolder]) -> None:
    """Where the test part is the training part over again, the page says what its figures are worth."""
    folder = finished(names=("a", "b"))
    record = json.loads(folder.record.read_bytes())
    for digests, said in (({"train.x": "1"}, True), ({"train.x": "1", "test.x": "2"}, False)):
        folder.write_json(folder.record, {**record, "digests": digests})
        notes = scores(read(folder)).notes
        assert any("The test part is the training part" in note for note in notes) is said


def test_the_folds_are_a_table_each_and_together(crossed: Callable[..., RunFolder]) -> None:
    """Means, spread and interval are those of the scores; each fold is a line."""
    folder = crossed()
    told = json.loads(folder.scores.read_bytes())["cross_validation"]
    together, each = folds(read(folder)).tables
    mean = next(row for row in together.rows if row[0] == "error in %")
    assert mean[1:3] == (f"{told['mean']['error_percent']:.4f}", f"{told['sd']['error_percent']:.4f}")
    assert [row[0] for row in each.rows] == ["0", "1", "2", "3"]


def test_folds_that_are_done_are_told_before_all_are(crossed: Callable[..., RunFolder]) -> None:
    """An interrupted cross-validation shows the folds it has."""
    folder = crossed()
    folder.scores.unlink()
    folder.write_json(folder.record, {**json.loads(folder.record.read_bytes()), "folds": 10})
    section = folds(read(folder))
    assert section.notes[0].startswith("4 of 10 folds are done")
    assert len(section.tables[0].rows) == 4

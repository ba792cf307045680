"""A kept run answers again, and says clearly where it cannot."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.errors import DataError, NnrunError, RunError
from nnrun.pipeline.evaluate import EvaluateRequest, EvaluateResult, evaluate, predict
from nnrun.pipeline.train import TrainResult
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder
from nnrun.runs.json_files import dumps

pytestmark = pytest.mark.keras


@pytest.fixture
def copy(finished: TrainResult, tmp_path: Path) -> RunFolder:
    """Copy the finished run, to be damaged."""
    shutil.copytree(finished.folder.path, tmp_path / finished.folder.path.name)
    return RunFolder(tmp_path / finished.folder.path.name)


def ask(folder: RunFolder, progress: Any = None, **more: Any) -> EvaluateResult:
    """Evaluate a run by its path."""
    return evaluate(EvaluateRequest(str(folder.path), **more), progress or NullProgress())


@pytest.mark.parametrize("part", ["test", "validation", "train"])
def test_every_part_is_scored_as_training_did(copy: RunFolder, finished: TrainResult, noting, part: str) -> None:
    """Each part's figures are those of `scores.json` to the last digit, wherever the run lies by now."""
    progress = noting()
    answer = ask(copy, progress, part=part)
    assert answer.scores == {"task": "classification", "checkpoint": "last", part: finished.scores[part]}
    assert (copy.path / f"scores_last_{part}.json").read_text() == dumps(answer.scores) + "\n"
    assert progress.warned == []


def test_the_rows_are_those_of_predictions_csv(copy: RunFolder) -> None:
    """What `--show` shows is what training kept."""
    answer = ask(copy)
    with copy.predictions.open(newline="") as file:
        kept = list(csv.reader(file))
    assert kept[0] == list(answer.columns)
    assert kept[1:] == [[str(field) for field in row] for row in answer.rows]


def test_runs_are_found_by_what_users_type(copy: RunFolder) -> None:
    """`last`, the name, the whole id and the short id mean the same run."""
    for word in ("last", "tiny", copy.id, copy.short_id):
        answer = evaluate(EvaluateRequest(word, copy.path.parent), NullProgress())
        assert answer.folder.id == copy.id
    said = answer.as_json()
    assert (said["run"], said["status"], said["scores"]) == (copy.id, "done", answer.scores)


def test_other_checkpoints_may_be_asked(copy: RunFolder) -> None:
    """`best` and a path name other models of the run; the answer says which was asked, and keeps it apart."""
    best = ask(copy, checkpoint="best")
    assert best.scores["checkpoint"] == "best"
    by_path = ask(copy, checkpoint=str(copy.best))
    assert by_path.scores["test"] == best.scores["test"]
    assert (copy.path / "scores_best_test.json").is_file()


def test_a_run_that_cannot_be_written_answers_all_the_same(copy: RunFolder, finished: TrainResult, noting) -> None:
    """On a read-only disk the scores are not saved: a warning, not an end."""
    # Folders where files should go refuse every user alike, the superuser of a container included.
    copy.log.unlink()
    for path in (copy.log, copy.path / "scores_last_test.json"):
        path.mkdir()
    progress = noting()
    answer = ask(copy, progress)
    assert answer.scores["test"] == finished.scores["test"]
    assert len(progress.warned) == 1
    assert "not saved" in progress.warned[0]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[RunFolder], Any], str]] = {
    "record cut short": (lambda run: _cut(run.record), "record"),
    "record of something else": (lambda run: run.record.write_text("[]"), "expected a JSON object"),
    "record without facts": (lambda run: run.record.write_text('{"status": "failed"}'), "has no model"),
    "config unreadable": (lambda run: run.resolved.write_text("model: ["), "cannot be read"),
    "config missing": (lambda run: run.resolved.unlink(), "cannot be read"),
    "model cut short": (lambda run: _cut(run.model_json), "cannot read this run's model"),
    "model missing": (lambda run: run.model_json.unlink(), "cannot read this run's model"),
    "checkpoint cut short": (lambda run: _cut(run.last), "cut short or of another kind"),
    "checkpoint missing": (lambda run: run.last.unlink(), "no such checkpoint"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_says_what_is_missing(copy: RunFolder, damage: str) -> None:
    """Each missing or broken piece is one message that names the file, with something to do next."""
    harm, expected = DAMAGES[damage]
    harm(copy)
    with pytest.raises(RunError, match=expected) as caught:
        ask(copy)
    assert caught.value.hint
    assert copy.path.name in caught.value.text


def test_a_run_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A folder that vanished is a message, and so is a folder without runs."""
    with pytest.raises(RunError, match="no run"):
        evaluate(EvaluateRequest(str(tmp_path / "gone"), tmp_path), NullProgress())


TABLE = """seed: 3
data:
  source: {csv: {file: table.csv, target: y}}
  prepare: [Standardize]
  split: {test: 0.25}
model:
  - Dense: 1
training:
  loss: mse
  optimizer: {Adam: {learning_rate: 0.1}}
  metrics: [mean_absolute_error]
  epochs: 3
"""


def write_table(path: Path, rows: list[list[float]], header: str = "a,b,y") -> Path:
    """Write a table of numbers."""
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.fixture(scope="module")
def rows() -> list[list[float]]:
    """Give sixty rows of two features and a target."""
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 2)).round(3)
    return [[*pair, round(2 * pair[0] - pair[1], 3)] for pair in features.tolist()]


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory, start, rows) -> TrainResult:
    """Train a regression on a table once."""
    folder = tmp_path_factory.mktemp("tabled")
    write_table(folder / "table.csv", rows)
    return start(folder, TABLE)


@pytest.fixture
def table(tabled: TrainResult) -> Path:
    """Give the run's own data file, and put it back afterwards."""
    path = tabled.folder.path.parent.parent / "table.csv"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def test_another_file_is_prepared_as_the_run_was(tabled: TrainResult, rows, tmp_path: Path) -> None:
    """The test part's rows in a file of their own have the test part's figures: nothing is fitted anew."""
    whole = ask(tabled.folder)
    chosen = [rows[int(str(row[0]))] for row in whole.rows]
    answer = ask(tabled.folder, data=write_table(tmp_path / "more.csv", chosen))
    assert answer.scores["data"] == whole.scores["test"]
    assert [row[1:] for row in answer.rows] == [row[1:] for row in whole.rows]
    assert (tabled.folder.path / "scores_last_data_more.json").is_file()


def test_rows_without_truth_are_predicted(tabled: TrainResult, rows, tmp_path: Path) -> None:
    """`predict` needs no target column, and says what `eval` says of the same rows."""
    whole = ask(tabled.folder)
    file = write_table(tmp_path / "new.csv", [rows[int(str(row[0]))][:2] for row in whole.rows], "a,b")
    answer = predict(EvaluateRequest(str(tabled.folder.path)), file)
    assert answer.columns == ("row", "prediction")
    np.testing.assert_allclose([row[1] for row in answer.rows], [row[2] for row in whole.rows], rtol=1e-6)
    assert [row[0] for row in answer.rows] == list(range(len(whole.rows)))


def test_data_that_changed_since_are_noticed(tabled: TrainResult, table: Path, noting) -> None:
    """A data file that is not the run's any more is named, and the figures are given all the same."""
    progress = noting()
    table.write_text(table.read_text().replace("\n", "\n9.5,1.5,17.5\n", 1))
    answer = ask(tabled.folder, progress)
    assert answer.scores["test"]["rows"] == 16
    (warning,) = progress.warned
    assert "changed since" in warning
    assert "table.csv" in warning


def test_data_that_are_gone_are_named(tabled: TrainResult, table: Path) -> None:
    """A data file that was removed is a message with its name."""
    table.unlink()
    with pytest.raises(DataError, match=r"table\.csv"):
        ask(tabled.folder)


def test_a_part_that_the_run_has_not_is_refused(tabled: TrainResult) -> None:
    """The parts there are stand in the hint."""
    with pytest.raises(RunError, match="no validation part") as caught:
        ask(tabled.folder, part="validation")
    assert caught.value.hint == "--part test or --part train"


def test_a_missing_preparation_is_named(tabled: TrainResult, rows, tmp_path: Path) -> None:
    """Other data cannot be prepared without `prepare.json`; the run's own data need it not."""
    shutil.copytree(tabled.folder.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.prepare.unlink()
    assert ask(run).scores["test"] == ask(tabled.folder).scores["test"]
    with pytest.raises(RunError, match=r"prepare\.json: cannot read this run's preparation"):
        ask(run, data=write_table(tmp_path / "more.csv", rows))


def test_a_checkpoint_of_another_model_is_refused(tabled: TrainResult, finished: TrainResult) -> None:
    """Another run's checkpoint is not taken for this one's, be it ever so readable."""
    with pytest.raises(RunError, match="of another model"):
        ask(tabled.folder, checkpoint=str(finished.folder.last))


def test_a_file_that_does_not_suit_the_run_is_refused(tabled: TrainResult, tmp_path: Path) -> None:
    """A file without the run's columns, or none at all, is a message that names it."""
    for file in (write_table(tmp_path / "other.csv", [[1.0, 2.0]], "a,c"), tmp_path / "none.csv"):
        with pytest.raises(NnrunError, match=file.name):
            ask(tabled.folder, data=file)

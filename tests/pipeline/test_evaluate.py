"""Tests of the evaluation of saved runs: on their own data, on other files, and of runs that are damaged."""

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
    """Return a copy of the finished run, to be damaged."""
    shutil.copytree(finished.folder.path, tmp_path / finished.folder.path.name)
    return RunFolder(tmp_path / finished.folder.path.name)


def run_evaluate(folder: RunFolder, progress: Any = None, **more: Any) -> EvaluateResult:
    """Evaluate a run by its path."""
    return evaluate(EvaluateRequest(str(folder.path), **more), progress or NullProgress())


@pytest.mark.parametrize("part", ["test", "validation", "train"])
def test_every_part_has_its_scores_of_training(
    copy: RunFolder, finished: TrainResult, recording_progress, part: str
) -> None:
    """Each part's scores are those of `scores.json` to the last digit, also if the run folder was moved."""
    progress = recording_progress()
    result = run_evaluate(copy, progress, part=part)
    assert result.scores == {"task": "classification", "checkpoint": "last", part: finished.scores[part]}
    assert (copy.path / f"scores_last_{part}.json").read_text() == dumps(result.scores) + "\n"
    assert progress.warnings == []


def test_the_rows_are_those_of_predictions_csv(copy: RunFolder) -> None:
    """The rows that `--show` prints are those that training saved."""
    result = run_evaluate(copy)
    with copy.predictions.open(newline="") as file:
        saved = list(csv.reader(file))
    assert saved[0] == list(result.columns)
    assert saved[1:] == [[str(field) for field in row] for row in result.rows]


def test_runs_are_found_by_name_and_id(copy: RunFolder) -> None:
    """`last`, the name, the whole id and the short id find the same run."""
    for word in ("last", "tiny", copy.id, copy.short_id):
        result = evaluate(EvaluateRequest(word, copy.path.parent), NullProgress())
        assert result.folder.id == copy.id
    document = result.as_json()
    assert (document["run"], document["status"], document["scores"]) == (copy.id, "done", result.scores)


def test_other_checkpoints_can_be_evaluated(copy: RunFolder) -> None:
    """`best` and a path select other models of the run; the scores name the checkpoint and have their own file."""
    best = run_evaluate(copy, checkpoint="best")
    assert best.scores["checkpoint"] == "best"
    by_path = run_evaluate(copy, checkpoint=str(copy.best))
    assert by_path.scores["test"] == best.scores["test"]
    assert (copy.path / "scores_best_test.json").is_file()


def test_a_read_only_run_can_be_evaluated(copy: RunFolder, finished: TrainResult, recording_progress) -> None:
    """If the scores cannot be saved there is a warning, not an error."""
    # A folder in the place of a file stops every user, also the superuser of a container.
    copy.log.unlink()
    for path in (copy.log, copy.path / "scores_last_test.json"):
        path.mkdir()
    progress = recording_progress()
    result = run_evaluate(copy, progress)
    assert result.scores["test"] == finished.scores["test"]
    assert len(progress.warnings) == 1
    assert "not saved" in progress.warnings[0]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[RunFolder], Any], str]] = {
    "record cut short": (lambda run: _cut(run.record), "record"),
    "record of something else": (lambda run: run.record.write_text("[]"), "expected a mapping"),
    "record without facts": (lambda run: run.record.write_text('{"status": "failed"}'), "has no model"),
    "config unreadable": (lambda run: run.resolved.write_text("model: ["), "cannot be read"),
    "config missing": (lambda run: run.resolved.unlink(), "cannot be read"),
    "model cut short": (lambda run: _cut(run.model_json), r"Cannot read .*model\.json"),
    "model missing": (lambda run: run.model_json.unlink(), r"Cannot read .*model\.json"),
    "checkpoint cut short": (lambda run: _cut(run.last), "cut short or of another kind"),
    "checkpoint missing": (lambda run: run.last.unlink(), "no such checkpoint"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_an_error_that_names_the_file(copy: RunFolder, damage: str) -> None:
    """Each missing or damaged file is one message that names the run, with a hint."""
    apply_damage, expected = DAMAGES[damage]
    apply_damage(copy)
    with pytest.raises(RunError, match=expected) as caught:
        run_evaluate(copy)
    assert caught.value.hint
    assert copy.path.name in caught.value.text


def test_a_missing_run_is_an_error(tmp_path: Path) -> None:
    """A run folder that does not exist is an error."""
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
    """Return sixty rows of two features and a target."""
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 2)).round(3)
    return [[*pair, round(2 * pair[0] - pair[1], 3)] for pair in features.tolist()]


@pytest.fixture(scope="module")
def table_run(tmp_path_factory: pytest.TempPathFactory, start, rows) -> TrainResult:
    """Train a regression on a table once."""
    folder = tmp_path_factory.mktemp("table_run")
    write_table(folder / "table.csv", rows)
    return start(folder, TABLE)


@pytest.fixture
def table_file(table_run: TrainResult) -> Path:
    """Return the run's own data file, and restore it after the test."""
    path = table_run.folder.path.parent.parent / "table.csv"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def test_another_file_is_prepared_as_the_run_was(table_run: TrainResult, rows, tmp_path: Path) -> None:
    """The rows of the test part in another file have the scores of the test part: nothing is fitted again."""
    whole = run_evaluate(table_run.folder)
    test_rows = [rows[int(str(row[0]))] for row in whole.rows]
    result = run_evaluate(table_run.folder, data=write_table(tmp_path / "more.csv", test_rows))
    assert result.scores["data"] == whole.scores["test"]
    at = result.columns.index("truth")
    assert [row[at:] for row in result.rows] == [row[at:] for row in whole.rows]
    assert (table_run.folder.path / "scores_last_data_more.json").is_file()


def test_rows_without_targets_are_predicted(table_run: TrainResult, rows, tmp_path: Path) -> None:
    """`predict` needs no target column, and predicts the same as `eval` for the same rows."""
    whole = run_evaluate(table_run.folder)
    file = write_table(tmp_path / "new.csv", [rows[int(str(row[0]))][:2] for row in whole.rows], "a,b")
    result = predict(EvaluateRequest(str(table_run.folder.path)), file)
    assert result.columns == ("row", "line", "prediction")
    np.testing.assert_allclose([row[2] for row in result.rows], [row[3] for row in whole.rows], rtol=1e-6)
    assert [row[0] for row in result.rows] == list(range(len(whole.rows)))


def test_changed_data_are_a_warning(table_run: TrainResult, table_file: Path, recording_progress) -> None:
    """A data file that changed since the run is named in a warning, and the new rows are scored."""
    progress = recording_progress()
    table_file.write_text(table_file.read_text().replace("\n", "\n9.5,1.5,17.5\n", 1))
    result = run_evaluate(table_run.folder, progress)
    assert result.scores["test"]["rows"] == 16
    (warning,) = progress.warnings
    assert "changed since" in warning
    assert "table.csv" in warning


def test_missing_data_are_an_error(table_run: TrainResult, table_file: Path) -> None:
    """A data file that was removed is an error with its name."""
    table_file.unlink()
    with pytest.raises(DataError, match=r"table\.csv"):
        run_evaluate(table_run.folder)


def test_a_missing_part_is_an_error(table_run: TrainResult) -> None:
    """The hint lists the parts that exist."""
    with pytest.raises(RunError, match="no validation part") as caught:
        run_evaluate(table_run.folder, part="validation")
    assert caught.value.hint == "--part test or --part train"


def test_a_missing_preparation_is_an_error_for_other_data(table_run: TrainResult, rows, tmp_path: Path) -> None:
    """Other data cannot be prepared without `prepare.json`; the run's own data do not need it."""
    shutil.copytree(table_run.folder.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.prepare.unlink()
    assert run_evaluate(run).scores["test"] == run_evaluate(table_run.folder).scores["test"]
    with pytest.raises(RunError, match=r"Cannot read .*prepare\.json"):
        run_evaluate(run, data=write_table(tmp_path / "more.csv", rows))


def test_a_checkpoint_of_another_model_is_an_error(table_run: TrainResult, finished: TrainResult) -> None:
    """A checkpoint of another run's model is an error, although it can be read."""
    with pytest.raises(RunError, match="of another model"):
        run_evaluate(table_run.folder, checkpoint=str(finished.folder.last))


def test_an_incompatible_file_is_an_error(table_run: TrainResult, tmp_path: Path) -> None:
    """A file without the run's columns, and one that does not exist, is an error that names it."""
    for file in (write_table(tmp_path / "other.csv", [[1.0, 2.0]], "a,c"), tmp_path / "none.csv"):
        with pytest.raises(NnrunError, match=file.name):
            run_evaluate(table_run.folder, data=file)

"""Tests of cross-validations: run in one process or in several, resumed, evaluated again and compared."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record
from nnrun.runs.compare import compare
from nnrun.runs.folder import RunFolder

CONFIG = """name: tiny
seed: 7
data:
  source: iris
  prepare: [Standardize]
  split: {k_fold: {folds: 3, shuffle: true, stratify: true}}
model:
  - Dense: {units: 6, activation: relu}
  - Dropout: 0.2
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: 3
  batch_size: 16
"""


@pytest.fixture(scope="module")
def cross_validated(tmp_path_factory: pytest.TempPathFactory, start: Any) -> TrainResult:
    """Cross-validate once, for all tests that only read the run."""
    return start(tmp_path_factory.mktemp("cross_validated"), CONFIG)


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory, start: Any) -> TrainResult:
    """Cross-validate once with a final fit."""
    return start(tmp_path_factory.mktemp("final"), CONFIG.replace("folds: 3", "folds: 2, final_fit: true"))


def request(finished: TrainResult, **more: Any) -> EvaluateRequest:
    """Return a request to evaluate a finished run."""
    return EvaluateRequest(str(finished.folder.path), finished.folder.path.parent, **more)


def predictions(folder: RunFolder) -> list[dict[str, str]]:
    """Read a folder's predictions."""
    with folder.predictions.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.keras
def test_each_fold_has_the_files_of_a_run(cross_validated: TrainResult) -> None:
    """A fold has metrics, scores, predictions, preparation, models and a record; the run has the summary of all."""
    folder, scores = cross_validated.folder, cross_validated.scores["cross_validation"]
    for number in range(3):
        fold = folder.fold(number)
        for path in (fold.scores, fold.predictions, fold.prepare, fold.best, fold.last, fold.model_json):
            assert path.is_file(), path
        fields = record.read(fold)
        assert (fields["status"], fields["fold"], fields["seed"], fields["rows"]["test"]) == ("done", number, 7, 50)
        assert [line["epoch"] for line in metrics.read(fold.metrics)] == [1, 2, 3]
        own = json.loads(fold.scores.read_text(encoding="utf-8"))["test"]
        assert scores["each"][number]["accuracy"] == own["accuracy"]
    lines = metrics.read(folder.metrics)
    assert [(line["fold"], line["epoch"]) for line in lines] == [
        (fold, epoch) for fold in range(3) for epoch in (1, 2, 3)
    ]
    errors = [fold["error_percent"] for fold in scores["each"]]
    assert scores["mean"]["error_percent"] == pytest.approx(fmean(errors))
    assert scores["sd"]["error_percent"] == pytest.approx(pstdev(errors))
    low, high = scores["interval_95"]["error_percent"]
    assert low < scores["mean"]["error_percent"] < high
    assert record.read(folder)["folds_done"] == [0, 1, 2]


@pytest.mark.keras
def test_every_row_is_predicted_once_by_the_model_of_its_fold(cross_validated: TrainResult) -> None:
    """`predictions.csv` has every row of the source once, with the fold whose test part it is in."""
    lines = predictions(cross_validated.folder)
    assert sorted(int(line["row"]) for line in lines) == list(range(150))
    errors = {str(fold): 0 for fold in range(3)}
    for line in lines:
        errors[line["fold"]] += line["truth"] != line["prediction"]
    each = cross_validated.scores["cross_validation"]["each"]
    assert [errors[str(fold["fold"])] for fold in each] == [fold["errors"] for fold in each]


@pytest.mark.keras
def test_a_separate_run_of_a_fold_has_the_same_figures(
    cross_validated: TrainResult, tmp_path: Path, start: Any
) -> None:
    """The model of a later fold, reset instead of compiled again, has the figures of a run on the same rows."""
    ours = {line["row"]: line for line in predictions(cross_validated.folder) if line["fold"] == "2"}
    rows, held = _iris(), {int(row) for row in ours}
    text = CONFIG.replace("source: iris", "source: {csv: {file: iris.csv, target: kind}}")
    tmp_path.joinpath("iris.csv").write_text(
        "a,b,c,d,kind\n"
        + "".join(f"{','.join(map(str, x))},{y}\n" for row, (x, y) in enumerate(rows) if row not in held)
        + "".join(f"{','.join(map(str, rows[row][0]))},{rows[row][1]}\n" for row in sorted(held)),
        encoding="utf-8",
    )
    text = text.replace("{k_fold: {folds: 3, shuffle: true, stratify: true}}", "{test: 0.33333, shuffle: false}")
    alone = start(tmp_path, text)
    fold = cross_validated.scores["cross_validation"]["each"][2]
    assert alone.scores["test"]["rows"] == fold["rows"]
    assert alone.scores["test"]["loss"] == pytest.approx(fold["loss"], rel=1e-5)


def _iris() -> list[tuple[list[float], int]]:
    from sklearn.datasets import load_iris

    found = load_iris()
    return [(list(map(float, x)), int(y)) for x, y in zip(found.data, found.target, strict=True)]


@pytest.mark.keras
def test_finished_folds_are_not_trained_again(
    cross_validated: TrainResult, tmp_path: Path, start: Any, recording_progress: Any
) -> None:
    """A run that was interrupted after its first fold and resumed has the figures of an uninterrupted one."""

    class Interrupting(recording_progress):
        def say(self, text: str) -> None:
            super().say(text)
            if text.startswith("fold 1/"):
                raise KeyboardInterrupt

    def fold_lines(folder: RunFolder) -> list[tuple[int, int]]:
        return [(row["fold"], row["epoch"]) for row in metrics.read(folder.metrics)]

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, CONFIG, Interrupting())
    (path,) = (tmp_path / "runs").iterdir()
    folder = RunFolder(path)
    assert record.read(folder)["status"] == "interrupted"
    before = folder.fold(0).last.stat().st_mtime_ns
    # A kill in the next fold leaves lines of it, and one may come before the last lines of a fold that is done.
    lines = folder.metrics.read_text().splitlines(keepends=True)
    folder.metrics.write_text("".join(lines[:-1]) + '{"epoch": 1, "fold": 1, "loss": 9.0}\n{"epoch": 2, "fo')
    progress = recording_progress()
    again = ResumeRequest("last", TrainRequest("", (), tmp_path / "runs", tmp_path))
    done = resume(again, progress)
    assert folder.fold(0).last.stat().st_mtime_ns == before
    assert any("1 of 3 folds is done already" in text for text in progress.messages)
    assert done.scores["cross_validation"]["each"] == cross_validated.scores["cross_validation"]["each"]
    assert record.read(folder)["status"] == "done"
    assert fold_lines(folder) == fold_lines(cross_validated.folder)
    nothing = recording_progress()
    assert resume(again, nothing).scores == done.scores
    assert any("nothing is left to do" in text for text in nothing.messages)


@pytest.mark.keras
def test_a_fold_can_be_evaluated(cross_validated: TrainResult) -> None:
    """`eval --fold` gives the scores of that fold."""
    again = evaluate(request(cross_validated, fold=1), NullProgress())
    assert again.scores["test"]["loss"] == cross_validated.scores["cross_validation"]["each"][1]["loss"]


@pytest.mark.keras
@pytest.mark.parametrize(("fold", "text"), [(None, "without a final model; its folds are 0 to 2"), (3, "no fold 3")])
def test_a_missing_model_is_an_error_that_lists_the_folds(
    cross_validated: TrainResult, fold: int | None, text: str
) -> None:
    """Without a final fit, or for a fold that does not exist, the message lists the folds."""
    with pytest.raises(RunError, match=text):
        evaluate(request(cross_validated, fold=fold), NullProgress())


@pytest.mark.keras
def test_a_single_run_has_no_folds(finished: TrainResult) -> None:
    """`--fold` is an error for a run that is no cross-validation."""
    with pytest.raises(RunError, match="no cross-validation"):
        evaluate(request(finished, fold=0), NullProgress())


@pytest.mark.keras
def test_the_final_fit_uses_all_rows(final: TrainResult, tmp_path: Path) -> None:
    """The final fit has its own preparation, fitted on every row, and `predict` uses its model."""
    assert final.scores["train"]["rows"] == 150
    assert final.folder.last.is_file()
    assert [line["fold"] for line in metrics.read(final.folder.metrics)] == [0] * 3 + [1] * 3 + [None] * 3
    fitted = [json.loads(place.prepare.read_text()) for place in (final.folder, final.folder.fold(0))]
    assert fitted[0] != fitted[1]
    new = tmp_path / "new.csv"
    new.write_text("\n".join(",".join(map(str, x)) for x, _ in _iris()[:4]) + "\n", encoding="utf-8")
    assert len(predict(request(final), new).rows) == 4


@pytest.mark.keras
def test_two_cross_validations_are_compared_by_fold(cross_validated: TrainResult, tmp_path: Path, start: Any) -> None:
    """The folds are paired; the interval contains the mean difference; other folds cannot be compared."""
    other = start(tmp_path, CONFIG.replace("units: 6", "units: 12"))
    found = compare(cross_validated.folder, other.folder)
    assert found.metric == "error_percent"
    assert [line["fold"] for line in found.each] == [0, 1, 2]
    assert found.difference == pytest.approx(fmean(line["difference"] for line in found.each))
    assert found.interval_95[0] <= found.difference <= found.interval_95[1]
    assert 0 <= found.p <= 1
    reseeded = start(tmp_path / "else", CONFIG.replace("seed: 7", "seed: 8"))
    with pytest.raises(RunError, match="not tested on the same rows"):
        compare(cross_validated.folder, reseeded.folder)


@pytest.mark.keras
def test_each_repeat_has_its_own_seed(tmp_path: Path, start: Any) -> None:
    """Two repeats of two folds are four folds of two seeds, each row tested twice."""
    done = start(tmp_path, CONFIG.replace("folds: 3", "folds: 2, repeats: 2"))
    cross_validated = done.scores["cross_validation"]
    assert (cross_validated["folds"], cross_validated["repeats"], len(cross_validated["each"])) == (2, 2, 4)
    seeds = [record.read(done.folder.fold(number))["seed"] for number in range(4)]
    assert seeds[0] == seeds[1] == 7
    assert seeds[2] == seeds[3] != 7
    rows = [int(line["row"]) for line in predictions(done.folder)]
    assert sorted(rows) == sorted([*range(150), *range(150)])


@pytest.mark.keras
@pytest.mark.shared
def test_boston_has_the_folds_of_scikit_learn(tmp_path: Path) -> None:
    """Boston's folds have the sizes of scikit-learn's KFold, in file order, and every row is predicted."""
    import os

    from sklearn.model_selection import KFold

    data = Path(os.environ.get("NNRUN_DATA_DIR", ""))
    if not (data / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    done = train(TrainRequest("boston_baseline", ("training.epochs=2",), tmp_path, data), NullProgress())
    each = done.scores["cross_validation"]["each"]
    assert [fold["rows"] for fold in each] == [len(test) for _, test in KFold(10).split(range(506))]
    assert [int(line["row"]) for line in predictions(done.folder)] == list(range(506))

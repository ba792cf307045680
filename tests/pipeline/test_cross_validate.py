"""A cross-validation is one run: folds side by side or one after the other, resumed, asked again, compared."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate, predict
from nnrun.pipeline.resume import resume_folds
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
def crossed(tmp_path_factory: pytest.TempPathFactory, start: Any) -> TrainResult:
    """Cross-validate once, for all tests that only look at what is left."""
    return start(tmp_path_factory.mktemp("crossed"), CONFIG)


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory, start: Any) -> TrainResult:
    """Cross-validate once with a final fit."""
    return start(tmp_path_factory.mktemp("final"), CONFIG.replace("folds: 3", "folds: 2, final_fit: true"))


def question(finished: TrainResult, **more: Any) -> EvaluateRequest:
    """Ask a finished run."""
    return EvaluateRequest(str(finished.folder.path), finished.folder.path.parent, **more)


def predictions(folder: RunFolder) -> list[dict[str, str]]:
    """Read a folder's predictions."""
    with folder.predictions.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.keras
def test_each_fold_is_kept_like_a_run(crossed: TrainResult) -> None:
    """A fold has its figures, scores, predictions, preparation, model and record; the run has them together."""
    folder, scores = crossed.folder, crossed.scores["cross_validation"]
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
    told = [(line["fold"], line["epoch"]) for line in lines]
    assert told == [(fold, epoch) for fold in range(3) for epoch in (1, 2, 3)]
    errors = [fold["error_percent"] for fold in scores["each"]]
    assert scores["mean"]["error_percent"] == pytest.approx(fmean(errors))
    assert scores["sd"]["error_percent"] == pytest.approx(pstdev(errors))
    low, high = scores["interval_95"]["error_percent"]
    assert low < scores["mean"]["error_percent"] < high
    assert record.read(folder)["folds_done"] == [0, 1, 2]


@pytest.mark.keras
def test_every_row_is_predicted_once_by_a_model_that_had_not_seen_it(crossed: TrainResult) -> None:
    """`predictions.csv` has every row of the source once, beside the fold that tested it."""
    lines = predictions(crossed.folder)
    assert sorted(int(line["row"]) for line in lines) == list(range(150))
    errors = {str(fold): 0 for fold in range(3)}
    for line in lines:
        errors[line["fold"]] += line["truth"] != line["prediction"]
    each = crossed.scores["cross_validation"]["each"]
    assert [errors[str(fold["fold"])] for fold in each] == [fold["errors"] for fold in each]


@pytest.mark.keras
def test_a_fold_alone_has_the_same_figures(crossed: TrainResult, tmp_path: Path, start: Any) -> None:
    """The model of a later fold began where a model of its own would: same program, fresh weights, same figures."""
    ours = {line["row"]: line for line in predictions(crossed.folder) if line["fold"] == "2"}
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
    fold = crossed.scores["cross_validation"]["each"][2]
    assert alone.scores["test"]["rows"] == fold["rows"]
    assert alone.scores["test"]["loss"] == pytest.approx(fold["loss"], rel=1e-5)


def _iris() -> list[tuple[list[float], int]]:
    from sklearn.datasets import load_iris

    found = load_iris()
    return [(list(map(float, x)), int(y)) for x, y in zip(found.data, found.target, strict=True)]


@pytest.mark.keras
def test_processes_side_by_side_give_the_same_figures(crossed: TrainResult, tmp_path: Path) -> None:
    """`--jobs 2` gives the same folds, in the same order in the scores, whichever process ran them."""
    config = tmp_path / "tiny.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    spread = train(TrainRequest(str(config), (), tmp_path / "runs", tmp_path, (), jobs=2), NullProgress())
    ours, theirs = (one.scores["cross_validation"]["each"] for one in (crossed, spread))
    assert [fold["fold"] for fold in theirs] == [0, 1, 2]
    for one, other in zip(ours, theirs, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["errors"] == one["errors"]
    assert record.read(spread.folder)["jobs"] == 2


@pytest.mark.keras
def test_folds_that_are_done_are_not_done_again(crossed: TrainResult, tmp_path: Path, start: Any, noting: Any) -> None:
    """Interrupted in its second fold and resumed, a run keeps the first and ends with the figures of one in one go."""

    class Stopping(noting):
        def say(self, text: str) -> None:
            super().say(text)
            if text.startswith("fold 1/"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, CONFIG, Stopping())
    (path,) = (tmp_path / "runs").iterdir()
    folder = RunFolder(path)
    assert record.read(folder)["status"] == "interrupted"
    before = folder.fold(0).last.stat().st_mtime_ns
    heard = noting()
    done = resume_folds("last", TrainRequest("", (), tmp_path / "runs", tmp_path), heard)
    assert folder.fold(0).last.stat().st_mtime_ns == before
    assert any("1 of 3 folds are done already" in text for text in heard.said)
    assert done.scores["cross_validation"]["each"] == crossed.scores["cross_validation"]["each"]
    assert record.read(folder)["status"] == "done"
    with pytest.raises(RunError, match="is done"):
        resume_folds("last", TrainRequest("", (), tmp_path / "runs", tmp_path), NullProgress())


@pytest.mark.keras
def test_a_fold_can_be_asked_again(crossed: TrainResult) -> None:
    """`eval --fold` gives the figures that the fold ended with."""
    again = evaluate(question(crossed, fold=1), NullProgress())
    assert again.scores["test"]["loss"] == crossed.scores["cross_validation"]["each"][1]["loss"]


@pytest.mark.keras
@pytest.mark.parametrize(("fold", "text"), [(None, "without a final model; its folds are 0 to 2"), (3, "no fold 3")])
def test_which_folds_there_are(crossed: TrainResult, fold: int | None, text: str) -> None:
    """Where no model is meant, or one that is not there, the message says what there is."""
    with pytest.raises(RunError, match=text):
        evaluate(question(crossed, fold=fold), NullProgress())


@pytest.mark.keras
def test_a_single_run_has_no_folds(finished: TrainResult) -> None:
    """A fold asked of a run that has none is refused."""
    with pytest.raises(RunError, match="no cross-validation"):
        evaluate(question(finished, fold=0), NullProgress())


@pytest.mark.keras
def test_the_final_model_knows_all_rows(final: TrainResult, tmp_path: Path) -> None:
    """It is trained on every row with a preparation of its own, and is what `predict` asks."""
    assert final.scores["train"]["rows"] == 150
    assert final.folder.last.is_file()
    assert [line["fold"] for line in metrics.read(final.folder.metrics)] == [0] * 3 + [1] * 3 + [None] * 3
    fitted = [json.loads(place.prepare.read_text()) for place in (final.folder, final.folder.fold(0))]
    assert fitted[0] != fitted[1]
    new = tmp_path / "new.csv"
    new.write_text("\n".join(",".join(map(str, x)) for x, _ in _iris()[:4]) + "\n", encoding="utf-8")
    assert len(predict(question(final), new).rows) == 4


@pytest.mark.keras
def test_two_cross_validations_are_compared_fold_by_fold(crossed: TrainResult, tmp_path: Path, start: Any) -> None:
    """Each fold's figures stand side by side; the interval lies around the mean difference."""
    other = start(tmp_path, CONFIG.replace("units: 6", "units: 12"))
    found = compare(crossed.folder, other.folder)
    assert found.metric == "error_percent"
    assert [line["fold"] for line in found.each] == [0, 1, 2]
    assert found.difference == pytest.approx(fmean(line["difference"] for line in found.each))
    assert found.interval_95[0] <= found.difference <= found.interval_95[1]
    assert 0 <= found.p <= 1
    reseeded = start(tmp_path / "else", CONFIG.replace("seed: 7", "seed: 8"))
    with pytest.raises(RunError, match="not tested on the same rows"):
        compare(crossed.folder, reseeded.folder)


@pytest.mark.keras
def test_a_later_repeat_deals_out_and_begins_anew(tmp_path: Path, start: Any) -> None:
    """Two repeats of two folds are four folds of two seeds, each row tested twice."""
    done = start(tmp_path, CONFIG.replace("folds: 3", "folds: 2, repeats: 2"))
    crossed = done.scores["cross_validation"]
    assert (crossed["folds"], crossed["repeats"], len(crossed["each"])) == (2, 2, 4)
    seeds = [record.read(done.folder.fold(number))["seed"] for number in range(4)]
    assert seeds[0] == seeds[1] == 7
    assert seeds[2] == seeds[3] != 7
    rows = [int(line["row"]) for line in predictions(done.folder)]
    assert sorted(rows) == sorted([*range(150), *range(150)])


@pytest.mark.keras
def test_an_error_in_another_process_reaches_the_user(tmp_path: Path) -> None:
    """A fold that fails in a process of its own ends the run with its words."""
    config = tmp_path / "tiny.yaml"
    text = CONFIG.replace("Adam", "{SGD: {learning_rate: 1.0e+38}}").replace(", activation: softmax", "")
    text = text.replace("sparse_categorical_crossentropy", "{SparseCategoricalCrossentropy: {from_logits: true}}")
    config.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="diverged"):
        train(TrainRequest(str(config), (), tmp_path / "runs", tmp_path, jobs=2), NullProgress())


@pytest.mark.keras
@pytest.mark.shared
def test_boston_is_dealt_out_as_published(tmp_path: Path) -> None:
    """The founding experiment's folds have scikit-learn's sizes, in file order, and every row is predicted."""
    import os

    from sklearn.model_selection import KFold

    data = Path(os.environ.get("NNRUN_DATA_DIR", ""))
    if not (data / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    done = train(TrainRequest("boston_baseline", ("training.epochs=2",), tmp_path, data), NullProgress())
    each = done.scores["cross_validation"]["each"]
    assert [fold["rows"] for fold in each] == [len(test) for _, test in KFold(10).split(range(506))]
    assert [int(line["row"]) for line in predictions(done.folder)] == list(range(506))

"""Metrics with a figure for each class, column or threshold: named alike wherever a run shows them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.errors import RunError
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainResult
from nnrun.progress import NullProgress
from nnrun.report.page import write_report
from nnrun.runs import metrics
from nnrun.runs.compare import compare

pytestmark = pytest.mark.keras

CLASSES = """
seed: 3
data:
  source: {csv: {file: d.csv, features: [a, b], target: kind, stream: false}}
  split: {test: 0.25, validation: 0.25, stratify: true}
model: [{Dense: {units: $classes, activation: softmax}}]
training:
  loss: categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy, F1Score, {F1Score: {average: macro, name: macro}}]
  epochs: 2
  batch_size: 16
  best: {monitor: val_f1_score_lo}
  callbacks: [CSVLogger, {EarlyStopping: {monitor: val_f1_score_mid_value, patience: 5}}]
"""
F1 = ["f1_score_hi", "f1_score_lo", "f1_score_mid_value"]
SEVERAL = """
seed: 3
data:
  source: {csv: {file: d.csv, features: [a, b], target: [yes, kind, price, height]}}
  split: {test: 0.25, validation: 0.25}
model:
  inputs: {x: $row}
  layers:
    - Dense: {units: 3, activation: softmax, from: x, name: kind}
    - Dense: {units: 1, activation: sigmoid, from: x, name: yes}
    - Dense: {units: 1, from: x, name: price}
    - Dense: {units: 1, from: x, name: height}
  outputs:
    kind: {loss: categorical_crossentropy, metrics: [FBetaScore, AUC]}
    yes: {loss: binary_crossentropy, metrics: [AUC, {Precision: {thresholds: [0.25, 0.5]}}]}
    price: {loss: mse, metrics: [{R2Score: {class_aggregation: null}}]}
    height: {loss: mse}
training: {optimizer: Adam, epochs: 2, batch_size: 16, best: {monitor: val_yes_loss}}
"""
COLUMNS = """
seed: 3
data:
  source: {csv: {file: d.csv, features: [a, b], target: [price, height]}}
  split: {test: 0.25}
model: [{Dense: 2}]
training: {loss: mse, optimizer: Adam, batch_size: 16, metrics: [{R2Score: {class_aggregation: null}}]}
"""


def write_table(folder: Path) -> None:
    """Write a table with classes, among them one with a space in its name, and numbers."""
    rng, rows = np.random.default_rng(4), 60
    a, b = rng.normal(size=(2, rows)).round(3)
    kind = np.array(["hi", "lo", "mid value"])[np.arange(rows) % 3]
    yes = np.array(["f", "t"])[(a > 0).astype(int)]
    lines = [f"{x},{y},{k},{t},{2 * x:.3f},{3 - y:.3f}" for x, y, k, t in zip(a, b, kind, yes, strict=True)]
    (folder / "d.csv").write_text("\n".join(["a,b,kind,yes,price,height", *lines]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, start: Callable[..., TrainResult]) -> Callable[..., TrainResult]:
    """Return a function that trains a config over the table; the same config is trained once."""
    folder, done = tmp_path_factory.mktemp("figures"), dict[tuple[str, ...], TrainResult]()
    write_table(folder)

    def run(text: str, *sets: str) -> TrainResult:
        if (text, *sets) not in done:
            done[(text, *sets)] = start(folder, text, sets=sets)
        return done[(text, *sets)]

    return run


def lines_of(result: TrainResult) -> list[dict[str, Any]]:
    """Return the epochs of a run without what differs from run to run."""
    return [{key: row[key] for key in row if key != "seconds"} for row in metrics.read(result.folder.metrics)]


def test_each_class_has_its_figure_everywhere(trained) -> None:
    """The figures of F1Score by class are in the epochs, the scores, the callback's file and the evaluation."""
    result = trained(CLASSES)
    epoch, test = lines_of(result)[-1], result.scores["test"]
    assert [name for name in epoch if "f1" in name] == [*F1, *(f"val_{name}" for name in F1)]
    assert [name for name in test if name.startswith("f1")] == F1
    assert test["macro"] == pytest.approx(sum(test[name] for name in F1) / 3)
    with (result.folder.path / "epochs.csv").open(encoding="utf-8") as file:
        (first, *_) = csv.DictReader(file)
    assert {*F1, *(f"val_{name}" for name in F1)} <= first.keys()
    again = evaluate(EvaluateRequest(str(result.folder.path)), NullProgress())
    assert again.scores["test"] == test
    assert "f1 score mid value" in write_report(result.folder, None).page.read_text(encoding="utf-8")


def test_each_figure_is_that_of_scikit_learn(trained) -> None:
    """The figure of a class is its F1 score on the same predictions."""
    from sklearn.metrics import f1_score

    result = trained(CLASSES)
    with result.folder.predictions.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth, predicted = [row["truth"] for row in rows], [row["prediction"] for row in rows]
    theirs = f1_score(truth, predicted, average=None, labels=["hi", "lo", "mid value"], zero_division=0)
    assert [result.scores["test"][name] for name in F1] == pytest.approx(theirs.tolist(), abs=1e-6)


def test_executors_have_the_same_figures(trained) -> None:
    """A step at a time, or streamed from disk, the same training has the same figures under the same names."""
    lines = lines_of(trained(CLASSES))
    assert lines_of(trained(CLASSES, "training.execution={executor: stepwise}")) == lines
    assert lines_of(trained(CLASSES, "data.source.csv.stream=true")) == lines


def test_outputs_columns_and_thresholds_have_figures(trained) -> None:
    """Each output's figures begin with its name; columns and thresholds tell figures apart; Keras numbers objects."""
    result = trained(SEVERAL)
    names = set(lines_of(result)[0]) - {"epoch", "fold", "learning_rate"}
    expected = {
        "loss",
        *("kind_loss", "yes_loss", "price_loss", "height_loss"),
        *("kind_fbeta_score_hi", "kind_fbeta_score_lo", "kind_fbeta_score_mid_value", "kind_auc"),
        *("yes_auc_1", "yes_precision_0_25", "yes_precision_0_5", "price_r2_score"),
    }
    assert names == {*expected, *(f"val_{name}" for name in expected)}
    assert expected <= result.scores["test"].keys()
    scores = trained(COLUMNS).scores["test"]
    both = [scores["r2_score_price"], scores["r2_score_height"]]
    assert scores["r2"] == pytest.approx(sum(both) / 2, abs=1e-5)


def test_folds_have_means_of_each_figure(trained) -> None:
    """A cross-validation has the mean of each class's figure, and two can be compared by it."""
    folds = "data.split={k_fold: {folds: 3, stratify: true, shuffle: true}}"
    plain = ("training.best={monitor: f1_score_hi}", "training.callbacks=[]", "training.metrics=[F1Score]")
    first, second = trained(CLASSES, folds, *plain), trained(CLASSES, folds, *plain, "training.epochs=4")
    summary = first.scores["cross_validation"]
    assert set(F1) <= summary["mean"].keys()
    compared = compare(first.folder, second.folder, "f1_score_lo")
    assert compared.metric == "f1_score_lo"


def test_a_monitored_class_decides_the_best_epoch(trained) -> None:
    """The best epoch is that of the largest figure of the class, and the run says nothing of a failed callback."""
    result = trained(CLASSES, "training.epochs=6", "training.callbacks=[]", "training.batch_size=4")
    best = max(row["val_f1_score_lo"] for row in lines_of(result))
    again = evaluate(EvaluateRequest(str(result.folder.path), checkpoint="best", part="validation"), NullProgress())
    assert again.scores["validation"]["f1_score_lo"] == pytest.approx(best, abs=1e-6)


def test_the_learning_rate_can_be_monitored(trained) -> None:
    """With a mode, a callback may monitor the learning rate, which is passed to callbacks only then."""
    result = trained(COLUMNS, "training.best={monitor: learning_rate, mode: min}")
    assert result.folder.best.is_file()


USER_CODE = '''
import keras


class Stopper(keras.callbacks.EarlyStopping):
    """Stop when an output's loss does not fall."""

    def __init__(self):
        super().__init__(monitor="val_yes_loss", patience=3)


class Failing(keras.callbacks.Callback):
    """Fail when an epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        raise ValueError("no more epochs")
'''


def test_callbacks_of_the_users_own_have_the_better_side_too(trained, tmp_path: Path) -> None:
    """A class that descends from a callback of Keras gets the mode that nothing else says; one that fails is named."""
    from nnrun.pipeline.train import TrainRequest, train

    write_table(tmp_path)
    code, config = tmp_path / "mine.py", tmp_path / "c.yaml"
    code.write_text(USER_CODE, encoding="utf-8")
    config.write_text(SEVERAL.lstrip(), encoding="utf-8")

    def run(callback: str) -> TrainResult:
        sets = (f"training.callbacks=[{callback}]",)
        return train(TrainRequest(str(config), sets, tmp_path / "runs", tmp_path, (), (code,)), NullProgress())

    assert run("Stopper").status == "done"
    with pytest.raises(RunError, match="Failing failed: ValueError: no more epochs") as caught:
        run("Failing")
    assert caught.value.hint == "change or leave out Failing under training: callbacks:"


SCRIPT = """
import json, sys
from pathlib import Path
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record

folder = Path(sys.argv[1])
sets = ("backend=jax", "training.callbacks=[]", "training.metrics=[F1Score]", "training.best={monitor: f1_score_lo}")
folds = (*sets, "data.split={k_fold: {folds: 3, stratify: true, shuffle: true}}")
found = {}
for name, given in (("plain", sets), ("folds", folds)):
    result = train(TrainRequest(str(folder / "c.yaml"), given, folder / "runs", folder), NullProgress())
    part = result.scores.get("test") or result.scores["cross_validation"]["mean"]
    epochs = [sorted(row) for row in metrics.read(result.folder.metrics)]
    found[name] = [sorted(part), epochs[0], record.read(result.folder).get("folds_together")]
print(json.dumps(found))
"""


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'")
def test_jax_has_the_same_figures(tmp_path: Path, run_in_process: Callable[..., Any]) -> None:
    """On JAX, too, and where folds are trained in one program."""
    write_table(tmp_path)
    (tmp_path / "c.yaml").write_text(CLASSES.lstrip(), encoding="utf-8")
    found = run_in_process(SCRIPT, tmp_path)
    for scores, epoch, _ in found.values():
        assert set(F1) <= set(scores)
        assert set(F1) <= set(epoch)
    assert found["folds"][2] == [3]

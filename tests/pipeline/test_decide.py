"""Thresholds and temperatures of a run: chosen on its validation part, kept with it, and used by `predict`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from nnrun.engine.scoring.decision import Goal
from nnrun.errors import RunError
from nnrun.pipeline.decide import calibrate, remove_decision, tune_threshold
from nnrun.pipeline.evaluate import EvaluateRequest, predict
from nnrun.pipeline.serve import open_served
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras
CONFIG = """
name: decided
seed: 3
data:
  source: {csv: {file: rows.csv, target: ill}}
  split: {test: 0.3, validation: 0.3}
model:
  - Dense: LAST
training: {loss: LOSS, optimizer: {Adam: {learning_rate: 0.05}}, epochs: 8, batch_size: 32}
"""
ONE = ("{units: 1, activation: sigmoid}", "binary_crossentropy")
FORMS = {
    "one column": ONE,
    "logits": ("{units: 1}", "{BinaryCrossentropy: {from_logits: true}}"),
    "two columns": ("{units: 2, activation: softmax}", "sparse_categorical_crossentropy"),
}


def trained(
    folder: Path, last: str, loss: str, target: str = "ill", split: str = "test: 0.3, validation: 0.3"
) -> RunFolder:
    """Train on rows of which a quarter is ill."""
    drawn = np.random.default_rng(0)
    x = drawn.normal(size=(400, 2))
    ill = drawn.random(400) < 1 / (1 + np.exp(-2 * x[:, 0] + 1.5))
    kind = np.where(x[:, 1] > 0.5, "c", np.where(x[:, 1] > -0.5, "b", "a"))
    values = {"ill": np.where(ill, "yes", "no"), "kind": kind, "size": x[:, 1] * 2}[target]
    rows = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(x, values, strict=True)]
    (folder / "rows.csv").write_text("\n".join([f"first,second,{target}", *rows]) + "\n")
    text = CONFIG.replace("LAST", last).replace("LOSS", loss).replace("target: ill", f"target: {target}")
    (folder / "decided.yaml").write_text(text.replace("test: 0.3, validation: 0.3", split))
    return train(TrainRequest(folder / "decided.yaml", runs_dir=folder / "runs"), NullProgress()).folder


@pytest.fixture(scope="module")
def one_column(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with one column of probabilities."""
    return trained(tmp_path_factory.mktemp("decided"), *ONE)


def request(run: RunFolder, **options: str) -> EvaluateRequest:
    """Return a request about a run."""
    return EvaluateRequest(str(run.path), run.path.parent, **options)  # type: ignore[arg-type]


def predictions(run: RunFolder, **options: str) -> tuple[list[str], np.ndarray]:
    """Return the predicted classes and the probabilities of `yes` for the rows of the run's file."""
    found = predict(request(run, **options), run.path.parents[1] / "rows.csv")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return [str(one["prediction"]) for one in rows], np.array([float(one.get("output_yes", 0)) for one in rows])


@pytest.mark.parametrize("form", FORMS)
def test_predict_decides_by_the_threshold_and_the_temperature(tmp_path: Path, form: str) -> None:
    """Whatever the last layer and the loss are: `yes` from the threshold of the calibrated probability on."""
    run = trained(tmp_path, *FORMS[form])
    before, raw = predictions(run)
    tuned = tune_threshold(request(run), Goal("cost", 1, 5), NullProgress()).decision
    after, same = predictions(run)
    chances = 1 / (1 + np.exp(-raw)) if form == "logits" else raw
    assert after == ["yes" if one else "no" for one in chances >= tuned["threshold"]]
    assert after.count("yes") > before.count("yes")
    np.testing.assert_array_equal(same, raw)
    found = calibrate(request(run), NullProgress()).decision
    decided, shown = predictions(run)
    logits = raw if form == "logits" else np.log(raw) - np.log1p(-raw)
    calibrated = 1 / (1 + np.exp(-logits / found["temperature"]))
    np.testing.assert_allclose(1 / (1 + np.exp(-shown)) if form == "logits" else shown, calibrated, atol=1e-5)
    clear = np.abs(calibrated - found["threshold"]) > 1e-5
    assert [one for one, is_clear in zip(decided, clear, strict=True) if is_clear] == [
        "yes" if one else "no" for one in calibrated[clear] >= found["threshold"]
    ]


def test_the_result_is_kept_and_removed(one_column: RunFolder) -> None:
    """`decision.json` has what was chosen and what it does on both parts; without it the model decides again."""
    plain = predictions(one_column)[0]
    result = tune_threshold(request(one_column), Goal("f1"), NullProgress())
    kept = json.loads(one_column.decision.read_text())
    assert kept == json.loads(json.dumps(result.decision))
    assert kept["rows"] == 84
    assert kept["positive"] == "yes"
    for part in ("validation", "test"):
        figures = kept["tuning"]["parts"][part]
        assert sum(figures["at_half"].values()) == sum(figures["at_threshold"].values()) == figures["rows"]
    validation = kept["tuning"]["parts"]["validation"]
    assert validation["f1_at_threshold"] >= validation["f1_at_half"]
    remove_decision(request(one_column))
    assert predictions(one_column)[0] == plain
    with pytest.raises(RunError, match="has no threshold or temperature"):
        remove_decision(request(one_column))


def test_a_served_run_decides_as_predict_does(one_column: RunFolder) -> None:
    """Its answers have the classes and the probabilities of `nnrun predict`."""
    tune_threshold(request(one_column), Goal("cost", 1, 5), NullProgress())
    calibrate(request(one_column), NullProgress())
    expected, chances = predictions(one_column)
    with (one_column.path.parents[1] / "rows.csv").open(newline="") as file:
        rows = [{"first": float(one["first"]), "second": float(one["second"])} for one in csv.DictReader(file)]
    with open_served(request(one_column)) as (known, model):
        found = model.predict(known.checked("rows", rows))
    assert [one["prediction"] for one in found] == expected
    assert [one["probabilities"]["yes"] for one in found] == pytest.approx(chances, abs=1e-5)
    one_column.decision.unlink()


def test_a_decision_counts_for_its_checkpoint(one_column: RunFolder) -> None:
    """A threshold of the best model changes nothing that the last one predicts."""
    plain = predictions(one_column)[0]
    tune_threshold(request(one_column, checkpoint="best"), Goal("cost", 1, 50), NullProgress())
    assert predictions(one_column)[0] == plain
    assert predictions(one_column, checkpoint="best")[0].count("yes") > plain.count("yes")
    one_column.decision.unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"checkpoint": "last", "temperature": 0, "threshold": null}', "expected more than 0"),
        ('{"checkpoint": "last", "temperature": "1", "threshold": null}', "expected a finite number"),
        ("{", "Cannot read"),
    ],
)
def test_a_damaged_decision_is_a_message(one_column: RunFolder, text: str, message: str) -> None:
    """It names the file; nothing is predicted by half of it."""
    one_column.decision.write_text(text)
    with pytest.raises(RunError, match=message):
        predictions(one_column)
    one_column.decision.unlink()


def test_three_classes_have_a_temperature_and_no_threshold(tmp_path: Path) -> None:
    """The most probable class stays; a threshold is refused."""
    run = trained(tmp_path, "{units: 3, activation: softmax}", "sparse_categorical_crossentropy", target="kind")
    before = predictions(run)[0]
    assert calibrate(request(run), NullProgress()).decision["threshold"] is None
    assert predictions(run)[0] == before
    with pytest.raises(RunError, match="has 3 classes"):
        tune_threshold(request(run), Goal("f1"), NullProgress())


def test_what_cannot_be_decided_is_refused(tmp_path: Path, one_column: RunFolder) -> None:
    """Without a validation part, for numbers, and for weights from elsewhere."""
    (tmp_path / "a").mkdir()
    run = trained(tmp_path / "a", *ONE, split="test: 0.3")
    with pytest.raises(RunError, match="no validation part"):
        calibrate(request(run), NullProgress())
    (tmp_path / "b").mkdir()
    numbers = trained(tmp_path / "b", "{units: 1}", "mean_squared_error", target="size")
    with pytest.raises(RunError, match="no probabilities"):
        tune_threshold(request(numbers), Goal("f1"), NullProgress())
    with pytest.raises(RunError, match="the last or the best model"):
        calibrate(request(one_column, checkpoint=str(one_column.last)), NullProgress())

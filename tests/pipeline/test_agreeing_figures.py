"""The figures of one document agree: metrics of logits with nnrun's scores, the loss of weighted rows, padding."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics

#: The learning rate is next to 0, so that the model of an epoch is the one that is scored.
CONFIG = """
name: weighted
seed: 3
BACKEND
data:
  source: {csv: {file: rows.csv, features: [a, b], target: y, sample_weight: w, stream: STREAM, memory: 0.0000001}}
  split: SPLIT
model:
  - Dense: {units: 1, kernel_initializer: ones}
training:
  loss: {BinaryCrossentropy: {from_logits: true}}
  optimizer: {SGD: {learning_rate: 1.0e-12}}
  metrics: [accuracy, AUC, Precision, Recall, bce, mse]
  epochs: 2
  batch_size: 7
  class_weight: {"0": 1, "1": 3}
  execution: {executor: EXECUTOR}
"""
HELD_OUT = "{validation: 0.25, test: train}"
FOLDS = "{k_fold: {folds: 3, final_fit: false}}"
#: What runs an epoch: the executor, whether data are streamed, the split.
WAYS = {
    "resident": ("resident", "false", HELD_OUT),
    "stepwise": ("stepwise", "false", HELD_OUT),
    "streamed": ("auto", "true", HELD_OUT),
}
SCRIPT = """
import json, sys
from pathlib import Path
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics

home, found = Path(sys.argv[1]), {}
for name in sys.argv[2:]:
    done = train(TrainRequest(str(home / f"{name}.yaml"), (), home / "runs", home), NullProgress())
    folds = sorted(done.folder.folds.iterdir())
    found[name] = [
        [json.loads((fold / "scores.json").read_text()), metrics.read(fold / "metrics.jsonl")] for fold in folds
    ]
print(json.dumps(found))
"""


def write(folder: Path, name: str, executor: str, stream: str, split: str, backend: str = "") -> None:
    """Write a config and its rows."""
    rng = np.random.default_rng(5)
    lines = ["a,b,w,y"]
    for a, b in rng.normal(size=(57, 2)):
        lines.append(f"{a:.3f},{b:.3f},{rng.uniform(0.1, 3):.2f},{int(a + rng.normal() > 0)}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    text = CONFIG.replace("EXECUTOR", executor).replace("STREAM", stream)
    (folder / f"{name}.yaml").write_text(text.replace("SPLIT", split).replace("BACKEND", backend))


def require_agreement(scores: dict[str, Any]) -> None:
    """Require that metrics of Keras are nnrun's own figures, and that the loss counts each row once."""
    parts = [scores[name] for name in ("train", "validation", "test") if scores.get(name)]
    assert parts
    for part in parts:
        assert part["accuracy"] + part["error_rate"] == pytest.approx(1, abs=1e-6)
        assert part["loss"] == pytest.approx(part["binary_crossentropy"], rel=1e-5)
        if "log_loss" not in part:
            continue
        second = part["per_class"]["1"]
        assert part["loss"] == pytest.approx(part["log_loss"], rel=1e-5)
        assert part["precision"] == pytest.approx(second["precision"] or 0, rel=1e-6)
        assert part["recall"] == pytest.approx(second["recall"], rel=1e-6)
        assert part["auc"] == pytest.approx(part["roc_auc"], abs=0.02)


@pytest.fixture(scope="module", params=WAYS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Train once in each way."""
    folder = tmp_path_factory.mktemp(request.param)
    write(folder, "w", *WAYS[request.param])
    done = train(TrainRequest(str(folder / "w.yaml"), (), folder / "runs", folder), NullProgress())
    assert json.loads(done.folder.record.read_text())["executor"].startswith(request.param)
    return done, folder


@pytest.mark.keras
def test_metrics_of_logits_are_those_of_probabilities(finished) -> None:
    """Scores of every part, and the metrics of an epoch, are those of probabilities; `eval` gives them again."""
    done, folder = finished
    require_agreement(done.scores)
    last = metrics.read(done.folder.metrics)[-1]
    for name in ("accuracy", "auc", "precision", "recall", "mean_squared_error", "binary_crossentropy", "loss"):
        assert last[f"val_{name}"] == pytest.approx(done.scores["validation"][name], rel=1e-5)
    assert last["accuracy"] == pytest.approx(done.scores["train"]["accuracy"], rel=1e-5)
    again = evaluate(EvaluateRequest(str(done.folder.path), folder / "runs"), NullProgress())
    assert again.scores["test"]["precision"] == done.scores["test"]["precision"]


@pytest.mark.keras
def test_weights_shape_the_training_loss_alone(finished) -> None:
    """The loss of an epoch is the weighted objective, as Keras has it; each row counts once in all other figures."""
    done, folder = finished
    rows = list(csv.DictReader((folder / "rows.csv").read_text().splitlines()))
    predictions = list(csv.DictReader((done.folder.path / "predictions.csv").read_text().splitlines()))
    truth, logits = (np.array([float(one[key]) for one in predictions]) for key in ("truth", "output_1"))
    weights = np.array([float(rows[int(one["row"])]["w"]) for one in predictions]) * np.where(truth == 1, 3, 1)
    losses = np.logaddexp(0, logits) - truth * logits
    last = metrics.read(done.folder.metrics)[-1]
    assert last["loss"] == pytest.approx(np.mean(weights * losses), rel=1e-5)
    assert done.scores["test"]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert last["loss"] > 1.2 * done.scores["train"]["loss"]


@pytest.mark.keras
def test_folds_agree_with_themselves(tmp_path: Path) -> None:
    """What holds for one training holds for the parts of every fold."""
    write(tmp_path, "folds", "auto", "false", FOLDS)
    done = train(TrainRequest(str(tmp_path / "folds.yaml"), (), tmp_path / "runs", tmp_path), NullProgress())
    for fold in sorted(done.folder.folds.iterdir()):
        require_agreement(json.loads((fold / "scores.json").read_text()))


@pytest.mark.keras
@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'")
def test_jax_agrees_too(tmp_path: Path, run_in_process: Callable[..., Any]) -> None:
    """On JAX the figures of folds in one program agree likewise."""
    write(tmp_path, "mapped", "auto", "false", FOLDS, "backend: jax")
    found = run_in_process(SCRIPT, tmp_path, "mapped")
    for scores, lines in found["mapped"]:
        require_agreement(scores)
        assert lines[-1]["loss"] > 1.2 * scores["train"]["loss"]


PADDED = """
seed: 1
data:
  source: {npz: {file: padded.npz}}
  split: {test: 0.25}
model:
  - Embedding: {input_dim: 9, output_dim: 8, mask_zero: true}
  - LSTM: {units: 6, return_sequences: true}
  - Dense: {units: 3}
training:
  loss: {CategoricalCrossentropy: {from_logits: true}}
  optimizer: {Adam: {learning_rate: 0.02}}
  metrics: [accuracy, Precision, {F1Score: {average: macro}}, categorical_crossentropy]
  epochs: 2
  batch_size: 16
"""


@pytest.mark.keras
def test_padding_counts_in_no_figure(tmp_path: Path) -> None:
    """Positions that a layer masks are left out of the scores, too, and of metrics of which Keras counts them."""
    rng = np.random.default_rng(0)
    x, lengths = rng.integers(1, 9, (120, 6)), rng.integers(2, 6, 120)
    x[np.arange(6) >= lengths[:, None]] = 0
    np.savez(tmp_path / "padded.npz", x=x.astype("int32"), y=(x % 3).astype("int64"))
    (tmp_path / "padded.yaml").write_text(PADDED)
    done = train(TrainRequest(str(tmp_path / "padded.yaml"), (), tmp_path / "runs", tmp_path), NullProgress())
    test, classes = done.scores["test"], done.scores["test"]["per_class"].values()
    assert sum(one["support"] for one in classes) < 30 * 5
    assert test["accuracy"] + test["error_rate"] == pytest.approx(1, abs=1e-6)
    assert test["f1_score"] == pytest.approx(np.mean([one["f1"] for one in classes]), abs=1e-5)
    assert test["categorical_crossentropy"] == pytest.approx(test["log_loss"], rel=1e-4)

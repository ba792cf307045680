"""`nnrun fork`: a child begins with the state of a run, and goes on with other settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.engine.state.state_file import read_state
from nnrun.errors import RunError
from nnrun.pipeline.fork import ForkRequest, fork
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest, TrainResult
from nnrun.progress import NullProgress
from nnrun.runs.find import run_as_json
from nnrun.runs.folder import RunFolder
from nnrun.runs.lineage import describe_run

pytestmark = pytest.mark.keras

CONFIG = """name: parent
seed: 7
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, {Reshape: [64]}]
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Dense: {units: 8, activation: relu}
  - Dropout: 0.2
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01}}
  metrics: [accuracy]
  epochs: 4
  batch_size: 128
  callbacks: [CSVLogger, {ReduceLROnPlateau: {patience: 1}}]
  save_every: {epochs: 1, keep: 20}
"""
#: An early stop after the second epoch, whose loss cannot be better by so much.
STOPPED = CONFIG.replace("{ReduceLROnPlateau: {patience: 1}}", "{EarlyStopping: {min_delta: 100, patience: 1}}")


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory, start: Callable[..., TrainResult]) -> RunFolder:
    """Train the run that all tests fork."""
    return start(tmp_path_factory.mktemp("fork"), CONFIG).folder


@pytest.fixture
def child(tmp_path: Path, recording_progress: Any) -> Callable[..., tuple[RunFolder, list[str]]]:
    """Return a function that forks a run and returns the child's folder and the messages."""

    def run(parent: RunFolder, *sets: str, at: int | None = None) -> tuple[RunFolder, list[str]]:
        progress = recording_progress()
        options = TrainRequest("", sets, tmp_path / "runs", argv=("nnrun", "fork"))
        return fork(ForkRequest(str(parent.path), options, at), progress).folder, progress.messages

    return run


def lines(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the metrics of a run without the durations."""
    rows = (json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines())
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def arrays(folder: RunFolder, *groups: str) -> dict[str, bytes]:
    """Return the variables of the last state of a run, by group and number."""
    found = read_state(folder.state / "last.safetensors").arrays
    named = {"/".join(name.split("/")[:2]): array.tobytes() for name, array in found.items() if "callback" not in name}
    return {name: array for name, array in named.items() if not groups or name.split("/")[0] in groups}


@pytest.mark.parametrize("at", [1, 2, 3, 4, None])
def test_a_fork_without_a_change_has_the_bits_of_its_parent(parent: RunFolder, child: Any, at: int | None) -> None:
    """Weights, optimizer, metrics, logs and scores of the child are the parent's, from whichever epoch it begins."""
    folder, _ = child(parent, at=at)
    assert arrays(folder) == arrays(parent)
    assert lines(folder) == lines(parent)
    for name in ("scores.json", "predictions.csv", "epochs.csv", "config.yaml"):
        assert (folder.path / name).read_bytes() == (parent.path / name).read_bytes()
    assert folder.best.is_file()
    lineage = run_as_json(folder)["lineage"]
    assert (lineage["run"], lineage["folder"]) == (parent.id, str(parent.path))
    assert (lineage["epoch"], lineage["step"], lineage["changed"]) == (at or 4, 0, {})
    kept = "last" if at in (4, None) else f"epoch-{at:04d}"
    assert lineage["sha256"] == read_state(parent.state / f"{kept}.safetensors").sha256
    assert describe_run(folder) == f"{parent.id} after epoch {at or 4}"


def test_a_learning_rate_of_the_config_is_used_from_the_state_on(parent: RunFolder, child: Any) -> None:
    """The epochs before are the parent's, later ones have the new rate, and the moments of the optimizer are kept."""
    folder, messages = child(parent, "training.optimizer.Adam.learning_rate=0.001", "training.epochs=6", at=2)
    assert lines(folder)[:2] == lines(parent)[:2]
    assert [row["learning_rate"] for row in lines(folder)] == [0.01, 0.01, *[pytest.approx(0.001)] * 4]
    iterations = read_state(folder.state / "last.safetensors").arrays["optimizer/0/adam/iteration"]
    before = read_state(parent.state / "last.safetensors").arrays["optimizer/0/adam/iteration"]
    assert iterations == before / 4 * 6
    assert "training.epochs: 6 (was 4)" in messages
    assert set(run_as_json(folder)["lineage"]["changed"]) == {
        "training.optimizer.Adam.learning_rate",
        "training.epochs",
    }
    assert str(describe_run(folder)).endswith("training.epochs 6 (was 4)")


@pytest.mark.parametrize(
    "change", ["training.optimizer=SGD", "training.optimizer.Adam.amsgrad=true", "training.optimizer.Adam.use_ema=true"]
)
def test_another_optimizer_begins_with_a_fresh_state(parent: RunFolder, child: Any, change: str) -> None:
    """Its steps are counted from 0, the weights go on, and the screen says so."""
    folder, messages = child(parent, change, "training.epochs=3", at=2)
    state = read_state(folder.state / "last.safetensors")
    steps = next(array for name, array in state.arrays.items() if name.endswith("/iteration"))
    assert steps == -(-json.loads(folder.record.read_text())["facts"]["rows"]["train"] // 128)
    assert any("optimizer begins with a fresh state" in text for text in messages)
    assert lines(folder)[2]["loss"] < lines(parent)[0]["loss"]


def test_a_child_is_not_stopped_by_the_patience_of_its_parent(tmp_path: Path, start: Any, child: Any) -> None:
    """A run that stopped early goes on with another patience, for as many epochs as that allows."""
    parent = start(tmp_path / "stopped", STOPPED).folder
    assert len(lines(parent)) == 2
    same, _ = child(parent, "training.epochs=6")
    assert lines(same) == lines(parent)
    folder, _ = child(parent, "training.callbacks.1.EarlyStopping.patience=3", "training.epochs=9")
    assert len(lines(folder)) == 4


def test_other_rows_let_every_best_figure_begin_afresh(parent: RunFolder, child: Any) -> None:
    """Batches and data may change between epochs; the best loss of other rows is none, and no old model is the best."""
    folder, messages = child(parent, "data.split.validation=0.1", "training.batch_size=64", "training.epochs=5")
    assert len(lines(folder)) == 5
    assert run_as_json(folder)["lineage"]["afresh"] == ["best model", "ReduceLROnPlateau"]
    assert "The best model begins afresh: its figure is another one than the parent's." in messages
    best = read_state(folder.state / "last.safetensors").document["callbacks"][0]["state"]["dict"][0]
    assert best == ["best", lines(folder)[4]["val_loss"]]


def test_random_layers_callbacks_and_metrics_may_be_added(parent: RunFolder, child: Any) -> None:
    """What has no weights leaves the variables as they are: the weights of the state are used."""
    sets = (
        "training.metrics=[accuracy, sparse_top_k_categorical_accuracy]",
        "training.callbacks=[CSVLogger, TerminateOnNaN, {EarlyStopping: {patience: 9}}]",
        "training.augment=[{GaussianNoise: {stddev: 0.1}}]",
        "model.1.Dropout.rate=0.4",
    )
    folder, _ = child(parent, *sets, "training.epochs=4", at=3)
    assert lines(folder)[:3] == lines(parent)[:3]
    assert "sparse_top_k_categorical_accuracy" in lines(folder)[3]
    assert lines(folder)[3]["loss"] < lines(parent)[1]["loss"]


def test_another_model_is_refused_with_what_to_write(parent: RunFolder, child: Any, tmp_path: Path) -> None:
    """A layer of another size is named, the hint is `init_from`, and no folder is made."""
    with pytest.raises(RunError, match="another model: dense has 1,040 weights") as refused:
        child(parent, "model.0.Dense.units=16")
    assert refused.value.hint == f"begin a run with the weights that fit: init_from: {{run: {parent.short_id}}}"
    assert not (tmp_path / "runs").exists()


def test_an_epoch_without_a_state_is_refused_with_those_that_have_one(
    parent: RunFolder, child: Any, tmp_path: Path
) -> None:
    """The message names the epochs, and the hint is the line that keeps states."""
    with pytest.raises(RunError, match="keeps no state after epoch 9: those after epochs 1, 2, 3, 4 are there") as one:
        child(parent, at=9)
    assert "training.save_every: {epochs: 1, keep: 20}" in str(one.value.hint)
    with pytest.raises(RunError, match=r"after epoch 4, and training.epochs is 2"):
        child(parent, "training.epochs=2")
    bare = RunFolder(shutil.copytree(parent.path, tmp_path / "bare"))
    shutil.rmtree(bare.state)
    with pytest.raises(RunError, match="has no saved state"):
        child(bare)
    assert not (tmp_path / "runs").exists()


def test_within_an_epoch_only_what_leaves_its_rows_may_change(tmp_path: Path, start: Any, child: Any) -> None:
    """A state between two steps goes on with another learning rate, and refuses another batch size."""
    parent = start(tmp_path / "steps", CONFIG.replace("{epochs: 1, keep: 20}", "{steps: 7, keep: 20}")).folder
    shutil.copy(parent.state / "epoch-0001-step-000005.safetensors", parent.state / "last.safetensors")
    same, _ = child(parent)
    assert lines(same) == lines(parent)
    assert run_as_json(same)["lineage"]["step"] == 5
    faster, _ = child(parent, "training.optimizer.Adam.learning_rate=0.1")
    assert lines(faster)[0] == lines(parent)[0]
    assert lines(faster)[1]["loss"] != lines(parent)[1]["loss"]
    with pytest.raises(RunError, match=r"within epoch 2, after step 5: training.batch_size can change only between"):
        child(parent, "training.batch_size=64")


def test_a_child_that_was_stopped_early_resumes_with_what_it_changes(
    parent: RunFolder, child: Any, tmp_path: Path
) -> None:
    """Killed before it has saved a state of its own, it has its parent's, and goes on as it would have."""
    whole, _ = child(parent, "training.optimizer.Adam.learning_rate=0.001", at=2)
    copy = RunFolder(shutil.copytree(whole.path, tmp_path / "copy"))
    shutil.rmtree(copy.state)
    copy.state.mkdir()
    shutil.copy(parent.state / "epoch-0002.safetensors", copy.state / "last.safetensors")
    fields = json.loads(copy.record.read_text()) | {"status": "interrupted"}
    copy.record.write_text(json.dumps(fields))
    resume(ResumeRequest(str(copy.path), TrainRequest("", runs_dir=tmp_path)), NullProgress())
    assert arrays(copy) == arrays(whole)
    assert lines(copy) == lines(whole)


def test_the_best_model_is_that_of_the_epochs_before_the_state(parent: RunFolder, child: Any) -> None:
    """A best model of a later epoch is not copied: the child's own is of its own epochs."""
    folder, _ = child(parent, "training.optimizer.Adam.learning_rate=1e-30", "training.epochs=3", at=2)
    rows = lines(folder)
    best = read_state(folder.state / "last.safetensors").document["callbacks"][0]["state"]["dict"][0]
    assert best == ["best", min(row["val_loss"] for row in rows)]
    assert folder.best.is_file()
    assert np.isclose(rows[2]["val_loss"], rows[1]["val_loss"], rtol=1e-4)


def test_a_cross_validation_is_refused(parent: RunFolder, child: Any) -> None:
    """Every fold has a state of its own, so that a fork has none to begin with."""
    with pytest.raises(RunError, match="is a cross-validation"):
        child(parent, "data.split={k_fold: {folds: 2}}", "training.callbacks=[CSVLogger]")

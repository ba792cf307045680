"""Tests of folds in several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from waiting import wait_for

from nnrun.errors import RunError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import record

pytestmark = pytest.mark.keras

CONFIG = """name: tiny
seed: 7
data:
  source: iris
  prepare: [Standardize]
  split: {k_fold: {folds: 3, shuffle: true, stratify: true}}
model:
  - Dense: {units: 6, activation: relu}
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: 3
  batch_size: 16
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write the config to a file."""
    file = tmp_path / "tiny.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def test_several_processes_give_the_same_figures(config: Path, tmp_path: Path) -> None:
    """`--jobs 2` gives the same folds in the same order, whichever process ran them."""
    runs = [
        train(TrainRequest(str(config), (), tmp_path / "runs", tmp_path, (), jobs=jobs), NullProgress())
        for jobs in (1, 2)
    ]
    single, parallel = (run.scores["cross_validation"]["each"] for run in runs)
    assert [fold["fold"] for fold in parallel] == [0, 1, 2]
    for one, other in zip(single, parallel, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["errors"] == one["errors"]
    assert record.read(runs[1].folder)["jobs"] == 2


def test_an_error_in_another_process_is_raised(config: Path, tmp_path: Path) -> None:
    """A fold that fails in another process ends the run with its error."""
    text = CONFIG.replace("Adam", "{SGD: {learning_rate: 1.0e+38}}").replace(", activation: softmax", "")
    text = text.replace("sparse_categorical_crossentropy", "{SparseCategoricalCrossentropy: {from_logits: true}}")
    config.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="diverged"):
        train(TrainRequest(str(config), (), tmp_path / "runs", tmp_path, jobs=2), NullProgress())


def test_a_killed_run_leaves_no_process(config: Path, tmp_path: Path) -> None:
    """The processes that train folds end if the process that started them is killed."""
    command = [sys.executable, "-m", "nnrun", "train", config.name, "--jobs", "2", "--set", "training.epochs=100000"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as run:
        wait_for(lambda: list(tmp_path.glob("runs/*/metrics.jsonl")) or run.poll() is not None)
        children = psutil.Process(run.pid).children(recursive=True)
        run.kill()
    assert len(children) >= 2
    assert psutil.wait_procs(children, timeout=240)[1] == []

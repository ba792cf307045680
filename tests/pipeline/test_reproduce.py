"""`nnrun reproduce`: a run is trained again, and compared bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.pipeline.fork import ForkRequest, fork
from nnrun.pipeline.reproduce import ReproduceRequest, Reproduction, reproduce
from nnrun.pipeline.same_bits import first_difference
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras

FOLDS = """name: folds
seed: 3
data: {source: {csv: {file: rows.csv, target: kind}}, split: {k_fold: {folds: 3, final_fit: true}}}
model: [{Dense: {units: 4, activation: relu}}, {Dropout: 0.1}, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, metrics: [accuracy], epochs: 2, batch_size: 16}
"""
CODE = """import keras


@keras.saving.register_keras_serializable("own")
class Half(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2
"""


def write_rows(folder: Path, shift: float = 0.0) -> None:
    """Write a table of 60 rows of three kinds."""
    rows = [f"{number % 3 + number / 100 + shift},{number % 7},{'abc'[number % 3]}" for number in range(60)]
    (folder / "rows.csv").write_text("\n".join(["length,width,kind", *rows]) + "\n", encoding="utf-8")


def repeat(folder: RunFolder, runs_dir: Path, **settings: Any) -> Reproduction:
    """Reproduce a run into another folder of runs."""
    trust = settings.pop("trust_run", False)
    request = ReproduceRequest(str(folder.path), TrainRequest("", runs_dir=runs_dir, **settings), trust_run=trust)
    return reproduce(request, NullProgress())


def test_a_run_is_identical(finished: TrainResult, tmp_path: Path) -> None:
    """The same config, threads and data give the same bits, in a folder of its own which names the run."""
    found = repeat(finished.folder, tmp_path)
    assert (found.difference, found.circumstances, found.epochs) == (None, (), 2)
    assert found.repetition.path.parent == tmp_path
    fields = json.loads(found.repetition.record.read_text())
    assert fields["reproduces"] == finished.folder.id
    assert fields["threads"] == json.loads(finished.folder.record.read_text())["threads"]
    assert found.as_json()["identical"] is True
    assert found.as_json()["repetition"]["run"] == found.repetition.id


def test_the_first_epoch_that_differs_is_named(finished: TrainResult, tmp_path: Path) -> None:
    """A run that was made otherwise differs at its first other figure, and what differs around it is named."""
    other = RunFolder(shutil.copytree(finished.folder.path, tmp_path / "other"))
    lines = [json.loads(line) for line in other.metrics.read_text().splitlines()]
    lines[1]["accuracy"] += 1e-7
    other.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fields = json.loads(other.record.read_text())
    fields["versions"]["keras"], fields["cpu"], fields["threads"] = "3.0.0", "another processor", 3
    other.record.write_text(json.dumps(fields))
    found = repeat(other, tmp_path / "runs")
    assert found.difference is not None
    assert (found.difference.epoch, found.difference.figure) == (2, "accuracy")
    assert found.difference.describe("then", "now").startswith("epoch 2: accuracy is ")
    assert [one.split(":")[0] for one in found.circumstances] == ["keras", "cpu"]
    # The recorded number of threads is used, on whatever machine.
    assert json.loads(found.repetition.record.read_text())["threads"] == 3


def test_folds_are_trained_with_as_many_processes_as_before(tmp_path: Path) -> None:
    """A cross-validation with `--jobs` is identical in every fold; other rows are named as what differs around it."""
    write_rows(tmp_path)
    (tmp_path / "folds.yaml").write_text(FOLDS, encoding="utf-8")
    run = train(TrainRequest(str(tmp_path / "folds.yaml"), runs_dir=tmp_path / "runs", jobs=2), NullProgress())
    found = repeat(run.folder, tmp_path / "again")
    assert found.difference is None
    before, now = (json.loads(one.record.read_text()) for one in (run.folder, found.repetition))
    assert (now["jobs"], now["threads"]) == (before["jobs"], before["threads"])
    write_rows(tmp_path, shift=0.25)
    other = repeat(run.folder, tmp_path / "again")
    assert other.difference is not None
    assert (other.difference.what, other.difference.epoch) == ("metrics", 1)
    assert other.difference.fold == 0
    assert any("the epochs so far saw other data" in one for one in other.circumstances)


def test_a_fork_is_made_again_from_its_parent(finished: TrainResult, tmp_path: Path) -> None:
    """A child is reproduced from the same state of the same parent, and not without it."""
    parent = RunFolder(shutil.copytree(finished.folder.path, tmp_path / "runs" / "parent"))
    options = TrainRequest("", ("training.epochs=3",), tmp_path / "runs")
    child = fork(ForkRequest(str(parent.path), options), NullProgress()).folder
    found = repeat(child, tmp_path / "runs")
    assert found.difference is None
    assert found.epochs == 3
    shutil.rmtree(parent.path)
    with pytest.raises(RunError, match="was forked from parent, which is neither"):
        repeat(child, tmp_path / "runs")


def test_code_is_run_only_if_it_is_named_or_trusted(tmp_path: Path, start: Callable[..., TrainResult]) -> None:
    """A run with code of the user's needs `--code` or `--trust-run`, and is then identical."""
    write_rows(tmp_path)
    (tmp_path / "own.py").write_text(CODE, encoding="utf-8")
    text = FOLDS.replace("{k_fold: {folds: 3, final_fit: true}}", "{test: 0.2}").replace("{Dropout: 0.1}", "Half")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    request = TrainRequest(str(tmp_path / "own.yaml"), runs_dir=tmp_path / "runs", code=(tmp_path / "own.py",))
    run = train(request, NullProgress()).folder
    with pytest.raises(RunError, match="was trained with code of your own"):
        repeat(run, tmp_path / "runs")
    assert repeat(run, tmp_path / "runs", trust_run=True).difference is None
    assert repeat(run, tmp_path / "runs", code=(tmp_path / "own.py",)).difference is None


def test_a_run_that_is_not_done_is_refused(finished: TrainResult, tmp_path: Path) -> None:
    """There is nothing to compare with before a run is done: resume it."""
    other = RunFolder(shutil.copytree(finished.folder.path, tmp_path / "other"))
    other.record.write_text(json.dumps(json.loads(other.record.read_text()) | {"status": "interrupted"}))
    with pytest.raises(RunError, match="was interrupted") as refused:
        repeat(other, tmp_path)
    assert str(refused.value.hint).startswith("nnrun resume")


@pytest.mark.parametrize(
    ("name", "what"),
    [("scores.json", "scores"), ("predictions.csv", "predictions"), ("state/last.safetensors", "variables")],
)
def test_every_part_of_a_run_is_compared(finished: TrainResult, tmp_path: Path, name: str, what: str) -> None:
    """A score, a prediction or a variable that is another one is found, and named."""
    other = RunFolder(shutil.copytree(finished.folder.path, tmp_path / "other"))
    assert first_difference(finished.folder, other) is None
    if what == "variables":
        from nnrun.engine.state.state_file import read_state, write_state

        state = read_state(other.path / name)
        state.arrays["optimizer/0/adam/iteration"] = state.arrays["optimizer/0/adam/iteration"] + 1
        write_state(other.path / name, state.document, state.arrays)
    elif what == "scores":
        other.scores.write_text(json.dumps(json.loads(other.scores.read_text()) | {"task": "another"}))
    else:
        other.predictions.write_text(other.predictions.read_text() + "1,2,3\n")
    found = first_difference(finished.folder, other)
    assert found is not None
    assert found.what == what

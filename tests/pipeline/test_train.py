"""Tests of training runs: what a run folder contains, and what is left of a run that fails."""

from __future__ import annotations

import csv
import errno
import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.config.document import read
from nnrun.engine.model import checkpoint
from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.errors import BuildError, ConfigError, Problem, RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.train import TrainResult
from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder
from nnrun.spec.experiment import validate

pytestmark = pytest.mark.keras

#: The files of a plain run, and the one that its callback wrote.
FILES = {
    ".lock",
    "checkpoints/best.keras",
    "checkpoints/last.keras",
    "config.yaml",
    "epochs.csv",
    "log.txt",
    "metrics.jsonl",
    "state/last.safetensors",
    "mistakes.npz",
    "model.json",
    "model.svg",
    "predictions.csv",
    "prepare.json",
    "record.json",
    "resolved.yaml",
    "scores.json",
    "summary.txt",
}


#: For runs that end early: `CSVLogger` would leave its file open, as in Keras.
PLAIN = ("training.callbacks=[]",)


def loaded(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def figures(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the lines of a run's metrics without their seconds."""
    return [{key: line[key] for key in line if key != "seconds"} for line in metrics.read(folder.metrics)]


def only_run(folder: Path) -> RunFolder:
    """Give the one run of a test's folder."""
    (path,) = (folder / "runs").iterdir()
    return RunFolder(path)


def test_the_folder_holds_everything_and_nothing_else(finished: TrainResult) -> None:
    """Every file of a run folder that applies is there, none is half written."""
    path = finished.folder.path
    assert {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()} == FILES


def test_the_config_is_copied_byte_for_byte(finished: TrainResult, tiny: str) -> None:
    """The folder has the user's own text, with its comments."""
    assert finished.folder.config.read_bytes() == tiny.encode()


def test_the_record_describes_the_run(finished: TrainResult) -> None:
    """The record has status, command, versions, machine, seed, digests, times and memory."""
    record = loaded(finished.folder.record)
    assert (record["status"], record["error"], record["seed"], record["epochs"]) == ("done", None, 7, 2)
    assert record["argv"] == ["nnrun", "train", "tiny.yaml"]
    assert record["id"] == finished.folder.path.name
    assert all(record["versions"][name] for name in ("nnrun", "keras", "tensorflow", "numpy", "python"))
    assert {"commit", "diff"} <= set(record["git"])
    assert set(record["seconds"]) == {"load", "wake", "compile", "train", "score"}
    assert all(len(digest) == 64 for digest in record["digests"].values())
    assert {"train.x", "train.y", "validation.x", "test.x", "test.y"} <= set(record["digests"])
    assert datetime.fromisoformat(record["start"]) < datetime.fromisoformat(record["end"])
    assert record["threads"] >= 1
    assert record["wake"]["threads"] == record["threads"]
    assert record["executor"]
    assert record["executor_why"]
    assert record["peak_memory_bytes"] > 10**8


def test_metrics_have_a_line_for_each_epoch(finished: TrainResult) -> None:
    """Each line has loss and metrics of both parts, the learning rate and the seconds."""
    lines = metrics.read(finished.folder.metrics)
    assert [(line["epoch"], line["fold"]) for line in lines] == [(1, None), (2, None)]
    names = {"epoch", "fold", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
    assert all(set(line) == names for line in lines)
    assert lines[1]["loss"] < lines[0]["loss"]
    assert lines[0]["learning_rate"] == 0.001


def test_scores_have_every_part_with_its_interval(finished: TrainResult) -> None:
    """The test part is first; errors, rate, percentage and Wilson interval agree; the result equals the file."""
    scores = loaded(finished.folder.scores)
    assert scores == finished.scores
    assert list(scores) == ["task", "checkpoint", "test", "validation", "train"]
    assert (scores["task"], scores["checkpoint"]) == ("classification", "last")
    for part, rows in (("test", 360), ("validation", 288), ("train", 1149)):
        entry = scores[part]
        assert entry["rows"] == rows
        assert entry["error_rate"] == entry["errors"] / rows
        assert entry["error_percent"] == pytest.approx(100 * entry["error_rate"])
        assert entry["accuracy"] == pytest.approx(1 - entry["error_rate"], abs=1e-6)
        ends = [100 * end for end in wilson_interval(entry["errors"], rows)]
        assert entry["error_percent_interval_95"] == pytest.approx(ends, abs=1e-4)
    last = metrics.read(finished.folder.metrics)[-1]
    assert scores["validation"]["loss"] == last["val_loss"]


def test_predictions_are_those_of_the_test_part(finished: TrainResult) -> None:
    """There is one line for each test row, with as many mistakes as the scores count."""
    with finished.folder.predictions.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len({line["row"] for line in lines}) == len(lines) == 360
    mistakes = [line for line in lines if line["truth"] != line["prediction"]]
    assert len(mistakes) == finished.scores["test"]["errors"]
    outputs = np.array([[float(line[f"output_{digit}"]) for digit in range(10)] for line in lines])
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)


def test_the_preparation_is_saved(finished: TrainResult) -> None:
    """Every step with its fitted parameters is in `prepare.json`."""
    steps = [entry["step"] for entry in loaded(finished.folder.prepare) if "step" in entry]
    assert steps == ["Rescale", "StandardScaler", "Reshape"]


def test_the_model_is_saved_in_three_forms(finished: TrainResult) -> None:
    """`model.json` builds the model, `model.svg` is a drawing, `summary.txt` counts the parameters."""
    import keras

    model = keras.models.model_from_json(finished.folder.model_json.read_text())
    assert model.count_params() == 64 * 8 + 8 + 8 * 10 + 10
    root = ET.fromstring(finished.folder.model_svg.read_text())  # noqa: S314
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "610" in finished.folder.summary.read_text()


def test_both_checkpoints_load(finished: TrainResult) -> None:
    """`best.keras` and `last.keras` are complete models."""
    import keras

    for path in (finished.folder.best, finished.folder.last):
        assert checkpoint.load(keras, path).count_params() == 610


def test_the_log_has_what_the_screen_shows(finished: TrainResult) -> None:
    """The log has a line for each epoch, and each line has its time."""
    lines = finished.folder.log.read_text().splitlines()
    epochs = [line for line in lines if "epoch " in line]
    assert len(epochs) == 2
    assert all(datetime.fromisoformat(line.split()[0]) for line in epochs)


def test_the_resolved_config_is_the_same_experiment(finished: TrainResult, start, tmp_path: Path) -> None:
    """A run of `resolved.yaml` in another folder has the same metrics, scores, predictions and data."""
    again = start(tmp_path, finished.folder.resolved.read_text())
    assert validate(read(again.folder.resolved)) == validate(read(finished.folder.resolved))
    assert figures(again.folder) == figures(finished.folder)
    assert again.scores == finished.scores
    assert again.folder.predictions.read_bytes() == finished.folder.predictions.read_bytes()
    digests = [loaded(run.folder.record)["digests"] for run in (again, finished)]
    assert {name: digests[0][name] for name in digests[0] if name != "config"} == {
        name: digests[1][name] for name in digests[1] if name != "config"
    }


ANOTHER_PROCESS = """
import hashlib, json, sys
from pathlib import Path
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics
folder, other = map(Path, sys.argv[1:])
done = train(TrainRequest(str(other / "config.yaml"), (), folder / "runs", folder), NullProgress())
evaluation = evaluate(EvaluateRequest(str(other)), NullProgress())
import keras
model = keras.saving.load_model(done.folder.last)
weights = [[float(number).hex() for number in array.ravel()] for array in model.get_weights()]
print(json.dumps({"metrics": metrics.read(done.folder.metrics), "scores": evaluation.scores, "weights": weights}))
"""


def test_another_process_gives_the_same_bits(finished: TrainResult, run_in_process, tmp_path: Path) -> None:
    """Two runs of one config and seed have the same metrics and weights, and `eval` repeats the scores of the first."""
    import keras

    shutil.copytree(finished.folder.path, tmp_path / "copy")
    results = run_in_process(ANOTHER_PROCESS, tmp_path, tmp_path / "copy")
    ours = metrics.read(finished.folder.metrics)
    assert [{**line, "seconds": 0} for line in results["metrics"]] == [{**line, "seconds": 0} for line in ours]
    arrays = checkpoint.load(keras, finished.folder.last).get_weights()
    assert results["weights"] == [[float(number).hex() for number in array.ravel()] for array in arrays]
    assert results["scores"]["test"] == finished.scores["test"]


def test_another_seed_gives_other_figures(finished: TrainResult, start, tiny: str, tmp_path: Path) -> None:
    """A seed given by `--set` changes the figures; it is in the resolved config, not in the copied text."""
    other = start(tmp_path, tiny, sets=("seed=8", "training.epochs=1"))
    assert figures(other.folder)[0]["loss"] != figures(finished.folder)[0]["loss"]
    assert other.folder.config.read_text() == tiny
    assert validate(read(other.folder.resolved)).seed == 8


def test_a_config_with_errors_leaves_no_folder(start, tiny: str, tmp_path: Path) -> None:
    """Neither an invalid config nor one with an error among its findings creates a run folder."""
    for text in (tiny.replace("epochs: 2", "epochs: 0"), tiny.replace("CSVLogger", "EarlyStopping: {monitor: no}")):
        with pytest.raises(ConfigError):
            start(tmp_path, text.replace("[EarlyStopping: {monitor: no}]", "[{EarlyStopping: {monitor: no}}]"))
    assert not (tmp_path / "runs").exists()


DIVERGING = """seed: 1
data: {source: diabetes, split: {test: 0.2}}
model:
  - Dense: 1
training:
  loss: mse
  optimizer: {SGD: {learning_rate: 1.0e+30}}
  epochs: 3
"""


def test_warnings_are_shown_before_loading(
    start, tiny: str, recording_progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config is examined once; its warnings are the first messages, and are in log and record."""
    files: list[Path] = []
    monkeypatch.setattr("nnrun.pipeline.train.examine", lambda file, *more: files.append(file) or examine(file, *more))
    progress = recording_progress()
    done = start(tmp_path, tiny, progress, sets=("training.batch_size=5000",))
    assert len(files) == 1
    assert [before for before, _ in progress.problems] == [0] * len(done.warnings)
    assert [problem for _, problem in progress.problems] == list(done.warnings)
    (warning,) = done.warnings
    assert f"--set:1:21: warning: {warning.text}" in done.folder.log.read_text(encoding="utf-8")
    assert loaded(done.folder.record)["warnings"] == [warning.text]


def test_notes_are_no_warnings(start, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `check` notes is kept as a note: a report that shows it as a warning worries its reader for nothing."""
    found = [Problem(None, "look", severity="warning"), Problem(None, "by the way", severity="note")]
    monkeypatch.setattr(
        "nnrun.pipeline.train.examine", lambda file, *more: replace(examine(file, *more), problems=tuple(found))
    )
    record = loaded(start(tmp_path, tiny).folder.record)
    assert (record["warnings"], record["notes"]) == (["look"], ["by the way"])


def test_a_diverging_run_fails(start, tmp_path: Path) -> None:
    """A loss that is no finite number ends the run as failed, with the reason and the metrics so far."""
    with pytest.raises(RunError, match="diverged in epoch 1") as caught:
        start(tmp_path, DIVERGING)
    folder = only_run(tmp_path)
    record = loaded(folder.record)
    assert (record["status"], record["error"]) == ("failed", caught.value.text)
    assert record["end"] is not None
    (line,) = metrics.read(folder.metrics)
    assert not np.isfinite(float(line["loss"]))
    assert not folder.scores.exists()


def test_a_part_that_keras_refuses_is_in_the_record(start, tiny: str, tmp_path: Path) -> None:
    """A `BuildError` has the place of the part, and the record repeats its text."""
    text = tiny.replace("Dense: {units: 8", "Dense: {units: 1000000000000")
    with pytest.raises(BuildError) as caught:
        start(tmp_path, text)
    mark = caught.value.problems[0].mark
    assert mark is not None
    assert mark.text[mark.column - 1 :].startswith("Dense")
    record = loaded(only_run(tmp_path).record)
    assert record["status"] == "failed"
    assert "Dense" in record["error"]


def test_a_loss_for_other_outputs_is_a_config_error(start, tiny: str, tmp_path: Path) -> None:
    """Images without Flatten have outputs of a shape that the loss cannot compare: an error with its place."""
    text = tiny.replace(", {Reshape: [64]}", "").replace("sparse_categorical", "categorical")
    with pytest.raises(ConfigError) as caught:
        start(tmp_path, text)
    assert any(problem.mark is not None and problem.severity == "error" for problem in caught.value.problems)


def test_an_interrupted_run_keeps_its_model(start, tiny: str, recording_progress, tmp_path: Path) -> None:
    """Ctrl-C leaves the status `interrupted`, the metrics so far, and the current model as `last.keras`."""
    import keras

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, tiny, recording_progress(interrupt), sets=PLAIN)
    folder = only_run(tmp_path)
    record = loaded(folder.record)
    assert (record["status"], record["error"]) == ("interrupted", "stopped by the user")
    assert len(metrics.read(folder.metrics)) == 1
    assert checkpoint.load(keras, folder.last).count_params() == 610


def test_an_unexpected_error_is_logged(start, tiny: str, recording_progress, tmp_path: Path) -> None:
    """Any other exception is in the record by name, with its traceback in the log."""

    def fail(_: int) -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        start(tmp_path, tiny, recording_progress(fail), sets=PLAIN)
    folder = only_run(tmp_path)
    record = loaded(folder.record)
    assert (record["status"], record["error"]) == ("failed", "ZeroDivisionError: a bug")
    assert "Traceback (most recent call last)" in folder.log.read_text()


def fill_disk(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Simulate a full disk for files with this ending, when they are renamed to their final name."""
    replace = Path.replace

    def full(self: Path, target: Any) -> Path:
        if str(target).endswith(ending):
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)


def test_a_full_disk_is_in_the_record(start, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be written ends the run with a message and a reason, and leaves no partial file."""
    fill_disk(monkeypatch, ".keras")
    with pytest.raises(RunError, match="No space left on device"):
        start(tmp_path, tiny, sets=PLAIN)
    folder = only_run(tmp_path)
    record = loaded(folder.record)
    assert record["status"] == "failed"
    assert "best.keras" in record["error"]
    assert metrics.read(folder.metrics)[0]["epoch"] == 1
    assert list(folder.checkpoints.iterdir()) == []


def test_a_full_disk_is_reported_even_if_the_record_cannot_be_written(
    start, tiny: str, recording_progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a full disk is raised even if the record cannot be written either."""
    with pytest.raises(RunError, match=r"disk is full|No space left"):
        start(tmp_path, tiny, recording_progress(lambda _: fill_disk(monkeypatch, "")), sets=PLAIN)
    assert loaded(only_run(tmp_path).record)["status"] == "running"


def test_a_removed_run_folder_is_an_error(start, tiny: str, recording_progress, tmp_path: Path) -> None:
    """A run whose folder is removed after any epoch, also the last one, ends with an error."""
    for epoch in (1, 2):

        def remove(done: int, when: int = epoch) -> None:
            if done == when:
                shutil.rmtree(only_run(tmp_path / str(when)).path)

        with pytest.raises(RunError, match="was removed while it ran"):
            start(tmp_path / str(epoch), tiny, recording_progress(remove), sets=PLAIN)


def test_nothing_reaches_the_screen(start, tiny: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Training prints nothing, neither by Keras nor by TensorFlow: messages go to the progress."""
    start(tmp_path, tiny, sets=("training.epochs=1",))
    assert capfd.readouterr() == ("", "")

"""Tests of folds that are trained in one JAX program: they have the figures of folds trained one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_for

from nnrun.config.document import parse
from nnrun.data.dataset import DataPart, Dataset
from nnrun.pipeline.mapped_folds import MAX_BYTES, PreparedFold, count_in_memory, group_folds, reason_not_mapped
from nnrun.runs import metrics, record
from nnrun.runs.folder import RunFolder
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.facts import Facts

CONFIG = """name: tiny
seed: 7
backend: jax
data:
  source: {inline: {rows: ROWS}}
  prepare: [Standardize]
  split: {validation: 0.2, k_fold: {folds: 4, repeats: 2, shuffle: true, final_fit: true}}
model:
  - Dense: {units: 6, activation: tanh, kernel_regularizer: L2}
  - BatchNormalization
  - Dropout: 0.2
  - Dense: 1
training:
  loss: mean_squared_error
  optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.01, decay_steps: 5, decay_rate: 0.9}}}}
  metrics: [mean_absolute_error]
  epochs: 3
  batch_size: 5
"""

#: Starts JAX once and cross-validates: mapped, one fold after the other, resumed, and with a callback.
SCRIPT = """
import json, shutil, sys
from pathlib import Path
from nnrun.engine.executors import resident
from nnrun.pipeline import cross_validate, mapped_folds
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record

home, text = Path(sys.argv[1]), sys.argv[2]

class RecordingProgress(NullProgress):
    def __init__(self): self.messages = []
    def say(self, text): self.messages.append(text)

def run(name, text):
    (home / f"{name}.yaml").write_text(text)
    progress = RecordingProgress()
    request = TrainRequest(str(home / f"{name}.yaml"), (), home / "runs", home, ())
    return train(request, progress), progress.messages

def read(folder):
    folds = sorted(path.name for path in folder.folds.iterdir())
    lines = {name: metrics.read(folder.folds / name / "metrics.jsonl") for name in folds}
    for each in lines.values():
        for line in each: line.pop("seconds")
    scores = {name: json.loads((folder.folds / name / "scores.json").read_text()) for name in folds}
    return {"lines": lines, "scores": scores, "record": record.read(folder), "all": len(metrics.read(folder.metrics)),
            "models": [(folder.folds / name / "checkpoints" / f"{kind}.keras").is_file()
                       for name in folds for kind in ("best", "last")]}

results = {}
mapped, _ = run("mapped", text)
results["mapped"] = read(mapped.folder)
again, _ = run("again", text.replace("epochs: 3", "epochs: 3\\n  save_every: {steps: 1, keep: 100}"))
results["again"] = read(again.folder)

moves, on_event = [], cross_validate.FoldMonitor.on_event
def spy(self, kind, number, payload):
    if kind == "progress": moves.append(payload)
    on_event(self, kind, number, payload)
cross_validate.FoldMonitor.on_event = spy
resident.CALL_SECONDS = 0.0
chopped, _ = run("chopped", text)
resident.CALL_SECONDS = 0.5
results["chopped"], results["moves"] = read(chopped.folder), list(moves)

states = again.folder.fold(0).state
def resume_again(state, numbers):
    if state: shutil.copy(states / state, states / "last.safetensors")
    for path in (again.folder.record, *(again.folder.fold(number).record for number in numbers)):
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": "running"}))
    resume(ResumeRequest(str(again.folder.path), TrainRequest("", (), home / "runs", home, ())), NullProgress())
    return read(again.folder)
results["resumed"] = resume_again(None, [3])
results["resumed_within"] = resume_again("epoch-0001-step-000002.safetensors", range(8))

fewer, _ = run("fewer", text.replace("epochs: 3", "epochs: 2"))
extension = TrainRequest("", ("training.epochs=3",), home / "runs", home, ())
resume(ResumeRequest(str(fewer.folder.path), extension), NullProgress())
results["extended"] = read(fewer.folder)

stopping = text.replace("epochs: 3", "epochs: 3\\n  callbacks: [{EarlyStopping: {patience: 1}}]")
stopped, results["messages"] = run("stopped", stopping)
results["stopped"] = record.read(stopped.folder)

mapped_folds.reason_not_mapped = lambda experiment: "the test asks for it"
alone, _ = run("alone", text)
results["alone"] = read(alone.folder)
print(json.dumps(results))
"""


#: The command line, whose training waits for a request to stop as soon as the run has metrics.
WAITING = """
import sys, time
from nnrun import interruption
from nnrun.__main__ import main
from nnrun.runs import metrics

append = metrics.append
def append_and_wait(path, *rows):
    append(path, *rows)
    while path.parent.parent.name == "runs" and interruption.pending() is None:
        time.sleep(0.02)
metrics.append = append_and_wait
main()
"""


@pytest.fixture(scope="module")
def rows() -> str:
    """Return rows of three numbers and a target, as in a config."""
    return str([[(7 * row) % 11, (5 * row) % 13, (row * row) % 17, (3 * row) % 7] for row in range(42)])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, run_in_process: Callable[..., Any], rows: str) -> dict[str, Any]:
    """Cross-validate in a new process, which starts JAX."""
    return run_in_process(SCRIPT, tmp_path_factory.mktemp("mapped"), CONFIG.replace("ROWS", rows))


on_jax = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'"),
]


def _with(marks: list[pytest.MarkDecorator]) -> Callable[[Any], Any]:
    def mark(test: Any) -> Any:
        for one in marks:
            test = one(test)
        return test

    return mark


def _near(left: Any, right: Any, path: str = "") -> None:
    """Require equal structures whose numbers differ by rounding."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            _near(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, list):
        assert len(left) == len(right), path
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            _near(one, other, f"{path}.{index}")
    elif isinstance(left, float):
        assert left == pytest.approx(right, rel=1e-5, abs=1e-6), path
    else:
        assert left == right, path


@_with(on_jax)
def test_mapped_folds_have_the_results_of_single_ones(results) -> None:
    """The metrics and learning rate of every epoch, and every score of every fold, differ by rounding at most."""
    _near(results["mapped"]["lines"], results["alone"]["lines"])
    _near(results["mapped"]["scores"], results["alone"]["scores"])


@_with(on_jax)
def test_folds_of_all_repeats_train_together(results) -> None:
    """Eight folds of two seeds, with incomplete last batches of different sizes, are trained in one program."""
    record = results["mapped"]["record"]
    assert record["folds_together"] == [8]
    assert record["executor"] == "resident+jax+vmap"
    assert len({json_line["loss"] for lines in results["mapped"]["lines"].values() for json_line in lines}) == 24


@_with(on_jax)
def test_mapped_folds_have_the_same_files(results) -> None:
    """Each fold has its metrics and both models; the run has the metrics of all folds and of the final fit."""
    assert all(results["mapped"]["models"])
    assert len(results["mapped"]["models"]) == 16
    assert results["mapped"]["all"] == (8 + 1) * 3
    assert results["mapped"]["record"]["folds_done"] == list(range(8))


@_with(on_jax)
def test_the_same_seed_gives_the_same_bits(results) -> None:
    """A second run of the same config, which saves its state at every step, has the same metrics to the last bit."""
    assert results["again"]["lines"] == results["mapped"]["lines"]


@_with(on_jax)
def test_progress_is_reported_between_the_calls_of_an_epoch(results) -> None:
    """With a time limit of 0 each step is a separate call that is reported; metrics differ by rounding at most."""
    # The longest fold has 25 rows, so 5 steps of 5; in each of three epochs four of them are complete in all folds.
    assert results["moves"] == [pytest.approx(8 / 5)] * 4 * 3
    _near(results["chopped"]["lines"], results["mapped"]["lines"])
    _near(results["chopped"]["scores"], results["mapped"]["scores"])


@_with(on_jax)
def test_ctrl_c_keeps_the_metrics_and_models_of_all_folds(tmp_path: Path, rows: str) -> None:
    """Interrupted, every fold has its metrics and both models so far; resumed, folds go on with the epoch after."""
    (tmp_path / "tiny.yaml").write_text(CONFIG.replace("ROWS", rows))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    fewer = ("training.epochs=2000", "data.split.k_fold.repeats=1", "data.split.k_fold.final_fit=false")
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, "train", "tiny.yaml", *(word for one in fewer for word in ("--set", one))],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        wait_for(lambda: list(tmp_path.glob("runs/*/metrics.jsonl")) or run.poll() is not None)
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=240)[1]
    folder = next((tmp_path / "runs").iterdir())
    assert run.returncode == 130
    assert f"nnrun resume runs/{folder.name}" in err
    assert record.read(RunFolder(folder))["status"] == "interrupted"
    there = [{path.name for path in (folder / "folds" / f"0{number}" / "checkpoints").iterdir()} for number in range(4)]
    assert there == [{"best.keras", "last.keras"}] * 4
    lines = [metrics.read(folder / "folds" / f"0{number}" / "metrics.jsonl") for number in range(4)]
    assert {len(each) for each in lines} == {len(metrics.read(folder / "metrics.jsonl")) / 4}
    resumed = [sys.executable, "-m", "nnrun", "resume", "last"]
    done = subprocess.run(resumed, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert f"Resumed: fold 1, fold 2, fold 3, fold 4 after epoch {len(lines[0])}" in done.stderr
    assert record.read(RunFolder(folder))["folds_done"] == [0, 1, 2, 3]
    assert {len(metrics.read(folder / "folds" / f"0{number}" / "metrics.jsonl")) for number in range(4)} == {2000}


@_with(on_jax)
@pytest.mark.parametrize("run", ["resumed", "resumed_within", "extended"])
def test_a_group_goes_on_from_its_state(results, run: str) -> None:
    """Resumed while it was scored or within an epoch, or extended, a group of folds has the same bits as at once."""
    same = ("lines", "scores", "all", "models")
    assert [results[run][name] for name in same] == [results["mapped"][name] for name in same]
    records = [results[name]["record"] for name in (run, "mapped")]
    assert records[0]["status"] == "done"
    for key in ("folds_done", "folds_together", "executor"):
        assert records[0][key] == records[1][key]


@_with(on_jax)
def test_folds_with_a_callback_are_trained_one_after_the_other(results) -> None:
    """A callback that acts on a model prevents mapping; log and record state the reason."""
    why = "EarlyStopping acts on the model of each fold separately"
    assert f"Folds are trained one after the other: {why}." in results["messages"]
    assert (results["stopped"]["folds_together"], results["stopped"]["folds_together_why"]) == ([], why)
    assert results["stopped"]["executor"] == "resident+jax"


def _experiment(**replaced: str) -> Experiment:
    text = CONFIG.replace("ROWS", "[[1, 2]]")
    for old, new in replaced.items():
        text = text.replace(old.replace("_", " "), new)
    return validate(parse(text, "x.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("epochs: 3", "epochs: 3\n  callbacks: [CSVLogger]", "CSVLogger acts on the model of each fold separately"),
        ("  - BatchNormalization", "  - Conv1D: {filters: 2, kernel_size: 2}", "mapping makes Conv1D slower"),
        ("epochs: 3", "epochs: 3\n  augment: [{GaussianNoise: 0.1}]", "augment: changes the examples"),
    ],
)
def test_the_reason_not_to_map_is_stated(old: str, new: str, why: str) -> None:
    """Callbacks, layers that become slower, and augmentation prevent mapping."""
    assert reason_not_mapped(_experiment()) is None
    reason = reason_not_mapped(_experiment(**{old: new}))
    assert reason is not None
    assert reason.startswith(why)


def _prepared(number: int, rows: int, *, features: int = 3) -> PreparedFold:
    import numpy as np

    part = DataPart(np.zeros((rows, features), "float32"), np.zeros((rows, 1), "float32"), np.arange(rows))
    facts = Facts("regression", "number", (features,), rows={"train": rows})
    return PreparedFold(number, RunFolder(Path("nowhere")), Dataset(part, None, None, facts), {"seed": 7})


def test_folds_with_equal_complete_batches_are_grouped() -> None:
    """Folds whose parts differ by less than a batch are one group, others are grouped by their complete batches."""
    similar = [_prepared(0, 455), _prepared(1, 456)]
    assert [[fold.number for fold in group] for group in group_folds(similar, 5)] == [[0, 1]]
    different = [_prepared(0, 20), _prepared(1, 33), _prepared(2, 21)]
    assert [[fold.number for fold in group] for group in group_folds(different, 5)] == [[0, 2], [1]]


def test_grouped_folds_fit_into_memory() -> None:
    """As many folds are trained in one program as their data fit into the limit, at least one."""
    assert count_in_memory(_prepared(0, 100), 10) == 10
    rows = 1000
    assert count_in_memory(_prepared(0, rows, features=MAX_BYTES // rows // 4 // 3), 10) == 2

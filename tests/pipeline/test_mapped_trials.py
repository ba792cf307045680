"""Trials that one program trains: each has the run that it has elsewhere, whoever trains in the other lanes."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: pip install 'nnrun[jax]'"),
]

CONFIG = """name: mapped
seed: 7
backend: jax
data:
  source: {csv: {file: table.csv, target: ill}}
  prepare: [Standardize]
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Dense: {units: 4, activation: relu}
  - Dropout: 0.2
  - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: {Adam: {learning_rate: 0.01, weight_decay: 0.001}}
  metrics: [accuracy]
  callbacks: [{EarlyStopping: {patience: 2, monitor: loss}}, CSVLogger]
  epochs: 6
  batch_size: 16
  save_every: {epochs: 1}
sweep:
  parameters:
    training.optimizer.Adam.learning_rate: [0.5, 1.0e+38]
    model.1.Dropout: [0.1, 0.6]
  seeds: 2
"""

#: Starts JAX once. A sweep is trained whole; another one by a process that is killed, then in part as single runs, and
#: then by two claims of different groups; a third one without lanes.
SCRIPT = """
import json, os, shutil, sys
from pathlib import Path
from nnrun.pipeline import sweep_trials
from nnrun.pipeline.fork import ForkRequest, fork
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.sweep import SweepRequest, begin_sweep
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record
from nnrun.runs.folder import RunFolder
from nnrun.sweep.mapping import TrialGroups
from nnrun.engine.state.state_file import read_state

home, text = Path(sys.argv[1]), sys.argv[2]
rows = [(row * 7 % 11, row * 5 % 13, row * row % 17, int((row * 7 % 11 > 4) ^ (row % 9 == 0))) for row in range(83)]
lines = ["glucose,age,bmi,ill", *(",".join(map(str, row)) for row in rows)]
(home / "table.csv").write_text("\\n".join(lines) + "\\n")
(home / "c.yaml").write_text(text)

def begin(*sets):
    return begin_sweep(SweepRequest(str(home / "c.yaml"), sets, home / "runs"), NullProgress())

events = []
def train(folder):
    sweep_trials.SweepTask(folder).run(lambda *event: events.append(event))

def read(folder):
    found = []
    for trial in folder.open_ledger().trials():
        run = folder.run(trial.number)
        fields = record.read(run)
        of_epochs = metrics.read(run.metrics)
        for line in of_epochs: line.pop("seconds"), line.pop("fold")
        state = read_state(run.state / "last.safetensors") if (run.state / "last.safetensors").exists() else None
        found.append({
            "status": trial.status, "scores": trial.scores, "error": trial.error, "epochs": of_epochs,
            "state": None if state is None else {
                name: one.tobytes().hex() for name, one in state.arrays.items() if name.startswith(("model", "opt"))},
            "predictions": run.predictions.read_text() if run.predictions.exists() else None,
            "csv": sorted(one.read_text() for one in run.path.glob("*.csv") if one.name != "predictions.csv"),
            "models": sorted(one.name for one in run.path.glob("checkpoints/*")),
            "executor": fields["executor"], "mapped": fields.get("mapped"), "callbacks": fields.get("callbacks"),
            "log": [line[21:] for line in run.log.read_text().splitlines() if "stopped training" in line][-1:],
        })
    return found

results = {}
# Before JAX starts: its threads do not live on in a process that is forked.
killed = begin("sweep.mapped=4")
pid = os.fork()
if not pid:
    append, count = metrics.append, [0]
    def append_and_die(file, *lines):
        append(file, *lines)
        count[0] += len(lines)
        if count[0] == 10: os.kill(os.getpid(), 9)
    metrics.append = append_and_die
    train(killed)
os.waitpid(pid, 0)
results["killed"] = [one.status for one in killed.open_ledger().trials()]

whole = begin("sweep.mapped=4")
train(whole)
from nnrun.engine.executors.jax.programs import shared_programs
results["models"] = len(shared_programs._models)
results["whole"], results["events"] = read(whole), [one[:2] for one in events if one[0] in ("done", "failed")]

copy = shutil.copytree(killed.path, home / "copy")
single = next(copy.glob("trials/*_000001"))
resume(ResumeRequest(str(single), TrainRequest("", (), home / "runs", home)), NullProgress())
results["alone"] = [json.loads((single / "scores.json").read_text())["test"], (single / "predictions.csv").read_text()]
longer, more = TrainRequest("", ("training.epochs=8",), home / "runs", home), shutil.copytree(whole.path, home / "more")
extended = RunFolder(next(more.glob("trials/*_000002")))
resume(ResumeRequest(str(extended.path), longer), NullProgress())
forked = fork(ForkRequest(str(whole.run(2).path), longer), NullProgress()).folder
results["forked"], results["extended"] = (
    [record.read(run).get("mapped"), run.predictions.read_text(), (run.path / "scores.json").read_text()]
    for run in (forked, extended)
)
ledger = killed.open_ledger()
ledger.release_dead()
held = [ledger.claim(number) for number in (0, 2, 3)]
groups = TrialGroups(ledger, ledger.fields())
part = [*groups.claim(), *groups.claim()]
results["part"] = [(one.number, lane) for one, lane in part]
for one in (*held, *(trial for trial, _ in part)): ledger.release(one, "for the test", counts=False)
claim = TrialGroups.claim
def claim_two(groups):
    group = claim(groups)
    for one, _ in group[2:]: ledger.release(one, "for the test", counts=False)
    return group[:2]
TrialGroups.claim = claim_two
train(killed)
results["resumed"] = read(killed)
TrialGroups.claim = claim

other = begin()
train(other)
results["unmapped"] = read(other)
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, run_in_process: Callable[..., Any]) -> dict[str, Any]:
    """Sweep in a new process, which starts JAX."""
    return run_in_process(SCRIPT, tmp_path_factory.mktemp("trials"), CONFIG)


def test_each_trial_is_a_run_of_its_own(results) -> None:
    """With its figures, models, state and callbacks: one stops early, one diverges, and the others go on."""
    whole = results["whole"]
    assert [one["status"] for one in whole] == ["done"] * 4 + ["failed"] * 4
    assert [one["mapped"] for one in whole] == [{"lanes": 4, "lane": lane} for lane in (0, 1, 2, 3, 0, 1, 2, 3)]
    assert {one["executor"] for one in whole} == {"resident+jax+vmap"}
    lengths = [len(one["epochs"]) for one in whole]
    assert len(set(lengths[:4])) > 1, lengths
    assert all(one["models"] == ["best.keras", "last.keras"] for one in whole[:4])
    assert len({one["predictions"] for one in whole[:4]}) == 4
    assert "diverged" in whole[4]["error"]
    assert sorted(results["events"]) == sorted(
        [*(["done", one] for one in range(4)), *(["failed", one] for one in range(4, 8))]
    )


def test_trials_that_differ_in_rates_have_the_same_programs(results) -> None:
    """Learning rates, seeds and dropout rates are arguments."""
    assert results["models"] == 1


def test_a_trial_computes_what_it_computes_without_lanes(results) -> None:
    """Up to rounding, which depends on the number of lanes; so do its callbacks."""
    for one, other in zip(results["whole"][:4], results["unmapped"][:4], strict=True):
        assert (other["mapped"], other["executor"]) == (None, "resident+jax")
        assert [line["epoch"] for line in one["epochs"]] == [line["epoch"] for line in other["epochs"]]
        for line, same in zip(one["epochs"], other["epochs"], strict=True):
            assert line == pytest.approx(same, rel=1e-4, abs=1e-5)
        assert one["scores"]["test"]["loss"] == pytest.approx(other["scores"]["test"]["loss"], rel=1e-4)
        assert (one["callbacks"], one["log"] == []) == (other["callbacks"], other["log"] == [])
    assert [one["status"] for one in results["unmapped"]] == [one["status"] for one in results["whole"]]


def test_who_trains_in_the_other_lanes_changes_no_bit(results) -> None:
    """Killed, and gone on with in smaller groups, each trial ends with the same bits; so does a run resumed alone."""
    assert results["killed"] == ["running"] * 4 + ["waiting"] * 4
    assert results["part"] == [[4, 0], [5, 1], [6, 2], [7, 3], [1, 1]]
    for one, other in zip(results["resumed"], results["whole"], strict=True):
        assert json.dumps(one) == json.dumps(other)
    assert results["alone"][1] == results["whole"][1]["predictions"]
    assert results["alone"][0]["loss"] == results["whole"][1]["scores"]["test"]["loss"]


def test_a_fork_keeps_its_lane(results) -> None:
    """Trained for more epochs, it has the bits of the same run that is resumed for more epochs."""
    assert results["forked"][0] == {"lanes": 4, "lane": 2}
    assert results["forked"] == results["extended"]

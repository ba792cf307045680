"""Sweeps whose trials depend on earlier ones: the same suggestions and figures however often they are killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from held_training import HeldTrainings, write_code
from small_sweep import config_text, write_sweep
from waiting import wait_for

from nnrun import interruption
from nnrun.errors import ConfigError, MissingExtraError, RunError
from nnrun.interruption import StopRequestedError
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.sweep import SweepRequest, begin_sweep, run_sweep
from nnrun.pipeline.sweep_pruning import TrialPruner
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullProgress
from nnrun.runs import metrics, record
from nnrun.sweep.folder import SweepFolder, list_sweeps
from nnrun.sweep.ledger import Trial
from nnrun.sweep.optuna_study import describe_pruner
from nnrun.sweep.rounds import CompletedRounds

CONFIG = config_text(
    """sweep:
  parameters:
    training.optimizer: [Adam, SGD]
    training.optimizer.Adam.learning_rate: {low: 1e-5, high: 0.1, log: true}
    training.optimizer.SGD.learning_rate: {low: 1e-4, high: 1, log: true}
    model.0.Dense.units: {low: 2, high: 8}
  method: tpe
  trials: 8
  pruning: {median: {n_startup_trials: 2, n_warmup_steps: 1}}
""",
    name="rounds",
    epochs=12,
)


def write(folder: Path, text: str = CONFIG) -> Path:
    """Write a config and its table; return the config's path."""
    return write_sweep(folder, text, "rounds")


def request(config: Path, **more: Any) -> SweepRequest:
    """Return the arguments of `nnrun sweep` for a config, whose runs are beside it."""
    return SweepRequest(str(config), runs_dir=config.parent / "runs", **more)


def figures(folder: SweepFolder) -> list[tuple[Any, ...]]:
    """Return what was suggested and computed of each trial."""
    trials = folder.open_ledger().trials()
    return [(one.number, one.parameters, one.status, one.error, one.intermediate, one.scores) for one in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A sweep in rounds of two that nobody disturbed."""
    asked = request(write(tmp_path_factory.mktemp("whole")), jobs=2)
    folder = begin_sweep(asked, NullProgress())
    run_sweep(folder, asked, NullProgress())
    return folder


@pytest.mark.keras
def test_kills_change_no_suggestion_and_no_figure(whole: SweepFolder, tmp_path: Path) -> None:
    """All processes are killed; resumed with another number of processes, the rounds are as at the beginning."""
    config = write(tmp_path, CONFIG.replace("sweep:\n", "  callbacks: [Held]\nsweep:\n"))
    words = (str(config), "--jobs", "2", "--runs-dir", str(tmp_path / "runs"), "--code", str(write_code(tmp_path)))
    # The fourth one waits, and so the third one has ended in the end.
    held = HeldTrainings(tmp_path, after=3)
    with subprocess.Popen(
        [sys.executable, "-m", "nnrun", "sweep", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **held.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _wait_for_trials(tmp_path / "runs", 3, process)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert psutil.wait_procs(children, timeout=240)[1] == []
    (folder,) = list_sweeps(tmp_path / "runs")
    assert len(folder.open_ledger().trials()) < 8
    run_sweep(folder, request(config, jobs=1), NullProgress())
    assert figures(folder) == figures(whole)
    assert folder.open_ledger().fields()["rounds"]["size"] == 2


def _wait_for_trials(runs: Path, done: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until so many trials have ended and another one trains."""

    def is_there() -> bool:
        assert process.poll() is None, "the sweep ended before it was killed"
        found = [folder.open_ledger().counts() for folder in list_sweeps(runs) if folder.has_ledger]
        return any(one.get("running") and one.get("done", 0) + one.get("pruned", 0) >= done for one in found)

    wait_for(is_there, pause=0.01)


@pytest.mark.keras
def test_a_pruned_trial_says_why_and_can_be_resumed(whole: SweepFolder, tmp_path: Path) -> None:
    """It stopped at the end of an epoch, with its state; resumed as a run of its own, it trains the rest."""
    pruned = [one for one in whole.open_ledger().trials() if one.status == "pruned"]
    assert pruned
    trial, run = pruned[0], whole.run(pruned[0].number)
    assert trial.intermediate is not None
    fields = record.read(run)
    epochs = len(trial.intermediate)
    assert (fields["status"], fields["error"]) == ("preempted", trial.error)
    assert str(trial.error).startswith(f"pruned after epoch {epochs} of 12: val_loss")
    assert [row["val_loss"] for row in metrics.read(run.metrics)] == trial.intermediate
    assert not run.scores.exists()
    folder = tmp_path / run.path.name
    shutil.copytree(run.path, folder)
    result = resume(ResumeRequest(str(folder), TrainRequest("", runs_dir=tmp_path)), NullProgress())
    assert result.status == "done"
    rows = metrics.read(result.folder.metrics)
    assert [row["val_loss"] for row in rows][:epochs] == trial.intermediate
    assert len(rows) == 12


@pytest.mark.keras
def test_a_trial_that_was_killed_where_it_is_pruned_is_trained_no_further(whole: SweepFolder, tmp_path: Path) -> None:
    """Its state is that of the epoch: the stop is requested before it goes on, and the record says why."""
    trials = whole.open_ledger().trials()
    trial = next(one for one in trials if one.status == "pruned")
    copy = SweepFolder(tmp_path / whole.path.name)
    shutil.copytree(whole.path, copy.path)
    run, fields = copy.run(trial.number), copy.open_ledger().fields()
    known = record.read(run)
    run.write_json(run.record, {**known, "status": "died", "error": None})
    pruner = TrialPruner(fields["pruning"], CompletedRounds(fields, copy.open_ledger()).compare(trial.number), run)
    interruption.clear()
    pruner.begin()
    options = TrainRequest("", runs_dir=tmp_path)
    with pytest.raises(StopRequestedError) as stopped:
        resume(ResumeRequest(str(run.path), options), NullProgress())
    interruption.clear()
    assert pruner.has_requested(stopped.value)
    assert (pruner.reason, pruner.values) == (trial.error, trial.intermediate)
    assert (record.read(run)["status"], record.read(run)["error"]) == ("preempted", trial.error)
    assert len(metrics.read(run.metrics)) == len(pruner.values)


def pruner_of(folder: Path, monitor: str = "val_loss") -> TrialPruner:
    """Return what prunes trial 2, which is compared with two trials that are done."""
    arguments = {"n_startup_trials": 1, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1}
    fields: dict[str, Any] = {
        "seeds": [7],
        "rounds": {"size": 2},
        "pruning": {**describe_pruner("median", arguments), "monitor": monitor, "mode": "min"},
    }
    sweep = SweepFolder(folder)
    ledger = sweep.create_ledger("sqlite", fields, [Trial(at, at, 7, {}) for at in range(3)])
    for _ in range(2):
        trial = ledger.claim()
        assert trial is not None
        ledger.finish(trial, {}, [0.5, 0.4, 0.3])
    return TrialPruner(fields["pruning"], CompletedRounds(fields, ledger).compare(2), sweep.run(2))


def test_a_trial_is_not_pruned_after_its_last_epoch(tmp_path: Path) -> None:
    """It has cost all that it costs, and is scored; before, a stop is requested."""
    interruption.clear()
    pruner = pruner_of(tmp_path)
    pruner.on_epoch(1, 2, {"val_loss": 0.4})
    pruner.on_epoch(2, 2, {"val_loss": 0.9})
    assert interruption.pending() is None
    assert pruner.values == [0.4, 0.9]
    pruner = pruner_of(tmp_path)
    pruner.on_epoch(1, 2, {"val_loss": 0.9})
    stop = interruption.pending()
    interruption.clear()
    assert stop is not None
    assert pruner.has_requested(stop)
    assert stop.reason == "pruned after epoch 1 of 2: val_loss 0.9"


def test_a_metric_that_no_epoch_has_fails_the_trial_with_the_names_of_those_there_are(tmp_path: Path) -> None:
    """What `check` cannot know of metrics of the user's own."""
    with pytest.raises(RunError, match="pruning compares 'val_f1', and no epoch has this metric") as caught:
        pruner_of(tmp_path, "val_f1").on_epoch(1, 2, {"epoch": 1, "loss": 0.5, "val_loss": 0.4})
    assert "the metrics are: loss, val_loss" in str(caught.value.hint)


@pytest.mark.parametrize("options", [(), ("sweep.method=random",)])
def test_without_optuna_nothing_is_begun(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for suggestions nor for pruning; the message names the extra."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = write(tmp_path)
    with pytest.raises(MissingExtraError, match="needs the extra 'sweep'"):
        begin_sweep(request(config, sets=options), NullProgress())
    assert list_sweeps(tmp_path / "runs") == []


@pytest.mark.parametrize("method", ["grid", "random", "qmc"])
def test_a_grid_chance_and_sobol_need_no_extra(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do seeds: all trials are in the ledger from the beginning."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    trials = "" if method == "grid" else "trials: 4"
    text = CONFIG.partition("sweep:")[0] + (
        f"sweep:\n  parameters: {{training.batch_size: [8, 16], model.0.Dense.units: [4, 8]}}\n"
        f"  method: {method}\n  {trials}\n  seeds: 2\n"
    )
    folder = begin_sweep(request(write(tmp_path, text)), NullProgress())
    assert len(folder.open_ledger().trials("waiting")) == 8


def test_a_sweep_that_is_resumed_without_optuna_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with another major version of it; the ledger is as it was."""
    asked = request(write(tmp_path))
    folder = begin_sweep(asked, NullProgress())
    import optuna

    monkeypatch.setattr(optuna, "__version__", "99.0.0")
    with pytest.raises(RunError, match=r"Optuna 99\.0\.0 would make other suggestions"):
        run_sweep(folder, asked, NullProgress())
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError):
        run_sweep(folder, asked, NullProgress())
    assert folder.open_ledger().counts() == {"waiting": 1}


def test_what_cannot_be_pruned_is_refused(tmp_path: Path) -> None:
    """A cross-validation has no epochs of its own, and of some metrics nobody knows which side is better."""
    config = write(tmp_path, CONFIG.replace("test: 0.2, validation: 0.2, stratify: true", "k_fold: {folds: 5}"))
    with pytest.raises(ConfigError, match="a cross-validation is not pruned") as caught:
        begin_sweep(request(config), NullProgress())
    assert caught.value.problems[0].mark is not None
    assert list_sweeps(tmp_path / "runs") == []


def test_more_trials_than_the_space_has_are_refused(tmp_path: Path) -> None:
    """Those that depend on results too."""
    text = CONFIG.partition("sweep:")[0] + (
        "sweep:\n  parameters: {training.batch_size: [8, 16]}\n  method: tpe\n  trials: 3\n"
    )
    with pytest.raises(ConfigError, match="the space has 2 combinations, and 3 trials are asked for") as caught:
        begin_sweep(request(write(tmp_path, text)), NullProgress())
    assert str(caught.value.problems[0].mark).endswith("rounds.yaml:18:3")

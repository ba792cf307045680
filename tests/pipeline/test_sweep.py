"""Sweeps: frozen at the start, the same for any number of processes, and unharmed by kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from held_training import HeldTrainings, write_code
from small_sweep import config_text, write_sweep
from waiting import wait_for

from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.sweep import SweepMonitor, SweepRequest, begin_sweep, best_config, run_sweep
from nnrun.pipeline.sweep_trials import SweepTask
from nnrun.progress import NullProgress
from nnrun.runs import record
from nnrun.sweep.folder import SweepFolder, find_sweep, list_sweeps
from nnrun.sweep.result import SweepResult, read_sweep

SWEEP = """sweep:
  parameters:
    training.batch_size: [8, 16]
    model.0: [{Dense: {units: 4, activation: relu}}, {Dense: {units: 8, activation: tanh}}]
  seeds: 2
"""


def write(folder: Path, epochs: int = 2, seeds: int = 2, training: str = "") -> Path:
    """Write a config and its table; return the config's path."""
    text = config_text(SWEEP.replace("seeds: 2", f"seeds: {seeds}"), epochs=epochs, training=training)
    return write_sweep(folder, text.replace("Adam", "{Adam: {learning_rate: 0.01}}"))


def request(config: Path, **more: Any) -> SweepRequest:
    """Return the arguments of `nnrun sweep` for a config, whose runs are beside it."""
    return SweepRequest(str(config), runs_dir=config.parent / "runs", **more)


def swept(config: Path, **more: Any) -> SweepResult:
    """Sweep in processes of this one."""
    asked = request(config, **more)
    return run_sweep(begin_sweep(asked, NullProgress()), asked, NullProgress())


def figures(result: SweepResult) -> list[tuple[Any, ...]]:
    """Return what was computed of each trial."""
    return [(one.number, one.parameters, one.seed, one.status, one.scores) for one in result.trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep of four combinations and two seeds that nobody disturbed, in two processes."""
    return swept(write(tmp_path_factory.mktemp("whole")), jobs=2)


@pytest.mark.keras
def test_every_combination_and_seed_is_a_run_of_its_own(whole: SweepResult) -> None:
    """With a record that names the sweep, in a folder whose short id is the trial's number."""
    assert [one.status for one in whole.trials] == ["done"] * 8
    for trial in whole.trials:
        run = whole.folder.run(trial.number)
        fields = record.read(run)
        assert run.short_id == f"{trial.number:06d}"
        assert (fields["status"], fields["seed"]) == ("done", trial.seed)
        assert fields["sweep"] == {"id": whole.folder.id, "trial": trial.number}
        assert json.loads(run.scores.read_text())["test"]["loss"] == (trial.scores or {})["test"]["loss"]
    assert len(list(whole.folder.trials.iterdir())) == 8


@pytest.mark.keras
def test_the_figures_do_not_depend_on_the_number_of_processes(whole: SweepResult, tmp_path: Path) -> None:
    """Bit for bit, and the best combination is the same."""
    one = swept(write(tmp_path), jobs=1)
    assert figures(one) == figures(whole)
    assert one.best is not None
    assert whole.best is not None
    assert one.best.parameters == whole.best.parameters


@pytest.mark.keras
def test_the_best_combination_is_a_config(whole: SweepResult, tmp_path: Path) -> None:
    """It is chosen by validation, and trains to the figures that the sweep had."""
    from nnrun.pipeline.train import TrainRequest, train

    assert whole.objective is not None
    assert whole.objective.path == "validation.error_percent"
    (tmp_path / "best.yaml").write_text(best_config(whole))
    folder = train(TrainRequest(str(tmp_path / "best.yaml"), runs_dir=tmp_path / "runs"), NullProgress()).folder
    assert whole.best is not None
    scores = json.loads(folder.scores.read_text())
    assert scores["test"]["loss"] == pytest.approx((whole.best.trials[0].scores or {})["test"]["loss"], rel=1e-5)


@pytest.mark.keras
def test_what_is_edited_later_changes_no_trial(whole: SweepResult, tmp_path: Path) -> None:
    """Neither the config nor the data: a sweep whose data changed trains nothing until they are as they were."""
    config = write(tmp_path)
    asked = request(config)
    folder = begin_sweep(asked, NullProgress())
    config.write_text("name: something else\n")
    table = tmp_path / "table.csv"
    before = table.read_text()
    for changed in (before + "1,2,3,1\n", before + "1,2\n", None):
        if changed is None:
            table.unlink()
        else:
            table.write_text(changed)
        with pytest.raises(RunError, match="the data") as caught:
            run_sweep(folder, asked, NullProgress())
        assert "table.csv" in str(caught.value.text)
        assert [one.status for one in read_sweep(folder).trials] == ["waiting"] * 8
    table.write_text(before)
    assert figures(run_sweep(folder, asked, NullProgress())) == figures(whole)


@pytest.mark.keras
@pytest.mark.parametrize("rest", ["1,2,3,1\n", "1,2\n"])
def test_data_that_change_while_it_trains_stop_a_sweep(tmp_path: Path, rest: str) -> None:
    """Whether they can still be read or not: no trial fails, and what was trained on others is trained again."""
    folder = begin_sweep(request(write(tmp_path, epochs=1, seeds=1)), NullProgress())
    table = tmp_path / "table.csv"
    before = table.read_text()

    def edit(kind: str, number: int | None, _: object) -> None:
        if (kind, number) == ("done", 0):
            table.write_text(before + rest)

    with pytest.raises(RunError, match=r"the data .*table"):
        SweepTask(folder).run(edit)
    assert [one.status for one in read_sweep(folder).trials] == ["done"] + ["waiting"] * 3
    table.write_text(before)
    SweepTask(folder).run(lambda *_: None)
    assert [one.status for one in read_sweep(folder).trials] == ["done"] * 4


@pytest.mark.keras
def test_a_trial_that_fails_is_reported_and_disturbs_no_other(tmp_path: Path) -> None:
    """A loss that diverges is the trial's own fault: it is not tried again, and is never the best."""
    config = write(tmp_path)
    optimizers = "training.optimizer: [{SGD: {learning_rate: 1e30}}, Adam]\n  seeds: 2\n"
    text = config.read_text().partition("    training.batch_size")[0] + "    " + optimizers
    config.write_text(text.replace("binary_crossentropy", "mean_squared_error").replace("sigmoid", "linear"))
    result = swept(config)
    assert [one.status for one in result.trials] == ["failed", "failed", "done", "done"]
    assert result.trials[0].attempts == 1
    assert "not finite" in str(result.trials[0].error) or "nan" in str(result.trials[0].error)
    assert result.best is not None
    assert result.best.parameters["training.optimizer"] == "Adam"


def test_a_sweep_needs_something_that_varies_and_a_part_to_choose_by(tmp_path: Path) -> None:
    """Otherwise the test part would choose, unless the user says so."""
    config = write(tmp_path)
    config.write_text(config.read_text().replace(", validation: 0.2", ""))
    with pytest.raises(ConfigError, match="there is no validation part by which a combination could be chosen"):
        begin_sweep(request(config), NullProgress())
    chosen = request(config, sets=("sweep.choose_by=test.error_percent",))
    assert begin_sweep(chosen, NullProgress()).has_ledger
    config.write_text(config.read_text().partition("sweep:")[0])
    with pytest.raises(RunError, match="says nothing of what is to vary"):
        begin_sweep(request(config), NullProgress())


def test_combinations_that_cannot_be_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    """Each value is right alone, and together they are not; no folder is left."""
    config = write(tmp_path)
    config.write_text(
        config.read_text()
        .replace("training.batch_size: [8, 16]", "model.1.Dense.units: [1, 2]")
        .replace("units: 1, activation: sigmoid", "units: 1, activation: sigmoid, name: out")
    )
    with pytest.raises(ConfigError, match=r"with model\.1\.Dense\.units=2"):
        begin_sweep(request(config), NullProgress())
    assert list_sweeps(tmp_path / "runs") == []


def test_a_sweep_keeps_no_secret_of_the_command_line(tmp_path: Path) -> None:
    """Its trials would need it; one that gives a secret is refused, and leaves no file."""
    monitor = 'training.callbacks=[{RemoteMonitor: {root: "https://me:hunter22@host/"}}]'
    with pytest.raises(RunError, match="--set gives a secret, and a sweep keeps none") as refused:
        begin_sweep(request(write(tmp_path), sets=(monitor,)), NullProgress())
    assert "hunter22" not in f"{refused.value.text} {refused.value.hint}"
    assert list_sweeps(tmp_path / "runs") == []


def test_sweeps_are_found_as_runs_are(tmp_path: Path) -> None:
    """By path, the start of an id, name, or last; a word that means none lists what there is."""
    folders = [begin_sweep(request(write(tmp_path)), NullProgress()) for _ in range(2)]
    runs = tmp_path / "runs"
    assert list_sweeps(runs) == folders
    for word in ("last", str(folders[1].path), folders[1].id, folders[1].short_id, "swept"):
        assert find_sweep(runs, word).path.resolve() == folders[1].path.resolve()
    with pytest.raises(RunError, match="No sweep"):
        find_sweep(runs, "nothing")
    with pytest.raises(RunError, match="matches 2 sweeps"):
        find_sweep(runs, folders[0].id[:2])
    with pytest.raises(RunError, match="There is no sweep"):
        find_sweep(tmp_path / "elsewhere", "last")
    # A folder without a ledger, as a process leaves that is killed at its start, is no sweep that could be last.
    SweepFolder.create(runs, "swept")
    for word in ("last", "swept"):
        assert find_sweep(runs, word).id == folders[1].id


def test_the_best_trial_so_far_and_the_place_of_each_process_are_shown(tmp_path: Path) -> None:
    """The best by the score that chooses, whether smaller or larger is better; of a killed process nothing is left."""
    shown: list[Any] = []

    class View:
        def advance(self, *values: Any) -> None:
            shown.append(values)

        show = note = advance

    monitor = SweepMonitor(begin_sweep(request(write(tmp_path)), NullProgress()).open_ledger(), NullProgress(), View())
    monitor.on_event("at", 0, (71, "trial 0  starts"))
    for number, value in ((0, 0.9), (1, 0.8), (2, 0.95)):
        monitor.on_event("score", number, ("validation.accuracy", value, -value))
        monitor.on_event("done", number, "x=1")
    monitor.on_killed(SweepTask(find_sweep(tmp_path / "runs", "last")), 71, -9)
    assert shown == [
        (71, "trial 0  starts"),
        ("best: validation.accuracy 0.9, trial 0",),
        (1,),
        (1,),
        ("best: validation.accuracy 0.95, trial 2",),
        (1,),
        (71, ""),
    ]


@contextmanager
def started(folder: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run `nnrun sweep` in a session of its own until the `with` block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "nnrun", "sweep", *words, "--runs-dir", str(folder / "runs"), "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.keras
def test_kills_lose_no_trial_and_change_no_bit(tmp_path: Path) -> None:
    """A worker and then all processes are killed, and Ctrl-C stops the rest; resumed, the figures are the same."""
    callbacks, code = "  callbacks: [Held]\n", write_code(tmp_path)
    whole, killed = (write(tmp_path / name, 20, seeds=1, training=callbacks) for name in ("whole", "killed"))
    expected = swept(whole, jobs=2, code=(code,))
    held = HeldTrainings(tmp_path)
    with started(tmp_path / "killed", str(killed), "--code", str(code), **held.environment) as process:
        held.wait(2, process)
        (folder,) = list_sweeps(tmp_path / "killed" / "runs")
        worker = (folder.open_ledger().trials("running")[0].process or {})["pid"]
        psutil.Process(worker).kill()
        wait_for(lambda: any(one.attempts > 1 for one in folder.open_ledger().trials()))
        children = psutil.Process(process.pid).children(recursive=True)
    assert psutil.wait_procs(children, timeout=240)[1] == []
    with started(tmp_path / "killed", "--resume", "last") as process:
        done = folder.open_ledger().counts().get("done", 0)
        wait_for(lambda: folder.open_ledger().counts().get("done", 0) > done or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        errors = process.communicate()[1]
        assert process.returncode in (0, 130), errors
    result = run_sweep(folder, request(killed, jobs=2), NullProgress())
    assert figures(result) == figures(expected)
    assert len(list(folder.trials.iterdir())) == len(result.trials)
    _require_same_runs(folder, expected.folder, len(result.trials))


def _require_same_runs(one: SweepFolder, other: SweepFolder, count: int) -> None:
    for number in range(count):
        for name in ("scores.json", "predictions.csv", "prepare.json"):
            assert (one.run(number).path / name).read_bytes() == (other.run(number).path / name).read_bytes(), number


@pytest.mark.keras
def test_code_of_the_users_own_is_frozen_too(tmp_path: Path) -> None:
    """What is edited in the file later is not run."""
    config = write(tmp_path, seeds=1)
    config.write_text(config.read_text().replace("{units: 8, activation: tanh}", "{units: 8, activation: own}"))
    code = tmp_path / "own.py"
    code.write_text("import keras\n\n\ndef own(x):\n    return keras.ops.tanh(x)\n")
    asked = request(config, code=(code,))
    folder = begin_sweep(asked, NullProgress())
    code.write_text("raise SystemExit(9)\n")
    result = run_sweep(folder, asked, NullProgress())
    assert [one.status for one in result.trials] == ["done"] * 4
    assert read_sweep(folder).best is not None

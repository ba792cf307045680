"""Tests of cross-validations that are stopped, killed, resumed and extended: they end with the same bits."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from held_training import HeldTrainings, living, write_code
from small_sweep import write_table
from waiting import wait_for

from nnrun.errors import RunError
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import record
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras

CONFIG = """name: folds
seed: 7
data:
  source: {csv: {file: table.csv, target: ill}}
  prepare: [Standardize]
  split: {validation: 0.2, k_fold: {folds: 3, shuffle: true, stratify: true, final_fit: FINAL}}
model:
  - Dense: {units: 6, activation: relu}
  - BatchNormalization
  - Dropout: 0.2
  - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: EPOCHS
  batch_size: 16
"""
KEPT = "  save_every: {steps: 1, keep: 100}\n"
#: The parts of a fold's record that are known before it is trained.
KNOWN_BEFORE = ("fold", "repeat", "seed", "facts", "digests", "rows")


def write(folder: Path, text: str, name: str = "folds.yaml", **values: object) -> Path:
    """Write a config and its table into a folder; return the config's path."""
    write_table(folder, 60)
    for key, value in values.items():
        text = text.replace(key, str(value))
    (folder / name).write_text(text)
    return folder / name


def request(folder: Path, config: str = "", **more: Any) -> TrainRequest:
    """Return the arguments of a command whose runs and data are in a folder."""
    return TrainRequest(config, runs_dir=folder / "runs", data_dir=folder, **more)


def resumed(folder: RunFolder, *sets: str, progress: Any = None, **more: Any) -> RunFolder:
    """Resume a run in this process."""
    options = TrainRequest("", sets, folder.path.parent, folder.path.parent.parent)
    resume(ResumeRequest(str(folder.path), options, **more), progress or NullProgress())
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Train four epochs of all folds and the final fit without a stop; the state after every step is kept."""
    folder = tmp_path_factory.mktemp("whole")
    config = write(folder, CONFIG + KEPT, EPOCHS=4, FINAL="true")
    return train(request(folder, str(config)), NullProgress()).folder


def stopped_at(run: RunFolder, folder: Path, number: int | None, state: str | None) -> RunFolder:
    """Copy a run as if it had been killed in one fold (None: in the final fit), after a state (None: before any)."""
    copy = RunFolder(Path(shutil.copytree(run.path, folder / "runs" / run.path.name)))
    shutil.copy(run.path.parent.parent / "table.csv", folder)
    place = copy if number is None else copy.fold(number)
    for later in copy.fold_numbers() if number is not None else ():
        if later > number:
            shutil.rmtree(copy.fold(later).path)
    if number is not None:
        shutil.rmtree(copy.state)
        shutil.rmtree(copy.checkpoints)
        fields = json.loads(place.record.read_text())
        place.write_json(place.record, {**{key: fields[key] for key in KNOWN_BEFORE}, "status": "running"})
    for file in (place.scores, place.predictions, copy.scores, copy.predictions):
        file.unlink(missing_ok=True)
    if state is None:
        shutil.rmtree(place.state)
    elif state != "last.safetensors":
        shutil.copy(place.state / state, place.state / "last.safetensors")
    lines = [line for line in copy.metrics.read_text().splitlines() if _is_before(json.loads(line)["fold"], number)]
    copy.metrics.write_text("".join(f"{line}\n" for line in lines))
    copy.write_json(copy.record, {**json.loads(copy.record.read_text()), "status": "interrupted"})
    return copy


def _is_before(fold: int | None, number: int | None) -> bool:
    return number is None or (fold is not None and fold <= number)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (0, None),
        (1, "epoch-0001-step-000001.safetensors"),
        (2, "last.safetensors"),
        (None, "epoch-0002-step-000001.safetensors"),
    ],
)
def test_a_fold_goes_on_from_its_own_state(
    whole: RunFolder, tmp_path: Path, comparison: ModuleType, number: int | None, state: str | None
) -> None:
    """Killed before, within or after the training of a fold or of the final fit, a run ends with the same bits."""
    assert comparison.differences(whole.path, resumed(stopped_at(whole, tmp_path, number, state)).path) == []


def test_a_fold_whose_predictions_are_lost_is_scored_again(
    whole: RunFolder, tmp_path: Path, comparison: ModuleType
) -> None:
    """A fold that is done but has lost a file that the summary needs gets it again, to the same bits."""
    folder = stopped_at(whole, tmp_path, 2, "last.safetensors")
    folder.fold(0).predictions.unlink()
    assert comparison.differences(whole.path, resumed(folder).path) == []


def test_folds_that_are_done_are_extended(whole: RunFolder, tmp_path: Path, comparison: ModuleType) -> None:
    """Trained for more epochs, also with a stop in between, every fold has the bits that it would have had at once."""

    class Interrupting(NullProgress):
        def say(self, text: str) -> None:
            if text.startswith("fold 1/"):
                raise KeyboardInterrupt

    config = write(tmp_path, CONFIG + KEPT, EPOCHS=2, FINAL="true")
    folder = train(request(tmp_path, str(config)), NullProgress()).folder
    with pytest.raises(KeyboardInterrupt):
        resumed(folder, "training.epochs=4", progress=Interrupting())
    assert record.read(folder)["folds_done"] == [0]
    assert [record.read(folder.fold(number))["epochs"] for number in range(3)] == [4, 2, 2]
    differing = comparison.differences(whole.path, resumed(folder).path)
    assert differing == ["config.yaml", "resolved.yaml"]


def test_other_data_are_refused_once_and_change_nothing(whole: RunFolder, tmp_path: Path) -> None:
    """A changed table is one error that names it; with --even-if-different all folds are trained on it."""
    folder = stopped_at(whole, tmp_path, 1, "epoch-0001-step-000001.safetensors")
    folder.resolved.write_text(folder.resolved.read_text().replace(str(whole.path.parent.parent), str(tmp_path)))
    table = tmp_path / "table.csv"
    table.write_text(table.read_text() + "1,2,3,0\n")
    before = {file: file.read_bytes() for file in folder.files()}
    with pytest.raises(RunError, match=r"(?s)would not end with the same bits here.*table\.csv") as refused:
        resumed(folder)
    assert str(refused.value).count("table.csv: ") == 1
    assert refused.value.hint == "add --even-if-different to go on nevertheless"
    changed = [file.name for file, content in before.items() if file.read_bytes() != content]
    assert [name for name in changed if name != "log.txt"] in ([], ["record.json"])
    resumed(folder, even_if_different=True)
    assert sum(record.read(folder.fold(number))["rows"]["test"] for number in range(3)) == 61


@contextmanager
def started(folder: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run nnrun in a session of its own until the `with` block ends."""
    known = {"PYTHONPATH": os.pathsep.join(sys.path), "NNRUN_DATA_DIR": str(folder), **variables}
    command = [sys.executable, "-m", "nnrun", *words, "--quiet"]
    with subprocess.Popen(
        command,
        env={**os.environ, **known},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(folder: Path, *words: str) -> RunFolder:
    """Run nnrun to its end; return the folder of its run."""
    with started(folder, *words) as process:
        out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return RunFolder(folder / out.strip())


def stopped(
    folder: Path, words: tuple[str, ...], stop: Callable[[subprocess.Popen[str], list[psutil.Process]], None]
) -> tuple[int, str, list[psutil.Process]]:
    """Run nnrun, stop it while two folds wait; return its exit code, its errors, and the processes it had started."""
    held = HeldTrainings(folder)
    with started(folder, *words, **held.environment) as process:
        held.wait(2, process)
        children = psutil.Process(process.pid).children(recursive=True)
        stop(process, children)
        err = process.communicate(timeout=240)[1]
    return process.returncode, err, children


def test_processes_that_share_the_folds_save_and_end(tmp_path: Path, comparison: ModuleType) -> None:
    """Ctrl-C once and twice, a closed terminal, a worker killed for memory and a killed parent leave no process."""

    def press_ctrl_c(process: subprocess.Popen[str], _: list[psutil.Process]) -> None:
        os.killpg(process.pid, signal.SIGINT)

    def press_ctrl_c_twice(process: subprocess.Popen[str], _: list[psutil.Process]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)

    def close_terminal(process: subprocess.Popen[str], _: list[psutil.Process]) -> None:
        os.killpg(process.pid, signal.SIGHUP)

    def kill_worker(_: subprocess.Popen[str], children: list[psutil.Process]) -> None:
        next(one for one in children if "spawn_main" in " ".join(one.cmdline())).kill()

    def kill_parent(process: subprocess.Popen[str], _: list[psutil.Process]) -> None:
        process.kill()

    names = ("at_once", "stopped")
    for name in names:
        write(tmp_path / name, CONFIG + "  callbacks: [Held]\n", EPOCHS=30, FINAL="false")
    code_file = str(write_code(tmp_path))
    train_words = ("train", "folds.yaml", "--jobs", "2", "--code", code_file)
    resume_words = ("resume", "last", "--code", code_file)
    reference, place = finished(tmp_path / "at_once", *train_words), tmp_path / "stopped"
    code, err, children = stopped(place, train_words, press_ctrl_c)
    (path,) = (place / "runs").iterdir()
    folder = RunFolder(path)
    assert (code, record.read(folder)["status"]) == (130, "interrupted")
    wait_for(lambda: not living(children))
    assert f"Continue it: nnrun resume runs/{path.name}" in err
    assert "Traceback" not in err
    assert [(folder.fold(number).state / "last.safetensors").is_file() for number in range(2)] == [True, True]
    for stop, expected, status in ((press_ctrl_c_twice, 130, "interrupted"), (close_terminal, 75, "preempted")):
        code, err, children = stopped(place, resume_words, stop)
        assert (code, record.read(folder)["status"]) == (expected, status), err
        wait_for(lambda: not living(children))  # noqa: B023 - called here
        assert "Traceback" not in err
    code, err, children = stopped(place, resume_words, kill_worker)
    assert code == 1
    wait_for(lambda: not living(children))
    assert "a process that trains folds was killed, with exit code -9" in err
    code, _, children = stopped(place, resume_words, kill_parent)
    assert code == -signal.SIGKILL
    wait_for(lambda: not living(children))
    finished(place, *resume_words, "--jobs", "1")
    # The paths of the tables differ.
    assert comparison.differences(reference.path, folder.path) == ["resolved.yaml"]

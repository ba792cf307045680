"""One model in two processes of this machine, which divide each batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from held_training import HeldTrainings, held_options

from nnrun.runs.find import list_runs

pytestmark = [pytest.mark.keras, pytest.mark.slow]

CONFIG = """\
name: divided
backend: jax
data: {source: digits, split: {validation: 0.1, test: 0.2}}
model: [Flatten, {Dense: {units: 16, activation: relu}}, BatchNormalization, Dropout: 0.2, {Dense: 10}]
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: {SGD: {learning_rate: 0.05}}
  metrics: [accuracy]
  batch_size: 128
  epochs: 6
  save_every: {epochs: 1}
"""
SOURCE = Path(__file__).resolve().parents[2] / "src"


class Lost(NamedTuple):
    """How a launch ended whose second process was killed.

    Attributes:
        code: Its exit code.
        errors: What it printed on stderr.
        listening: The addresses at which its processes listened before.
    """

    code: int
    errors: str
    listening: list[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the config."""
    folder = tmp_path_factory.mktemp("launch")
    (folder / "divided.yaml").write_text(CONFIG.replace("Dropout: 0.2", "{Dropout: 0.2}"))
    return folder


@pytest.fixture(scope="module")
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts `nnrun` in the folder, with its output in pipes."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nnrun", *words, "-q"]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), **variables}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.communicate()


def _ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=600)
    return process.returncode, out, errors


def _run(folder: Path, runs: str) -> Path:
    return list_runs(folder / runs)[-1].folder.path


def _epochs(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def divided(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> Path:
    """Train in two processes, and return the run."""
    code, out, errors = _ended(start("launch", "--workers", "2", "divided.yaml", "--runs-dir", "two"))
    assert code == 0, errors
    run = _run(folder, "two")
    # Neither what the other process prints nor what the library between them prints reaches the screen.
    assert (out.strip(), errors) == (str(run.relative_to(folder)), "")
    return run


def test_the_losses_are_those_of_one_process(folder, start, divided) -> None:
    """Each epoch's losses are equal within 1e-5: sums over two halves differ by rounding alone."""
    code, _, errors = _ended(start("train", "divided.yaml", "--runs-dir", "one"))
    assert code == 0, errors
    alone = _epochs(_run(folder, "one"))
    assert len(alone) == 6
    for one, two in zip(alone, _epochs(divided), strict=True):
        for name in ("loss", "val_loss"):
            assert one[name] == pytest.approx(two[name], abs=1e-5)


@pytest.fixture(scope="module")
def lost(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> Lost:
    """Train in two processes, and kill the second one when the state of an epoch is saved."""
    held = HeldTrainings(folder)
    words = ("divided.yaml", *held_options(folder), "--runs-dir", "lost")
    launched = start("launch", "--workers", "2", *words, **held.environment)
    held.wait(2, launched)
    assert list((folder / "lost").glob("*/state/last.safetensors"))
    listening = _listening(launched.pid)
    os.kill(_other_process(launched.pid), signal.SIGKILL)
    held.release()
    code, _, errors = _ended(launched)
    return Lost(code, errors, listening)


def test_a_lost_process_ends_the_run_so_that_it_goes_on_to_the_same_bits(folder, start, divided, lost) -> None:
    """The first process ends with 75 and says how to go on; after that the run is what it would have been."""
    assert lost.code == 75, lost.errors
    assert "nnrun launch --workers 2 --resume" in lost.errors
    words = ("--resume", "last", "--runs-dir", "lost", "--code", str(folder / "held.py"))
    code, _, errors = _ended(start("launch", "--workers", "2", *words))
    assert code == 0, errors
    resumed = _run(folder, "lost")
    assert len(list_runs(folder / "lost")) == 1
    assert _epochs(resumed) == _epochs(divided)
    for name in ("predictions.csv", "scores.json"):
        assert (resumed / name).read_bytes() == (divided / name).read_bytes()


def test_the_processes_listen_on_this_machine_alone(lost) -> None:
    """JAX would let the first process listen on every interface of the machine, without any authentication."""
    assert lost.listening
    assert set(lost.listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def _listening(launch: int) -> list[str]:
    import psutil

    children = psutil.Process(launch).children()
    return [one.laddr.ip for child in children for one in child.net_connections() if one.status == "LISTEN"]


def _other_process(launch: int) -> int:
    """Return the process number of the second of a launch's processes."""
    import psutil

    for child in psutil.Process(launch).children():
        if child.environ().get("NNRUN_PROCESS") == "1":
            return child.pid
    raise AssertionError("there is no second process")

"""Sweeps on GPUs, down to what a process that trains sees of them; the GPUs are those that a program prints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from nnrun.sweep.folder import list_sweeps

Invoke = Callable[..., Result]
UUIDS = [f"GPU-{digit * 8}-0a1b-2c3d-4e5f-60718293a4b5" for digit in "123"]
#: Prints what the process sees as soon as the backend has started, and goes on once so many processes have.
CODE = """import os
import time
from pathlib import Path
import keras


class Sees(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        print(f"sees <{os.environ.get('CUDA_VISIBLE_DEVICES')}>", flush=True)
        folder, end = Path(os.environ["TEST_STARTED"]), time.monotonic() + 240
        folder.mkdir(exist_ok=True)
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < int(os.environ["TEST_PROCESSES"]) and time.monotonic() < end:
            time.sleep(0.02)
"""


@pytest.fixture
def gpus(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three GPUs."""
    program = workdir / "bin" / "nvidia-smi"
    program.parent.mkdir()
    lines = "".join(f"GPU {number}: NVIDIA H200 (UUID: {uuid})\\n" for number, uuid in enumerate(UUIDS))
    program.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("TEST_STARTED", str(workdir / "started"))
    monkeypatch.setenv("TEST_PROCESSES", "1")
    (workdir / "own.py").write_text(CODE)
    text = (workdir / "tiny.yaml").read_text()
    (workdir / "tiny.yaml").write_text(f"{text}  callbacks: [Sees]\n")


def seen(workdir: Path) -> list[str]:
    """Return what the processes of the last sweep saw, by trial."""
    folder = list_sweeps(workdir / "runs")[-1]
    logs = [folder.run(number).log.read_text() for number in range(len(folder.open_ledger().trials()))]
    return [log.partition("sees <")[2].partition(">")[0] for log in logs]


@pytest.mark.keras
def test_each_process_sees_gpus_of_its_own(
    invoke: Invoke, gpus: None, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three GPUs two processes take one each; 0 hides all."""
    monkeypatch.setenv("TEST_PROCESSES", "2")
    sweep = ("sweep", "tiny.yaml", "--code", "own.py", "--jobs", "2", "--seeds", "4", "--gpus-per-trial", "1")
    done = invoke(*sweep)
    assert done.exit_code == 0, done.output
    assert set(seen(workdir)) == set(UUIDS[:2])
    assert list_sweeps(workdir / "runs")[-1].open_ledger().fields()["gpus_per_trial"] == 1
    assert invoke("sweep", "tiny.yaml", "--code", "own.py", "--seeds", "2", "--gpus-per-trial", "0").exit_code == 0
    assert seen(workdir) == ["", ""]


@pytest.mark.keras
def test_jobs_are_limited_to_what_the_gpus_allow(
    invoke: Invoke, gpus: None, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that a variable names, whose names stay; the rounds of a search have the limited number."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"2,{UUIDS[0]},{UUIDS[1][:9]}")
    words = (
        "--method",
        "qmc",
        "--trials",
        "2",
        "--pruning",
        "median",
        "--grid",
        "training.batch_size={low: 8, high: 16}",
    )
    done = invoke("sweep", "tiny.yaml", "--code", "own.py", *words, "--jobs", "4", "--gpus-per-trial", "2")
    assert done.exit_code == 0, done.output
    assert "1 process at the same time instead of 4: each has 2 GPUs of its own" in done.output
    assert seen(workdir) == [f"2,{UUIDS[0]}"] * 2
    assert list_sweeps(workdir / "runs")[-1].open_ledger().fields()["rounds"]["size"] == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--gpus-per-trial", "4"), "this process sees 3 GPUs"),
        (("--gpus-per-trial", "0.5"), "expected a whole number of GPUs, received 0.5: a GPU is never shared"),
        (("--gpus-per-trial", "-1"), "expected a whole number of GPUs, received -1"),
    ],
)
def test_what_cannot_be_is_an_error_before_a_folder_is_made(
    invoke: Invoke, gpus: None, workdir: Path, words: tuple[str, ...], text: str
) -> None:
    """Also a part of a GPU."""
    done = invoke("sweep", "tiny.yaml", "--code", "own.py", "--seeds", "2", *words)
    assert done.exit_code != 0
    assert text in done.output
    assert list_sweeps(workdir / "runs") == []


def test_the_tasks_of_a_cluster_ask_for_gpus(invoke: Invoke, gpus: None, workdir: Path) -> None:
    """SLURM and Kubernetes give each task its own, and its worker takes them all; this machine needs none."""
    words = (
        "sweep",
        "tiny.yaml",
        "--code",
        "own.py",
        "--seeds",
        "3",
        "--jobs",
        "2",
        "--gpus-per-trial",
        "8",
        "--print",
    )
    script = invoke(*words, "--on", "slurm").stdout
    assert "#SBATCH --gpus-per-task=8\n" in script
    assert "--gpus-per-trial 8 &" in script
    manifest = invoke(*words, "--on", "k8s", "--image", "example.org/nnrun:1", "--volume-claim", "runs").stdout
    assert "nvidia.com/gpu: 8" in manifest
    again = invoke("sweep", "--resume", "last", "--on", "slurm", "--print", "--gpus-per-trial", "1").stdout
    assert "#SBATCH --gpus-per-task=1\n" in again


def test_a_sweep_that_goes_on_has_its_gpus(
    invoke: Invoke, gpus: None, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it began: on a machine without them it is refused, and its trials wait."""
    words = ("sweep", "tiny.yaml", "--code", "own.py", "--seeds", "2", "--gpus-per-trial", "1")
    assert invoke(*words, "--on", "slurm", "--print").exit_code == 0
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for command in (("sweep", "--resume", "last"), ("sweep", "work", "last")):
        done = invoke(*command)
        assert done.exit_code == 1
        assert "this process sees no GPU (CUDA_VISIBLE_DEVICES=)" in done.output
    assert json.loads(invoke("sweep", "list", "--json").stdout)[0]["trials"] == {"waiting": 2}

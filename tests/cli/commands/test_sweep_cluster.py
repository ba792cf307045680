"""`nnrun sweep --on`, `--ledger` and `nnrun sweep work` as a user types them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from held_training import HeldTrainings, held_options

from nnrun.sweep import postgres_ledger
from nnrun.sweep.folder import list_sweeps

Invoke = Callable[..., Result]
_SEEDS = ("tiny.yaml", "--seeds", "6")
_K8S = ("--on", "k8s", "--print", "--image", "example.org/nnrun:1", "--volume-claim", "runs")


def test_the_script_is_written_and_nothing_is_submitted(invoke: Invoke, workdir: Path) -> None:
    """Into the sweep's folder, and on the screen; the ledger is one that machines may share."""
    done = invoke("sweep", *_SEEDS, "--on", "slurm", "--jobs", "4", "--print", "--slurm-option", "time=8:00:00")
    assert done.exit_code == 0, done.output
    (folder,) = list_sweeps(workdir / "runs")
    assert done.stdout == (folder.path / "slurm.sh").read_text()
    assert "#SBATCH --array=0-3\n" in done.stdout
    assert "#SBATCH --time=8:00:00\n" in done.stdout
    assert f"nnrun sweep work {folder.path.resolve()}" in done.stdout
    assert (folder.path / "ledger" / "sweep.json").is_file()
    assert "6 waiting" in invoke("sweep", "list").output


def test_sbatch_gets_the_script_and_its_job_is_shown(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that shows how the sweep stands; a second array takes what is left, and no more tasks."""
    sbatch = workdir / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text('#!/bin/sh\necho "$@" >> calls.txt\necho 41\n')
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}{os.pathsep}{os.environ['PATH']}")
    done = invoke("sweep", *_SEEDS, "--on", "slurm", "--jobs", "40")
    assert done.exit_code == 0, done.output
    (folder,) = list_sweeps(workdir / "runs")
    assert "41, 6 tasks" in done.output
    assert f"nnrun sweep show {folder.short_id}" in done.output
    ledger = folder.open_ledger()
    for _ in range(5):
        trial = ledger.claim()
        assert trial is not None
        ledger.finish(trial, {})
    again = json.loads(invoke("sweep", "--resume", "last", "--on", "slurm", "--jobs", "4", "--json").output)
    assert (again["job"], again["tasks"]) == ("41", 1)
    script = folder.path.resolve() / "slurm.sh"
    assert [Path(line.split()[-1]).resolve() for line in (workdir / "calls.txt").read_text().splitlines()] == [
        script
    ] * 2


def test_the_manifest_is_printed(invoke: Invoke, workdir: Path) -> None:
    """It mounts the folder of runs where it is here."""
    job = yaml.safe_load(invoke("sweep", *_SEEDS, *_K8S, "--jobs", "3").stdout)
    (folder,) = list_sweeps(workdir / "runs")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["completions"] == 3
    assert container["command"][-1] == str(folder.path.resolve())
    assert container["volumeMounts"][0]["mountPath"] == str((workdir / "runs").resolve())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--print",), "belong to --on"),
        (("--slurm-option", "time=1:00:00"), "belong to --on"),
        (("--on", "k8s"), "for Kubernetes nnrun writes a manifest, and submits nothing"),
        (("--on", "k8s", "--print"), "need an image with nnrun"),
        (("--on", "slurm", "--print", "--slurm-option", "array=1-9"), "nnrun itself gives sbatch the option --array"),
        (("--on", "slurm", "--print", "--jobs", "auto"), "expected the number of workers"),
        (("--ledger", "mysql://me@host/db"), "expected the address of a ledger"),
        (("--ledger", "mysql"), "expected --ledger sqlite, files or postgresql://"),
        (("--on", "slurm", "--print", "--ledger", "sqlite"), "--ledger sqlite is for the processes of one machine"),
        ((*_K8S, "--image", "My Image"), "expected an image as REGISTRY/NAME:TAG"),
        ((*_K8S, "--volume-claim", "My_Claim"), "expected the name of a claim in lower case"),
        (("--ray-address", "auto"), "belong to --on"),
        (("--on", "ray", "--print"), "there is no script for Ray"),
        (("--on", "ray", "--ray-address", "head"), "expected ray://HOST:PORT, HOST:PORT, auto or local"),
    ],
)
def test_what_cannot_be_is_said_before_a_folder_is_made(
    invoke: Invoke, workdir: Path, words: tuple[str, ...], text: str
) -> None:
    """With what to type instead."""
    done = invoke("sweep", *_SEEDS, *words)
    assert done.exit_code != 0
    assert text in done.output
    assert list_sweeps(workdir / "runs") == []


def test_a_password_is_for_this_process_alone(invoke: Invoke, workdir: Path) -> None:
    """The tasks of a cluster could get it only from a file: they need `~/.pgpass` or `PGPASSWORD`."""
    done = invoke("sweep", *_SEEDS, "--on", "slurm", "--print", "--ledger", "postgresql://me:swordfish@host/db")
    assert done.exit_code == 2
    assert "~/.pgpass or PGPASSWORD" in done.output
    assert "swordfish" not in done.output
    assert list_sweeps(workdir / "runs") == []


def test_the_ledger_of_one_machine_is_not_handed_to_a_cluster(invoke: Invoke, workdir: Path) -> None:
    """SQLite is not safe on network file systems."""
    assert invoke("sweep", *_SEEDS, "--on", "slurm", "--print").exit_code == 0
    (folder,) = list_sweeps(workdir / "runs")
    fields, trials = folder.open_ledger().fields(), folder.open_ledger().trials()
    for path in sorted((folder.path / "ledger").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (folder.path / "ledger").rmdir()
    folder.create_ledger("sqlite", {name: value for name, value in fields.items() if name != "format"}, trials)
    done = invoke("sweep", "--resume", "last", "--on", "slurm", "--print")
    assert "is a SQLite file, which the tasks of a cluster must not share" in done.output


def test_a_server_that_refuses_leaves_no_sweep(invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a missing package is named with the extra that has it."""
    monkeypatch.setattr(postgres_ledger, "READING_PATIENCE", 0.0)
    words = ("sweep", *_SEEDS, "--ledger", "postgresql://me:swordfish@127.0.0.1:1/db")
    done = invoke(*words)
    assert done.exit_code == 1
    assert "the ledger at postgresql://me@127.0.0.1:1/db cannot be reached" in done.output
    assert "swordfish" not in done.output
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'nnrun[postgres]'" in invoke(*words).output
    assert list_sweeps(workdir / "runs") == []


def test_ray_that_is_not_there_is_said_before_a_folder_is_made(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at the address, which may come from Ray's own variable, and a package that is not installed."""
    spec = ModuleSpec("ray", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "ray" else None)
    for words in (("--ray-address", "127.0.0.1:1"), ("--ray-address", "ray://127.0.0.1:1"), ()):
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
        done = invoke("sweep", *_SEEDS, "--on", "ray", *words)
        assert done.exit_code == 1
        assert "127.0.0.1:1: Connection refused" in done.output
        assert "ray://HOST:10001" in done.output
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "pip install 'nnrun[ray]'" in invoke("sweep", *_SEEDS, "--on", "ray").output
    assert list_sweeps(workdir / "runs") == []


def test_a_sweep_for_ray_has_a_ledger_that_machines_share(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was begun for a single machine is not taken there."""
    assert invoke("sweep", *_SEEDS, "--on", "slurm", "--print", "--ledger", "files").exit_code == 0
    (folder,) = list_sweeps(workdir / "runs")
    fields, trials = folder.open_ledger().fields(), folder.open_ledger().trials()
    shutil.rmtree(folder.file_ledger)
    folder.create_ledger("sqlite", {name: value for name, value in fields.items() if name != "format"}, trials)
    spec = ModuleSpec("ray", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "ray" else None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert "expected the number of workers" in invoke("sweep", *_SEEDS, "--on", "ray", "--jobs", "auto").output
    done = invoke("sweep", "--resume", "last", "--on", "ray")
    assert done.exit_code == 1
    assert "is a SQLite file, which the tasks of a cluster must not share" in done.output


@pytest.mark.keras
def test_a_worker_trains_what_waits_and_stops_with_its_state_saved(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit ends it with exit code 75, and no trial belongs to it then."""
    # The first trial waits for the end of the time.
    for name, value in HeldTrainings(workdir).environment.items():
        monkeypatch.setenv(name, value)
    words = (*_SEEDS, "--set", "training.epochs=10", *held_options(workdir))
    assert invoke("sweep", *words, "--on", "slurm", "--print").exit_code == 0
    (folder,) = list_sweeps(workdir / "runs")
    stopped = invoke("sweep", "work", "last", "--time-limit", "20s")
    assert stopped.exit_code == 75, stopped.output
    assert folder.open_ledger().counts().get("running") is None

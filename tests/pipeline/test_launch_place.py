"""The processes of one model that a scheduler or the user has started, each with its place in variables or options."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import wait_for

from nnrun.engine.backend.devices import ProcessGroup, join_address, split_address
from nnrun.errors import RunError
from nnrun.pipeline.launch_place import find_place
from nnrun.runs import record
from nnrun.runs.find import list_runs

if TYPE_CHECKING:
    from slurm_cluster import SlurmCluster

CONFIG = """\
name: divided
backend: jax
data: {source: digits, split: {validation: 0.1, test: 0.2}}
model: [Flatten, {Dense: {units: 16, activation: relu}}, {Dropout: 0.2}, {Dense: 10}]
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: {SGD: {learning_rate: 0.05}}
  batch_size: 128
  epochs: 4
  save_every: {epochs: 1}
"""
SLURM = {"SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}


def test_a_step_of_slurm_on_one_node_listens_on_loopback() -> None:
    """The port is the job's own, above those that the system gives away."""
    variables = {**SLURM, "SLURM_STEP_NODELIST": "n1", "SLURM_STEP_NUM_NODES": "1", "SLURM_LOCALID": "1"}
    assert find_place(None, None, None, variables) == ProcessGroup("127.0.0.1:61447", 2, 1, 1)


def test_a_step_of_slurm_asks_where_its_first_node_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node's name need not be that of a machine: SLURM knows its address."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(
        '#!/bin/sh\n[ "$2" = hostnames ] && echo "n1\nn2" || echo "NodeName=$3 NodeAddr=10.0.0.5 X=y"\n'
    )
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    variables = {**SLURM, "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_NUM_NODES": "2"}
    assert find_place(None, None, None, variables) == ProcessGroup("10.0.0.5:61447", 2, 1, 0)
    scontrol.write_text("#!/bin/sh\necho 'slurm_load_node error: unable to contact' >&2; exit 1\n")
    with pytest.raises(RunError, match="unable to contact") as caught:
        find_place(None, None, None, variables)
    assert "--coordinator HOST:PORT" in str(caught.value.hint)


def test_processes_of_open_mpi_on_one_machine_need_no_coordinator() -> None:
    """On several machines they need one, as their launcher names none."""
    local = {**OPEN_MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "prterun-7"}
    place = find_place(None, None, None, local)
    assert place is not None
    assert (place.processes, place.process, place.local_process) == (2, 1, 1)
    assert re.fullmatch(r"127\.0\.0\.1:6[1-5]\d\d\d", place.coordinator)
    with pytest.raises(RunError, match="does not say on which machine"):
        find_place(None, None, None, {**OPEN_MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "1"})
    assert find_place(None, "n7:61500", None, OPEN_MPI) == ProcessGroup("n7:61500", 2, 1, 1)


def test_pods_of_an_indexed_job_have_their_number() -> None:
    """Their count and the first pod's name are options; without these a pod starts processes of its own."""
    pod = {"JOB_COMPLETION_INDEX": "3"}
    assert find_place(4, "train-0.train:61500", None, pod) == ProcessGroup("train-0.train:61500", 4, 3, 0)
    assert find_place(4, None, None, pod) is None


def test_options_need_no_scheduler() -> None:
    """Machines without one are told who they are."""
    assert find_place(2, "[::1]:61500", 1, {}) == ProcessGroup("[::1]:61500", 2, 1, 0)
    assert find_place(2, None, None, {}) is None
    assert find_place(2, None, None, {**SLURM, "SLURM_NTASKS": "1", "SLURM_STEP_NODELIST": "n1"}) is None


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ((None, None, None), {}, "the number of processes is missing"),
        ((None, None, None), {"SLURM_NTASKS": "4"}, "srun nnrun launch"),
        ((2, "n7:61500", None), {}, "no --process-id"),
        ((2, "n7:61500", 2), {}, "expected a process from 0 to 1, received 2"),
        ((2, "n7", 0), {}, "expected HOST:PORT for --coordinator, received 'n7'"),
        ((2, "n7:99999", 0), {}, "expected HOST:PORT"),
        ((2, None, 0), {}, "on which machine process 0 is"),
        ((None, "n7:61500", 0), {}, "--workers N"),
        ((3, None, None), {**SLURM, "SLURM_STEP_NODELIST": "n1", "SLURM_STEP_NUM_NODES": "1"}, "started 2 tasks"),
        ((2, "n7:1", None), {"JOB_COMPLETION_INDEX": "one"}, "is no number"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_refused(
    options: tuple[Any, ...], variables: Mapping[str, str], expected: str
) -> None:
    """Before anything is started, with what to type."""
    with pytest.raises(RunError) as caught:
        find_place(*options, variables)
    assert expected in f"{caught.value}\n{caught.value.hint}"
    assert caught.value.hint


def test_a_place_goes_through_the_environment() -> None:
    """To the process that trains, which JAX connects with the others."""
    place = ProcessGroup("[::1]:61500", 4, 3, 1)
    assert ProcessGroup.of(place.environment) == place
    assert (split_address(place.coordinator), join_address("::1", 61500)) == (("::1", 61500), place.coordinator)


def test_processes_of_a_machine_share_its_gpus_in_order() -> None:
    """Unless their scheduler shows each its own alone."""
    place = ProcessGroup("n7:61500", 4, 3, 1)
    assert place.device_numbers(2, {}) == [2, 3]
    assert place.device_numbers(2, {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}) == [2, 3]
    assert place.device_numbers(2, {"CUDA_VISIBLE_DEVICES": "5,6"}) == [0, 1]


def test_the_first_process_listens_on_the_network_of_its_address_alone() -> None:
    """An address of this machine is the one that it listens at."""
    assert ProcessGroup("127.0.0.1:61500", 2, 0).address() == "127.0.0.1"
    with pytest.raises(OSError, match=r".+"):
        ProcessGroup("no.such.machine.invalid:61500", 2, 0).address()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a process of a launch, as `mpirun` would."""
    (tmp_path / "divided.yaml").write_text(CONFIG)
    started: list[subprocess.Popen[str]] = []
    job = f"nnrun-{os.getpid()}"

    def run(process: int, *words: str) -> subprocess.Popen[str]:
        variables = {
            "OMPI_COMM_WORLD_RANK": str(process),
            "OMPI_COMM_WORLD_SIZE": "2",
            "OMPI_COMM_WORLD_LOCAL_RANK": str(process),
            "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
            "PMIX_NAMESPACE": job,
        }
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "nnrun", "launch", *words, "-q"],
                cwd=tmp_path,
                env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.communicate()


def _wait_for_state(folder: Path, process: subprocess.Popen[str]) -> None:
    wait_for(lambda: list(folder.glob("*/state/last.safetensors")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()


def _losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.keras
@pytest.mark.slow
def test_processes_that_others_started_train_one_model_and_go_on(tmp_path: Path, start: Start) -> None:
    """The first one writes; all end resumable if one is killed, or if all are asked to stop; then they go on."""
    words = ("divided.yaml", "--set", "training.epochs=1000000", "--runs-dir", "runs")
    first, second = (start(number, *words) for number in (0, 1))
    _wait_for_state(tmp_path / "runs", first)
    (trained,) = psutil.Process(second.pid).children()
    trained.send_signal(signal.SIGKILL)
    (_, first_errors), (_, second_errors) = first.communicate(timeout=240), second.communicate(timeout=240)
    assert (first.returncode, second.returncode) == (75, 75), first_errors + second_errors
    assert "process 1 of 2 has ended (exit code -9)" in second_errors
    (run,) = list_runs(tmp_path / "runs")
    before = len(_losses(run.folder.path))
    words = ("--resume", "last", "--runs-dir", "runs")
    first, second = (start(number, *words) for number in (0, 1))
    wait_for(lambda: len(_losses(run.folder.path)) > before + 2 or first.poll() is not None)
    assert first.poll() is None, first.communicate()
    for one in (first, second):
        one.terminate()
    first.communicate(timeout=240)
    second.communicate(timeout=240)
    assert (first.returncode, second.returncode) == (75, 75)
    assert record.read(run.folder)["status"] == "preempted"
    assert len(list_runs(tmp_path / "runs")) == 1


@pytest.mark.keras
@pytest.mark.slow
def test_a_step_of_slurm_trains_one_model_on_two_nodes(slurm: SlurmCluster, tmp_path: Path, start: Start) -> None:
    """`srun -n2 nnrun launch`: each task is a process on its own node, and the losses are those of one process."""
    environment = {**slurm.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    nnrun = (sys.executable, "-m", "nnrun")
    launched = subprocess.run(
        ["srun", "-N2", "-n2", *nnrun, "launch", "divided.yaml", "--runs-dir", "two", "-q"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert launched.returncode == 0, launched.stderr
    (two,) = list_runs(tmp_path / "two")
    assert launched.stdout.strip() == str(two.folder.path.relative_to(tmp_path))
    subprocess.run(
        [*nnrun, "train", "divided.yaml", "--runs-dir", "one", "-q"], cwd=tmp_path, env=environment, check=True
    )
    (one,) = list_runs(tmp_path / "one")
    assert _losses(two.folder.path) == pytest.approx(_losses(one.folder.path), abs=1e-5)

"""The place of a process among those of `nnrun launch`, where a scheduler or the user has started each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from nnrun.engine.backend.devices import ProcessGroup, join_address, split_address
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The ports above those that Linux gives away by itself (32768 to 60999): a job's first process listens at one of them.
_FIRST_PORT, _PORTS = 61440, 4096
_LOOPBACK = "127.0.0.1"
_COORDINATOR_HINT = "name a machine and a free port of it, the same for all: --coordinator HOST:PORT"


@dataclass(frozen=True)
class _Task:
    """What a scheduler's variables say about a process.

    Attributes:
        scheduler: Its name, for messages.
        process: The number of this process, from 0.
        processes: How many there are; None: the scheduler does not say.
        local_process: The number of this process among those of its machine.
        coordinator: Where the first process listens; None: the scheduler does not say.
    """

    scheduler: str
    process: int
    processes: int | None
    local_process: int = 0
    coordinator: str | None = None


def find_place(
    workers: int | None,
    coordinator: str | None,
    process: int | None,
    environment: Mapping[str, str] = os.environ,
) -> ProcessGroup | None:
    """Return the place of this process; None where it is to start all of them by itself.

    Args:
        workers: The value of `--workers`.
        coordinator: The value of `--coordinator`.
        process: The value of `--process-id`.
        environment: The environment variables.

    Raises:
        RunError: Something is missing, or options and variables contradict each other.
    """
    task = None if process is not None else _find_task(environment, coordinator)
    if task is None and process is None:
        _require_startable(workers, coordinator, environment)
        return None
    if task is not None and None not in (workers, task.processes) and workers != task.processes:
        text = f"{task.scheduler} has started {task.processes} tasks, and --workers is {workers}"
        raise RunError(text, "leave out --workers, or start as many tasks")
    task = task or _Task("the command line", process or 0, None)
    processes, where = workers or task.processes, coordinator or task.coordinator
    if processes is None:
        raise RunError(f"process {task.process} does not know how many there are", "give the number: --workers N")
    if not 0 <= task.process < processes:
        text = f"expected a process from 0 to {processes - 1}, received {task.process} ({task.scheduler})"
        raise RunError(text, f"start one process for each number below {processes}, or give other --workers")
    if where is None:
        text = f"{task.scheduler} does not say on which machine process 0 is"
        raise RunError(text, _COORDINATOR_HINT)
    try:
        split_address(where)
    except ValueError:
        text = f"expected HOST:PORT for --coordinator, received {where!r}"
        raise RunError(text, "for example --coordinator node7:61500") from None
    return ProcessGroup(where, processes, task.process, task.local_process)


def _require_startable(workers: int | None, coordinator: str | None, environment: Mapping[str, str]) -> None:
    """Check that this process can start all processes by itself.

    Raises:
        RunError: Something is missing.
    """
    if coordinator is not None:
        raise RunError("--coordinator is given, and no --process-id", "give each process its number: --process-id I")
    if workers is not None:
        return
    if int(environment.get("SLURM_NTASKS", "1")) > 1:
        text = f"this SLURM job has {environment['SLURM_NTASKS']} tasks, and this process is none of them"
        raise RunError(text, "start it in each of them: srun nnrun launch ...")
    text = "the number of processes is missing, and no scheduler has started several"
    raise RunError(text, "give it: --workers N")


def _find_task(environment: Mapping[str, str], coordinator: str | None) -> _Task | None:
    """Return what a scheduler says, where it has started several processes."""
    try:
        found = _slurm_task(environment, coordinator) or _mpi_task(environment)
        if found is None and coordinator is not None and "JOB_COMPLETION_INDEX" in environment:
            found = _Task("Kubernetes", int(environment["JOB_COMPLETION_INDEX"]), None)
    except ValueError as error:
        raise RunError(f"a variable of the scheduler is no number: {error}", _COORDINATOR_HINT) from None
    return None if found is None or found.processes == 1 else found


def _slurm_task(environment: Mapping[str, str], coordinator: str | None) -> _Task | None:
    """Return the place in a step of SLURM, which `srun` has started."""
    if "SLURM_PROCID" not in environment or "SLURM_STEP_NODELIST" not in environment:
        return None
    number = environment.get
    processes = int(number("SLURM_STEP_NUM_TASKS") or number("SLURM_NTASKS") or "1")
    task = _Task("SLURM", int(environment["SLURM_PROCID"]), processes, int(number("SLURM_LOCALID", "0")))
    if processes == 1 or coordinator is not None:
        return task
    # Every job and every step of it has another port, so that two of them can share a machine.
    port = _FIRST_PORT + (int(number("SLURM_JOB_ID", "0")) + int(number("SLURM_STEP_ID", "0"))) % _PORTS
    host = _LOOPBACK
    if number("SLURM_STEP_NUM_NODES") != "1":
        host = _slurm_address(environment["SLURM_STEP_NODELIST"])
    return _Task("SLURM", task.process, processes, task.local_process, join_address(host, port))


def _slurm_address(nodes: str) -> str:
    """Return the address by which SLURM itself reaches the first of its nodes.

    Raises:
        RunError: SLURM does not say.
    """
    first = _scontrol("show", "hostnames", nodes).split()[0]
    fields = dict(word.partition("=")[::2] for word in _scontrol("show", "node", first, "-o").split())
    return fields.get("NodeAddr") or first


def _scontrol(*words: str) -> str:
    if shutil.which("scontrol") is None:
        raise RunError("scontrol is not on this machine, so that the first node is not known", _COORDINATOR_HINT)
    done = subprocess.run(["scontrol", *words], capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise RunError(f"scontrol {' '.join(words)} failed: {reason}", _COORDINATOR_HINT)
    return done.stdout


def _mpi_task(environment: Mapping[str, str]) -> _Task | None:
    """Return the place among the processes of `mpirun`: of Open MPI, or of one that speaks PMI (MPICH, Intel MPI)."""
    number = environment.get
    if "OMPI_COMM_WORLD_RANK" in environment:
        processes, local = int(number("OMPI_COMM_WORLD_SIZE", "1")), int(number("OMPI_COMM_WORLD_LOCAL_RANK", "0"))
        job = number("PMIX_NAMESPACE") or number("OMPI_MCA_ess_base_jobid")
        is_local = number("OMPI_COMM_WORLD_LOCAL_SIZE") == str(processes) and job is not None
        port = _FIRST_PORT + crc32((job or "").encode()) % _PORTS
        where = join_address(_LOOPBACK, port) if is_local else None
        return _Task("Open MPI", int(environment["OMPI_COMM_WORLD_RANK"]), processes, local, where)
    if "PMI_RANK" in environment:
        local = int(number("MPI_LOCALRANKID", "0"))
        return _Task("PMI", int(environment["PMI_RANK"]), int(number("PMI_SIZE", "1")), local)
    return None

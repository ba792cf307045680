"""Sweeps on Ray: a real cluster of two nodes on this machine, one of which is lost, and Ray started by the sweep."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest
from small_sweep import config_text, write_sweep
from waiting import wait_for

from nnrun.runs import environment, record
from nnrun.sweep.folder import SweepFolder, list_sweeps

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.keras,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra ray)"),
]

SWEEP = "sweep:\n  seeds: 4\n"
CONFIG = config_text(SWEEP, epochs=600, training="  save_every: {epochs: 30}\n")
#: It is always interrupted: it must not end before that on a busy machine.
LONG = config_text(SWEEP, epochs=400_000, training="  save_every: {epochs: 30}\n  callbacks: [Sees]\n")
UUIDS = [f"GPU-{digit * 8}-0a1b-2c3d-4e5f-60718293a4b5" for digit in "12"]
#: Prints what a process that trains sees.
CODE = """import os
import keras


class Sees(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        print(f"sees <{os.environ.get('CUDA_VISIBLE_DEVICES')}> {os.environ.get('OMP_NUM_THREADS')}", flush=True)
"""
#: Words of Ray that belong on no user's screen.
_OF_RAY = re.compile(r"raylet|dashboard|ray\.init|usage stat|\bpid=|gcs|Traceback|\[.* [WE] \d+", re.IGNORECASE)


#: A machine may be busy.
wait = partial(wait_for, seconds=400, pause=0.1)


@dataclass
class RayCluster:
    """Ray on this machine, as `ray start` starts it.

    Attributes:
        folder: Its files.
        port: The port of its head.
        client_port: The port for clients.
    """

    folder: Path
    port: int
    client_port: int
    _nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a node, and of who connects."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        ours = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_worker_niceness": "0"}
        # Other programs of the machine may need the memory.
        ours["RAY_memory_monitor_refresh_ms"] = "0"
        # The server for clients starts one of each client's own, for which it waits 30 s: too short on a busy machine.
        ours["RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S"] = "300"
        return {**known, **ours, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def start_node(self, name: str, *words: str) -> None:
        """Start a node."""
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=2", *words]
        with (self.folder / f"{name}.txt").open("wb") as out:
            self._nodes[name] = subprocess.Popen(
                [*command, "--object-store-memory=80000000"], stdout=out, stderr=out, env=self.environment
            )

    def start(self) -> None:
        """Start two nodes, and wait until both are there."""
        head = (f"--port={self.port}", f"--ray-client-server-port={self.client_port}", f"--temp-dir={self.folder}")
        self.start_node("head", "--head", *head, "--include-dashboard=false")
        wait(lambda: is_listening(self.port))
        self.start_node("other", f"--address=127.0.0.1:{self.port}")
        wait(lambda: b"Ray runtime started" in (self.folder / "other.txt").read_bytes())

    def kill(self, name: str) -> int:
        """Kill a node with all that runs on it; return how many workers trained there."""
        node = psutil.Process(self._nodes[name].pid)
        processes = node.children(recursive=True)
        workers = [one for one in processes if "ray::RayWorker" in one.name() or "ray::RayWorker" in one.cmdline()[:1]]
        for one in (node, *processes):
            one.kill()
        return len(workers)

    def stop(self) -> None:
        """Stop what is left."""
        for node in self._nodes.values():
            if node.poll() is None:
                for one in (*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)):
                    one.kill()
            node.wait()


def is_listening(port: int) -> bool:
    """Return whether something takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Two nodes with two cores each."""
    # The paths of sockets must be short.
    started = RayCluster(Path(tempfile.mkdtemp(prefix="nnrun-test-")), free_port(), free_port())
    try:
        started.start()
        yield started
    finally:
        started.stop()
        shutil.rmtree(started.folder, ignore_errors=True)


def begin(folder: Path, variables: dict[str, str], *words: str) -> subprocess.Popen[str]:
    """Start `nnrun sweep` in a folder."""
    command = [sys.executable, "-m", "nnrun", "sweep", *words]
    return subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command; return its exit code and all that it printed, which has no word of Ray."""
    out, err = process.communicate(timeout=500)
    assert _OF_RAY.search(out + err) is None, out + err
    return process.returncode, out + err


def sweep_of(folder: Path) -> SweepFolder | None:
    """Return the sweep of a folder, as soon as it has a ledger."""
    found = list_sweeps(folder / "runs")
    return found[0] if found and found[0].has_ledger else None


def training(folder: Path) -> list[int]:
    """Return the trials that a process trains, and whose state was saved."""
    sweep = sweep_of(folder)
    if sweep is None:
        return []
    running = [one for one in sweep.open_ledger().trials("running") if environment.is_alive(one.process or {})]
    return [one.number for one in running if any((sweep.run(one.number).path / "state").glob("*.safetensors"))]


@pytest.fixture(scope="module")
def alone(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """The same sweep in one process of this machine."""
    folder = tmp_path_factory.mktemp("alone")
    write_sweep(folder, CONFIG)
    code, output = finish(begin(folder, cluster.environment, "swept.yaml"))
    assert code == 0, output
    return list_sweeps(folder / "runs")[0]


def require_same_figures(folder: SweepFolder, other: SweepFolder) -> None:
    """Check that all trials are done, at the first attempt, with the same figures as those of another sweep."""
    trials = folder.open_ledger().trials()
    assert [(one.status, one.attempts) for one in trials] == [("done", 1)] * 4
    assert [one.scores for one in trials] == [one.scores for one in other.open_ledger().trials()]
    for number in range(4):
        for name in ("scores.json", "predictions.csv"):
            assert (folder.run(number).path / name).read_bytes() == (other.run(number).path / name).read_bytes()
    assert len(list(folder.trials.iterdir())) == 4


def claims(folder: SweepFolder) -> list[str]:
    """Return the names of all claims of trials."""
    return sorted(path.name for path in (folder.file_ledger / "claims").glob("*/*.json"))


def test_a_lost_node_loses_no_trial_and_trains_none_twice(
    cluster: RayCluster, alone: SweepFolder, tmp_path: Path
) -> None:
    """Its worker is replaced on the other node, and its trial goes on there, to the figures of a single process."""
    write_sweep(tmp_path, CONFIG)
    words = ("swept.yaml", "--on", "ray", "--ray-address", f"127.0.0.1:{cluster.port}", "--jobs", "2")
    process = begin(tmp_path, cluster.environment, *words)
    wait(lambda: len(training(tmp_path)) == 2 or process.poll() is not None)
    assert cluster.kill("other") == 1, finish(process)
    code, output = finish(process)
    assert code == 0, output
    assert "is gone: another one is started in its place" in output
    (folder,) = list_sweeps(tmp_path / "runs")
    require_same_figures(folder, alone)
    # One trial was under way there, and went on; no other one was claimed again.
    assert len(claims(folder)) == 5
    assert sum(len(record.read(folder.run(number)).get("resumed") or ()) for number in range(4)) == 1


def test_a_driver_that_ends_loses_nothing(cluster: RayCluster, alone: SweepFolder, tmp_path: Path) -> None:
    """Killed, its workers end with it; asked to stop, they save first (75); the sweep goes on through Ray's client."""
    write_sweep(tmp_path, CONFIG)
    address = ("--on", "ray", "--ray-address", f"127.0.0.1:{cluster.port}")
    process = begin(tmp_path, cluster.environment, "swept.yaml", *address, "--jobs", "2")
    numbers = wait(lambda: training(tmp_path) or process.poll() is not None)
    process.kill()
    process.communicate()
    (folder,) = list_sweeps(tmp_path / "runs")
    owners = [one.process or {} for one in folder.open_ledger().trials("running")]
    wait(lambda: not any(environment.is_alive(one) for one in owners))
    assert {one.status for one in folder.open_ledger().trials() if one.number in numbers} <= {"running", "done"}

    process = begin(tmp_path, cluster.environment, "--resume", "last", *address, "--jobs", "2")
    wait(lambda: training(tmp_path) or process.poll() is not None)
    process.terminate()
    code, output = finish(process)
    assert code == 75, output
    assert f"nnrun sweep --resume {folder.path.relative_to(tmp_path)} --on ray" in output
    assert folder.open_ledger().counts().get("running") is None

    client = f"ray://127.0.0.1:{cluster.client_port}"
    for _ in range(3):
        code, output = finish(
            begin(tmp_path, cluster.environment, "--resume", "last", "--on", "ray", "--ray-address", client)
        )
        # Ray starts a server for each client, which on a busy machine may end early; the sweep is kept, and goes on.
        if "Starting Ray client server failed" not in output:
            break
    assert code == 0, output
    require_same_figures(folder, alone)


def test_ray_of_the_sweeps_own_listens_here_alone_and_leaves_nothing(tmp_path: Path) -> None:
    """Its workers see GPUs of their own, it asks for a token, and its files end with it; Ctrl-C ends it resumable."""
    write_sweep(tmp_path, LONG)
    (tmp_path / "own.py").write_text(CODE)
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    lines = "".join(f"GPU {number}: NVIDIA H200 (UUID: {uuid})\\n" for number, uuid in enumerate(UUIDS))
    program.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    program.chmod(0o755)
    known = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "CUDA_VISIBLE"))}
    known |= {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    known |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = ("swept.yaml", "--code", "own.py", "--on", "ray", "--jobs", "2", "--gpus-per-trial", "1", "--json")
    process = begin(tmp_path, known, *words)
    wait(lambda: training(tmp_path) or process.poll() is not None)
    family = psutil.Process(process.pid).children(recursive=True)
    listening = {c.laddr.ip for one in family for c in one.net_connections() if c.status == psutil.CONN_LISTEN}
    (raylet,) = [one for one in family if one.name() == "raylet"]
    mode = raylet.environ().get("RAY_AUTH_MODE")
    (socket_name,) = [word for word in raylet.cmdline() if word.startswith("--raylet_socket_name=")]
    scratch = socket_name.partition("=")[2].partition("/session_")[0]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 130, out + err
    assert json.loads(out)["error"]["exit_code"] == 130
    assert err == ""
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert mode == "token"
    (folder,) = list_sweeps(tmp_path / "runs")
    assert folder.open_ledger().counts() == {"waiting": 4}
    seen = [folder.run(number).log.read_text() for number in range(4) if folder.run(number).log.exists()]
    assert {log.partition("sees <")[2].partition("\n")[0] for log in seen} <= {f"{uuid}> None" for uuid in UUIDS}
    # The system ends them with the process that has started Ray.
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert scratch.startswith(str(Path(tempfile.gettempdir(), "nnrun-ray-")))
    assert not Path(scratch).exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_no_node_has_is_an_error(tmp_path: Path) -> None:
    """With what is needed, and what there is; the sweep is kept."""
    write_sweep(tmp_path, CONFIG)
    known = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    known |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code, output = finish(begin(tmp_path, known, "swept.yaml", "--on", "ray", "--threads", "4096"))
    assert code == 1, output
    assert "a worker needs 4,096 CPUs and 0 GPUs, and no node of Ray has them" in output
    assert list_sweeps(tmp_path / "runs")[0].open_ledger().counts() == {"waiting": 4}


_CONNECT = """import os, sys
from pathlib import Path
import ray
from nnrun.errors import RunError
from nnrun.sweep import ray_cluster
ray.__version__ = sys.argv[2] or ray.__version__
ray_cluster._PATIENCE = float(sys.argv[3])
try:
    ray_cluster.connect(ray_cluster.RayAddress.parse(sys.argv[1]), Path("unused"))
except RunError as error:
    print(error.text, "|", error.hint, flush=True)
os._exit(0)
"""


def connect(address: str, version: str = "", patience: float = 300.0) -> str:
    """Connect to an address in a process; return the message. A machine may be busy."""
    command = [sys.executable, "-c", _CONNECT, address, version, str(patience)]
    known = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=known, check=True, timeout=400)
    return done.stdout


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_another_version_of_ray_is_an_error(cluster: RayCluster, prefix: str) -> None:
    """With both versions, and what to install."""
    port = cluster.client_port if prefix else cluster.port
    message = connect(f"{prefix}127.0.0.1:{port}", version="2.1.0")
    assert "has other versions than this process" in message
    assert "2.1.0" in message
    assert "pip install" in message


def test_a_server_that_is_not_ray_is_an_error() -> None:
    """It takes connections and never answers, as a server of another kind, or a hostile one, may do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        message = connect(f"127.0.0.1:{server.getsockname()[1]}", patience=4.0)
    assert "no Ray answers at 127.0.0.1" in message
    assert "--ray-address ray://HOST:10001" in message

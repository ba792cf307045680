"""A real SLURM cluster on this machine: a controller and two nodes, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

#: Nodes are lost, and requeued tasks begin, after some seconds instead of minutes: more than those for which a crowded
#: machine stops a daemon, whose node would be lost too.
_CONFIG = """\
ClusterName=nnrun
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=20
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=20
MessageTimeout=100
InactiveLimit=0
KillWait=30
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,requeue_delay=1
SelectType=select/linear
MinJobAge=300
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=500
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=500
PartitionName=p Nodes=n1,n2 Default=YES State=UP OverSubscribe=FORCE:4
"""
#: Daemons are not on the path of every user.
_PATH = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "sinfo", "squeue")


class UnavailableError(Exception):
    """No cluster can be started here."""


@dataclass
class SlurmCluster:
    """A cluster of two nodes.

    Attributes:
        folder: Its files.
    """

    folder: Path
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which SLURM's programs find it."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def start(self) -> None:
        """Start all daemons, and wait until the nodes are idle.

        Raises:
            UnavailableError: SLURM is not installed, this user is not root, or a daemon does not start.
        """
        missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
        if missing or os.geteuid():
            raise UnavailableError(f"not installed: {', '.join(missing)}" if missing else "SLURM needs root")
        for name in ("state", "n1", "n2"):
            (self.folder / name).mkdir()
        ports = _free_ports(3)
        config = _CONFIG.format(host=socket.gethostname(), folder=self.folder, ports=ports)
        (self.folder / "slurm.conf").write_text(config)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        names = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{option}={self.folder}/munge.{end}" for option, end in names.items()]
        self._start("munge", "munged", "--foreground", "--force", *files)
        self._start("slurmctld", "slurmctld", "-D")
        for node in ("n1", "n2"):
            self.start_node(node)
        self._wait_until_idle()

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> int:
        """Kill the daemon of a node with all that runs on it; return how many tasks that were."""
        scripts = [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(word.startswith(f"{self.folder}/{node}/job") for word in process.info["cmdline"] or [])
        ]
        self._daemons[node].kill()
        self._daemons[node].wait()
        for script in scripts:
            # Its parent is SLURM's own process for the task, which would tell the controller.
            with suppress(psutil.NoSuchProcess):
                for process in (*script.parents()[:1], script, *script.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
        return len(scripts)

    def run(self, *words: str) -> str:
        """Run one of SLURM's programs; return what it prints."""
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=self.environment, timeout=240)
        return done.stdout

    def stop(self) -> None:
        """Kill everything."""
        for node in ("n1", "n2"):
            if node in self._daemons:
                self.kill_node(node)
        for daemon in self._daemons.values():
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._daemons[name] = subprocess.Popen(
                words, stdout=out, stderr=out, env=self.environment, start_new_session=True
            )

    def _wait_until_idle(self) -> None:
        end = time.monotonic() + 240
        while time.monotonic() < end:
            ended = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if ended:
                said = (self.folder / f"{ended[0]}.out").read_text(errors="replace")[-300:]
                raise UnavailableError(f"{ended[0]} does not start: {said}")
            try:
                if self.run("sinfo", "-h", "-o", "%D %t").split() == ["2", "idle"]:
                    return
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                pass
            time.sleep(0.2)
        raise UnavailableError("the nodes do not become idle")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def slurm_cluster() -> Iterator[SlurmCluster]:
    """Start a cluster during the `with` block; skip the test where none can be started."""
    # Munge refuses a folder in which others may write.
    folder = Path(tempfile.mkdtemp(prefix="nnrun-slurm-"))
    folder.chmod(0o755)
    cluster = SlurmCluster(folder)
    try:
        cluster.start()
    except UnavailableError as error:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no SLURM cluster can be started: {error}")
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)

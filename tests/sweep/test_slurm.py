"""Sweeps on SLURM: the script of an array, and a real cluster on this machine, one node of which is lost."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from nnrun.errors import RunError
from nnrun.runs import record
from nnrun.sweep.folder import SweepFolder, list_sweeps
from nnrun.sweep.slurm import ArrayScript, parse_options, require_sbatch, submit

CONFIG = """name: swept
seed: 7
data:
  source: {csv: {file: table.csv, target: ill}}
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Dense: {units: 4, activation: relu}
  - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: Adam
  epochs: 1500
  batch_size: 16
  save_every: {epochs: 50}
sweep:
  seeds: 6
"""

#: Nodes are lost after seconds instead of minutes, and a requeued task begins at once instead of after two minutes.
_CONFIG = """\
ClusterName=nnrun
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
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
SlurmdTimeout=5
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
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "sinfo", "squeue")


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
            for process in (*script.parents()[:1], script, *script.children(recursive=True)):
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
        return len(scripts)

    def run(self, *words: str) -> str:
        """Run one of SLURM's programs; return what it prints."""
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=self.environment, timeout=60)
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
        end = time.monotonic() + 60
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


def script(**more: Any) -> str:
    """Return the script of an array of four tasks."""
    known = {"name": "swept", "folder": Path("/runs/50%"), "command": ("nnrun", "sweep", "work", "/my runs/x")}
    return ArrayScript(**{**known, "tasks": 4, "cores": 2, "options": {}, **more}).text


def test_the_script_is_an_array_of_workers() -> None:
    """With the user's options after nnrun's, and quoted paths; a shell can read it."""
    text = script(options={"partition": "long", "signal": "B:TERM@300", "exclusive": None, "comment": "two words"})
    lines = text.splitlines()
    assert lines[0] == "#!/bin/bash"
    for line in (
        "#SBATCH --array=0-3",
        "#SBATCH --requeue",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --output=/runs/50%%/slurm-%A_%a.txt",
        "#SBATCH --partition=long",
        "#SBATCH --signal=B:TERM@300",
        "#SBATCH --exclusive",
        '#SBATCH --comment="two words"',
        "nnrun sweep work '/my runs/x' &",
    ):
        assert line in lines, line
    assert sum("--signal" in line for line in lines) == 1
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize(
    "word", ["", "=x", "a b", "partition=", "x=a\nb", 'x="', "array=0-9", "--requeue", "no-requeue"]
)
def test_an_option_that_is_none_is_refused(word: str) -> None:
    """Also one on which the script depends, and one that would begin a line of its own."""
    with pytest.raises(RunError, match="sbatch"):
        parse_options([word])


def worker(folder: Path, code: int, state: str) -> list[str]:
    """Run the script with a worker that ends with a code at SIGTERM, and a job of a state; return what was requeued."""
    stub = folder / "stub"
    stub.mkdir()
    (stub / "scontrol").write_text(
        f'#!/bin/bash\n[ "$1" = show ] && echo JobState={state} || echo "$@" >> {folder}/calls\n'
    )
    (stub / "scontrol").chmod(0o755)
    command = ("bash", "-c", f"trap 'sleep 0.2; exit {code}' TERM; touch {folder}/ready; while :; do sleep 0.05; done")
    environment = {
        "PATH": f"{stub}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "2",
    }
    with subprocess.Popen(["bash", "-c", script(command=command)], env=environment) as process:
        wait_for((folder / "ready").exists)
        process.terminate()
        assert process.wait(20) == code
    calls = folder / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize(
    ("code", "state", "requeued"),
    [(75, "RUNNING", ["requeue 7_2"]), (75, "CANCELLED", []), (75, "COMPLETING", []), (1, "RUNNING", [])],
)
def test_a_task_whose_time_is_over_goes_on_in_the_queue(
    tmp_path: Path, code: int, state: str, requeued: list[str]
) -> None:
    """The worker gets the signal and has the time to save; one that was cancelled, or failed, does not come back."""
    assert worker(tmp_path, code, state) == requeued


def test_without_sbatch_a_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script can be written without it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunError, match="sbatch is not on this machine") as caught:
        require_sbatch()
    assert "--print" in str(caught.value.hint)


def test_what_sbatch_says_against_a_script_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command by which the corrected script is submitted; the number of a job is returned."""
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: long' >&2; exit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(RunError, match="invalid partition specified: long") as caught:
        submit(tmp_path / "slurm.sh", script())
    assert str(caught.value.hint).endswith(f"sbatch {tmp_path / 'slurm.sh'}")
    sbatch.write_text("#!/bin/sh\necho '41;ours'\n")
    assert submit(tmp_path / "slurm.sh", script()) == "41"


@pytest.fixture
def slurm() -> Iterator[SlurmCluster]:
    """A cluster of two nodes, or the reason why there is none."""
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


def wait_for(condition: Callable[[], Any], seconds: float = 400.0) -> Any:
    """Wait until a condition holds; return what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it took too long")


def training(folder: SweepFolder) -> list[int]:
    """Return the trials that are trained, and whose state was saved."""
    running = folder.open_ledger().trials("running")
    return [one.number for one in running if any((folder.run(one.number).path / "state").glob("*.safetensors"))]


@pytest.mark.keras
@pytest.mark.slow
def test_a_lost_node_loses_no_trial_and_trains_none_twice(slurm: SlurmCluster, tmp_path: Path) -> None:
    """An array of four tasks: one node is killed, and one task of the other is stopped; both go on by themselves."""
    rows = [f"{row * 7 % 11},{row * 5 % 13},{int(row * 7 % 11 > 4)}" for row in range(80)]
    (tmp_path / "table.csv").write_text("\n".join(["glucose,age,ill", *rows]) + "\n")
    (tmp_path / "swept.yaml").write_text(CONFIG)
    words = ("swept.yaml", "--on", "slurm", "--jobs", "4", "--slurm-option", "partition=p", "--quiet")
    submitted = subprocess.run(
        [sys.executable, "-m", "nnrun", "sweep", *words],
        cwd=tmp_path,
        env={**slurm.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    (folder,) = list_sweeps(tmp_path / "runs")
    wait_for(lambda: len(training(folder)) == 4)
    assert slurm.kill_node("n1") == 2
    stopped = slurm.run("squeue", "-h", "-r", "-w", "n2", "-t", "R", "-o", "%i").split()[0]
    slurm.run("scancel", "--batch", "--signal=TERM", stopped)
    wait_for(lambda: not slurm.run("squeue", "-h", "-j", job))
    trials = folder.open_ledger().trials()
    output = "".join(path.read_text() for path in folder.path.glob("slurm-*.txt"))
    assert [(one.status, one.attempts) for one in trials] == [("done", 1)] * 6, output
    tasks = slurm.run("scontrol", "show", "job", "-o", job).splitlines()
    assert sorted(line.partition("Restarts=")[2].partition(" ")[0] for line in tasks) == ["0", "1", "1", "1"]
    assert all("JobState=COMPLETED" in line for line in tasks)
    # Three trials were under way, and went on; no other one was claimed again, and none has ended twice.
    claims = [path.name for path in (folder.file_ledger / "claims").glob("*.json")]
    assert len(claims) == 9
    assert sum(".2." in name for name in claims) == 3
    runs = [record.read(folder.run(one.number)) for one in trials]
    assert [fields["status"] for fields in runs] == ["done"] * 6
    assert sum(len(fields.get("resumed") or ()) for fields in runs) == 3
    assert len(list(folder.trials.iterdir())) == 6

"""Sweeps on SLURM: the script of an array, and a real cluster on this machine, one node of which is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from held_training import HeldTrainings, write_code
from small_sweep import config_text, write_sweep
from waiting import wait_for

from nnrun.errors import RunError
from nnrun.runs import record
from nnrun.sweep.folder import SweepFolder, list_sweeps
from nnrun.sweep.slurm import ArrayScript, parse_options, require_sbatch, submit
from slurm_cluster import SlurmCluster

TRAINING = "  save_every: {epochs: 1}\n  callbacks: [Held]\n"
CONFIG = config_text("sweep:\n  seeds: 6\n", epochs=40, training=TRAINING)


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
    text = script(command=command)
    with subprocess.Popen(["bash", "-c", text], env=environment, start_new_session=True) as process:
        try:
            wait_for((folder / "ready").exists)
            process.terminate()
            assert process.wait(240) == code
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
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


def training(folder: SweepFolder) -> list[int]:
    """Return the trials that are trained, and whose state was saved."""
    running = folder.open_ledger().trials("running")
    return [one.number for one in running if any((folder.run(one.number).path / "state").glob("*.safetensors"))]


@pytest.mark.keras
@pytest.mark.slow
def test_a_lost_node_loses_no_trial_and_trains_none_twice(slurm: SlurmCluster, tmp_path: Path) -> None:
    """An array of four tasks: one node is killed, and one task of the other is stopped; both go on by themselves."""
    write_sweep(tmp_path, CONFIG)
    held, code = HeldTrainings(tmp_path), str(write_code(tmp_path))
    words = ("swept.yaml", "--code", code, "--on", "slurm", "--jobs", "4", "--slurm-option", "partition=p", "--quiet")
    submitted = subprocess.run(
        [sys.executable, "-m", "nnrun", "sweep", *words],
        cwd=tmp_path,
        env={**slurm.environment, "PYTHONPATH": os.pathsep.join(sys.path), **held.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    (folder,) = list_sweeps(tmp_path / "runs")
    # All four wait, until they are killed or stopped, or may go on.
    wait_for(lambda: len(training(folder)) == 4, 400, pause=0.1)
    assert slurm.kill_node("n1") == 2
    stopped = slurm.run("squeue", "-h", "-r", "-w", "n2", "-t", "R", "-o", "%i").split()[0]
    slurm.run("scancel", "--batch", "--signal=TERM", stopped)
    wait_for(lambda: any(record.read(folder.run(number))["status"] == "preempted" for number in range(4)), pause=0.1)
    held.release()
    wait_for(lambda: not slurm.run("squeue", "-h", "-j", job), 400, pause=0.1)
    trials = folder.open_ledger().trials()
    output = "".join(path.read_text() for path in folder.path.glob("slurm-*.txt"))
    assert [(one.status, one.attempts) for one in trials] == [("done", 1)] * 6, output
    tasks = slurm.run("scontrol", "show", "job", "-o", job).splitlines()
    assert sorted(line.partition("Restarts=")[2].partition(" ")[0] for line in tasks) == ["0", "1", "1", "1"]
    assert all("JobState=COMPLETED" in line for line in tasks)
    # Three trials were under way, and went on; no other one was claimed again, and none has ended twice.
    claims = [path.name for path in (folder.file_ledger / "claims").glob("*/*.json")]
    assert len(claims) == 9
    assert sum(".2." in name for name in claims) == 3
    runs = [record.read(folder.run(one.number)) for one in trials]
    assert [fields["status"] for fields in runs] == ["done"] * 6
    assert sum(len(fields.get("resumed") or ()) for fields in runs) == 3
    assert len(list(folder.trials.iterdir())) == 6

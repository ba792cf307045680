"""Kill trainings at random moments and resume them: `python tests/resume/random_kills.py RESULTS.json [--kills 200]`.

Each trial takes one of six configs, starts `nnrun train`, and kills it (SIGKILL) at a moment that is uniformly random
over the time that it takes from its start to its end. `nnrun resume` goes on, and is killed again in two of three
cases, until the run is done. What it computed is compared bit for bit with a run that nobody disturbed. The results
are kept in a file after every trial, so that the script itself may be killed: the next call goes on.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from comparison import contents, differing

from nnrun.atomic_files import write_atomically
from nnrun.runs.find import list_runs

CONFIGS = ("dense", "convolution", "text", "plateau", "folds", "jax")
#: Of the processes that go on with a run, as many are killed too.
KILLED_AGAIN = 2 / 3
#: A command that takes longer is a fault.
MOST_SECONDS = 1200


def main() -> int:
    """Run the trials that are missing; return 1 if one of all differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", default="13")
    parser.add_argument("--configs", nargs="*", default=CONFIGS, choices=CONFIGS)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text()) if arguments.results.exists() else {"runs": {}, "trials": []}
    trials = results["trials"]
    while sum(len(trial["killed_at"]) for trial in trials) < arguments.kills:
        number = len(trials)
        name = arguments.configs[number % len(arguments.configs)]
        if name not in results["runs"]:
            results["runs"][name] = _undisturbed(name)
        trials.append(_trial(name, results["runs"][name], random.Random(f"{arguments.seed}/{number}")))  # noqa: S311
        print(f"{number}: {trials[-1]}", flush=True)
        write_atomically(arguments.results, json.dumps(results, indent=1).encode())
    kills = sum(len(trial["killed_at"]) for trial in trials)
    wrong = [trial for trial in trials if trial["outcome"] != "identical"]
    print(f"{kills} kills in {len(trials)} runs: {len(trials) - len(wrong)} identical, {len(wrong)} not")
    return 1 if wrong else 0


def _undisturbed(name: str) -> dict[str, Any]:
    """Train a config without a kill; return what it computed, and its duration in seconds."""
    with tempfile.TemporaryDirectory(prefix="nnrun-kills-") as runs:
        started = time.monotonic()
        _finish(["train", str(_config(name))], Path(runs))
        return {"seconds": time.monotonic() - started, "contents": contents(_only_run(Path(runs)))}


def _trial(name: str, expected: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Train a config with kills; return when it was killed and how the run ended."""
    runs = Path(tempfile.mkdtemp(prefix="nnrun-kills-"))
    trial: dict[str, Any] = {"config": name, "killed_at": [], "states": [], "outcome": "identical"}
    command = ["train", str(_config(name))]
    try:
        while not trial["killed_at"] or draw.random() < KILLED_AGAIN:
            seconds = draw.uniform(0, expected["seconds"])
            if not _killed(command, runs, seconds):
                break
            trial["killed_at"].append(round(seconds, 3))
            trial["states"].append(_state_of(runs))
            command = _next_command(name, runs)
        else:
            _finish(command, runs)
        found = differing(expected["contents"], contents(_only_run(runs)))
        if found:
            trial["outcome"] = f"differs in {', '.join(found[:5])}"
    except (AssertionError, subprocess.SubprocessError) as fault:
        trial["outcome"] = f"failed: {fault}"
    if trial["outcome"] == "identical":
        shutil.rmtree(runs)
    else:
        trial["kept"] = str(runs)
    return trial


def _killed(command: list[str], runs: Path, seconds: float) -> bool:
    """Run a command and kill it after some seconds; return whether it still ran."""
    process = subprocess.Popen(_nnrun(*command, "--runs-dir", str(runs), "-q"), stdout=subprocess.DEVNULL)
    try:
        assert process.wait(timeout=seconds) == 0, f"{command[0]} ended with exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def _finish(command: list[str], runs: Path) -> None:
    """Run a command to its end."""
    done = _run(*command, "--runs-dir", str(runs), "-q")
    assert done.returncode == 0, f"{command[0]} ended with exit code {done.returncode}: {done.stderr[-600:]}"


def _next_command(name: str, runs: Path) -> list[str]:
    """Return what goes on after a kill: `resume`, or, where no run was begun yet, `train --auto-resume`."""
    folders = [path for path in runs.iterdir() if (path / "record.json").exists()]
    if not folders:
        return ["train", str(_config(name)), "--auto-resume"]
    assert len(folders) == 1, f"{len(folders)} runs were begun"
    return ["resume", "last"]


def _state_of(runs: Path) -> str:
    """Read a killed run as `nnrun runs list` and `last` do; return its status."""
    rows = list_runs(runs)
    problems = [row.problem for row in rows if row.status == "broken" and row.folder.record.exists()]
    assert not problems, f"a run cannot be read: {problems}"
    return ", ".join(row.status for row in rows) or "no run"


def _only_run(runs: Path) -> Path:
    (folder,) = (path for path in runs.iterdir() if (path / "record.json").exists())
    return folder


def _config(name: str) -> Path:
    return Path(__file__).parent / "configs" / f"{name}.yaml"


def _nnrun(*words: str) -> list[str]:
    return [sys.executable, "-m", "nnrun", *words]


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_nnrun(*words), capture_output=True, text=True, check=False, timeout=MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())

"""Kill sweeps at random moments and go on: `python tests/resume/sweep_kills.py RESULTS.json [--kills 50]`.

Each trial of this script runs one kind of sweep with one kind of ledger, in two processes, and kills (SIGKILL) the main
process, one of its workers, or all of them. In one of four cases that is at a random moment of its first seconds, in
which processes start, else when a random number of the trials that are left have ended, and some moments later.
`nnrun sweep --resume` goes on, and is hit again in nine of ten cases, until the sweep is done. Nothing that the ledger
said was suggested or had ended may have changed, and in the end all suggestions, figures and run folders must be those
of a sweep that nobody disturbed, bit for bit. The results are kept in a file after every trial, so that the script
itself may be killed: the next call goes on.

A worker is killed twice in a sweep at most: a trial whose process was killed three times fails, as it should.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from comparison import contents, differing

from nnrun.atomic_files import write_atomically
from nnrun.sweep.folder import SweepFolder, list_sweeps
from nnrun.sweep.ledger import Trial

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

from postgres_server import NoPostgresError, PostgresServer, postgres_server

SWEEPS = ("grid", "tpe", "pruning", "folds", "hyperband")
LEDGERS = ("sqlite", "files", "postgres")
TARGETS = ("main", "worker", "all")
#: Of the processes that go on with a sweep, as many are hit too.
HIT_AGAIN = 0.9
MOST_WORKERS_KILLED = 2
#: Of all kills, as many come while processes start.
EARLY = 1 / 4
#: A command that takes longer is a fault.
MOST_SECONDS = 900
#: The states of a trial that stay.
FINAL = ("done", "pruned", "failed")


def main() -> int:
    """Run the trials that are missing; return 1 if one of all differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", default="13")
    parser.add_argument("--sweeps", nargs="*", default=SWEEPS, choices=SWEEPS)
    parser.add_argument("--ledgers", nargs="*", default=LEDGERS, choices=LEDGERS)
    parser.add_argument("--targets", nargs="*", default=TARGETS, choices=TARGETS)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text()) if arguments.results.exists() else {"sweeps": {}, "trials": []}
    trials = results["trials"]
    with ExitStack() as stack:
        addresses = _addresses(arguments.ledgers, stack)
        while _count(trials) < arguments.kills:
            number = len(trials)
            name = arguments.sweeps[number % len(arguments.sweeps)]
            ledger = sorted(addresses)[number % len(addresses)]
            if name not in results["sweeps"]:
                results["sweeps"][name] = _undisturbed(name)
            draw = random.Random(f"{arguments.seed}/{number}")  # noqa: S311
            killing = Killing(name, addresses[ledger], results["sweeps"][name], draw, tuple(arguments.targets))
            trials.append({"sweep": name, "ledger": ledger, **killing.run()})
            print(f"{number}: {trials[-1]}", flush=True)
            write_atomically(arguments.results, json.dumps(results, indent=1).encode())
    wrong = [trial for trial in trials if trial["outcome"] != "identical"]
    targets = Counter(kill["target"] for trial in trials for kill in trial["kills"])
    shown = ", ".join(f"{count} {target}" for target, count in sorted(targets.items()))
    print(f"{_count(trials)} kills ({shown}) in {len(trials)} sweeps: {len(trials) - len(wrong)} identical, "
          f"{len(wrong)} not")  # fmt: skip
    return 1 if wrong else 0


def _count(trials: list[dict[str, Any]]) -> int:
    return sum(len(trial["kills"]) for trial in trials)


def _addresses(kinds: list[str], stack: ExitStack) -> dict[str, str]:
    """Return what `--ledger` is for each kind of ledger; a server is started for the tables of one."""
    found = {kind: kind for kind in kinds if kind != "postgres"}
    if "postgres" in kinds:
        try:
            server: PostgresServer = stack.enter_context(postgres_server())
            found["postgres"] = server.url
        except NoPostgresError as error:
            print(f"without PostgreSQL: {error}", flush=True)
    return found


def _undisturbed(name: str) -> dict[str, Any]:
    """Run a sweep without a kill; return what it suggested and computed, and its duration in seconds."""
    with tempfile.TemporaryDirectory(prefix="nnrun-sweep-kills-") as runs:
        started = time.monotonic()
        done = subprocess.run(_begin(name, "sqlite", Path(runs)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return {"seconds": time.monotonic() - started, "contents": _contents(_only_sweep(Path(runs)))}


@dataclass
class Killing:
    """A sweep that is killed and goes on until it is done.

    Attributes:
        name: Which sweep.
        ledger: Its `--ledger`.
        expected: What it must end with, and how long it takes.
        draw: The generator of chance.
        targets: What may be killed.
    """

    name: str
    ledger: str
    expected: dict[str, Any]
    draw: random.Random
    targets: tuple[str, ...]
    runs: Path = field(init=False)
    kills: list[dict[str, Any]] = field(default_factory=list)
    #: The ledger's trials as they were when it was last read.
    known: list[Trial] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Run, kill and resume the sweep; return when what was killed, and how it ended."""
        self.runs = Path(tempfile.mkdtemp(prefix="nnrun-sweep-kills-"))
        trial: dict[str, Any] = {"outcome": "identical"}
        try:
            is_done = False
            while not is_done:
                is_done = self._go_on(is_hit=not self.kills or self.draw.random() < HIT_AGAIN)
                self._require_kept()
            found = differing(self.expected["contents"], _contents(_only_sweep(self.runs)))
            if found:
                trial["outcome"] = f"differs in {', '.join(found[:5])}"
        except (AssertionError, subprocess.SubprocessError) as fault:
            trial["outcome"] = f"failed: {fault}"
        if trial["outcome"] == "identical":
            shutil.rmtree(self.runs)
        else:
            trial["kept"] = str(self.runs)
        return {**trial, "kills": self.kills}

    def _go_on(self, *, is_hit: bool) -> bool:
        """Run the sweep, and perhaps kill something; return whether it came to its end."""
        folders = [one for one in list_sweeps(self.runs) if one.has_ledger]
        resume = [] if not folders else _nnrun("--resume", str(folders[-1].path), "--runs-dir", str(self.runs))
        command = resume or _begin(self.name, self.ledger, self.runs)
        with (self.runs / "out.txt").open("ab") as out:
            process = psutil.Popen(command, stdout=out, stderr=out, start_new_session=True)
        if is_hit and self._waited(process):
            self._hit(process)
        code = process.wait(MOST_SECONDS)
        if code == -signal.SIGKILL:
            return False
        assert code == 0, f"exit code {code}: {(self.runs / 'out.txt').read_text()[-900:]}"
        return True

    def _waited(self, process: psutil.Popen) -> bool:
        """Wait until a random moment; return whether the sweep still runs."""
        total = sum(name.startswith("trial ") for name in self.expected["contents"])
        each = self.expected["seconds"] / total
        # As many trials of two processes that have ended, and a part of the next one.
        ended = self.draw.uniform(self._ended(), total)
        seconds = self.draw.uniform(0, self.expected["seconds"] / 2)
        if self.draw.random() >= EARLY:
            seconds = 2 * each * (ended - int(ended))
            while self._ended() < int(ended) and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.1)
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            return True
        return False

    def _ended(self) -> int:
        """Return how many trials have ended."""
        return sum(one.status in FINAL for one in self._trials())

    def _hit(self, process: psutil.Popen) -> None:
        """Kill the main process, one of its workers, or all of them."""
        killed = sum(kill["target"] == "worker" for kill in self.kills)
        target = self.draw.choice([one for one in self.targets if one != "worker" or killed < MOST_WORKERS_KILLED])
        workers = [one for one in process.children() if _is_worker(one)]
        if target == "worker" and not workers:
            target = "main"
        if target == "worker":
            self.draw.choice(workers).kill()
        elif target == "main":
            # Its workers end by themselves, while the next command may have begun.
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
            psutil.wait_procs(workers, timeout=20)
        self.kills.append({"target": target, "ledger": _counted(self._trials())})

    def _trials(self) -> list[Trial]:
        folders = [one for one in list_sweeps(self.runs) if one.has_ledger]
        return folders[-1].open_ledger().trials() if folders else []

    def _require_kept(self) -> None:
        """Check that no trial was lost or suggested otherwise, and that one which had ended is as it was."""
        trials = self._trials()
        assert len(trials) >= len(self.known), "trials are lost"
        for before, now in zip(self.known, trials, strict=False):
            same = (before.number, before.combination, before.seed, before.parameters)
            assert same == (now.number, now.combination, now.seed, now.parameters), f"{before} became {now}"
            assert before.status not in FINAL or before == now, f"{before} became {now}"
        self.known = trials


def _contents(folder: SweepFolder) -> dict[str, str]:
    """Return what must be equal of a sweep: what was suggested and computed, and each run folder, by name."""
    trials = folder.open_ledger().trials()
    paths = sorted(path.name for path in folder.trials.iterdir())
    assert paths == [folder.run(one.number).path.name for one in trials], f"{len(paths)} folders"
    ends = Counter(re.findall(r"Trial (\d+): \S.* seed=\d+: ", folder.log.read_text()))
    assert all(count == 1 for count in ends.values()), f"trials ended more than once: {ends}"
    found = {}
    for one in trials:
        kept = (one.combination, one.seed, one.parameters, one.status, one.scores, one.intermediate)
        found[f"trial {one.number}"] = json.dumps(kept)
        found |= {f"run {one.number}: {name}": digest for name, digest in contents(folder.run(one.number).path).items()}
    return found


def _counted(trials: list[Trial]) -> str:
    counts = Counter(one.status for one in trials)
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"


def _only_sweep(runs: Path) -> SweepFolder:
    (folder,) = (one for one in list_sweeps(runs) if one.has_ledger)
    return folder


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _begin(name: str, ledger: str, runs: Path) -> list[str]:
    config = Path(__file__).parent / "sweeps" / f"{name}.yaml"
    return _nnrun(str(config), "--ledger", ledger, "--runs-dir", str(runs))


def _nnrun(*words: str) -> list[str]:
    return [sys.executable, "-m", "nnrun", "sweep", *words, "--jobs", "2", "--quiet"]


if __name__ == "__main__":
    sys.exit(main())

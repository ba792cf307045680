"""Time `nnrun sweep show` and `nnrun sweep report` of a sweep with many trials.

    python benchmarks/many_trials.py [--trials 5000] [--seeds 1] [--ledger files] [--keep FOLDER]

Each trial is a run folder that the functions of a run have written (record, configs, metrics, scores), with figures of
a made-up model in place of a training; the ledger is claimed and finished trial by trial. Every file is brought to
disk, which takes long: with TMPDIR=/dev/shm it does not. Prints a line for each command, the median of several
processes, and the time of the processor, which other work on the machine does not change; exits with 1 if that of
`sweep show` is a second or more.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from nnrun.runs import git_state, metrics, record
from nnrun.runs.folder import RunFolder
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Trial

HOME = Path(__file__).resolve().parents[1]
SPACE: dict[str, Any] = {
    "training.optimizer.Adam.learning_rate": {"low": 1e-5, "high": 1.0, "log": True},
    "training.batch_size": [8, 16, 32, 64, 128],
    "model.0.Dense.units": {"low": 4, "high": 256, "step": 4},
    "model.0.Dense.activation": ["relu", "tanh", "gelu"],
    "model.1": [{"Dropout": {"rate": 0.2}}, "BatchNormalization"],
}
EPOCHS, ROWS = 10, 200


def values(chance: random.Random) -> dict[str, Any]:
    """Draw a combination."""
    found: dict[str, Any] = {}
    for path, domain in SPACE.items():
        if isinstance(domain, list):
            found[path] = chance.choice(domain)
        elif domain.get("log"):
            found[path] = math.exp(chance.uniform(math.log(domain["low"]), math.log(domain["high"])))
        else:
            found[path] = chance.randrange(domain["low"], domain["high"] + 1, domain["step"])
    return found


def error(combination: dict[str, Any], chance: random.Random) -> float:
    """Return a made-up error in percent: a valley of the learning rate, wide models a little better, and luck."""
    rate = math.log10(combination["training.optimizer.Adam.learning_rate"]) + 2.7
    width = math.log2(combination["model.0.Dense.units"]) / 8
    tanh = 2.0 if combination["model.0.Dense.activation"] == "tanh" else 0.0
    return max(0.5, 18 + 4 * rate**2 - 3 * width + tanh + chance.gauss(0, 1.2))


def train(run: RunFolder, trial: Trial, percent: float, config: str) -> dict[str, Any]:
    """Write what a training of a trial leaves, and return its scores."""
    RunFolder.create_at(run.path)
    run.write_text(run.config, config)
    run.write_text(run.resolved, config)
    kept = record.Record.begin(run, name="many", argv=["nnrun", "sweep", "many.yaml"], seed=trial.seed, threads=1)
    rows = []
    for epoch in range(1, EPOCHS + 1):
        loss = percent / 50 + 1 / epoch
        rows.append(
            {"epoch": epoch, "loss": loss * 0.9, "val_loss": loss, "val_accuracy": 1 - percent / 100 - 0.3 / epoch}
        )
    metrics.append(run.metrics, *rows)
    errors = round(percent * ROWS / 100)
    part = {"rows": ROWS, "loss": percent / 50, "errors": errors, "error_rate": errors / ROWS}
    part["error_percent"] = 100 * errors / ROWS
    scores = {"task": "classification", "checkpoint": "last", "test": part, "validation": part}
    run.write_json(run.scores, scores)
    kept.finish("done")
    return scores


def make(runs: Path, trials: int, seeds: int, kind: str) -> SweepFolder:
    """Make a sweep with so many trials, all of them done but a few that failed."""
    chance = random.Random(7)  # noqa: S311 - made-up figures
    folder = SweepFolder.create(runs, "many")
    config = "name: many\nseed: 1\n# made by benchmarks/many_trials.py\n"
    for path in (folder.config, folder.resolved):
        path.write_text(config)
    drawn = [values(chance) for _ in range(trials // seeds)]
    places = [divmod(number, seeds) for number in range(len(drawn) * seeds)]
    listed = [Trial(number, at, 1 + seed, drawn[at]) for number, (at, seed) in enumerate(places)]
    fields = {"name": "many", "start": record.now(), "method": "random", "mode": "auto", "threads": 1}
    ledger = folder.create_ledger(kind, {**fields, "parameters": SPACE}, listed)
    while (trial := ledger.claim()) is not None:
        if chance.random() < 0.002:
            ledger.fail(trial, "the loss is not finite: nan in epoch 2, step 17")
        else:
            ledger.finish(trial, train(folder.run(trial.number), trial, error(dict(trial.parameters), chance), config))
    return folder


def seconds(words: list[str], times: int) -> tuple[float, float]:
    """Return the median time of a command in a process of its own, and that of the processor."""
    environment, found = {**os.environ, "PYTHONPATH": str(HOME / "src")}, []
    for _ in range(times):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "nnrun", *words], env=environment, check=True, capture_output=True)
        end, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append((end - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return statistics.median(one for one, _ in found), statistics.median(one for _, one in found)


def show(name: str, measured: tuple[float, float]) -> None:
    """Print a line of the result."""
    print(f"{name:24} {measured[0]:6.2f} s, of the processor {measured[1]:6.2f} s")


def main() -> int:
    """Make the sweep and time the commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--ledger", choices=("sqlite", "files"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="make the sweep in this folder, and keep it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nnrun-many-") as place:
        start = time.perf_counter()
        # All records have the same state of the repository, which git is asked for once.
        with mock.patch.object(record, "git_state", cache(git_state.git_state)):
            folder = make(arguments.keep or Path(place), arguments.trials, arguments.seeds, arguments.ledger)
        made = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
        print(f"{arguments.trials:,} trials made in {made:.0f} s, {size / 1e6:.0f} MB")
        path = str(folder.path)
        shown = seconds(["sweep", "show", path], 5)
        show("nnrun sweep show", shown)
        for words, times in ((["show", path, "--json"], 3), (["report", path], 1)):
            name = " ".join(["nnrun sweep", *(one for one in words if one != path)])
            show(name, seconds(["sweep", *words], times))
        print(f"{'page':24} {(folder.path / 'report.html').stat().st_size / 1e6:6.2f} MB")
    return 0 if shown[1] < 1 else 1


if __name__ == "__main__":
    sys.exit(main())

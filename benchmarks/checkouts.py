"""Compare the speed of two checkouts of nnrun: starting, training, and whole processes.

    NNRUN_DATA_DIR=... python benchmarks/checkouts.py BEFORE AFTER [--rounds 3] [--only start,pima] [--json FILE]

The two checkouts take turns, the first of a round in turns too, since a shared machine drifts. The experiments are
those of `run.py`, without the plain scripts: in one round both checkouts would be divided by the same plain seconds,
which cancel out. A ratio is BEFORE / AFTER, so that less than 1 means that AFTER is slower; the table has the median of
the rounds and their range. Starting is compared with an interpreter that only imports the libraries that are needed:
`nnrun --help` with click, rich and yaml, `nnrun check` with numpy too. It is repeated more often, since it is short.

The exit code is 1 if a median ratio is below 0.95, or if AFTER starts more slowly than its limit.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from experiments import EXPERIMENTS, HOME, Experiment
from run import ours, run

LOWEST_RATIO = 0.95
START_REPETITIONS = 7


@dataclass(frozen=True)
class Start:
    """A short command, and the bare interpreter that it is compared with.

    Attributes:
        name: The name in the table.
        words: The arguments of nnrun.
        imports: What the bare interpreter imports.
        limit: How many times as long as the bare interpreter the command may take.
    """

    name: str
    words: tuple[str, ...]
    imports: str
    limit: float


STARTS = (
    Start("start: nnrun --help", ("--help",), "click, rich, yaml", 1.5),
    Start(
        "start: nnrun check mnist_cnn",
        ("check", str(HOME / "configs" / "mnist_cnn.yaml")),
        "click, rich, yaml, numpy",
        2.5,
    ),
)


@dataclass
class Seconds:
    """The measured seconds of one quantity, by checkout; the two lists have an entry for each round."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Return BEFORE / AFTER of each round."""
        return [before / after for before, after in zip(self.before, self.after, strict=True)]

    def times_bare(self, side: str) -> float:
        """Return the median seconds of a checkout divided by those of the bare interpreter."""
        return statistics.median(getattr(self, side)) / statistics.median(self.bare)


def use(checkout: Path) -> None:
    """Let the processes that are started from now on import nnrun from a checkout."""
    os.environ["PYTHONPATH"] = str(checkout / "src")
    os.environ["NNRUN_PROFILE"] = ""


def in_turns(checkouts: dict[str, Path], round_number: int) -> list[tuple[str, Path]]:
    """Return the two checkouts in the order of a round."""
    pairs = list(checkouts.items())
    return pairs if round_number % 2 == 0 else pairs[::-1]


def measure_start(start: Start, checkouts: dict[str, Path], repetitions: int) -> Seconds:
    """Measure a short command and the bare interpreter in turns."""
    seconds = Seconds()
    with tempfile.TemporaryDirectory() as place:
        for number in range(-1, repetitions):
            measured = {"bare": run([sys.executable, "-c", f"import {start.imports}"], Path(place))[1]}
            for side, checkout in in_turns(checkouts, number):
                use(checkout)
                measured[side] = run([sys.executable, "-m", "nnrun", *start.words], Path(place))[1]
            if number >= 0:  # The first repetition reads files that are not in the cache of the system yet.
                for side, value in measured.items():
                    getattr(seconds, side).append(value)
    return seconds


def measure_experiment(experiment: Experiment, checkouts: dict[str, Path], rounds: int) -> tuple[Seconds, Seconds]:
    """Train an experiment with both checkouts in turns; return the seconds of training and of the process."""
    fit, process = Seconds(), Seconds()
    for number in range(rounds):
        for side, checkout in in_turns(checkouts, number):
            use(checkout)
            with tempfile.TemporaryDirectory() as place:
                cost = ours(experiment, Path(place))
            getattr(fit, side).append(cost.fit)
            getattr(process, side).append(cost.process)
        turn = f"fit {fit.before[-1]:.3f} / {fit.after[-1]:.3f} s"
        whole = f"process {process.before[-1]:.2f} / {process.after[-1]:.2f} s"
        print(f"{experiment.name}, round {number + 1}: {turn}, {whole}", file=sys.stderr, flush=True)
    return fit, process


def line(name: str, seconds: Seconds, remark: str = "") -> str:
    """Return a line of the table."""
    ratios = seconds.ratios()
    sides = f"{statistics.median(seconds.before):.3f} / {statistics.median(seconds.after):.3f} s"
    spread = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    return f"{name:<36} {sides:>20}  {spread:<24} {remark}".rstrip()


def main() -> int:
    """Measure what is asked for, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the checkout to compare with")
    parser.add_argument("after", type=Path, help="the checkout whose speed is in question")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--json", type=Path, help="write all measured seconds to this file")
    options = parser.parse_args()
    if "NNRUN_DATA_DIR" not in os.environ:
        parser.error("NNRUN_DATA_DIR must name the folder of the data")
    checkouts = {"before": options.before.resolve(), "after": options.after.resolve()}
    for checkout in checkouts.values():
        compileall.compile_dir(checkout / "src", quiet=2)
    measured: dict[str, Seconds] = {}
    failed = []
    lines = [f"{'':<36} {'before / after':>20}  before / after, median and range"]
    wanted = options.only.split(",")
    for start in (start for start in STARTS if any(part in start.name for part in wanted)):
        seconds = measured[start.name] = measure_start(start, checkouts, max(START_REPETITIONS, options.rounds))
        times = " / ".join(f"{seconds.times_bare(side):.2f}" for side in checkouts)
        remark = f"{times} times `import {start.imports}`, at most {start.limit}"
        lines.append(line(start.name, seconds, remark))
        if seconds.times_bare("after") > start.limit:
            failed.append(start.name)
    for experiment in (experiment for experiment in EXPERIMENTS if any(part in experiment.name for part in wanted)):
        if experiment.needs is not None and find_spec(experiment.needs) is None:
            continue
        for quantity, seconds in zip(
            ("fit", "process"), measure_experiment(experiment, checkouts, options.rounds), strict=True
        ):
            name = f"{experiment.name}: {quantity}"
            measured[name] = seconds
            lines.append(line(name, seconds))
            if statistics.median(seconds.ratios()) < LOWEST_RATIO:
                failed.append(name)
    print("\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps({name: vars(one) for name, one in measured.items()}) + "\n")
    print(f"slower than allowed: {', '.join(failed)}" if failed else "nothing is slower than allowed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

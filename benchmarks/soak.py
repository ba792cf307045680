"""Show that a long-lived process does not grow: short trainings for hours in one process, measured after each round.

    python benchmarks/soak.py [--hours 2] [--out soak.jsonl]

A round trains one of several small configs through the command line's own `main`, stops it by `--time-limit` where its
turn says so and continues it, scores it, lists the runs and deletes them. Measured are, with psutil, the resident
memory after a garbage collection, threads, open files and child processes. The first three visits of each config are
left out of the growth: caches of TensorFlow fill, and the allocator keeps what it has had.

Prints a line for each round, and at the end for each resource the first and the last value and the growth an hour: the
common slope of straight lines through the later rounds of each config (least squares), as configs need different
amounts. Exits with 1 if memory grows by more than a hundredth an hour, or threads, open files or children by more than
one in all.

Texts are generated at the end, as each adds to the memory: XLA compiles them, and TensorFlow keeps every program that
XLA has compiled until the process ends (no call of its releases one; 0.4 MB for a product of two matrices). What a text
adds is printed, and more than 5 MB exits with 1 too.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import shutil
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
#: Each kind of training that ends within seconds: dense, convolution, own rule, folds, text, several inputs, sequences.
CONFIGS = ("digits_mlp", "digits_cnn", "perceptron", "pima_kfold", "shakespeare_gru", "two_by_two", "tagger")
#: The visits of each config that are left out of the growth.
WARM_UP = 3
#: A share of the memory, each hour.
MOST_GROWTH = 0.01
_TEXT = "shakespeare_gru"
_TEXTS = 20
#: The most that a generated text may add to the memory, in megabytes.
_MOST_PER_TEXT = 5.0


def run(*words: str) -> int:
    """Run a command line in this process; return its exit code, its output thrown away."""
    from nnrun.cli.main import nnrun

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            nnrun.main(list(words))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    if code not in (0, 75):
        sys.exit(f"nnrun {' '.join(words)} ended with {code}:\n{errors.getvalue()}")
    return code


def take_round(config: str, folder: Path, *, stop: bool) -> int:
    """Train a config and use its run; return how many commands that took."""
    runs = ("--runs-dir", str(folder))
    commands = [
        ("train", str(HOME / "configs" / "smoke" / f"{config}.yaml"), "-q", *(("--time-limit", "1s") if stop else ())),
        *([("resume", "last", "-q")] if stop else []),
        ("eval", "last", "-q", *(("--fold", "0") if config == "pima_kfold" else ())),
        ("runs", "list"),
    ]
    stopped = False
    for words in commands:
        if words[0] != "resume" or stopped:
            stopped = run(*words, *runs) == 75
        if stopped and not any(folder.glob("*/record.json")):
            # Stopped before there was a run, as on a busy machine: there is nothing to go on with.
            stopped = run(*commands[0][:3], *runs) == 75
    shutil.rmtree(folder)
    return len(commands)


def resources() -> dict[str, float]:
    """Return this process' memory in megabytes (10^6 bytes), and its threads, open files and children."""
    import psutil

    gc.collect()
    process = psutil.Process()
    return {
        "memory": process.memory_info().rss / 1e6,
        "threads": process.num_threads(),
        "files": process.num_fds(),
        "children": len(process.children(recursive=True)),
    }


def growth(rounds: list[dict[str, Any]], name: str) -> float:
    """Return how much a resource grows an hour: the common slope of a straight line through each config's rounds."""
    import numpy as np

    hours, values = [], []
    for config in CONFIGS:
        own = [one for one in rounds if one["config"] == config]
        hours.append(np.asarray([one["hours"] for one in own]) - np.mean([one["hours"] for one in own]))
        values.append(np.asarray([one[name] for one in own]) - np.mean([one[name] for one in own]))
    x, y = np.concatenate(hours), np.concatenate(values)
    return float(x @ y / (x @ x))


def main() -> int:
    """Train until the time is over, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--out", type=Path, help="write each round here, as a line of JSON")
    arguments = parser.parse_args()
    start, rounds = time.monotonic(), []
    out = arguments.out.open("a") if arguments.out else io.StringIO()
    with tempfile.TemporaryDirectory(prefix="nnrun-soak-") as scratch, out:
        for number in count():
            config = CONFIGS[number % len(CONFIGS)]
            commands = take_round(config, Path(scratch) / "runs", stop=number // len(CONFIGS) % 2 == 1)
            one = {"round": number, "config": config, "commands": commands, **resources()}
            rounds.append({**one, "hours": (time.monotonic() - start) / 3600})
            line = json.dumps(rounds[-1])
            print(line, file=out, flush=True)
            print(line, flush=True)
            if rounds[-1]["hours"] >= arguments.hours:
                break
        added = memory_per_text(Path(scratch) / "runs")
    print(f"a generated text adds {added:.2f} MB (at most {_MOST_PER_TEXT})")
    return max(judge(rounds), int(added > _MOST_PER_TEXT))


def memory_per_text(folder: Path) -> float:
    """Return by how much the memory grows for each generated text, in megabytes, without the first two."""
    run("train", str(HOME / "configs" / "smoke" / f"{_TEXT}.yaml"), "-q", "--runs-dir", str(folder))
    before = 0.0
    for number in range(_TEXTS + 2):
        run("generate-text", "last", "--length", "50", "-q", "--runs-dir", str(folder))
        if number == 1:
            before = resources()["memory"]
    return (resources()["memory"] - before) / _TEXTS


def judge(rounds: list[dict[str, Any]]) -> int:
    """Print the growth of each resource; return 1 if one grows."""
    warm = rounds[WARM_UP * len(CONFIGS) :]
    if len(warm) < 2 * len(CONFIGS):
        sys.exit("too few rounds to say anything: give more --hours")
    print(f"{len(rounds)} rounds, {sum(one['commands'] for one in rounds)} commands, {rounds[-1]['hours']:.2f} h")
    grown = False
    for name in ("memory", "threads", "files", "children"):
        first, last, slope = warm[0][name], warm[-1][name], growth(warm, name)
        most = MOST_GROWTH * first if name == "memory" else 1 / max(warm[-1]["hours"] - warm[0]["hours"], 1e-9)
        grown = grown or slope > most
        print(f"{name:9} first {first:8.1f}  last {last:8.1f}  growth {slope:+8.3f} an hour (at most {most:.3f})")
    return int(grown)


if __name__ == "__main__":
    sys.path.insert(0, str(HOME / "src"))
    sys.exit(main())

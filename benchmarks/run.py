
"""nnrun against plain Keras scripts of the same experiments: time of training, of the whole process, and memory.

    NNRUN_DATA_DIR=... python benchmarks/run.py --plain DIR [--rounds 3] [--only pima,mnist_mlp] [--write]

`DIR` holds the plain scripts; each is run as its line in `WORKS` says and prints a line of JSON with `fit_s`. The two
sides take turns, since a shared machine drifts; each round gives one ratio, and the table their median and range.
`--write` puts the table into docs/performance.md and draws docs/performance.png.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
PAGE, PICTURE = HOME / "docs" / "performance.md", HOME / "docs" / "performance.png"
BEGIN, END = "<!-- benchmarks/run.py writes from here -->", "<!-- to here -->"


@dataclass(frozen=True)
class Work:
    """One experiment, both ways.

    Attributes:
        name: What it is called.
        plain: The plain script and its arguments.
        ours: The arguments of `nnrun train`.
    """

    name: str
    plain: tuple[str, ...]
    ours: tuple[str, ...]


WORKS = (
    Work("pima, 150 epochs", ("pima.py",), (str(HOME / "configs" / "pima.yaml"),)),
    Work("mnist_mlp, 10 epochs", ("mnist.py", "mlp", "10"), (str(HOME / "configs" / "mnist_mlp.yaml"),)),
    Work(
        "mnist_cnn, 3 epochs",
        ("mnist.py", "cnn", "3"),
        (str(HOME / "configs" / "mnist_cnn.yaml"), "--set", "training.epochs=3"),
    ),
)


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of training and of the whole process, and peak memory in MB."""

    fit: float
    process: float
    memory: float


def run(command: list[str], folder: Path) -> tuple[str, float, float]:
    """Run a command to its end; gives what it printed, its seconds, and its peak memory in MB."""
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{err.read()[-2000:]}")
        out.seek(0)
        return out.read(), seconds, used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def plain(work: Work, scripts: Path, folder: Path) -> Cost:
    """Run the plain script."""
    printed, seconds, memory = run([sys.executable, str(scripts / work.plain[0]), *work.plain[1:]], folder)
    return Cost(json.loads(printed.strip().splitlines()[-1])["fit_s"], seconds, memory)


def ours(work: Work, folder: Path) -> Cost:
    """Run nnrun; its training is everything between the compiled model and the scores, checkpoints included."""
    command = [sys.executable, "-m", "nnrun", "train", *work.ours, "--json", "--runs-dir", str(folder / "runs")]
    printed, seconds, memory = run(command, folder)
    record = json.loads((Path(json.loads(printed)["folder"]) / "record.json").read_text(encoding="utf-8"))
    return Cost(record["seconds"]["train"], seconds, memory)


def measure(work: Work, scripts: Path, rounds: int) -> list[tuple[Cost, Cost]]:
    """Let both sides take turns."""
    found = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            found.append((plain(work, scripts, Path(place)), ours(work, Path(place))))
        print(f"{work.name}, round {turn + 1}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def ratios(found: list[tuple[Cost, Cost]], what: str) -> list[float]:
    """Give the ratio of each round: plain / ours, so that more is better; for memory ours / plain."""
    pairs = [(getattr(theirs, what), getattr(mine, what)) for theirs, mine in found]
    return [mine / theirs if what == "memory" else theirs / mine for theirs, mine in pairs]


def row(name: str, found: list[tuple[Cost, Cost]]) -> str:
    """Lay a work out as a line of the table."""
    cells = [name, str(len(found))]
    for what, unit in (("fit", " s"), ("process", " s"), ("memory", " MB")):
        values, digits = ratios(found, what), 0 if unit == " MB" else 1
        sides = [statistics.median(getattr(pair[side], what) for pair in found) for side in (0, 1)]
        cells.append(f"{sides[0]:.{digits}f} / {sides[1]:.{digits}f}{unit}")
        cells.append(f"**{statistics.median(values):.2f}** ({min(values):.2f}-{max(values):.2f})")
    return "| " + " | ".join(cells) + " |"


def page(everything: dict[str, list[tuple[Cost, Cost]]]) -> str:
    """Give the table, with where and when it was measured."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    head = (
        f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} cores, load averages at the end {load}. "
        "Plain / ours; more is better, but for memory (ours / plain). Medians, and the range of the rounds.\n\n"
        "| work | rounds | fit | ratio | whole process | ratio | peak memory | ratio |\n" + "|---" * 8 + "|"
    )
    return "\n".join([head, *(row(name, found) for name, found in everything.items())])


def draw(everything: dict[str, list[tuple[Cost, Cost]]]) -> None:
    """Draw the ratios as bars, with their range."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.8 * len(everything)), layout="constrained")
    for offset, what, name in ((-0.2, "fit", "fit"), (0.2, "process", "whole process")):
        values = [ratios(found, what) for found in everything.values()]
        middles = [statistics.median(one) for one in values]
        reach = [
            [middle - min(one) for middle, one in zip(middles, values, strict=True)],
            [max(one) - middle for middle, one in zip(middles, values, strict=True)],
        ]
        places = [place + offset for place in range(len(values))]
        axes.barh(places, middles, 0.36, xerr=reach, label=name, capsize=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(everything)), list(everything))
    axes.invert_yaxis()
    axes.set_xlabel("how many times as fast as the plain script (median and range)")
    axes.legend()
    figure.savefig(PICTURE, dpi=120)


def main() -> None:
    """Measure the works asked for, print the table, and write it where asked."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--plain", type=Path, required=True, help="the folder of the plain scripts")
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--only", default="", help="parts of names, with commas between")
    reader.add_argument("--write", action="store_true")
    asked = reader.parse_args()
    chosen = [work for work in WORKS if any(word in work.name for word in asked.only.split(","))]
    everything = {work.name: measure(work, asked.plain.resolve(), asked.rounds) for work in chosen}
    table = page(everything)
    print(table)
    if asked.write:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
        draw(everything)


if __name__ == "__main__":
    main()

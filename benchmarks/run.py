"""nnrun against plain Keras scripts of the same experiments: time, memory, quality, and how near the machine's limit.

    NNRUN_DATA_DIR=... python benchmarks/run.py --plain DIR [--rounds 3] [--only pima,mnist_mlp] [--more] [--write]

`DIR` holds the plain scripts; each is run as its line in `works.py` says and prints a line of JSON. The two sides take
turns, since a shared machine drifts; each round gives one ratio, and the table their median and range. In each round
the machine's matrix products are measured beside them (`peak.py`). `--more` also measures starting, and how time grows
with epochs, rows and folds. `--write` puts the tables into docs/performance.md and draws docs/performance.png;
`--json FILE` keeps the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from page import PAGE, draw, page, write
from works import HOME, LSTM_STEPS, WORKS, Work, lstm_text_length

POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Attributes:
        fit: Seconds of training; of the LSTM, of one step.
        process: Seconds of the whole process.
        memory: Peak memory in MB.
        quality: The error in percent, or the mean squared error; None where it is not told.
    """

    fit: float
    process: float
    memory: float
    quality: float | None = None


@dataclass(frozen=True)
class Round:
    """One round: both sides, and the machine's products beside them in GFLOP/s."""

    plain: Cost
    ours: Cost
    peak: dict[str, float]


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
    told = json.loads(printed.strip().splitlines()[-1])
    error = round(100 - 100 * told["accuracy"], 2) if "accuracy" in told else None
    quality = told.get("test_error_percent", told.get("mse_mean", error))
    return Cost(told["step_s"] if work.text else told["fit_s"], seconds, memory, quality)


def ours(work: Work, folder: Path) -> Cost:
    """Run nnrun; its training is everything between the compiled model and the scores, checkpoints included."""
    printed, seconds, memory = run([*train(work.ours, folder), *(_piece(folder) if work.text else ())], folder)
    told = json.loads(printed)
    place = Path(told["folder"])
    if work.text:
        # The first epoch also compiles, as the plain script's first call of `fit` does, which it does not time.
        lines = [json.loads(line) for line in (place / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        fit = min(line["seconds"] for line in lines[1:]) / LSTM_STEPS
    else:
        spent = json.loads((place / "record.json").read_text(encoding="utf-8"))["seconds"]
        fit = sum(spent[phase] for phase in work.phases)
    return Cost(fit, seconds, memory, _quality(told["scores"]))


def train(words: tuple[str, ...], folder: Path) -> list[str]:
    """Give the command that trains."""
    return [sys.executable, "-m", "nnrun", "train", *words, "--json", "--runs-dir", str(folder / "runs")]


def _piece(folder: Path) -> tuple[str, ...]:
    """Keep the beginning of the text, and name it as the config's source."""
    data = Path(os.environ["NNRUN_DATA_DIR"]) / "die-verwandlung.txt"
    piece = folder / "piece.txt"
    piece.write_text(data.read_text(encoding="utf-8")[: lstm_text_length()], encoding="utf-8")
    told = {"file": str(piece), "lowercase": True, "window": 100, "stride": 1, "encode": "scaled", "predict": "next"}
    return ("--set", f"data.source={json.dumps({'text': told})}")


def _quality(scores: dict[str, dict[str, object]]) -> float | None:
    if "cross_validation" in scores:
        mean = scores["cross_validation"]["mean"]
        return round(mean["mean_squared_error"], 2) if isinstance(mean, dict) else None
    error = scores.get("test", {}).get("error_percent")
    return round(float(error), 2) if isinstance(error, int | float) else None


def peaks(folder: Path) -> dict[str, float]:
    """Measure the machine's matrix products."""
    found: dict[str, float] = json.loads(run([sys.executable, str(Path(__file__).with_name("peak.py"))], folder)[0])
    return found


def measure(work: Work, scripts: Path, rounds: int) -> list[Round]:
    """Let both sides take turns."""
    found = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            sides = (plain(work, scripts, folder), ours(work, folder))
            found.append(Round(*sides, peaks(folder) if work.flops else {}))
        print(f"{work.name}, round {turn + 1}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def starting(rounds: int) -> list[tuple[float, float]]:
    """Measure a process that only imports Keras, and ours until the first epoch's figures are on disk, in seconds."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            bare = run([sys.executable, "-c", "import keras"], folder)[1]
            began = time.perf_counter()
            command = train((str(HOME / "configs" / "digits_mlp.yaml"), "--set", "training.epochs=1"), folder)
            with (folder / "out").open("w") as out:
                process = subprocess.Popen(command, stdout=out, stderr=out)
                while process.poll() is None and not any((folder / "runs").glob("*/metrics.jsonl")):
                    time.sleep(POLL_SECONDS)
                found.append((bare, time.perf_counter() - began))
                if process.wait():
                    sys.exit(f"{' '.join(command)} failed:\n{(folder / 'out').read_text()[-2000:]}")
    return found


def growing() -> dict[str, dict[int, float]]:
    """Measure how the seconds of training grow: with epochs (pima), rows (a made table), and folds (boston)."""
    kinds = ("epochs of pima", "rows of 8 numbers, 5 epochs", "folds of boston")
    found: dict[str, dict[int, float]] = {kind: {} for kind in kinds}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for epochs in (50, 150, 450):
            words = (str(HOME / "configs" / "pima.yaml"), "--set", f"training.epochs={epochs}")
            found["epochs of pima"][epochs] = _trained(words, folder)
        for rows in (1_000, 10_000, 100_000):
            found["rows of 8 numbers, 5 epochs"][rows] = _trained((str(_table(folder, rows)),), folder)
        for folds in (2, 5, 10):
            words = (str(HOME / "configs" / "boston_standardized.yaml"), "--set", f"data.split.k_fold.folds={folds}")
            found["folds of boston"][folds] = _trained(words, folder)
    return found


def _trained(words: tuple[str, ...], folder: Path) -> float:
    told = json.loads(run(train(words, folder), folder)[0])
    record = json.loads((Path(told["folder"]) / "record.json").read_text(encoding="utf-8"))
    return float(record["seconds"]["train"])


def _table(folder: Path, rows: int) -> Path:
    """Write a table of `rows` rows and a config that trains on it."""
    numbers = ([(row * step) % 97 / 97 for step in range(3, 11)] for row in range(rows))
    lines = [",".join([*(f"{one:.3f}" for one in told), str(row % 2)]) for row, told in enumerate(numbers)]
    names = ",".join([*"abcdefgh", "y"])
    (folder / f"{rows}.csv").write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    config = folder / f"rows_{rows}.yaml"
    config.write_text(
        f"data: {{source: {{csv: {{file: {rows}.csv}}}}}}\n"
        "model: [{Dense: {units: 16, activation: relu}}, {Dense: {units: 1, activation: sigmoid}}]\n"
        "training: {loss: binary_crossentropy, optimizer: Adam, epochs: 5}\n",
        encoding="utf-8",
    )
    return config


def main() -> None:
    """Measure the works asked for, print the tables, and write them where asked."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--plain", type=Path, required=True, help="the folder of the plain scripts")
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--only", default="", help="parts of names, with commas between")
    reader.add_argument("--more", action="store_true", help="also starting, and growth with epochs, rows and folds")
    reader.add_argument("--write", action="store_true")
    reader.add_argument("--json", type=Path)
    asked = reader.parse_args()
    if "NNRUN_DATA_DIR" not in os.environ:
        reader.error("NNRUN_DATA_DIR must name the folder of the data, for both sides")
    chosen = [work for work in WORKS if any(word in work.name for word in asked.only.split(","))]
    there = [work for work in chosen if work.needs is None or find_spec(work.needs) is not None]
    for work in set(chosen) - set(there):
        print(f"{work.name}: left out, since {work.needs} is not installed", file=sys.stderr)
    everything = {work: measure(work, asked.plain.resolve(), asked.rounds) for work in there}
    text = page(everything, starting(asked.rounds) if asked.more else [], growing() if asked.more else {})
    print(text)
    if asked.json:
        rounds = {work.name: [asdict(one) for one in found] for work, found in everything.items()}
        asked.json.write_text(json.dumps(rounds, indent=1) + "\n", encoding="utf-8")
    if asked.write:
        write(PAGE, text)
        draw(everything)


if __name__ == "__main__":
    main()

"""Compare nnrun with plain Keras scripts of the same experiments: time, memory, quality, and speed limit.

    NNRUN_DATA_DIR=... python benchmarks/run.py --plain DIR [--rounds 3] [--only pima,mnist_mlp] [--more] [--write]

`DIR` contains the plain scripts; each is run with its arguments in `experiments.py` and prints a line of JSON. The two
sides take turns, since the speed of a shared machine drifts; each round gives one ratio, and the table has their
median and range. Each round also measures the machine's matrix products (`peak.py`). `--more` also measures the start,
and the growth of time with epochs, rows and folds. `--write` writes the tables to docs/performance.md and draws
docs/performance.png; `--json FILE` writes the measurements of all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from experiments import EXPERIMENTS, HOME, LSTM_STEPS, Cost, Experiment, Round, lstm_text_length
from performance_page import draw_ratios, tables, write_tables

POLL_SECONDS = 0.005


def run(command: list[str], folder: Path) -> tuple[str, float, float]:
    """Run a command; return its output, its seconds, and its peak memory in MB."""
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


def plain(experiment: Experiment, scripts: Path, folder: Path) -> Cost:
    """Run the plain script."""
    printed, seconds, memory = run([sys.executable, str(scripts / experiment.plain[0]), *experiment.plain[1:]], folder)
    result = json.loads(printed.strip().splitlines()[-1])
    error = round(100 - 100 * result["accuracy"], 2) if "accuracy" in result else None
    quality = result.get("test_error_percent", result.get("mse_mean", error))
    return Cost(result["step_s"] if experiment.text else result["fit_s"], seconds, memory, quality)


def ours(experiment: Experiment, folder: Path) -> Cost:
    """Run nnrun; the seconds of training include the checkpoints."""
    extra = _short_text(folder) if experiment.text else ()
    printed, seconds, memory = run([*train(experiment.ours, folder), *extra], folder)
    result = json.loads(printed)
    run_folder = Path(result["folder"])
    if experiment.text:
        # The first epoch includes compilation, which the plain script does not time either.
        lines = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        fit = min(line["seconds"] for line in lines[1:]) / LSTM_STEPS
    else:
        spent = json.loads((run_folder / "record.json").read_text(encoding="utf-8"))["seconds"]
        fit = sum(spent[phase] for phase in experiment.phases)
    return Cost(fit, seconds, memory, _quality(result["scores"]))


def train(words: tuple[str, ...], folder: Path) -> list[str]:
    """Return the command that trains."""
    return [sys.executable, "-m", "nnrun", "train", *words, "--json", "--runs-dir", str(folder / "runs")]


def _short_text(folder: Path) -> tuple[str, ...]:
    """Write the beginning of the text to a file, and return the options that make it the source of the config."""
    data = Path(os.environ["NNRUN_DATA_DIR"]) / "die-verwandlung.txt"
    piece = folder / "piece.txt"
    piece.write_text(data.read_text(encoding="utf-8")[: lstm_text_length()], encoding="utf-8")
    source = {"file": str(piece), "lowercase": True, "window": 100, "stride": 1, "encode": "scaled", "predict": "next"}
    return ("--set", f"data.source={json.dumps({'text': source})}")


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


def measure(experiment: Experiment, scripts: Path, rounds: int) -> list[Round]:
    """Measure both sides in turns."""
    found = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            sides = (plain(experiment, scripts, folder), ours(experiment, folder))
            found.append(Round(*sides, peaks(folder) if experiment.flops else {}))
        print(f"{experiment.name}, round {turn + 1}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def start_seconds(rounds: int) -> list[tuple[float, float]]:
    """Measure the seconds of a process that only imports Keras, and of nnrun until the first epoch is on disk."""
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


def growth() -> dict[str, dict[int, float]]:
    """Measure the seconds of training by epochs (pima), by rows (a generated table), and by folds (boston)."""
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
    result = json.loads(run(train(words, folder), folder)[0])
    record = json.loads((Path(result["folder"]) / "record.json").read_text(encoding="utf-8"))
    return float(record["seconds"]["train"])


def _table(folder: Path, rows: int) -> Path:
    """Write a table of `rows` rows and a config that trains on it."""
    numbers = ([(row * step) % 97 / 97 for step in range(3, 11)] for row in range(rows))
    lines = [",".join([*(f"{one:.3f}" for one in values), str(row % 2)]) for row, values in enumerate(numbers)]
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
    """Measure the selected experiments, print the tables, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", type=Path, required=True, help="the folder of the plain scripts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--more", action="store_true", help="also the start, and growth with epochs, rows and folds")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if "NNRUN_DATA_DIR" not in os.environ:
        parser.error("NNRUN_DATA_DIR must name the folder of the data, for both sides")
    selected = [
        experiment for experiment in EXPERIMENTS if any(word in experiment.name for word in options.only.split(","))
    ]
    available = [
        experiment for experiment in selected if experiment.needs is None or find_spec(experiment.needs) is not None
    ]
    for experiment in set(selected) - set(available):
        print(f"{experiment.name}: skipped, since {experiment.needs} is not installed", file=sys.stderr)
    measured = {experiment: measure(experiment, options.plain.resolve(), options.rounds) for experiment in available}
    text = tables(measured, start_seconds(options.rounds) if options.more else [], growth() if options.more else {})
    print(text)
    if options.json:
        rounds = {experiment.name: [asdict(one) for one in found] for experiment, found in measured.items()}
        options.json.write_text(json.dumps(rounds, indent=1) + "\n", encoding="utf-8")
    if options.write:
        write_tables(text)
        draw_ratios(measured)


if __name__ == "__main__":
    main()

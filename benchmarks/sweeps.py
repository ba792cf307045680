"""Compare a sweep with a loop over scripts: 24 trainings on the Pima data, as a user would write them without nnrun.

    NNRUN_DATA_DIR=... python benchmarks/sweeps.py [--trials 24] [--epochs 50]

The loop starts a plain Keras script for each combination of batch size, learning rate, units and activation, one after
the other. The sweep trains the same grid, with `--jobs 1` and `--jobs 2`. Prints a line for each, with its time as a
share of the loop's, and whether the figures of both sweeps are equal; exits with 1 if they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice, product
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
GRID: dict[str, list[Any]] = {
    "training.batch_size": [10, 20, 40],
    "training.optimizer.Adam.learning_rate": [0.001, 0.003],
    "model.0.Dense.units": [8, 12],
    "model.0.Dense.activation": ["relu", "tanh"],
}
CONFIG = """name: swept_pima
seed: 7
data:
  source: pima
  prepare: [Standardize]
  split: {test: 0.33, validation: 0.2, stratify: true}
model:
  - Dense: {units: 12, activation: relu}
  - Dense: {units: 8, activation: relu}
  - Dense: {units: 1, activation: sigmoid}
training:
  loss: binary_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: EPOCHS
  batch_size: 10
"""
#: What a user would write: the data, the model and `fit`, with the values of the command line.
SCRIPT = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
from keras import layers
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

batch, rate, units = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
activation, epochs = sys.argv[4], int(sys.argv[5])
keras.utils.set_random_seed(7)
table = np.loadtxt(os.path.join(os.environ["NNRUN_DATA_DIR"], "pima-indians-diabetes.csv"), delimiter=",")
x, xt, y, yt = train_test_split(table[:, :8], table[:, 8], test_size=0.33, stratify=table[:, 8], random_state=7)
x, xv, y, yv = train_test_split(x, y, test_size=0.2, stratify=y, random_state=7)
scaler = StandardScaler().fit(x)
model = keras.Sequential([
    layers.Input((8,)),
    layers.Dense(units, activation=activation),
    layers.Dense(8, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(rate), metrics=["accuracy"])
x, xv, xt = scaler.transform(x), scaler.transform(xv), scaler.transform(xt)
model.fit(x, y, validation_data=(xv, yv), epochs=epochs, batch_size=batch, verbose=0)
print(model.evaluate(xv, yv, verbose=0), model.evaluate(xt, yt, verbose=0))
"""


def loop(folder: Path, trials: int, epochs: int) -> float:
    """Run the script for each combination; return the seconds."""
    (folder / "script.py").write_text(SCRIPT)
    start = time.perf_counter()
    for values in islice(product(*GRID.values()), trials):
        command = [sys.executable, "script.py", *map(str, values), str(epochs)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def sweep(folder: Path, trials: int, epochs: int, jobs: int) -> tuple[float, list[Any]]:
    """Sweep the grid; return the seconds, and the scores of all trials."""
    (folder / "pima.yaml").write_text(CONFIG.replace("EPOCHS", str(epochs)))
    grid = {name: list(values) for name, values in GRID.items()}
    while trials < len(list(product(*grid.values()))):
        # A shorter benchmark leaves out the first values: the loop and the sweep count the same number of trainings.
        grid[next(name for name, values in grid.items() if len(values) > 1)].pop()
    words = [word for name, values in grid.items() for word in ("--grid", f"{name}={json.dumps(values)}")]
    command = [sys.executable, "-m", "nnrun", "sweep", "pima.yaml", *words, "--jobs", str(jobs), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(HOME / "src")}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    document = json.loads(done.stdout)
    return seconds, [(one["status"], one["parameters"], one["scores"]) for one in document["trials"]]


def main() -> int:
    """Measure all sides, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nnrun-sweeps-") as place:
        found = {jobs: sweep(Path(place), arguments.trials, arguments.epochs, jobs) for jobs in (1, 2)}
        count = len(found[1][1])
        plain = loop(Path(place), count, arguments.epochs)
    print(f"{count} trainings of {arguments.epochs} epochs, {os.cpu_count()} cores")
    print(f"{'loop over scripts':20} {plain:7.1f} s")
    for jobs, (seconds, _) in found.items():
        print(f"{f'nnrun sweep --jobs {jobs}':20} {seconds:7.1f} s   {plain / seconds:5.1f} times as fast")
    same = found[1][1] == found[2][1]
    print("the figures of both sweeps are equal" if same else "the figures of the sweeps DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

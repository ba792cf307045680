"""Compare sweeps with what a user would write without nnrun: 24 trainings on the Pima data, 40 on the Boston data.

    NNRUN_DATA_DIR=... python benchmarks/sweeps.py [--only pima|boston|mapped|data] [--trials N] [--epochs N]

Pima: the loop starts a plain Keras script for each combination of batch size, learning rate, units and activation, one
after the other. The sweep trains the same grid, with `--jobs 1` and `--jobs 2`.

Boston: TPE suggests learning rate, batch size, units and activation. The sweep, with `--jobs 1` (twice) and `--jobs 2`;
a script with Optuna around Keras, in one process; and a loop that starts a script for each of Optuna's suggestions. All
have the same rows in the same parts, and each says the best mean absolute error of its validation part; the best
combination is trained again with five seeds, for the spread that chance alone has.

Mapped: the Pima model with five learning rates and so many seeds that there are 40 trials, by one process, on
TensorFlow, on JAX, and on JAX with `--mapped 8`, with seconds and processor time.

Data: what a trial takes to load MNIST and a csv of 170 MB: by itself (the first trial of a process, and any trial where
data are not shared), again in the same process, and where another process of the sweep has loaded the same; with the
processor time, and the memory of the process afterwards (PSS). Exits with 1 if the arrays differ.

Prints a line for each with its seconds. Exits with 1 if the figures of the grids differ, or a sweep that is repeated
with `--jobs 1` suggests something else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice, product
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
#: What the plain scripts say to libraries: as little as nnrun lets them say.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
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

#: Rows that are shuffled once, so that all sides have the same parts: the last fifth tests, the fifth before validates.
BOSTON = """name: swept_boston
seed: 7
data:
  source: {csv: {file: boston.csv, target: medv}}
  prepare: [Standardize]
  split: {test: 0.2, validation: 0.2, shuffle: false}
model:
  - Dense: {units: 16, activation: relu}
  - Dense: {units: 8, activation: relu}
  - Dense: {units: 1}
training:
  loss: mean_squared_error
  optimizer: Adam
  metrics: [mean_absolute_error]
  epochs: EPOCHS
  batch_size: 16
sweep:
  parameters:
    training.optimizer.Adam.learning_rate: {low: 1e-4, high: 0.1, log: true}
    training.batch_size: [8, 16, 32]
    model.0.Dense.units: {low: 4, high: 64, log: true}
    model.0.Dense.activation: [relu, tanh]
  method: tpe
  trials: TRIALS
  choose_by: validation.mean_absolute_error
"""
#: What a user would write: one function that trains, for Optuna or for the values of a command line.
BOSTON_SCRIPT = """
import json, sys
import keras, numpy as np
from keras import layers
from sklearn.preprocessing import StandardScaler

table = np.loadtxt("boston.csv", delimiter=",", skiprows=1)
x, y, rows, held = table[:, :-1], table[:, -1], int(sys.argv[1]), int(sys.argv[2])
scaler = StandardScaler().fit(x[:rows])
x = scaler.transform(x)

def train(rate, batch, units, activation, epochs):
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    model = keras.Sequential([
        layers.Input((13,)),
        layers.Dense(units, activation=activation),
        layers.Dense(8, activation="relu"),
        layers.Dense(1),
    ])
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(rate), metrics=["mae"])
    validation = x[rows:rows + held], y[rows:rows + held]
    model.fit(x[:rows], y[:rows], validation_data=validation, epochs=epochs, batch_size=batch, verbose=0)
    return model.evaluate(*validation, verbose=0)[1]

if len(sys.argv) > 5:
    print(train(float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]), sys.argv[7], int(sys.argv[3])))
else:
    import optuna

    def objective(trial):
        return train(
            trial.suggest_float("rate", 1e-4, 0.1, log=True),
            trial.suggest_categorical("batch", [8, 16, 32]),
            trial.suggest_int("units", 4, 64, log=True),
            trial.suggest_categorical("activation", ["relu", "tanh"]),
            int(sys.argv[3]),
        )

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=7))
    study.optimize(objective, n_trials=int(sys.argv[4]))
    print(study.best_value)
"""
#: Loads the data of a config twice, as two trials of one process do.
LOAD = """
import json, sys, time
from pathlib import Path
import psutil
from nnrun.data.files.digests import array_sha256
from nnrun.pipeline.check import examine
from nnrun.pipeline.data_cache import DataCache
from nnrun.pipeline.loaded_data import load_training_data
from nnrun.progress import NullProgress

cache, found = DataCache(Path(sys.argv[2]) if len(sys.argv) > 2 else None), []
for _ in range(2):
    examined, start = examine(Path(sys.argv[1]), (), None), time.process_time()
    dataset = load_training_data(examined, NullProgress(), cache)
    used, pss = time.process_time() - start, psutil.Process().memory_full_info().pss
    parts = {name: dataset.part(name) for name in ("train", "validation", "test")}
    arrays = {name: [array_sha256(part.x), array_sha256(part.y)] for name, part in parts.items()}
    found.append({"cpu": used, "pss": pss, "digests": [dict(dataset.digests), arrays]})
print(json.dumps(found))
"""


def loop(folder: Path, trials: int, epochs: int) -> float:
    """Run the script for each combination; return the seconds."""
    (folder / "script.py").write_text(SCRIPT)
    start = time.perf_counter()
    for values in islice(product(*GRID.values()), trials):
        command = [sys.executable, "script.py", *map(str, values), str(epochs)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def nnrun_sweep(folder: Path, *words: str) -> tuple[float, dict[str, Any]]:
    """Run `nnrun sweep`; return the seconds, and what it prints as JSON."""
    environment = {**os.environ, "PYTHONPATH": str(HOME / "src")}
    command = [sys.executable, "-m", "nnrun", "sweep", *words, "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, json.loads(done.stdout)


def figures(document: dict[str, Any]) -> list[Any]:
    """Return what was tried and computed in a sweep."""
    return [(one["status"], one["parameters"], one["scores"]) for one in document["trials"]]


def sweep(folder: Path, trials: int, epochs: int, jobs: int) -> tuple[float, list[Any]]:
    """Sweep the grid; return the seconds, and the scores of all trials."""
    (folder / "pima.yaml").write_text(CONFIG.replace("EPOCHS", str(epochs)))
    grid = {name: list(values) for name, values in GRID.items()}
    while trials < len(list(product(*grid.values()))):
        # A shorter benchmark leaves out the first values: the loop and the sweep count the same number of trainings.
        grid[next(name for name, values in grid.items() if len(values) > 1)].pop()
    words = [word for name, values in grid.items() for word in ("--grid", f"{name}={json.dumps(values)}")]
    seconds, document = nnrun_sweep(folder, "pima.yaml", *words, "--jobs", str(jobs))
    return seconds, figures(document)


def pima(folder: Path, trials: int, epochs: int) -> bool:
    """Measure the grid, and print it; return whether its figures are the same for every number of processes."""
    found = {jobs: sweep(folder, trials, epochs, jobs) for jobs in (1, 2)}
    count = len(found[1][1])
    plain = loop(folder, count, epochs)
    print(f"Pima: a grid of {count} trainings of {epochs} epochs, {os.cpu_count()} cores")
    print(f"{'loop over scripts':32} {plain:7.1f} s")
    for jobs, (seconds, _) in found.items():
        print(f"{f'nnrun sweep --jobs {jobs}':32} {seconds:7.1f} s   {plain / seconds:5.1f} times as fast")
    same = found[1][1] == found[2][1]
    print("the figures of both sweeps are equal" if same else "the figures of the sweeps DIFFER")
    return same


def mapped(folder: Path, trials: int, epochs: int) -> bool:
    """Measure trials that one program trains, and print it; return whether all of them are done."""
    (folder / "mapped.yaml").write_text(CONFIG.replace("EPOCHS", str(epochs)))
    rates = "training.optimizer.Adam.learning_rate=0.001,0.002,0.003,0.01,0.03"
    words = ("mapped.yaml", "--grid", rates, "--seeds", str(max(trials // 5, 1)))
    sides = {
        "TensorFlow": ("--set", "backend=tensorflow"),
        "JAX": ("--set", "backend=jax"),
        "JAX --mapped 8": ("--set", "backend=jax", "--mapped", "8"),
    }
    print(f"Mapped: {5 * max(trials // 5, 1)} trainings of {epochs} epochs, {os.cpu_count()} cores, --jobs 1")
    is_done = True
    for name, more in sides.items():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds, document = nnrun_sweep(folder, *words, *more)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name:32} {seconds:7.1f} s   {used:7.1f} s of processor time", flush=True)
        is_done = is_done and all(one["status"] == "done" for one in document["trials"])
    return is_done


def load_trial(folder: Path, config: str, shared: Path | None) -> list[dict[str, Any]]:
    """Load the data of a config twice in a new process, as two trials do; return what each took, and the digests."""
    command = [sys.executable, "-c", LOAD, config, *([str(shared)] if shared else [])]
    environment = {**os.environ, "PYTHONPATH": str(HOME / "src")}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def data(folder: Path, _trials: int, _epochs: int) -> bool:
    """Measure how trials load their data, and print it; return whether all have the same."""
    import numpy as np

    rows, columns = 400_000, 50
    table = np.random.default_rng(7).normal(size=(rows, columns)).astype("float32")
    names = ",".join([*(f"x{column}" for column in range(columns)), "y"])
    content = np.column_stack([table, table.sum(axis=1) > 0])
    np.savetxt(folder / "big.csv", content, delimiter=",", header=names, comments="", fmt=["%.5f"] * columns + ["%d"])
    pima, source = CONFIG.replace("EPOCHS", "1"), "{csv: {file: big.csv, target: y}}"
    (folder / "csv.yaml").write_text(pima.replace("source: pima", f"source: {source}"))
    mnist = pima.replace("source: pima", "source: mnist").replace("[Standardize]", "[Rescale: {divide_by: 255}]")
    mnist = mnist.replace("test: 0.33, ", "").replace("model:", "model:\n  - Flatten")
    mnist = mnist.replace("units: 1, activation: sigmoid", "units: $classes, activation: softmax")
    (folder / "mnist.yaml").write_text(mnist.replace("binary_cross", "sparse_categorical_cross"))
    is_same = True
    for config in ("csv", "mnist"):
        shared = folder / f"shared_{config}"
        shared.mkdir(mode=0o700)
        alone, first, mapped = (load_trial(folder, f"{config}.yaml", one) for one in (None, shared, shared))
        print(
            f"Data: {config}, a csv of {(folder / 'big.csv').stat().st_size / 1e6:.0f} MB"
            if config == "csv"
            else "MNIST"
        )
        sides = {
            "not shared": alone[0],
            "again in its process": alone[1],
            "first of the sweep": first[0],
            "in another process": mapped[0],
        }
        for name, one in sides.items():
            print(f"{name:32} {one['cpu']:7.2f} s of processor time   {one['pss'] / 1e6:7.0f} MB", flush=True)
        is_same = is_same and len({json.dumps(one["digests"]) for one in (*alone, *first, *mapped)}) == 1
    return is_same


def write_boston(folder: Path, trials: int, epochs: int) -> tuple[str, str]:
    """Write the shuffled rows, the config and the script; return the sizes of the training and validation parts."""
    import numpy as np

    table = np.loadtxt(Path(os.environ["NNRUN_DATA_DIR"]) / "boston-housing.data")
    table = np.random.default_rng(7).permutation(table)
    names = ",".join([*(f"x{column}" for column in range(13)), "medv"])
    np.savetxt(folder / "boston.csv", table, delimiter=",", header=names, comments="", fmt="%.10g")
    (folder / "boston.yaml").write_text(BOSTON.replace("EPOCHS", str(epochs)).replace("TRIALS", str(trials)))
    (folder / "boston.py").write_text(BOSTON_SCRIPT)
    tested = round(0.2 * len(table))
    held = round(0.2 * (len(table) - tested))
    return str(len(table) - tested - held), str(held)


def run_script(folder: Path, *words: str) -> float:
    """Run the Boston script; return the error that it prints last."""
    command = [sys.executable, "boston.py", *words]
    environment = {**os.environ, **QUIET}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def loop_with_optuna(folder: Path, sizes: tuple[str, str], trials: int, epochs: int) -> float:
    """Start a script for each of Optuna's suggestions; return the best error."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=7))
    for _ in range(trials):
        trial = study.ask()
        rate = trial.suggest_float("rate", 1e-4, 0.1, log=True)
        batch = trial.suggest_categorical("batch", [8, 16, 32])
        units = trial.suggest_int("units", 4, 64, log=True)
        activation = trial.suggest_categorical("activation", ["relu", "tanh"])
        study.tell(trial, run_script(folder, *sizes, *map(str, (epochs, rate, batch, units, activation))))
    return float(study.best_value)


def boston(folder: Path, trials: int, epochs: int) -> bool:
    """Measure TPE, and print it; return whether a sweep with one process can be repeated."""
    sizes, path = write_boston(folder, trials, epochs), "validation.mean_absolute_error"
    print(f"Boston: {trials} trials of TPE, {epochs} epochs, {os.cpu_count()} cores")
    sweeps = [nnrun_sweep(folder, "boston.yaml", "--jobs", str(jobs)) for jobs in (1, 2, 1)]
    for jobs, (seconds, document) in zip(("1", "2", "1, again"), sweeps, strict=True):
        best = document["combinations"][0]["value"]
        print(f"{f'nnrun sweep --jobs {jobs}':32} {seconds:7.1f} s   best {path} {best:.3f}", flush=True)
    start = time.perf_counter()
    error = run_script(folder, *sizes, str(epochs), str(trials))
    print(
        f"{'Optuna around Keras, one process':32} {time.perf_counter() - start:7.1f} s   best {error:.3f}", flush=True
    )
    start = time.perf_counter()
    error = loop_with_optuna(folder, sizes, trials, epochs)
    print(f"{'loop over scripts with Optuna':32} {time.perf_counter() - start:7.1f} s   best {error:.3f}", flush=True)
    best_config = [sys.executable, "-m", "nnrun", "sweep", "best", sweeps[0][1]["folder"]]
    environment = {**os.environ, "PYTHONPATH": str(HOME / "src")}
    text = subprocess.run(best_config, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
    (folder / "best.yaml").write_text(text)
    seeds = nnrun_sweep(folder, "best.yaml", "--seeds", "5", "--choose-by", path)[1]["combinations"][0]
    print(f"the best of --jobs 1 with five seeds: {seeds['value']:.3f}, sd {seeds['sd']:.3f}")
    same = figures(sweeps[0][1]) == figures(sweeps[2][1])
    print("a sweep that is repeated has the same figures" if same else "a sweep that is repeated DIFFERS")
    return same


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("pima", "boston", "mapped", "data"))
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int, default=50)
    arguments = parser.parse_args()
    sides = {"pima": (pima, 24), "boston": (boston, 40), "mapped": (mapped, 40), "data": (data, 0)}
    with tempfile.TemporaryDirectory(prefix="nnrun-sweeps-") as place:
        found = [
            measure(Path(place), arguments.trials or trials, arguments.epochs)
            for name, (measure, trials) in sides.items()
            if arguments.only in (None, name)
        ]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Compare nnrun's stream of small JPEGs with `keras.utils.image_dataset_from_directory` and the usual prefetch.

    NNRUN_DATA_DIR=... python benchmarks/streaming.py [--images 60000] [--rounds 3] [--epochs 3] [--batch 32]

The images are those of MNIST, written as JPEGs to a temporary folder with a folder for each class. Both sides train
the same small network on them in turns, each in a process of its own that reports the seconds of every epoch;
processor time is more reliable than wall time if other processes run. Neither side has a cache: every epoch decodes
all images.
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

PLAIN = """
import json, sys, time
import keras, tensorflow as tf
folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
keras.utils.set_random_seed(7)
data = keras.utils.image_dataset_from_directory(
    folder, image_size=(28, 28), batch_size=batch, shuffle=True, seed=7, verbose=False
).prefetch(tf.data.AUTOTUNE)
model = keras.Sequential([
    keras.Input((28, 28, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
    keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax"),
])
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.cpu = time.perf_counter(), time.process_time()
    def on_epoch_end(self, epoch, logs=None):
        seconds.append(time.perf_counter() - self.began)
        cpu.append(time.process_time() - self.cpu)
seconds, cpu = [], []
history = model.fit(data, epochs=epochs, verbose=0, callbacks=[Clock()])
print(json.dumps({"seconds": seconds, "cpu": cpu, "accuracy": history.history["accuracy"][-1]}))
"""

OURS = """
import json, sys, time
from pathlib import Path
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
marks = []
class Clock(NullProgress):
    def say(self, text):
        if "parameters" in text:
            marks[:] = [time.process_time()]
    def epoch(self, done, total, figures):
        marks.append(time.process_time())
done = train(TrainRequest(sys.argv[1], runs_dir=Path(sys.argv[2])), Clock())
lines = [json.loads(one) for one in done.folder.metrics.read_text().splitlines()]
cpu = [after - before for before, after in zip(marks, marks[1:])]
print(json.dumps({"seconds": [one["seconds"] for one in lines], "cpu": cpu, "accuracy": lines[-1]["accuracy"]}))
"""

CONFIG = """
name: streaming
seed: 7
data:
  source: {{images: {{folder: {folder}, stream: true}}}}
  prepare:
    - Rescale: {{divide_by: 255}}
model:
  - Flatten
  - Dense: {{units: 32, activation: relu}}
  - Dense: {{units: 10, activation: softmax}}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: {epochs}
  batch_size: {batch}
"""


@dataclass(frozen=True)
class Cost:
    """The wall and processor seconds of each epoch of one process, its peak memory in MB, and its final accuracy."""

    seconds: list[float]
    cpu: list[float]
    memory: float
    accuracy: float

    def rate(self, images: int, kind: str, *, first: bool) -> float:
        """Return the images per second of the first epoch, or of the median of the others."""
        values = getattr(self, kind)
        return images / (values[0] if first else statistics.median(values[1:]))


def write_images(folder: Path, count: int) -> None:
    """Write MNIST's training images as JPEGs, repeatedly if more are requested than there are."""
    import numpy as np
    from PIL import Image

    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import NullProgress

    raw = SOURCES["mnist"]().load(DataPaths(Path()), NullProgress())
    x, y = np.asarray(raw.train.x), np.asarray(raw.train.y)
    for index in range(count):
        place = folder / str(int(y[index % len(y)]))
        place.mkdir(exist_ok=True)
        pixels = x[index % len(x)].reshape(28, 28)
        Image.fromarray(pixels).convert("RGB").save(place / f"{index:06}.jpg", quality=90)


def run(code: str, arguments: list[str], folder: Path) -> Cost:
    """Run one side and return its cost."""
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=out, stderr=err, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            sys.exit(f"failed:\n{err.read()[-2000:]}")
        out.seek(0)
        result = json.loads(out.read().strip().splitlines()[-1])
    return Cost(memory=used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), **result)


def table(found: list[tuple[Cost, Cost]], images: int) -> str:
    """Return the table of the medians of the rounds, with the range of the ratios."""
    lines = ["| | plain | nnrun | ratio |", "|---|---|---|---|"]
    for name, kind, first in (
        ("images per second, epochs after the first", "seconds", False),
        ("images per second, first epoch", "seconds", True),
        ("images per second of processor time, epochs after the first", "cpu", False),
    ):
        sides = [[cost.rate(images, kind, first=first) for cost in side] for side in zip(*found, strict=True)]
        ratios = [mine / theirs for theirs, mine in zip(*sides, strict=True)]
        plain, ours = map(statistics.median, sides)
        span = f"({min(ratios):.2f}-{max(ratios):.2f})"
        lines.append(f"| {name} | {plain:,.0f} | {ours:,.0f} | **{statistics.median(ratios):.2f}** {span} |")
    memory = [statistics.median(cost.memory for cost in side) for side in zip(*found, strict=True)]
    lines.append(f"| peak memory, MB | {memory[0]:,.0f} | {memory[1]:,.0f} | {memory[1] / memory[0]:.2f} |")
    right = [statistics.median(cost.accuracy for cost in side) for side in zip(*found, strict=True)]
    lines.append(f"| accuracy on the training rows | {right[0]:.3f} | {right[1]:.3f} | |")
    return "\n".join(lines)


def main() -> None:
    """Measure both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("images", 60_000), ("rounds", 3), ("epochs", 3), ("batch", 32)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    found: list[tuple[Cost, Cost]] = []
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        (home / "images").mkdir()
        write_images(home / "images", options.images)
        config = CONFIG.format(folder=home / "images", epochs=options.epochs, batch=options.batch)
        (home / "config.yaml").write_text(config, encoding="utf-8")
        for turn in range(options.rounds):
            plain = run(PLAIN, [str(home / "images"), str(options.batch), str(options.epochs)], home)
            ours = run(OURS, [str(home / "config.yaml"), str(home / "runs")], home)
            found.append((plain, ours))
            print(f"round {turn + 1}: {plain}\n         {ours}", file=sys.stderr, flush=True)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{time.strftime('%Y-%m-%d')}, {options.images:,} images, batch {options.batch}, load averages {load}\n")
    print(table(found, options.images))


if __name__ == "__main__":
    main()

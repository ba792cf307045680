"""Small JPEGs from folders: nnrun's stream against `keras.utils.image_dataset_from_directory` with the usual prefetch.

    NNRUN_DATA_DIR=... python benchmarks/streaming.py [--pictures 60000] [--rounds 3] [--epochs 3] [--batch 32]

The pictures are MNIST's, written as JPEGs into a temporary folder, a folder for each class. Both sides train the same
small network on them, by turns, each in a process of its own that reports the seconds of every epoch; the processor's
seconds say more than the clock's where other work runs. Nothing of either side is cached: every epoch decodes anew.
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
import nnrun.pipeline.train as line
from nnrun.progress import Silent
marks = []
def marked(own):
    def call(*arguments, **named):
        marks.append(time.process_time())
        return own(*arguments, **named)
    return call
line.train_model, line.keep_epoch = marked(line.train_model), marked(line.keep_epoch)
done = line.train(line.Request(sys.argv[1], runs_dir=Path(sys.argv[2])), Silent())
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
    """What one process took: wall and processor seconds of each epoch, peak memory in MB, and what it learned."""

    seconds: list[float]
    cpu: list[float]
    memory: float
    accuracy: float

    def rate(self, pictures: int, kind: str, *, first: bool) -> float:
        """Pictures a second of the first epoch, or of the median of the others."""
        values = getattr(self, kind)
        return pictures / (values[0] if first else statistics.median(values[1:]))


def write_pictures(folder: Path, count: int) -> None:
    """Write MNIST's training pictures as JPEGs, over again where more are asked for than there are."""
    import numpy as np
    from PIL import Image

    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.progress import Silent

    raw = SOURCES["mnist"]().load(DataPaths(Path()), Silent())
    x, y = np.asarray(raw.train.x), np.asarray(raw.train.y)
    for index in range(count):
        place = folder / str(int(y[index % len(y)]))
        place.mkdir(exist_ok=True)
        pixels = x[index % len(x)].reshape(28, 28)
        Image.fromarray(pixels).convert("RGB").save(place / f"{index:06}.jpg", quality=90)


def run(code: str, arguments: list[str], folder: Path) -> Cost:
    """Run one side to its end."""
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=out, stderr=err, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            sys.exit(f"failed:\n{err.read()[-2000:]}")
        out.seek(0)
        told = json.loads(out.read().strip().splitlines()[-1])
    return Cost(memory=used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), **told)


def report(found: list[tuple[Cost, Cost]], pictures: int) -> str:
    """Lay the figures out as a table: medians of the rounds, and the ratios' range."""
    lines = ["| | plain | nnrun | ratio |", "|---|---|---|---|"]
    for name, kind, first in (
        ("pictures a second, epochs after the first", "seconds", False),
        ("pictures a second, first epoch", "seconds", True),
        ("pictures a processor's second, epochs after the first", "cpu", False),
    ):
        sides = [[cost.rate(pictures, kind, first=first) for cost in side] for side in zip(*found, strict=True)]
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
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("pictures", 60_000), ("rounds", 3), ("epochs", 3), ("batch", 32)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    found: list[tuple[Cost, Cost]] = []
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        (home / "pictures").mkdir()
        write_pictures(home / "pictures", asked.pictures)
        said = CONFIG.format(folder=home / "pictures", epochs=asked.epochs, batch=asked.batch)
        (home / "config.yaml").write_text(said, encoding="utf-8")
        for turn in range(asked.rounds):
            plain = run(PLAIN, [str(home / "pictures"), str(asked.batch), str(asked.epochs)], home)
            ours = run(OURS, [str(home / "config.yaml"), str(home / "runs")], home)
            found.append((plain, ours))
            print(f"round {turn + 1}: {plain}\n         {ours}", file=sys.stderr, flush=True)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{time.strftime('%Y-%m-%d')}, {asked.pictures:,} pictures, batch {asked.batch}, load averages {load}\n")
    print(report(found, asked.pictures))


if __name__ == "__main__":
    main()

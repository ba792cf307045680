"""Measure the peak memory and the time of each phase of a training on a text of 100 MB at stride 1.

    python benchmarks/big_text.py [--megabytes 100] [--units 128] [--batch-size 128] [--steps 200] [--xla auto]
                                  [--text FILE]

The text is written to a temporary folder: FILE (by default scikit-learn's descriptions of its data sets) is repeated,
and every fiftieth character is replaced by a random one of the text, so that no two passages are equal. A separate
process trains on it as `nnrun train` does, and stops after some steps. Prints one JSON line; a megabyte is 10^6
bytes. `peak_megabytes` is the largest resident memory of the process so far (`ru_maxrss`), including the pages of
TensorFlow's libraries that it has used; `own_megabytes` the largest without them, sampled every 20 ms (Linux only).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.data_paths import DataPaths
from nnrun.data.sources.text import Descriptions
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = """name: big_text
seed: 7
data:
  source: {{text: {{file: {file}, window: 100, stride: 1, encode: codes}}}}
  split: {{validation: 0.1}}
model:
  - Embedding: {{input_dim: $vocabulary, output_dim: 32}}
  - LSTM: {units}
  - Dense: {{units: $classes, activation: softmax}}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  batch_size: {batch_size}
  execution: {{xla: {xla}}}
"""
#: One of this many characters is replaced.
_NOISE = 50


def make(file: Path, megabytes: int, text: Path | None) -> None:
    """Write the text."""
    default = Descriptions()
    source = text.read_text("utf-8") if text else default.read(default.find(DataPaths(Path())))[0]
    letters = np.frombuffer(source.encode("ascii", "replace"), dtype="uint8")
    rng = np.random.default_rng(7)
    known, left = np.unique(letters), megabytes * 10**6
    with file.open("wb") as stream:
        while left > 0:
            piece = letters[:left].copy()
            places = rng.integers(0, len(piece), len(piece) // _NOISE)
            piece[places] = rng.choice(known, len(places))
            stream.write(piece.tobytes())
            left -= len(piece)


class Stopwatch(NullProgress):
    """Records memory and time during training, and ends it after some steps.

    Args:
        began: The start of the process, as a Unix time.
        steps: The number of steps after which to end.
        total: The number of steps of an epoch.
    """

    def __init__(self, began: float, steps: int, total: int) -> None:
        self.began, self.steps, self.total = began, steps, total
        self.points: dict[str, dict[str, float]] = {}
        self.own = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while status.exists():
            lines = status.read_text("utf-8").splitlines()
            self.own = max(self.own, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")))
            time.sleep(0.02)

    def note(self, what: str) -> None:
        """Record time and memory at a point of the training."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        own = {"own_megabytes": round(self.own / 1e6)} if self.own else {}
        self.points[what] = {"seconds": round(time.time() - self.began, 1), "peak_megabytes": round(peak / 1e6), **own}

    def say(self, text: str) -> None:
        """Record that the model is compiled: the only message with the word "parameters"."""
        if "parameters" in text:
            self.note("compiled")

    def step(self, epoch: int, total: int, share: float) -> None:  # noqa: ARG002 - there is one epoch
        """Record the first step, and end after some."""
        if "first step" not in self.points:
            self.note("first step")
        if share * self.total >= self.steps:
            self.note(f"{round(share * self.total)} steps")
            raise KeyboardInterrupt


def train(config: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Train until the stopwatch ends it; return the recorded points."""
    from nnrun.pipeline import train as pipeline

    watch = Stopwatch(arguments["began"], arguments["steps"], arguments["total"])
    watch.note("started")
    load = pipeline.load_data

    def loaded(*given: Any) -> Any:
        found = load(*given)
        watch.note("loaded")
        return found

    pipeline.load_data = loaded
    try:
        pipeline.train(pipeline.TrainRequest(str(config), runs_dir=config.parent / "runs"), watch)
    except KeyboardInterrupt:
        watch.note("saved")
    return watch.points


def main() -> None:
    """Write the text and measure; with `--train`, in the separate process, train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, usual in (("megabytes", 100), ("units", 128), ("batch-size", 128), ("steps", 200)):
        parser.add_argument(f"--{word}", type=int, default=usual)
    parser.add_argument("--xla", choices=("auto", "true", "false"), default="auto")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--train", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train is not None:
        sys.stdout.write(json.dumps(train(Path(options.train["config"]), options.train)) + "\n")
        return
    with tempfile.TemporaryDirectory() as name:
        file, config = Path(name) / "big.txt", Path(name) / "big.yaml"
        make(file, options.megabytes, options.text)
        config.write_text(CONFIG.format(**vars(options) | {"file": file.name}), "utf-8")
        # Nine tenths of the text are the training part.
        total = (options.megabytes * 900_000 - 100) // options.batch_size
        arguments = {"config": str(config), "began": time.time(), "steps": options.steps, "total": total}
        words = [sys.executable, __file__, "--train", json.dumps(arguments)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    figures = {word: vars(options)[word] for word in ("megabytes", "units", "batch_size", "xla")}
    sys.stdout.write(json.dumps({**figures, **json.loads(done.stdout.splitlines()[-1])}) + "\n")


if __name__ == "__main__":
    main()

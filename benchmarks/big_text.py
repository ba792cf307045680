"""What a text of 100 MB costs: the peak of memory at each point of a training at stride 1, and the time to a step.

    python benchmarks/big_text.py [--megabytes 100] [--units 128] [--batch-size 128] [--steps 200] [--xla auto]
                                  [--text FILE]

The text is made in a folder that is removed afterwards: FILE (by default scikit-learn's descriptions of its data sets)
over and over, every fiftieth character replaced by a random one of the text, so that no two passages are alike. A
process of its own trains on it as `nnrun train` does, and stops after some steps. Prints one JSON line; megabytes are
of 10^6 bytes. `peak_megabytes` is the most that the process had resident so far (`ru_maxrss`), with the pages of
TensorFlow's libraries that it has touched; `own_megabytes` the most without them, looked at every 20 ms (Linux alone).
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
from nnrun.progress import Silent

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
#: How many characters come to one that is replaced.
_NOISE = 50


def make(file: Path, megabytes: int, text: Path | None) -> None:
    """Write a text of so many megabytes."""
    said = Descriptions()
    source = text.read_text("utf-8") if text else said.read(said.find(DataPaths(Path())))[0]
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


class Stopwatch(Silent):
    """Notes memory and time as the training comes along, and ends it after some steps.

    Args:
        began: When the process was asked for.
        steps: After how many steps to end.
        total: How many an epoch has.
    """

    def __init__(self, began: float, steps: int, total: int) -> None:
        self.began, self.steps, self.total = began, steps, total
        self.noted: dict[str, dict[str, float]] = {}
        self.own = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while status.exists():
            lines = status.read_text("utf-8").splitlines()
            self.own = max(self.own, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")))
            time.sleep(0.02)

    def note(self, what: str) -> None:
        """Note where it stands."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        own = {"own_megabytes": round(self.own / 1e6)} if self.own else {}
        self.noted[what] = {"seconds": round(time.time() - self.began, 1), "peak_megabytes": round(peak / 1e6), **own}

    def say(self, text: str) -> None:
        """Note that the model is compiled, which is the only thing said with parameters."""
        if "parameters" in text:
            self.note("compiled")

    def step(self, epoch: int, total: int, share: float) -> None:  # noqa: ARG002 - there is one epoch
        """Note the first step, and end after some."""
        if "first step" not in self.noted:
            self.note("first step")
        if share * self.total >= self.steps:
            self.note(f"{round(share * self.total)} steps")
            raise KeyboardInterrupt


def train(config: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Train until enough is known."""
    from nnrun.pipeline import train as pipeline

    watch = Stopwatch(asked["began"], asked["steps"], asked["total"])
    watch.note("started")
    load = pipeline.load_data

    def loaded(*given: Any) -> Any:
        found = load(*given)
        watch.note("loaded")
        return found

    pipeline.load_data = loaded
    try:
        pipeline.train(pipeline.Request(str(config), runs_dir=config.parent / "runs"), watch)
    except KeyboardInterrupt:
        watch.note("saved")
    return watch.noted


def main() -> None:
    """Make the text and measure, or, in the process of its own, train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, usual in (("megabytes", 100), ("units", 128), ("batch-size", 128), ("steps", 200)):
        parser.add_argument(f"--{word}", type=int, default=usual)
    parser.add_argument("--xla", choices=("auto", "true", "false"), default="auto")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--train", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train is not None:
        sys.stdout.write(json.dumps(train(Path(asked.train["config"]), asked.train)) + "\n")
        return
    with tempfile.TemporaryDirectory() as name:
        file, config = Path(name) / "big.txt", Path(name) / "big.yaml"
        make(file, asked.megabytes, asked.text)
        config.write_text(CONFIG.format(**vars(asked) | {"file": file.name}), "utf-8")
        # Nine tenths are trained on.
        total = (asked.megabytes * 900_000 - 100) // asked.batch_size
        told = {"config": str(config), "began": time.time(), "steps": asked.steps, "total": total}
        words = [sys.executable, __file__, "--train", json.dumps(told)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    figures = {word: vars(asked)[word] for word in ("megabytes", "units", "batch_size", "xla")}
    sys.stdout.write(json.dumps({**figures, **json.loads(done.stdout.splitlines()[-1])}) + "\n")


if __name__ == "__main__":
    main()

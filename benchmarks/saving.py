"""Measure what saving states costs: the share of the time of training and of the whole run, and the state's size.

    python benchmarks/saving.py [--repeat 3] [CONFIG[=EPOCHS] ...]

Each config is trained by a process of its own, in which the time inside `StateSaver.save` is added up; what the process
needs to start is part of the whole, as for the user. Prints a line for each config: the median shares in percent, the
number of saves, and the size of a state in megabytes (10^6 bytes).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

#: What a config is called, and how many epochs of it are trained; None: all.
CONFIGS = ("mnist_cnn=1", "metamorphosis_lstm=1", "pima")
#: The program of a process: it trains one config, and prints what its saves took.
PROGRAM = """
import json, sys, time
from pathlib import Path
from nnrun.engine.state.saver import StateSaver
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.cli.commands.configs import locate_config

save, seconds = StateSaver.save, []

def timed(self, *arguments, **named):
    start = time.perf_counter()
    save(self, *arguments, **named)
    seconds.append(time.perf_counter() - start)

StateSaver.save = timed
name, sets, runs = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
folder = train(TrainRequest(str(locate_config(name)), tuple(sets), runs), NullProgress()).folder
record = json.loads(folder.record.read_text())
size = (folder.state / "last.safetensors").stat().st_size
print(json.dumps({"saving": sum(seconds), "saves": len(seconds), "train": record["seconds"]["train"], "bytes": size}))
"""


def measure(config: str) -> dict[str, Any]:
    """Train a config once; return the seconds of saving, of training and of the whole process."""
    name, _, epochs = config.partition("=")
    sets = [f"training.epochs={epochs}"] if epochs else []
    with tempfile.TemporaryDirectory(prefix="nnrun-saving-") as runs:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, name, json.dumps(sets), runs], capture_output=True, text=True, check=True
        )
        whole = time.perf_counter() - start
    return {**json.loads(done.stdout.splitlines()[-1]), "whole": whole}


def main() -> None:
    """Measure each config some times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="*", default=list(CONFIGS))
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'config':26} {'saves':>5} {'saving':>8} {'of training':>12} {'of all':>8} {'state':>10}")
    for config in arguments.configs:
        runs = [measure(config) for _ in range(arguments.repeat)]
        of_training, of_all = (median(100 * run["saving"] / run[key] for run in runs) for key in ("train", "whole"))
        saving, last = median(run["saving"] for run in runs), runs[-1]
        size = f"{last['bytes'] / 1e6:.2f} MB"
        print(f"{config:26} {last['saves']:5} {saving:6.3f} s {of_training:10.2f} % {of_all:6.2f} % {size:>10}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
    main()

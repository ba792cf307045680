"""Trains the configs of docs/examples on small made data: `python tools/train_examples.py RESULTS [NAME ...]`.

A copy of each is trained, with one epoch, small batches, made data in the place of data sets that are downloaded, and
random weights in the place of those of ImageNet. RESULTS is a JSON file of seconds and test scores by config.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from make_example_data import make

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
#: What is written otherwise for the short training.
SHORTER = [
    (r"source: (fashion_)?mnist$", "source: {npz: mnist.npz}"),
    (r"source: cifar100?$", "source: {npz: cifar10.npz}"),
    (r"source: \{imdb: .*\}$", "source: {npz: imdb.npz}"),
    (r"weights: imagenet", "weights: null"),
    (r"\bepochs: \d+", "epochs: 1"),
    (r"\bbatch_size: \d+", "batch_size: 16"),
    (r"SparseTopKCategoricalAccuracy: 5", "SparseTopKCategoricalAccuracy: 2"),
]


def shorten(text: str) -> str:
    """Return a config's text for one epoch on made data."""
    for pattern, instead in SHORTER:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def train(config: Path, data: Path, runs: Path) -> dict[str, Any]:
    """Train a config in a process of its own; return its seconds, and its test scores or the last lines of errors."""
    command = [sys.executable, "-m", "nnrun", "train", str(config), "--runs-dir", str(runs), "--quiet"]
    started = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "NNRUN_DATA_DIR": str(data)}
    )
    seconds = round(time.monotonic() - started, 1)
    if done.returncode:
        return {"seconds": seconds, "error": done.stderr.strip().splitlines()[-3:]}
    (run,) = runs.iterdir()
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    found = scores.get("test") or scores.get("cross_validation", {}).get("mean") or scores.get("validation", {})
    return {"seconds": seconds, "scores": {name: value for name, value in found.items() if isinstance(value, float)}}


def main(results: Path, names: list[str]) -> int:
    """Train all examples, or those named, two at a time; return the number of those that failed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root / "data")
        for path in EXAMPLES.glob("*/*.yaml"):
            (root / path.parent.name).mkdir(exist_ok=True)
            (root / path.parent.name / path.name).write_text(
                shorten(path.read_text(encoding="utf-8")), encoding="utf-8"
            )
        configs = sorted(path for path in root.glob("*/*.yaml") if not names or path.stem in names)
        found: dict[str, Any] = {}

        def one(path: Path) -> None:
            name = f"{path.parent.name}/{path.stem}"
            found[name] = train(path, root / "data", root / "runs" / name)
            print(name, json.dumps(found[name])[:300], flush=True)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, configs))
    results.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    failed = [name for name, one in found.items() if "error" in one]
    print(f"{len(found) - len(failed)} of {len(found)} trained; failed: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]), sys.argv[2:])))

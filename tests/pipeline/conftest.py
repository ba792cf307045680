"""Helpers of the pipeline's tests: a tiny experiment, and one finished run of it for all who only look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnrun.errors import Problem
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress

CONFIG = """# A comment that only the user's own text has.
name: tiny
seed: 7
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, Standardize, {Reshape: [64]}]
  split: {test: 0.2, validation: 0.2, stratify: true}
model:
  - Dense: {units: 8, activation: relu}
  - Dropout: 0.2
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: 2
  batch_size: 64
  callbacks: [CSVLogger]
"""


class Noting(NullProgress):
    """A listener that keeps every word, and does something at the end of an epoch where a test asks for it."""

    def __init__(self, at_epoch: Callable[[int], None] = lambda _: None) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.problems: list[tuple[int, Problem]] = []
        self.at_epoch = at_epoch

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    def warn(self, text: str) -> None:
        """Keep it."""
        self.warned.append(text)

    def show_problem(self, problem: Problem) -> None:
        """Keep it, and how much was said before it."""
        self.problems.append((len(self.said), problem))

    def epoch(self, done: int, total: int, figures: Any) -> None:  # noqa: ARG002
        """Do what the test asks for."""
        self.at_epoch(done)


@pytest.fixture
def noting() -> type[Noting]:
    """Give the listener's class."""
    return Noting


@pytest.fixture(scope="session")
def tiny() -> str:
    """Give the text of a config that runs in a second."""
    return CONFIG


@pytest.fixture(scope="session")
def start() -> Callable[..., TrainResult]:
    """Train a config's text in a folder; runs lie in `runs/` beside it."""

    def run(folder: Path, text: str, progress: Any = None, *, sets: tuple[str, ...] = ()) -> TrainResult:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "tiny.yaml"
        config.write_text(text, encoding="utf-8")
        request = TrainRequest(str(config), sets, folder / "runs", folder, ("nnrun", "train", "tiny.yaml"))
        return train(request, progress or NullProgress())

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, start: Callable[..., TrainResult]) -> TrainResult:
    """Train the tiny config once, for all tests that only look at what is left."""
    return start(tmp_path_factory.mktemp("finished"), CONFIG)


@pytest.fixture(scope="session")
def elsewhere() -> Callable[..., Any]:
    """Run a piece of Python in a process of its own and read the JSON that it prints."""

    def run(code: str, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run

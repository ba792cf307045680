"""Fixtures of the pipeline's tests: a tiny experiment, and one finished run of it for tests that only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import serve_files
from jax_programs import kept_programs

from nnrun.errors import Problem
from nnrun.pipeline.train import TrainRequest, TrainResult, train
from nnrun.progress import NullProgress

CONFIG = """# A comment that only the user's own text has.
name: tiny
seed: 7
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, StandardScaler, {Reshape: [64]}]
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


class RecordingProgress(NullProgress):
    """Records all messages and warnings; a test may pass a function that is called at the end of each epoch."""

    def __init__(self, at_epoch: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.problems: list[tuple[int, Problem]] = []
        self.at_epoch = at_epoch

    def say(self, text: str) -> None:
        """Record a message."""
        self.messages.append(text)

    def show_problem(self, problem: Problem) -> None:
        """Record a problem and the number of messages before it."""
        self.problems.append((len(self.messages), problem))

    def epoch(self, done: int, total: int, figures: Any) -> None:  # noqa: ARG002
        """Call the test's function."""
        self.at_epoch(done)


@pytest.fixture
def recording_progress() -> type[RecordingProgress]:
    """Return the class, of which tests make instances."""
    return RecordingProgress


@pytest.fixture(scope="session")
def tiny() -> str:
    """Return the text of a config that runs in a second."""
    return CONFIG


@pytest.fixture(scope="session")
def start() -> Callable[..., TrainResult]:
    """Return a function that trains a config's text in a folder, with runs in its subfolder `runs/`."""

    def run(folder: Path, text: str, progress: Any = None, *, sets: tuple[str, ...] = ()) -> TrainResult:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "tiny.yaml"
        config.write_text(text, encoding="utf-8")
        request = TrainRequest(str(config), sets, folder / "runs", folder, ("nnrun", "train", "tiny.yaml"))
        return train(request, progress or NullProgress())

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, start: Callable[..., TrainResult]) -> TrainResult:
    """Train the tiny config once, for all tests that only read the run."""
    return start(tmp_path_factory.mktemp("finished"), CONFIG)


@pytest.fixture(scope="session")
def run_in_process(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return a function that runs Python code in a new process and reads the JSON that it prints."""

    def run(code: str, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={
                **os.environ,
                **kept_programs(tmp_path_factory.mktemp("programs")),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a web server of this machine offers as the mirror of published weights."""
    with serve_files(tmp_path / "mirror") as address:
        monkeypatch.setenv("NNRUN_WEIGHTS_MIRROR", address)
        yield tmp_path / "mirror"

"""Fixtures of the command line: a small config, and functions that run a command in this or in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from json_documents import checked, violations_of

from nnrun.cli.json_documents import documents
from nnrun.cli.main import nnrun
from nnrun.cli.terminal import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

SOURCE = Path(__file__).resolve().parents[2] / "src"
TINY = """\
# What:    A tiny table
name: tiny
seed: 3
data:
  source: {csv: {file: tiny.csv, target: kind}}
  split: {test: 0.25, validation: 0.2, stratify: true}
model:
  - Dense: {units: 4, activation: relu}
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: Adam
  metrics: [accuracy]
  epochs: 2
  batch_size: 8
"""
ROWS = [
    f"{number % 3 + number / 100:.2f},{number % 3 * 2 - number / 90:.2f},{'猫犬鳥'[number % 3]}" for number in range(60)
]


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a folder with a tiny config and its data, without nnrun's environment variables."""
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "tiny.csv").write_text("\n".join(["length,width,kind", *ROWS]) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("NNRUN_RUNS_DIR", "NNRUN_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def _documents_follow_their_schema(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command of the test prints with `--json` has the keys that `nnrun schema --of COMMAND` names."""
    violations: list[str] = []
    monkeypatch.setattr(output, "print_json", checked(output.print_json, violations))
    yield
    assert violations == []


@pytest.fixture
def invoke(workdir: Path) -> Callable[..., Result]:
    """Return a function that runs a command line in this process."""
    return lambda *words: CliRunner().invoke(nnrun, [str(word) for word in words])


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a process that finds this checkout."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def process(workdir: Path, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a command line in its own process; what it prints with `--json` has its schema."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nnrun", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
        document = json.loads(done.stdout) if "--json" in words and done.stdout else {"error": None}
        if "error" not in document:
            named = (" ".join(map(str, words[:count])) for count in (3, 2, 1))
            assert violations_of(next(name for name in named if name in documents()["documents"]), document) == []
        return done

    return run

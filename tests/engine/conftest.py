"""Helpers of the tests of the Keras side: one started Keras for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from nnrun.config.document import Document, parse
from nnrun.data.dataset import DataPart
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.errors import Mark
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.facts import Facts

MARK = Mark("x.yaml", 1, 1, 1, "x")


@pytest.fixture
def keras() -> ModuleType:
    """Start Keras with seed 7, as every run does."""
    return start_keras(BackendSettings(seed=7))


@pytest.fixture
def experiment() -> Callable[..., Experiment]:
    """Validate a config: layers and training given as YAML text."""

    def make(model: str, training: str = "loss: mse\n  optimizer: Adam", rest: str = "") -> Experiment:
        return validate(parse(f"data:\n  source: digits\nmodel:\n{model}\ntraining:\n  {training}\n{rest}", "x.yaml"))

    return make


@pytest.fixture
def part() -> Callable[..., DataPart]:
    """Make random examples: `rows` of `shape`, with one-hot targets of `classes`."""

    def make(rows: int, shape: tuple[int, ...], classes: int = 3, *, seed: int = 0, weights: bool = False) -> DataPart:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(rows, *shape)).astype("float32")
        y = np.eye(classes, dtype="float32")[rng.integers(0, classes, rows)]
        weight = rng.uniform(0.5, 2, rows).astype("float32") if weights else None
        return DataPart(x, y, np.arange(rows), weight)

    return make


@pytest.fixture
def config() -> Callable[..., tuple[Experiment, Document]]:
    """Validate a config as `experiment` does, and give the document too, for the places in the file."""

    def make(model: str, training: str = "loss: mse\n  optimizer: Adam", rest: str = "") -> tuple[Experiment, Document]:
        text = f"data:\n  source: digits\nmodel:\n{model}\ntraining:\n  {training}\n{rest}"
        document = parse(text, "x.yaml")
        return validate(document), document

    return make


@pytest.fixture
def facts() -> Callable[..., Facts]:
    """Give facts of a small classification of four numbers into three classes, with what the test changes."""
    usual = Facts("classification", "one_hot", (4,), classes=3, features=4, targets=3, class_names=("a", "b", "c"))
    return lambda **changes: replace(usual, **changes)

"""Helpers of the tests of the Keras side: one woken Keras for all of them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.data.dataset import DataPart
from nnrun.engine.backend import Wake, load_keras
from nnrun.errors import Mark
from nnrun.spec.experiment import Experiment, validate

MARK = Mark("x.yaml", 1, 1, 1, "x")


@pytest.fixture
def keras() -> ModuleType:
    """Wake Keras with seed 7, as every run begins."""
    return load_keras(Wake(seed=7))


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

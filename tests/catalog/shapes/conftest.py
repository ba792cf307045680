"""The comparison with Keras, loaded by its path because tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


def _load(name: str) -> ModuleType:
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert found
        assert found.loader
        # `random_stacks` imports `keras_truth` by its name, as it does when it is run as a script.
        sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def truth() -> ModuleType:
    """The module `keras_truth` of this folder."""
    return _load("keras_truth")


@pytest.fixture(scope="session")
def stacks(truth: ModuleType) -> ModuleType:
    """The module `random_stacks` of this folder."""
    return _load("random_stacks")

"""Fixtures of the tests of exact resume."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def comparison() -> ModuleType:
    """Return the module that compares run folders bit for bit."""
    return _load("comparison")


@pytest.fixture(scope="session")
def model() -> ModuleType:
    """Return the module that models a disk and its power cuts."""
    return _load("power_cut_model")


def _load(name: str) -> ModuleType:
    """Import a module of this folder; tests are no package."""
    spec = util.spec_from_file_location(f"resume_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    # Data classes look for their module there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

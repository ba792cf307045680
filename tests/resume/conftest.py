"""Fixtures of the tests of exact resume."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def comparison() -> ModuleType:
    """Return the module that compares run folders bit for bit; tests are no package."""
    spec = util.spec_from_file_location("resume_comparison", Path(__file__).parent / "comparison.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

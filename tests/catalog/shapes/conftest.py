"""The comparison with Keras, loaded by its path because tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def stacks() -> ModuleType:
    """The module `random_stacks` beside this file."""
    name = "nnrun_tests_random_stacks"
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, Path(__file__).with_name("random_stacks.py"))
        assert found
        assert found.loader
        # A dataclass looks its own module up by name while it is made.
        sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return sys.modules[name]

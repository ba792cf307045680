"""Ruff and mypy on the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("words", [["ruff", "check", "src", "tests"], ["mypy"]], ids=["ruff", "mypy"])
@pytest.mark.slow
def test_the_code_is_clean(words: list[str]) -> None:
    """Ruff finds nothing in source and tests, and mypy nothing in the source in strict mode."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

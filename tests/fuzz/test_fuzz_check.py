"""Test of `check` with random mutants, for a few seconds; `python tests/fuzz/fuzz_check.py 600` runs longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_check_handles_all_mutants() -> None:
    """Random mutants of shipped configs cause no traceback, no long wait and no place outside the file."""
    script = Path(__file__).parent / "fuzz_check.py"
    done = subprocess.run([sys.executable, str(script), "5", "7"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mutants" in done.stdout

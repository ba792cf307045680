"""A few seconds of what `python tests/fuzz/fuzz_check.py 600` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_no_mutant_breaks_the_check() -> None:
    """Random mutants of shipped configs get messages: no traceback, no long wait, no place outside the file."""
    script = Path(__file__).parent / "fuzz_check.py"
    done = subprocess.run([sys.executable, str(script), "5", "7"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mutants" in done.stdout

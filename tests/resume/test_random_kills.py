"""Short form of `python tests/resume/random_kills.py RESULTS.json`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.keras
def test_killed_runs_end_with_the_same_bits(tmp_path: Path) -> None:
    """Two runs that are killed at random moments end with the bits of one that is not."""
    script = Path(__file__).parent / "random_kills.py"
    command = [sys.executable, str(script), str(tmp_path / "kills.json"), "--kills", "2", "--configs", "plateau"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 not" in done.stdout

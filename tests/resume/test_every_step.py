"""A part of the proof that resume is exact; `python tests/resume/every_step.py` does it from every state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "every_step.py"


@pytest.mark.keras
@pytest.mark.parametrize(
    ("family", "states"),
    [("own-code", "1,6"), ("phases", "3,5"), ("jax", "4"), ("nan-rollback", "5"), ("nan-stop", "4")],
)
def test_a_run_that_was_killed_ends_with_the_same_bits(family: str, states: str) -> None:
    """Resumed in a new process within an epoch, a run sees the same batches and ends with the same files."""
    command = [sys.executable, str(SCRIPT), family, "--states", states]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(states.split(","))
    assert done.stdout.splitlines()[1].split()[:3] == [family, str(count), str(count)]

"""Short form of `python tests/resume/fault_injection.py`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("kinds", "every"), [(("kill",), "29"), (("ENOSPC", "EIO"), "83"), (("INT", "TERM", "HUP"), "83")]
)
def test_no_fault_of_a_file_operation_loses_a_run(kinds: tuple[str, ...], every: str) -> None:
    """Killed before an operation, refused one, or asked to stop in one, a run is read, and resumed to the same bits."""
    script = Path(__file__).parent / "fault_injection.py"
    command = [sys.executable, str(script), "--kinds", *kinds, "--every", every]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stdout.startswith("skipped"):
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "train: " in done.stdout
    assert "identical" in done.stdout

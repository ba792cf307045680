"""Test of `train` with random configs; `python tests/fuzz/fuzz_train.py 0 2000` runs more of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.keras
def test_train_does_what_check_accepts() -> None:
    """Of fifty random configs none ends as a bug, and none that `check` accepts is refused by `train`."""
    script = Path(__file__).parent / "fuzz_train.py"
    done = subprocess.run([sys.executable, str(script), "0", "50"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50 configs" in done.stdout

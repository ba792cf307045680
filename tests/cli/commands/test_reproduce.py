"""The command `nnrun reproduce`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.keras
def test_identical_and_different_runs_have_their_exit_codes(invoke, workdir: Path) -> None:
    """0 and `identical` for the same bits; 1, the first epoch and figure, and what differs around it for others."""
    assert invoke("train", "tiny.yaml", "-q").exit_code == 0
    (run,) = (workdir / "runs").iterdir()
    result = invoke("reproduce", run, "-q")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("identical: 2 epochs, scores, predictions and weights, bit for bit")
    metrics = run / "metrics.jsonl"
    first, second = metrics.read_text().splitlines()
    metrics.write_text(f"{first}\n{json.dumps({**json.loads(second), 'loss': 0.5})}\n")
    result = invoke("reproduce", run, "-q")
    assert result.exit_code == 1
    assert result.stdout.startswith("different: epoch 2: loss is 0.5 in the run and ")
    assert "differs around  nothing that is known" in result.stdout
    result = invoke("reproduce", run, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["identical"], document["run"]) == (False, run.name)
    assert (document["difference"]["epoch"], document["difference"]["first"]) == (2, 0.5)

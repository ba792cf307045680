"""The command `nnrun fork`, and where the lineage of a run is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.keras
def test_a_fork_and_its_lineage_are_shown(invoke, workdir: Path) -> None:
    """The screen says where the child begins and what changes; `runs show`, `compare`, the report name its parent."""
    done = invoke("train", "tiny.yaml", "--set", "training.save_every={epochs: 1, keep: 9}", "--quiet")
    assert done.exit_code == 0, done.stderr
    parent = Path(done.stdout.strip()).name
    done = invoke("fork", "last", "--at-epoch", "1", "--set", "training.epochs=3", "--report")
    assert done.exit_code == 0, done.stderr
    assert f"forked from {parent} after epoch 1" in done.stderr
    assert "training.epochs: 3 (was 2)" in done.stderr
    lineage = f"{parent} after epoch 1, with training.epochs 3 (was 2)"
    assert lineage in invoke("runs", "show", "last").stdout
    (child,) = (workdir / "runs").glob("*/report.html")
    assert lineage in child.read_text(encoding="utf-8")
    done = invoke("compare", parent, child.parent.name)
    assert f"second is forked from  {lineage}" in done.stdout
    shown = json.loads(invoke("compare", parent, child.parent.name, "--json").stdout)
    assert [run.get("lineage", {}).get("run") for run in shown["runs"]] == [None, parent]

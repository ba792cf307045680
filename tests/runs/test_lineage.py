"""The lineage of a forked run, as people read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.runs.documents import read_record
from nnrun.runs.folder import RunFolder
from nnrun.runs.lineage import describe

LINEAGE = {
    "run": "20260101T000000Z_base_abcdef",
    "folder": "/runs/20260101T000000Z_base_abcdef",
    "epoch": 3,
    "step": 0,
    "sha256": "0" * 64,
    "changed": {"training.epochs": {"before": "6", "now": "8"}},
    "afresh": ["optimizer"],
}


def test_the_parent_the_place_and_the_changes_are_named() -> None:
    """Only a run that was forked has a description; a step is named where the state is within an epoch."""
    assert describe({}) is None
    assert describe({"lineage": LINEAGE}) == f"{LINEAGE['run']} after epoch 3, with training.epochs 8 (was 6)"
    within = {**LINEAGE, "step": 12, "changed": {}}
    assert describe({"lineage": within}) == f"{LINEAGE['run']} after epoch 3, step 12"


@pytest.mark.parametrize(
    "damaged",
    [None, [], {}, {**LINEAGE, "epoch": "3"}, {**LINEAGE, "changed": {"a": 1}}, {**LINEAGE, "afresh": "all"}],
)
def test_a_damaged_lineage_is_refused(tmp_path: Path, damaged: object) -> None:
    """A record whose lineage is none cannot be used, and the message names the key."""
    folder = RunFolder(tmp_path)
    folder.record.write_text(json.dumps({"status": "done", "lineage": damaged}))
    with pytest.raises(RunError, match="lineage"):
        read_record(folder)

"""How the end of a run is recorded where a signal comes in at the last moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnrun import interruption
from nnrun.errors import RunError
from nnrun.pipeline.train import record_outcome
from nnrun.runs import record as records
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """The record of a run that runs."""
    # In the background of a shell SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    with interruption.handled():
        yield Record.begin(RunFolder.create(tmp_path, "tiny"), name="tiny", argv=(), seed=0)
    interruption.clear()
    signal.signal(signal.SIGINT, before)


def test_a_signal_while_the_end_is_recorded_leaves_a_run_that_is_done(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is complete before the request to stop is taken."""
    sync = RunFolder.sync

    def interrupted_sync(folder: RunFolder) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sync(folder)

    monkeypatch.setattr(RunFolder, "sync", interrupted_sync)
    with pytest.raises(interruption.StopRequestedError), record_outcome(record, record.folder):
        pass
    assert records.read(record.folder)["status"] == "done"


def test_a_signal_before_the_end_is_recorded_leaves_a_run_that_is_interrupted(record: Record) -> None:
    """The run is to be resumed."""
    with pytest.raises(interruption.StopRequestedError), record_outcome(record, record.folder):
        os.kill(os.getpid(), signal.SIGINT)
    assert records.read(record.folder)["status"] == "interrupted"


def test_an_end_that_cannot_be_recorded_is_a_failure(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk refuses the record of the end once, the run is one that failed, not one that is done."""
    sync = RunFolder.sync
    refusals = [RunError("the disk is full")]

    def refuse(folder: RunFolder) -> None:
        if refusals:
            raise refusals.pop()
        sync(folder)

    monkeypatch.setattr(RunFolder, "sync", refuse)
    with pytest.raises(RunError, match="the disk is full"), record_outcome(record, record.folder):
        pass
    assert records.read(record.folder)["status"] == "failed"

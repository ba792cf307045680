"""The record of a run."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from nnrun.errors import RunError
from nnrun.runs import record as module
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from nnrun.runs.folder import RunFolder


def _on_disk(folder: RunFolder) -> dict[str, object]:
    return json.loads(folder.record.read_text(encoding="utf-8"))


def test_a_record_begins_with_everything_known(folder: RunFolder) -> None:
    """From the start the record on disk has the status `running`, the environment and the command."""
    Record.begin(
        folder,
        name="mnist_cnn",
        argv=["nnrun", "train", "mnist_cnn"],
        seed=7,
        threads=2,
        executor="resident",
        executor_why="fits in memory",
        digests={"config": "ab"},
    )
    fields = _on_disk(folder)
    assert {
        "format",
        "id",
        "name",
        "status",
        "argv",
        "versions",
        "git",
        "host",
        "system",
        "cpu",
        "cores",
        "threads",
        "onednn",
        "seed",
        "executor",
        "executor_why",
        "digests",
        "start",
        "end",
        "seconds",
        "peak_memory_bytes",
        "error",
        "process",
    } == set(fields)
    assert (fields["id"], fields["status"], fields["seed"]) == (folder.path.name, "running", 7)
    assert (fields["threads"], fields["executor"], fields["digests"]) == (2, "resident", {"config": "ab"})
    assert datetime.fromisoformat(str(fields["start"])).utcoffset() is not None
    assert fields["end"] is None


def test_each_change_is_on_disk_at_once(folder: RunFolder) -> None:
    """An update is written before the call returns, and keeps what was there."""
    record = Record.begin(folder, name="x", argv=[], seed=None)
    record.update(executor="stream", executor_why="too big for memory")
    assert _on_disk(folder)["executor"] == "stream"
    assert _on_disk(folder)["name"] == "x"


def test_phases_are_timed_and_added_up(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phase's seconds are kept under its name; two blocks of one name add up."""
    record = Record.begin(folder, name="x", argv=[], seed=None)
    clock = iter([10.0, 12.5, 20.0, 21.0, 30.0, 30.25])
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    for name in ("train", "score", "train"):
        with record.phase(name):
            pass
    assert _on_disk(folder)["seconds"] == {"train": 2.75, "score": 1.0}
    assert isinstance(_on_disk(folder)["peak_memory_bytes"], int)


def test_a_phase_that_fails_is_timed_too(folder: RunFolder) -> None:
    """An exception passes through, and the time until then is kept."""
    record = Record.begin(folder, name="x", argv=[], seed=None)
    with pytest.raises(ZeroDivisionError), record.phase("load"):
        _ = 1 / 0
    assert "load" in record.fields["seconds"]


def test_a_finished_record_says_how_and_when(folder: RunFolder) -> None:
    """At the end status, error, end and peak memory are on disk."""
    Record.begin(folder, name="x", argv=[], seed=None).finish("failed", "the loss became NaN")
    fields = _on_disk(folder)
    assert (fields["status"], fields["error"]) == ("failed", "the loss became NaN")
    assert datetime.fromisoformat(str(fields["end"])) >= datetime.fromisoformat(str(fields["start"]))
    assert fields["peak_memory_bytes"]


def test_a_record_can_be_taken_up_again(folder: RunFolder) -> None:
    """Another process continues the record that is there."""
    Record.begin(folder, name="x", argv=[], seed=3).finish("preempted")
    Record(folder, module.read(folder)).update(status="running")
    assert (_on_disk(folder)["status"], _on_disk(folder)["seed"]) == ("running", 3)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "has no record.json"),
        ("", "Cannot read"),
        ('{"id": ', "Cannot read"),
        ("[]", "expected a mapping"),
        ("\0" * 20, "Cannot read"),
    ],
)
def test_a_missing_or_broken_record_is_an_error(folder: RunFolder, content: str | None, text: str) -> None:
    """A folder without a whole record is an error with what to do, never a traceback."""
    if content is not None:
        folder.record.write_text(content)
    with pytest.raises(RunError, match=text) as caught:
        module.read(folder)
    assert "nnrun runs list" in (caught.value.hint or "")


def test_a_removed_folder_is_named_in_the_error(folder: RunFolder) -> None:
    """A removed folder is distinguished from one without a record."""
    folder.path.rmdir()
    with pytest.raises(RunError, match="does not exist"):
        module.read(folder)

"""Ledgers on a disk that is full: a small file system of its own, filled to the last byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from nnrun.errors import DiskError
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Ledger, Trial


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB; skipped where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk, in small pieces at the end; return the file that does it."""
    file = disk / "filler"
    with suppress(OSError), file.open("ab", buffering=0) as out:
        while out.write(b"x" * 512):
            pass
    return file


def trials(ledger: Ledger) -> list[tuple[int, str, int]]:
    """Return number, status and attempts of all trials."""
    return [(one.number, one.status, one.attempts) for one in ledger.trials()]


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_a_full_disk_changes_nothing_and_the_ledger_goes_on_when_there_is_room(disk: Path, kind: str) -> None:
    """Neither a claim, nor its end, nor a round is half there; each refusal says which file, and what to do."""
    made = [Trial(number, number, 7, {"x": number}) for number in range(3)]
    folder = SweepFolder(disk / "sweep")
    folder.path.mkdir()
    ledger = folder.create_ledger(kind, {"name": "swept"}, made)
    claimed = ledger.claim()
    assert claimed is not None
    before, filler = trials(ledger), fill(disk)
    # SQLite may have room left in the pages of its file, but its journal needs a file of its own.
    more = [Trial(number, number, 7, {"x": "y" * 4000}) for number in range(3, 6)]
    for change in (
        ledger.claim,
        lambda: ledger.finish(claimed, {"validation": {"loss": 0.5}}),
        lambda: ledger.release(claimed, "killed"),
        lambda: ledger.add(more, known=3),
    ):
        with pytest.raises(DiskError, match=r"disk is full|No space left|database or disk") as caught:
            change()
        assert caught.value.hint
        assert trials(folder.open_ledger()) == before
    filler.unlink()
    ledger = folder.open_ledger()
    assert ledger.add(more, known=3)
    assert ledger.finish(claimed, {"validation": {"loss": 0.5}})
    second = ledger.claim()
    assert second is not None
    assert second.number == 1
    assert [one.status for one in ledger.trials()] == ["done", "running", *["waiting"] * 4]


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_a_ledger_that_has_no_room_at_all_is_none(disk: Path, kind: str) -> None:
    """The folder of such a sweep is no sweep; begun again with room, there is one."""
    folder = SweepFolder(disk / "sweep")
    folder.path.mkdir()
    filler = fill(disk)
    made = [Trial(number, number, 7, {"x": number}) for number in range(3)]
    with pytest.raises(DiskError):
        folder.create_ledger(kind, {"name": "swept"}, made)
    assert not folder.has_ledger
    filler.unlink()
    assert folder.create_ledger(kind, {"name": "swept"}, made).counts() == {"waiting": 3}

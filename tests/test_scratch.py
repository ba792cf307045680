"""Scratch folders: gone with their process, however it ends, and nobody else's is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from nnrun.scratch import remove_dead_folders, scratch_folder

_HOLD = """
from nnrun.scratch import scratch_folder
with scratch_folder("test") as folder:
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the system's folder for temporary files be one of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _age(folder: Path, seconds: float = 120.0) -> None:
    """Let a folder look as if it was made two minutes ago, or so many seconds."""
    before = time.time() - seconds
    os.utime(folder, (before, before))


def test_a_folder_is_the_users_alone_and_is_removed_afterwards(temporary: Path) -> None:
    """Also where the block fails, and with all that is in it."""

    def use() -> None:
        with scratch_folder("test") as folder:
            assert folder.parent == temporary
            assert folder.stat().st_mode & 0o777 == 0o700
            (folder / "file").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert list(temporary.iterdir()) == []


def test_only_folders_of_dead_processes_are_removed(temporary: Path) -> None:
    """Those that a killed process has left; not those of a living one, links, and whatever else has such a name."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        for _ in range(2)
    ]
    try:
        killed, living = (Path((one.stdout.readline() if one.stdout else "").strip()) for one in processes)
        processes[0].kill()
        processes[0].wait()
        names = ("foreign", "link", "new", "empty", "old")
        foreign, link, new, empty, old = (temporary / f"nnrun-{name}" for name in names)
        foreign.mkdir()
        (foreign / "file").write_text("x")
        link.symlink_to(foreign)
        for folder in (new, empty, old):
            folder.mkdir()
        for folder in (killed, living, foreign, empty):
            _age(folder)
        # Another process may be about to write into an empty one, for a day.
        _age(old, 25 * 3600)
        remove_dead_folders()
        assert sorted(temporary.iterdir()) == sorted([living, foreign, link, new, empty])
        assert (foreign / "file").exists()
    finally:
        for one in processes:
            one.kill()
            one.communicate()

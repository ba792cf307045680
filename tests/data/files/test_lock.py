"""A lock that one process holds at a time, and that leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from waiting import wait_for

from nnrun.data.files.lock import exclusive_lock

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from nnrun.data.files.lock import exclusive_lock
from nnrun.progress import NullProgress
with exclusive_lock(Path(sys.argv[1]), "waits", NullProgress()):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_file_is_removed_with_the_lock(tmp_path: Path, listener) -> None:
    """The file is there while the lock is held, and nothing is reported."""
    with exclusive_lock(tmp_path / ".lock", "works", listener):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == []
    assert listener.notes == []


def test_a_process_that_is_killed_releases_its_lock(tmp_path: Path, listener) -> None:
    """Whoever waits for a killed process gets the lock, although its file is still there."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / ".lock"], stdout=subprocess.PIPE, env=os.environ)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    got = threading.Event()

    def wait() -> None:
        with exclusive_lock(tmp_path / ".lock", "works", listener):
            got.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert wait_for(lambda: listener.notes) == ["Waiting for another process that works."]
    assert not got.is_set()
    holder.kill()
    holder.communicate()
    waiter.join(240)
    assert got.is_set()
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_holds_the_lock_at_a_time(tmp_path: Path, listener) -> None:
    """Twenty threads that each add one to a number in a file count to twenty."""
    counter = tmp_path / "count"
    counter.write_text("0")

    def add() -> None:
        with exclusive_lock(tmp_path / ".lock", "counts", listener):
            counter.write_text(str(int(counter.read_text()) + 1))

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "20"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]

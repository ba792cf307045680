"""Short form of `python tests/resume/power_cuts.py`, and its model of a disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def cut_power(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the script; skip where it does."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    script = Path(__file__).parent / "power_cuts.py"
    command = [sys.executable, str(script), "--scenarios", "train", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stdout.startswith("skipped"):
        pytest.skip(done.stdout)
    return done


@pytest.mark.slow
def test_no_power_cut_loses_a_run() -> None:
    """Whatever a power cut leaves of un-synced data, a run is read, and resumed to the bits of an undisturbed one."""
    done = cut_power("--every", "61")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical" in done.stdout


@pytest.mark.slow
def test_a_disk_that_forgets_to_sync_is_noticed() -> None:
    """The same training on a disk whose syncs do nothing loses files, and the script says which."""
    done = cut_power("--every", "97", "--without", "fsync")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "lost are" in done.stdout
    assert "config.yaml" in done.stdout


@pytest.fixture
def disk(model: ModuleType) -> Any:
    """A disk with a file `run/a` that has 4 bytes; all is synced."""
    disk = model.Disk()
    disk.mkdir("run")
    disk.open(3, "run/a", create=True)
    disk.write(3, b"1234")
    disk.sync_all()
    return disk


def left(disk: Any) -> list[dict[str, bytes | None]]:
    """Return the different states of files, without folders, that a power cut may leave."""
    found: list[dict[str, bytes | None]] = []
    for _, tree in disk.after_power_cut():
        files = {path: content for path, content in tree.items() if content is not None}
        if files not in found:
            found.append(files)
    return found


def test_what_is_synced_is_safe(disk: Any) -> None:
    """Nothing else can be left than what is there."""
    assert left(disk) == [{"run/a": b"1234"}]


def test_an_unsynced_end_is_lost_or_garbled(disk: Any) -> None:
    """What was there before is safe; a sync of the file makes the end safe."""
    disk.write(3, b"56")
    states = [state["run/a"] for state in left(disk)]
    assert set(states) == {b"1234", b"123456", b"1234\0\0", b"1234\xa5\xa5"}
    disk.sync(3)
    assert left(disk) == [{"run/a": b"123456"}]


def test_a_file_that_is_cut_and_written_again_may_have_any_of_both(disk: Any) -> None:
    """The old content, none, and the new one."""
    disk.open(4, "run/a", cut=True)
    disk.write(4, b"xy")
    states = {state["run/a"] for state in left(disk)}
    assert {b"1234", b"12", b"xy", b"\0\0"} <= states


def test_a_new_name_is_safe_once_its_folder_is_synced(disk: Any) -> None:
    """A synced content is of no use without its name, nor a name in a folder whose own name is not synced."""
    disk.mkdir("run/inner")
    disk.open(4, "run/inner/b", create=True)
    disk.write(4, b"b")
    disk.sync(4)
    disk.open(5, "run/inner")
    disk.sync(5)
    assert {"run/a": b"1234"} in left(disk)
    disk.open(6, "run")
    disk.sync(6)
    assert left(disk) == [{"run/a": b"1234", "run/inner/b": b"b"}]


def test_a_rename_happens_as_a_whole_or_not(disk: Any) -> None:
    """The old file or the new one; where the new content was not synced, it may be missing."""
    disk.open(4, "run/new", create=True)
    disk.write(4, b"new")
    disk.open(6, "run")
    disk.sync(6)
    disk.rename("run/new", "run/a")
    assert {"run/a": b""} in left(disk), "not synced"
    disk.sync(4)
    assert left(disk) == [{"run/a": b"1234", "run/new": b"new"}, {"run/a": b"new"}]


def test_each_change_of_a_name_may_come_early(disk: Any) -> None:
    """A removed name and a new one are lost or not each by itself; a link is a second name of one file."""
    disk.link("run/a", "run/b")
    disk.remove("run/a")
    disk.open(4, "run/c", create=True)
    names = [set(state) for state in left(disk)]
    assert {"run/a"} in names
    assert {"run/b", "run/c"} in names
    assert {"run/a", "run/c"} in names


def test_a_promise_is_kept_from_the_sync_of_the_folder_on(model: ModuleType, disk: Any) -> None:
    """A file that was renamed must be there, or a later one in its place, after its folder was synced."""
    promises = model.Promises()
    for content in (b"x", b"y"):
        disk.open(4, "run/t", create=True, cut=True)
        disk.write(4, content)
        disk.rename("run/t", "run/a")
        promises.after("rename", ["run/t", "run/a"], disk)
        if content == b"x":
            assert promises.broken({}) == []
            promises.after("fsync", ["run"], disk)
    assert promises.broken({}) == ["run/a"]
    assert promises.broken({"run/a": b"1234"}) == ["run/a"]
    assert promises.broken({"run/a": b"x"}) == promises.broken({"run/a": b"y"}) == []
    promises.after("fsync", ["run"], disk)
    assert promises.broken({"run/a": b"x"}) == ["run/a"]
    promises.after("write", ["run/a"], disk)
    assert promises.broken({}) == []

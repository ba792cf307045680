"""`nnrun doctor`: what is wrong around runs and with them, and what it mends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.engine.state.state_file import write_state
from nnrun.pipeline import doctor as module
from nnrun.pipeline.doctor import Item, examine_all
from nnrun.pipeline.known_holes import HOLES, holes_in, is_before
from nnrun.runs.find import list_runs
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record

#: Holds a run as a training does, begins to write a file, says so, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from nnrun.runs.folder import RunFolder
from nnrun.runs.lock import hold
from nnrun.runs.record import Record

folder = RunFolder(Path(sys.argv[1]))
with hold(folder):
    Record.begin(folder, name="run", argv=[], seed=0)
    (folder.path / ".record.json.0123abcd.tmp").write_text("half")
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[RunFolder, subprocess.Popen[str]]]:
    """Start a process that holds a new run, and end it after the test."""
    folder = RunFolder.create(tmp_path / "runs", "run")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield folder, process
    process.kill()
    process.wait()
    process.stdout.close()


def wrong(tmp_path: Path, *, fix: bool = False, status: str = "wrong") -> list[Item]:
    """Return what is wrong, or mended, with a folder of runs and an empty data folder."""
    found = examine_all(tmp_path / "runs", tmp_path / "data", fix=fix)
    return [item for item in found if item.status == status]


def test_nothing_is_wrong_with_a_new_installation(tmp_path: Path) -> None:
    """Folders that are not there yet are in order; every area is named."""
    items = list(examine_all(tmp_path / "runs", tmp_path / "data", fix=False))
    assert {item.status for item in items} <= {"ok", "note"}
    areas = ("Python", "keras", "tensorflow", "cores", "oneDNN", "runs folder", "data folder", "runs")
    assert [area for area in areas if area not in {item.area for item in items}] == []
    assert not (tmp_path / "runs").exists()


def test_a_run_that_died_is_found_and_mended(holder: tuple[RunFolder, subprocess.Popen[str]], tmp_path: Path) -> None:
    """A process killed with -9 leaves a lock, a temporary file and `running`; `--fix` clears them and marks the run."""
    folder, process = holder
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    found = wrong(tmp_path)
    assert [item.area for item in found] == ["run", "lock", "leftovers"]
    assert f"process {process.pid} on" in found[1].text
    fix = f"nnrun doctor --fix --runs-dir {tmp_path / 'runs'}"
    assert found[0].hint == f"nnrun resume {folder.path}\n{fix}"
    assert [item.hint for item in found[1:]] == [fix, fix]
    assert (folder.path / ".record.json.0123abcd.tmp").exists()

    assert len(wrong(tmp_path, fix=True, status="mended")) == 1
    assert not (folder.path / ".record.json.0123abcd.tmp").exists()
    assert folder.lock.read_bytes() == b""
    assert json.loads(folder.record.read_text())["status"] == "died"
    assert list_runs(tmp_path / "runs")[0].status == "died"
    assert wrong(tmp_path) == []
    (note,) = wrong(tmp_path, status="note")
    assert note.hint == f"nnrun resume {folder.path}"


def test_a_run_at_work_is_left_alone(holder: tuple[RunFolder, subprocess.Popen[str]], tmp_path: Path) -> None:
    """The lock and the temporary files of a process that runs are its own, also with `--fix`."""
    folder, _ = holder
    assert wrong(tmp_path, fix=True) == []
    assert wrong(tmp_path, fix=True, status="mended") == []
    assert (folder.path / ".record.json.0123abcd.tmp").exists()
    assert json.loads(folder.record.read_text())["status"] == "running"


@pytest.mark.parametrize("record", [None, "", "{", "[[[", '{"status": 1}', '{"format": 99, "status": "done"}'])
def test_a_broken_run_is_named_with_what_to_type(tmp_path: Path, record: str | None) -> None:
    """A folder without a record, or with one that cannot be read, is wrong, and does not hide other runs."""
    folder = RunFolder.create(tmp_path / "runs", "broken")
    if record is not None:
        folder.record.write_text(record)
    Record.begin(RunFolder.create(tmp_path / "runs", "good"), name="good", argv=[], seed=0).finish("done")
    (found,) = wrong(tmp_path, fix=True)
    assert found.text.startswith(f"{folder.id} is broken: ")
    assert str(found.hint).startswith(f"rm -r {folder.path}")


def test_links_in_a_run_that_died_are_named(holder: tuple[RunFolder, subprocess.Popen[str]], tmp_path: Path) -> None:
    """What somebody else has put there is followed by no mending: the run stays as it is, and the link is named."""
    folder, process = holder
    process.kill()
    process.wait()
    (tmp_path / "precious").write_text("mine")
    (folder.path / "log.txt").symlink_to(tmp_path / "precious")
    (found,) = wrong(tmp_path, fix=True)
    assert "symbolic link" in found.text
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("kept", [True, False])
def test_a_state_that_is_damaged_is_named_with_the_newest_whole_one(tmp_path: Path, kept: bool) -> None:
    """The hint copies a kept state into its place; without one the config is trained again."""
    folder = RunFolder.create(tmp_path / "runs", "run")
    Record.begin(folder, name="run", argv=[], seed=0).finish("interrupted")
    folder.state.mkdir()
    last = folder.state / "last.safetensors"
    document = {"position": {"epoch": 2, "step": 0}, "callbacks": [], "context": {}}
    write_state(last, document, {"a": np.zeros(3)})
    assert wrong(tmp_path) == []
    if kept:
        shutil.copy(last, folder.state / "epoch-0002.safetensors")
    (folder.state / "epoch-0003.safetensors").write_bytes(b"damaged")
    last.write_bytes(last.read_bytes()[:-1])
    (found,) = wrong(tmp_path)
    assert "digest" in found.text
    copy = f"cp {folder.state / 'epoch-0002.safetensors'} {last}"
    assert found.hint == (copy if kept else f"nnrun train {folder.resolved}")


def test_versions_with_known_holes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each advisory that is fixed in a later version is a line, with the command that installs one without it."""
    monkeypatch.setattr(module, "installed", {"keras": "3.13.1", "numpy": "1.25.0"}.get)
    found = wrong(tmp_path)
    keras = [item.text for item in found if item.area == "keras"]
    assert any("CVE-2026-0897" in text for text in keras)
    assert not any("CVE-2025-1550" in text for text in keras)
    assert keras[-1] == "3.13.1: nnrun is made for keras>=3.15.1,<3.16"
    assert [(item.text, item.hint) for item in found if item.area != "keras"] == [
        ("is not installed", "pip install --upgrade 'tensorflow>=2.21'"),
        ("1.25.0: nnrun is made for numpy>=1.26", "pip install --upgrade 'numpy>=1.26'"),
    ]


def test_versions_are_compared_by_their_numbers() -> None:
    """3.9 is before 3.13, 3.15.0 is 3.15, and the version that nnrun needs has no known hole."""
    assert is_before("3.9.2", "3.13")
    assert not is_before("3.15.0", "3.15")
    assert is_before("3.15.1rc1", "3.15.2")
    assert len(holes_in("keras", "3.8.0")) == len(HOLES)
    assert holes_in("keras", "3.15.1") == []
    assert holes_in("numpy", "1.0") == []


def test_rights_and_space_are_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written, a full disk, a file in the place of a folder, and a folder open to everybody."""
    runs = tmp_path / "runs"
    runs.mkdir()
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    assert [item.area for item in wrong(tmp_path)] == ["disk of runs"]
    monkeypatch.undo()
    runs.chmod(0o777)
    assert [item.hint for item in wrong(tmp_path, status="note") if item.area == "runs folder"] == [f"chmod o-w {runs}"]

    def refuse(**_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", refuse)
    (found,) = wrong(tmp_path)
    assert "you may not write there" in found.text
    shutil.rmtree(runs)
    runs.write_text("a file")
    assert [item.text for item in wrong(tmp_path)] == [f"{runs} is a file"]


def test_what_stopped_downloads_have_left_is_removed(tmp_path: Path) -> None:
    """Old temporary files and half conversions go with `--fix`; those of today, which may be at work, stay."""
    data = tmp_path / "data"
    (data / "table.part").mkdir(parents=True)
    (data / ".mnist.npz.0123abcd.tmp").write_text("half")
    assert wrong(tmp_path) == []
    for path in data.iterdir():
        os.utime(path, (0, 0))
    (data / ".new.npz.0123abcd.tmp").write_text("half")
    (found,) = wrong(tmp_path)
    assert found.area == "leftovers"
    assert str(found.hint).startswith("rm -r ")
    assert len(wrong(tmp_path, fix=True, status="mended")) == 1
    assert [path.name for path in data.iterdir()] == [".new.npz.0123abcd.tmp"]

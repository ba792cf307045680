"""The ledger in a folder of files: like that of SQLite, for processes that share nothing but the folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nnrun import atomic_files
from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.sweep import file_ledger, write_once
from nnrun.sweep.file_ledger import FILES_FORMAT, FileLedger
from nnrun.sweep.ledger import LEASE_SECONDS, Ledger, Trial

_SLURM = {"SLURM_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CLUSTER_NAME": "ours"}


def make(folder: Path, count: int) -> FileLedger:
    """Create a ledger with trials of one parameter."""
    return FileLedger.create(
        folder / "ledger", {}, [Trial(number, number, 7, {"x": number}) for number in range(count)]
    )


def claim(ledger: Ledger, process: dict[str, Any] | None = None) -> Trial:
    """Claim a trial, which must be there, as this process or another one."""
    with pytest.MonkeyPatch.context() as patch:
        if process is not None:
            patch.setattr(environment, "process", lambda: process)
        trial = ledger.claim()
    assert trial is not None
    return trial


def test_a_claim_of_another_host_is_taken_over_when_nobody_renews_it(tmp_path: Path) -> None:
    """Measured by the clock of the file server, whatever that of this host says; a renewed claim stays."""
    ledger = make(tmp_path, 2)
    there = {**environment.process(), "host": "elsewhere"}
    silent, renewed = claim(ledger, there), claim(ledger, there)
    long_ago = time.time() - LEASE_SECONDS - 5
    for path in (tmp_path / "ledger" / "claims" / "000000").iterdir():
        os.utime(path, (long_ago, long_ago))
    assert ledger.renew(renewed)
    assert ledger.abandoned() == [silent]
    assert [one.number for one in FileLedger(tmp_path / "ledger").release_dead()] == [0]
    assert not ledger.renew(silent)
    assert not ledger.finish(silent, {})
    assert claim(ledger).number == 0


def test_a_clock_that_is_wrong_takes_no_trial_from_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a file that was just written counts, not that of this host."""
    ledger = make(tmp_path, 1)
    claim(ledger, {**environment.process(), "host": "elsewhere"})
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert ledger.abandoned() == []
    monkeypatch.setattr(FileLedger, "_server_time", lambda _: 4e9)
    assert [one.number for one in ledger.abandoned()] == [0]


def test_a_requeued_task_of_slurm_takes_over_its_own_claim_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from a node that is gone; the claims of other tasks, and of the task as it is now, stay."""
    ledger = make(tmp_path, 3)
    there = {**environment.process(), "host": "node1"}
    for name, value in _SLURM.items():
        monkeypatch.setenv(name, value)
    before = claim(ledger, there)
    assert (before.process or {})["slurm"] == {"cluster": "ours", "job": "40", "task": "3", "restarts": 0}
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    claim(ledger, there)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "4")
    claim(ledger, there)
    assert ledger.abandoned() == []
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert ledger.abandoned() == [before]


def test_a_process_that_dies_while_it_claims_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has its name only when it is complete and on disk; a leftover is no claim."""
    ledger = make(tmp_path, 1)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", die)
    monkeypatch.setattr(atomic_files, "remove", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        ledger.claim()
    monkeypatch.undo()
    (leftover,) = (tmp_path / "ledger" / "claims" / "000000").iterdir()
    assert json.loads(leftover.read_text())["attempts"] == 1
    assert claim(FileLedger(tmp_path / "ledger")).attempts == 1


def test_a_server_that_answers_twice_has_given_the_name_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS repeats a call whose answer was lost, and the second answer says that the name exists."""
    ledger, link = make(tmp_path, 1), os.link

    def twice(*words: Any) -> None:
        link(*words)
        link(*words)

    monkeypatch.setattr(os, "link", twice)
    assert claim(ledger).number == 0
    assert ledger.claim() is None


def test_a_disk_without_links_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not decide between two processes; the message names what can."""
    ledger = make(tmp_path, 1)

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(RunError, match="has no hard links") as caught:
        ledger.claim()
    assert "--ledger postgresql://" in str(caught.value.hint)


@pytest.fixture
def small_subfolders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subfolders of two trials each."""
    for module in (write_once, file_ledger):
        monkeypatch.setattr(module, "BLOCK", 2)


@pytest.mark.usefixtures("small_subfolders")
def test_trials_that_have_all_ended_are_read_from_one_file(tmp_path: Path) -> None:
    """Their other files are not read again: a sweep that was long is shown at once."""
    ledger = make(tmp_path, 5)
    for _ in range(4):
        ledger.finish(claim(ledger), {"test": {"loss": 0.5}})
    last = claim(ledger)
    before = ledger.trials()
    for name in ("claims", "ends"):
        shutil.rmtree(tmp_path / "ledger" / name / "000000")
        shutil.rmtree(tmp_path / "ledger" / name / "000002")
    other = FileLedger(tmp_path / "ledger")
    assert other.trials() == before
    assert (other.counts(), other.trials("running")) == ({"done": 4, "running": 1}, [last])


@pytest.mark.usefixtures("small_subfolders")
@pytest.mark.parametrize("content", ["", "{}", '{"trials": [7]}', '{"trials": []}', '{"trials": [{"number": 0}]}'])
def test_a_damaged_file_of_ended_trials_is_a_message(tmp_path: Path, content: str) -> None:
    """With its path."""
    ledger = make(tmp_path, 2)
    for _ in range(2):
        ledger.fail(claim(ledger), "diverged")
    (tmp_path / "ledger" / "ended" / "000000.json").write_text(content)
    with pytest.raises(RunError, match=r"ended/000000.json cannot be read"):
        FileLedger(tmp_path / "ledger").trials()


@pytest.mark.usefixtures("small_subfolders")
def test_a_claim_lists_no_subfolder_whose_trials_are_all_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a process that has just begun; a trial that waits again is claimed before all that were never claimed."""
    ledger = make(tmp_path, 9)
    first, *_ = [claim(ledger) for _ in range(6)]
    listed: list[str] = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(Path(path).name) or listdir(path))
    other = FileLedger(tmp_path / "ledger")
    assert claim(other).number == 6
    assert not {"000000", "000002"} & set(listed)
    assert ledger.release(first, "stopped", counts=False)
    assert [claim(other).number, claim(other).number] == [0, 7]


def test_a_process_that_dies_while_it_releases_a_trial_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the hint and the end the trial is still claimed, and whoever comes next lets it wait."""
    ledger = make(tmp_path, 1)
    trial = claim(ledger, {**environment.process(), "start": "long ago"})

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger._ends, "create", die)
        with pytest.raises(KeyboardInterrupt):
            ledger.release(trial, "stopped", counts=False)
    other = FileLedger(tmp_path / "ledger")
    assert other.claim() is None
    assert [one.number for one in other.release_dead()] == [0]
    assert claim(other).attempts == 1
    assert list((tmp_path / "ledger" / "released").iterdir()) == []


def test_processes_that_claim_at_the_same_moment_get_a_trial_each(tmp_path: Path) -> None:
    """Whoever comes too late for one tries others, and no trial is left out."""
    make(tmp_path, 60)
    script = (
        "import sys; from pathlib import Path; from nnrun.sweep.file_ledger import FileLedger;"
        "ledger = FileLedger(Path(sys.argv[1])); input();"
        "print(*iter(lambda: getattr(ledger.claim(), 'number', None), None))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "ledger")]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    found = [worker.communicate("\n")[0].split() for worker in workers]
    assert sorted(int(one) for of_worker in found for one in of_worker) == list(range(60))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """The message names both formats."""
    make(tmp_path, 1)
    (tmp_path / "ledger" / "sweep.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match=f"has format 99, and this version of nnrun reads {FILES_FORMAT}"):
        FileLedger(tmp_path / "ledger")


@pytest.mark.parametrize(
    "name", ["sweep.json", "trials/000000.json", "claims/000000/000000.1.json", "ends/000000/000000.1.json"]
)
@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"format": 3, "status": "gone", "trials": [1]}'])
def test_a_damaged_file_is_a_message(tmp_path: Path, name: str, content: str) -> None:
    """Whichever it is, with its path."""
    ledger = make(tmp_path, 1)
    trial = claim(ledger)
    if name.startswith("ends"):
        ledger.finish(trial, {})
    (tmp_path / "ledger" / name).write_text(content)
    with pytest.raises(RunError, match=f"{name} cannot be read"):
        FileLedger(tmp_path / "ledger").trials()


@pytest.mark.parametrize(
    "name", ["sweep.json", "trials", "claims", "ends", "claims/000000", "claims/000000/000000.1.json"]
)
def test_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    """A ledger lies in its sweep's folder."""
    claim(make(tmp_path, 1))
    path = tmp_path / "ledger" / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a symbolic link"):
        FileLedger(tmp_path / "ledger").trials()

"""The lock of a run."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nnrun.atomic_files import temporary_path
from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.runs.folder import RunFolder
from nnrun.runs.lock import forget_other_host, hold, is_held, is_running

HOLD = textwrap.dedent("""
    import sys, pathlib
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.lock import hold
    with hold(RunFolder(pathlib.Path(sys.argv[1]))):
        print("held", flush=True)
        sys.stdin.read()
""")


@contextmanager
def holder(folder: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a run."""
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_the_second_process_is_refused_with_the_first_ones_name(folder: RunFolder) -> None:
    """Whoever wants a run that is held learns the number and the host of its process, and changes nothing."""
    with holder(folder) as process:
        before = folder.lock.read_bytes()
        with pytest.raises(RunError, match=f"still runs, as process {process.pid} on {environment.process()['host']}"):
            hold(folder).__enter__()
        assert folder.lock.read_bytes() == before
        assert is_held(folder) is True


def test_one_process_cannot_hold_a_run_twice(folder: RunFolder) -> None:
    """The lock also holds between two runs of one process, as in a notebook; afterwards the run is free."""
    with hold(folder), pytest.raises(RunError, match=f"process {os.getpid()} on"):
        hold(folder).__enter__()
    assert is_held(folder) is False
    assert folder.lock.read_bytes() == b""
    with hold(folder):
        assert json.loads(folder.lock.read_bytes()) == environment.process()


def test_the_lock_of_a_killed_process_is_taken_over(folder: RunFolder) -> None:
    """A killed holder leaves its name and its temporary files, not its lock; the next holder cleans up."""
    with holder(folder) as process:
        left = temporary_path(folder.path / "scores.json", ".tmp")
        left.write_bytes(b"half")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert json.loads(folder.lock.read_bytes())["pid"] == process.pid
    assert is_held(folder) is False
    with hold(folder):
        assert not left.exists()
        assert json.loads(folder.lock.read_bytes())["pid"] == os.getpid()


def test_a_look_at_the_lock_is_no_holder(folder: RunFolder) -> None:
    """`runs list` in a loop beside it never makes a run look as if somebody held it."""
    with hold(folder):
        pass
    loop = "import sys, pathlib; from nnrun.runs.folder import RunFolder; from nnrun.runs.lock import is_held\n"
    loop += "run = RunFolder(pathlib.Path(sys.argv[1])); print(flush=True)\nwhile True: is_held(run)"
    with subprocess.Popen([sys.executable, "-c", loop, str(folder.path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            for _ in range(50):
                with hold(folder):
                    pass
        finally:
            process.kill()


@pytest.mark.parametrize("left", [{}, {**environment.process(), "start": "another boot:1"}])
def test_a_look_that_takes_long_is_waited_for(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, left: dict[str, object]
) -> None:
    """A process that is stopped while it looks, as on a crowded machine, gives no name, or that of a dead holder."""
    folder.lock.write_text(json.dumps(left) if left else "")
    look, waited = os.open(folder.lock, os.O_RDONLY), []
    fcntl.flock(look, fcntl.LOCK_SH)

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 100:
            os.close(look)

    monkeypatch.setattr("nnrun.runs.lock.time.sleep", wait)
    with hold(folder):
        assert len(waited) == 100


def test_a_run_with_a_link_in_it_is_not_held(folder: RunFolder) -> None:
    """Before a run is continued, a link anywhere in it is refused: what is written would leave the folder."""
    folder.checkpoints.mkdir()
    folder.last.symlink_to("../../victim.keras")
    with pytest.raises(RunError, match=r"last\.keras is a symbolic link to \.\./\.\./victim\.keras"):
        hold(folder).__enter__()
    folder.last.unlink()
    folder.lock.symlink_to("../victim")
    with pytest.raises(RunError, match=r"\.lock is a symbolic link"):
        hold(folder).__enter__()
    assert is_held(folder) is None
    assert not (folder.path.parent / "victim").exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_the_name_of_the_holder_decides(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """On a disk without locks a living holder refuses, and one on another host unless it is known to be gone."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold(folder), pytest.raises(RunError, match=f"process {os.getpid()} on"):
        hold(folder).__enter__()
    folder.lock.write_text(json.dumps({"host": "elsewhere", "pid": 7, "start": None}))
    with pytest.raises(RunError, match="process 7 on elsewhere"):
        hold(folder).__enter__()
    forget_other_host(folder)
    with hold(folder):
        forget_other_host(folder)
        with pytest.raises(RunError, match=f"process {os.getpid()} on"):
            hold(folder).__enter__()
    folder.lock.write_text(json.dumps({**environment.process(), "start": "another boot:1"}))
    with hold(folder):
        assert is_held(folder) is None


@pytest.mark.parametrize("content", ["", "[1]", "[" * 5000, '{"pid": []}', "\xff"])
def test_any_content_of_the_lock_file_is_taken_over(folder: RunFolder, content: str) -> None:
    """A lock file that was damaged, or came with somebody else's folder, is no obstacle."""
    folder.lock.write_text(content, encoding="latin-1")
    with hold(folder):
        assert is_held(folder) is True


def test_a_run_is_running_while_its_lock_is_held(folder: RunFolder) -> None:
    """The lock decides where there is one: a process of the same number and start elsewhere says nothing."""
    dead = {**environment.process(), "start": "another boot:1"}
    assert is_running(folder, environment.process()) is True
    assert is_running(folder, dead) is False
    with hold(folder):
        assert is_running(folder, dead) is True
    assert is_running(folder, environment.process()) is False
    assert is_running(folder, {**dead, "host": "elsewhere"}) is None


def test_a_folder_that_cannot_be_written_is_an_error(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only disk is named as the reason why a run cannot be continued."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("nnrun.runs.lock.open_regular", refuse)
    with pytest.raises(RunError, match="the disk is read-only"):
        hold(folder).__enter__()

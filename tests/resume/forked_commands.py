"""Commands of nnrun in forks of one process that has imported everything, watched and hurt by strace from outside.

A fork runs a command in some milliseconds, and each fork does the same to its files, call by call: the numbers in the
names of files are drawn from a fixed seed. So the calls of one fork tell which call of another one to hit.
"""

from __future__ import annotations

import ctypes
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy_session

from nnrun.__main__ import _end_at_signals as end_at_signals
from nnrun.cli.main import nnrun
from nnrun.engine import session
from nnrun.runs import record

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Calls that change files, by their names on Linux.
CHANGING = (
    *("openat", "write", "pwrite64", "writev", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink"),
    *("unlinkat", "mkdir", "mkdirat", "rmdir", "ftruncate", "truncate", "link", "linkat", "fchmod", "chmod"),
)
#: Calls that only read them.
READING = ("read", "pread64", "getdents64", "flock")
_PR_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)
_CALL = re.compile(r"(?:\d+ +)?(?P<name>[a-z0-9_]+)\((?P<arguments>.*)\)\s+= (?P<result>.*)")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)")
_WAIT_SECONDS = 240


@dataclass(frozen=True)
class Call:
    """A call of the system in the log of strace.

    Attributes:
        name: Its name.
        number: How many calls of this name there are up to this one.
        arguments: Its arguments, with the paths of descriptors.
        result: What it returned.
    """

    name: str
    number: int
    arguments: str
    result: str


@dataclass(frozen=True)
class Ended:
    """How a fork ended.

    Attributes:
        code: The exit code of its last command; negative: the signal that killed it.
        text: What it printed.
        calls: What it did, if it was watched.
    """

    code: int
    text: str
    calls: tuple[Call, ...] = ()


def strace_works() -> bool:
    """Return whether strace is there and may watch a process that lets it."""
    return shutil.which("strace") is not None and bool(fork([("--version",)], ("-e", "trace=write")).calls)


def prepare() -> None:
    """Let this process be the one that is forked: the session without Keras, and nothing that differs between forks."""
    session.Session = numpy_session.NumpySession  # type: ignore[misc,assignment]
    record.git_state = lambda *_: {"commit": None, "diff": None, "note": None}
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        config = write_config(Path(folder))
        for words in (("train", str(config)), ("resume", "last"), ("runs", "list"), ("runs", "show", "last")):
            # In this process, so that its forks have imported everything.
            _run((*words, "--runs-dir", str(runs)))


def write_config(folder: Path) -> Path:
    """Write the config of the tiny training and its data into a folder; return the config's path."""
    (folder / "tiny.csv").write_text(numpy_session.ROWS)
    config = folder / "tiny.yaml"
    config.write_text(numpy_session.CONFIG)
    return config


def fork(commands: Sequence[Sequence[str]], strace: Sequence[str] | None = None) -> Ended:
    """Run commands in a fork, one after the other, up to the first that ends as a bug.

    Args:
        commands: The words of each command.
        strace: Options of strace, which then watches the fork; None: nobody does.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, log = Path(folder) / "output", Path(folder) / "strace"
        start_read, start_write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(start_write)
            _become_commands(commands, start_read, output)
        os.close(start_read)
        watcher = None if strace is None else _watch(pid, strace, log)
        os.write(start_write, b"x")
        os.close(start_write)
        _, status = os.waitpid(pid, 0)
        if watcher is not None:
            watcher.wait()
        text = output.read_text(errors="replace") if output.exists() else ""
        calls = tuple(_calls(log)) if log.exists() else ()
        return Ended(os.waitstatus_to_exitcode(status), text, calls)


def _watch(pid: int, strace: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    watcher = subprocess.Popen(
        ["strace", "-q", "-y", "-o", str(log), *strace, "-p", str(pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stop = time.monotonic() + _WAIT_SECONDS
    while watcher.poll() is None and not _watches(watcher.pid, pid):
        assert time.monotonic() < stop, f"strace does not watch after {_WAIT_SECONDS} s"
        time.sleep(0.001)
    return watcher


def _watches(watcher: int, pid: int) -> bool:
    """Return whether strace has attached to a process and waits for what it does.

    The process has a tracer before strace has stopped it: in between it would do calls that are not counted.
    """
    if f"TracerPid:\t{watcher}\n" not in Path(f"/proc/{pid}/status").read_text():
        return False
    return Path(f"/proc/{watcher}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def _become_commands(commands: Sequence[Sequence[str]], start: int, output: Path) -> None:
    """Run commands in a fork, and end it: nothing of the process that was forked may run there."""
    code = 3
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)
        # As a process starts, also where the tests run in the background of a shell.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_at_signals()
        os.read(start, 1)
        draw = random.Random(7)  # noqa: S311
        os.urandom = draw.randbytes
        random.seed(7)
        texts = []
        for words in commands:
            code, text = _run(words)
            texts.append(text)
            if code not in (0, 1):
                break
        output.write_text("".join(texts))
    finally:
        os._exit(code)


def _run(words: Sequence[str]) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    printed = io.StringIO()
    sys.argv = ["nnrun", *words]
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            nnrun.main(list(words))
    except SystemExit as end:
        return int(end.code or 0), printed.getvalue()


def _calls(log: Path) -> list[Call]:
    counts: dict[str, int] = {}
    begun: dict[str, tuple[str, int]] = {}
    found: list[Call | None] = []
    for line in log.read_text(errors="replace").splitlines():
        # Of several threads (`-f`), the calls may overlap: then each has two lines.
        if line.endswith(_UNFINISHED):
            begun[line.split()[0]] = line.removesuffix(_UNFINISHED), len(found)
            found.append(None)
            continue
        resumed = _RESUMED.match(line)
        beginning, place = begun.pop(resumed["thread"]) if resumed is not None else ("", -1)
        match = _CALL.match(line if resumed is None else beginning + resumed["rest"])
        if match is None:
            continue
        counts[match["name"]] = counts.get(match["name"], 0) + 1
        call = Call(match["name"], counts[match["name"]], match["arguments"], match["result"])
        if resumed is not None and call.name == "close":
            # Before it has returned, another thread may have opened a file that has the number of this one.
            found[place] = call
        else:
            found.append(call)
    return [call for call in found if call is not None]

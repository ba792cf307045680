"""Signals while the process starts: nothing is begun yet, so they end it at once, without Python's traceback."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from nnrun.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED

#: A process that is sent a signal in the moment in which it imports its command line.
START = """
import os, signal, sys
class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == "nnrun.cli.main":
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Sender())
signal.signal(signal.SIGINT, signal.{before})
signal.signal(signal.SIGHUP, signal.{before})
sys.argv = ["nnrun", "--version"]
from nnrun.__main__ import main
main()
"""


def start(number: int, before: str) -> subprocess.CompletedProcess[str]:
    """Run such a process; `before` is what it does at signals when it starts."""
    code = START.format(number=int(number), before=before)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (signal.SIGINT, EXIT_INTERRUPTED, "interrupted\n"),
        (signal.SIGTERM, EXIT_PREEMPTED, "stopped by SIGTERM\n"),
        (signal.SIGHUP, EXIT_PREEMPTED, "stopped by SIGHUP\n"),
    ],
)
def test_a_signal_during_the_imports_ends_the_process(number: int, code: int, text: str) -> None:
    """Exit code and message are those of a signal at any other time, and there is no traceback."""
    done = start(number, "SIG_DFL")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_the_caller_ignores_stays_ignored(number: int) -> None:
    """`nohup`, and a shell that starts a job in the background, let the process go on."""
    done = start(number, "SIG_IGN")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nnrun")

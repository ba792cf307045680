"""Trainings that wait, in processes of their own, until they are stopped or killed: a test has any time for that."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import psutil
from waiting import wait_for

#: A file for `--code`; its callback is named under `callbacks:`. Without the variables it does nothing.
CODE = '''"""A callback that lets a training wait."""

import os
import time
from pathlib import Path

import keras

from nnrun import interruption


class Held(keras.callbacks.Callback):
    """Waits after two epochs until the process is asked to stop, or all may go on; the first trainings do not wait."""

    def on_train_begin(self, logs=None):
        """Number this training among those of all processes."""
        self.epochs, self.number = 0, 0
        self.folder = os.environ.get("TEST_HELD")
        while self.folder:
            try:
                Path(self.folder, f"begun-{self.number}").touch(exist_ok=False)
                break
            except FileExistsError:
                self.number += 1

    def on_epoch_end(self, epoch, logs=None):
        """Say that it waits, and wait."""
        self.epochs += 1
        if self.folder and self.number >= int(os.environ["TEST_HELD_AFTER"]) and self.epochs == 2:
            Path(self.folder, f"held-{self.number}").touch()
            while interruption.pending() is None and not Path(self.folder, "go").exists():
                time.sleep(0.02)
'''


class HeldTrainings:
    """The trainings that wait; each is one whose config has the callback.

    Args:
        place: A folder, in which a new one is made for what they say.
        after: So many trainings go on to their end.
    """

    def __init__(self, place: Path, after: int = 0) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=place, prefix="held-"))
        self.environment = {"TEST_HELD": str(self._folder), "TEST_HELD_AFTER": str(after)}

    def wait(self, count: int, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until so many wait.

        Raises:
            AssertionError: They do not, or the process that trains them has ended.
        """
        wait_for(lambda: self._count() >= count or (process is not None and process.poll() is not None))
        if process is not None:
            assert process.poll() is None, process.communicate()[1]

    def release(self) -> None:
        """Let all go on."""
        (self._folder / "go").touch()

    def _count(self) -> int:
        return len(list(self._folder.glob("held-*")))


def held_options(folder: Path) -> tuple[str, ...]:
    """Write the file into a folder; return the options of a command line by which a config's training has it."""
    return "--code", str(write_code(folder)), "--set", "training.callbacks=[Held]"


def write_code(folder: Path) -> Path:
    """Write the file for `--code` into a folder; return its path."""
    file = folder / "held.py"
    file.write_text(CODE)
    return file


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that have not ended; a zombie has."""
    return [one for one in processes if _lives(one)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        # It has ended between the two questions.
        return False

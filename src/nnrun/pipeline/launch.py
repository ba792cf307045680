"""Train one model in several processes: `nnrun launch` starts them, watches them, and ends what one of them leaves.

All run the same command. The first one writes the run; the others write into folders of their own, which are removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from nnrun import interruption
from nnrun.config.files import find_config
from nnrun.engine.backend.devices import COORDINATOR, PROCESS, PROCESSES
from nnrun.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED, EXIT_REFUSED, ConfigError, Problem, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.train import raise_if_errors
from nnrun.runs.disk import make_folder
from nnrun.runs.find import find

#: Seconds between two looks at the processes.
_CHECK_SECONDS = 0.1
#: Seconds that a process has to end by itself after another one has ended: JAX sees to it as a rule.
_GRACE = 20.0
#: Lines of a lost process that are shown.
_SHOWN_LINES = 5


@dataclass(frozen=True)
class LaunchRequest:
    """The arguments of `nnrun launch`.

    Attributes:
        workers: The number of processes.
        config: The config's path; empty where a run is resumed.
        run: The run that is resumed; empty where a config is trained.
        sets: The `--set` options, in order.
        code: The files of `--code`, in order.
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        options: Options of the first process alone: how it prints, and how long it trains.
    """

    workers: int
    config: str = ""
    run: str = ""
    sets: tuple[str, ...] = ()
    code: tuple[Path, ...] = ()
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    options: tuple[str, ...] = ()


def launch(request: LaunchRequest) -> int:
    """Train or resume in several processes, and return the exit code of the first one.

    Raises:
        ConfigError: The config has errors, or its devices cannot be divided over the processes.
        RunError: There is no such run, or a process was lost: exit code 75, as the run goes on from its last state.
    """
    request = with_distribution(request) if request.config else request
    with tempfile.TemporaryDirectory(prefix="nnrun-launch-", ignore_cleanup_errors=True) as scratch:
        workers = _Workers(request, Path(scratch))
        with interruption.deferred():
            try:
                workers.start()
                return workers.watch()
            finally:
                workers.kill()
                # The first process has stopped in an orderly way: its exit code says it all.
                interruption.clear()


def with_distribution(request: LaunchRequest) -> LaunchRequest:
    """Check a config before anything is started, and let it divide its batches over the processes.

    Raises:
        ConfigError: It has errors, or wants a number of devices that cannot be divided over the processes.
    """
    with user_code.register_code(request.code):
        examined = examine(find_config(request.config), request.sets, request.data_dir, request.runs_dir)
        if examined.experiment.distribution is None:
            sets = (*request.sets, f"distribution.data_parallel={request.workers}")
            request = replace(request, sets=sets)
            examined = examine(find_config(request.config), sets, request.data_dir, request.runs_dir)
        raise_if_errors(examined)
    distribution = examined.experiment.distribution
    if distribution is not None and distribution.data_parallel % request.workers:
        mark = examined.document.key_mark(("distribution", "data_parallel"))
        text = f"{distribution.data_parallel} devices cannot be divided over {request.workers} processes"
        raise ConfigError([Problem(mark, text, f"write data_parallel: {request.workers}, or launch other --workers")])
    return request


@dataclass
class _Workers:
    """The processes of a launch."""

    request: LaunchRequest
    scratch: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start all of them, each in a session of its own: the terminal's signals come to this process alone."""
        place = {COORDINATOR: f"127.0.0.1:{_free_port()}", PROCESSES: str(self.request.workers)}
        commands = [self._command(number) for number in range(self.request.workers)]
        for number, command in enumerate(commands):
            log = None if number == 0 else self._log(number).open("wb")
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "nnrun", *command],
                    env={**os.environ, **place, PROCESS: str(number)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
            if log is not None:
                log.close()

    def watch(self) -> int:
        """Wait for the first process, and pass on requests to stop to it; return its exit code.

        Raises:
            RunError: Another process has ended before it.
        """
        first, *others = self.processes
        asked = False
        while first.poll() is None:
            time.sleep(_CHECK_SECONDS)
            stop = interruption.pending()
            if stop is not None and not asked:
                asked = True
                first.send_signal(signal.SIGINT if stop.status == "interrupted" else signal.SIGTERM)
            ended = [number for number, one in enumerate(others, 1) if one.poll() is not None]
            if ended and not _ends(first, _GRACE):
                # It waits for the one that is gone.
                first.kill()
            if ended and first.wait() not in (0, EXIT_INTERRUPTED, EXIT_REFUSED):
                raise self._lost(ended[0])
        deadline = time.monotonic() + _GRACE
        while first.returncode == 0 and any(one.poll() is None for one in others) and time.monotonic() < deadline:
            time.sleep(_CHECK_SECONDS)
        if first.returncode < 0:
            raise self._lost(0)
        return first.returncode

    def kill(self) -> None:
        """End all that run."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            with suppress(OSError):
                process.wait()

    def _command(self, number: int) -> tuple[str, ...]:
        request, is_first = self.request, number == 0
        runs = request.runs_dir if is_first else self.scratch / str(number)
        make_folder(runs)
        command = ("train", request.config)
        if request.run:
            run = find(request.runs_dir, request.run).path
            # The others go on from the same state, which the first process replaces by later ones.
            command = ("resume", str(run if is_first else shutil.copytree(run, runs / run.name)))
        sets = [word for one in request.sets for word in ("--set", one)]
        code = [word for one in request.code for word in ("--code", str(one))]
        data = [] if request.data_dir is None else ["--data-dir", str(request.data_dir)]
        return (*command, *sets, *code, *data, "--runs-dir", str(runs), *(request.options if is_first else ("-q",)))

    def _log(self, number: int) -> Path:
        return self.scratch / f"{number}.log"

    def _lost(self, number: int) -> RunError:
        code = self.processes[number].returncode
        text = f"process {number} of {self.request.workers} was lost (exit code {code})"
        lines = (
            [] if number == 0 else self._log(number).read_text(errors="replace").strip().splitlines()[-_SHOWN_LINES:]
        )
        text += "".join(f"\n  {line}" for line in lines)
        workers, runs_dir = self.request.workers, quote(str(self.request.runs_dir))
        command = f"nnrun launch --workers {workers} --resume last --runs-dir {runs_dir}"
        error = RunError(text, f"go on from the last state: {command}")
        error.exit_code = EXIT_PREEMPTED
        return error


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process; return whether it has ended in time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

"""Train one model in several processes: `nnrun launch` starts them, watches them, and ends what one of them leaves.

All run the same command. The first one writes the run; the others write into folders of their own, which are removed.
Where a scheduler or the user has started a process for each, every one of them starts its own and watches it alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from nnrun import interruption
from nnrun.config import extends, overrides
from nnrun.config.files import find_config
from nnrun.engine.backend.devices import ProcessGroup
from nnrun.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PREEMPTED, EXIT_REFUSED, ConfigError, Problem, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.train import raise_if_errors
from nnrun.pipeline.trust import require_allowed
from nnrun.runs.disk import make_folder
from nnrun.runs.find import find
from nnrun.scratch import scratch_folder

#: Seconds between two looks at the processes.
_CHECK_SECONDS = 0.1
#: Seconds that a process has to end by itself after another one has ended: JAX sees to it as a rule.
_GRACE = 20.0
#: How often a copy of a run is tried.
_COPIES = 5
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
        place: The place of this process among those that were started already; None: it starts all of them.
    """

    workers: int
    config: str = ""
    run: str = ""
    sets: tuple[str, ...] = ()
    code: tuple[Path, ...] = ()
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    options: tuple[str, ...] = ()
    place: ProcessGroup | None = None


def launch(request: LaunchRequest) -> int:
    """Train or resume in several processes, and return the exit code of the first one, or of this one.

    Raises:
        ConfigError: The config has errors, or its devices cannot be divided over the processes.
        RunError: There is no such run, or a process was lost: exit code 75, as the run goes on from its last state.
    """
    request = with_distribution(request) if request.config else request
    with scratch_folder("launch") as scratch:
        workers = (_Workers if request.place is None else _OneOfThem)(request, scratch)
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
    config, sets = find_config(request.config), request.sets
    if overrides.apply(extends.read(config), sets).data.get("distribution") is None:
        sets = (*sets, f"distribution.data_parallel={request.workers}")
    with user_code.register_code(request.code, config, sets) as codes:
        examined = examine(config, sets, request.data_dir, request.runs_dir)
        raise_if_errors(examined)
        require_allowed(codes)
    distribution = examined.experiment.distribution
    if examined.experiment.backend != "jax":
        mark = examined.document.key_mark(("backend",)) if "backend" in examined.document.data else None
        text = f"several processes need JAX, and the backend is {examined.experiment.backend}"
        hint = "write backend: jax, or train with distribution: {data_parallel: 2} and without nnrun launch"
        raise ConfigError([Problem(mark, text, hint)])
    if distribution is not None and distribution.data_parallel % request.workers:
        mark = examined.document.key_mark(("distribution", "data_parallel"))
        text = f"{distribution.data_parallel} devices cannot be divided over {request.workers} processes"
        raise ConfigError([Problem(mark, text, f"write data_parallel: {request.workers}, or launch other --workers")])
    return replace(request, sets=sets)


@dataclass
class _Workers:
    """The processes of a launch, all of this machine."""

    request: LaunchRequest
    scratch: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start all of them."""
        coordinator, workers = f"127.0.0.1:{_free_port()}", self.request.workers
        # All copies of a run are made before its first process goes on with it.
        commands = [self._command(number) for number in range(workers)]
        for number, command in enumerate(commands):
            self._start(command, ProcessGroup(coordinator, workers, number, number))

    def _start(self, command: tuple[str, ...], place: ProcessGroup) -> None:
        """Start a process in a session of its own: signals come to this process alone, which passes them on."""
        log = None if place.process == 0 else self._log(place.process).open("wb")
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "nnrun", *command],
                env={**os.environ, **place.environment},
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
        request = _StopRequest(first)
        while first.poll() is None:
            time.sleep(_CHECK_SECONDS)
            request.pass_on()
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
            command = ("resume", str(run if is_first else _copy(run, runs / run.name)))
        sets = [word for one in request.sets for word in ("--set", one)]
        code = [word for one in request.code for word in ("--code", str(one))]
        data = [] if request.data_dir is None else ["--data-dir", str(request.data_dir)]
        return (*command, *sets, *code, *data, "--runs-dir", str(runs), *(request.options if is_first else ("-q",)))

    def _log(self, number: int) -> Path:
        return self.scratch / f"{number}.log"

    def _lost(self, number: int) -> RunError:
        code = self.processes[number].returncode
        return self._error(number, f"process {number} of {self.request.workers} was lost (exit code {code})")

    def _error(self, number: int, text: str) -> RunError:
        """Return the error of a process that is gone, with its last lines: the run goes on from its last state."""
        log = self._log(number)
        lines = log.read_text(errors="replace").strip().splitlines()[-_SHOWN_LINES:] if log.is_file() else []
        text += "".join(f"\n  {line}" for line in lines)
        error = RunError(text, f"go on from the last state: {self._resume_command()}")
        error.exit_code = EXIT_PREEMPTED
        return error

    def _resume_command(self) -> str:
        workers, runs_dir = self.request.workers, quote(str(self.request.runs_dir))
        return f"nnrun launch --workers {workers} --resume last --runs-dir {runs_dir}"


class _OneOfThem(_Workers):
    """The one process of a launch that this process starts, where every machine or task has its own."""

    def start(self) -> None:
        """Start it."""
        place = self._place
        self._start(self._command(place.process), place)

    def watch(self) -> int:
        """Wait for its end; return its exit code.

        The first process alone is asked to stop, since all must take the same steps: the others end with it.

        Raises:
            RunError: It was lost, or it lost another one.
        """
        (process,), place = self.processes, self._place
        request = _StopRequest(process)
        while process.poll() is None:
            time.sleep(_CHECK_SECONDS)
            if place.process == 0:
                request.pass_on()
        code = process.returncode
        if code >= 0 and (place.process == 0 or code == 0):
            return code
        error = self._error(place.process, f"process {place.process} of {place.processes} has ended (exit code {code})")
        if code in (EXIT_FAILED, EXIT_REFUSED):
            error.exit_code, error.hint = code, "the other processes end with it: mend this one, and start all again"
        raise error

    @property
    def _place(self) -> ProcessGroup:
        place = self.request.place
        assert place is not None, "chosen by `launch`"  # noqa: S101
        return place

    def _resume_command(self) -> str:
        return f"start all processes again with --resume last --runs-dir {quote(str(self.request.runs_dir))}"


@dataclass
class _StopRequest:
    """Passes the first request to stop on to a process."""

    process: subprocess.Popen[bytes]
    is_passed_on: bool = False

    def pass_on(self) -> None:
        """Let the process stop if this one is asked to."""
        stop = interruption.pending()
        if stop is not None and not self.is_passed_on:
            self.is_passed_on = True
            self.process.send_signal(signal.SIGINT if stop.status == "interrupted" else signal.SIGTERM)


def _copy(run: Path, copy: Path) -> Path:
    """Copy a run that another process may go on with just now: until all are connected it replaces small files alone.

    Raises:
        RunError: It cannot be copied.
    """
    for attempt in range(_COPIES):
        try:
            return Path(shutil.copytree(run, copy))
        except (OSError, shutil.Error) as error:
            # A file that was there has another name by now.
            shutil.rmtree(copy, ignore_errors=True)
            if attempt == _COPIES - 1:
                raise RunError(f"{run} cannot be copied: {error}", "look at its files, and start again") from error
            time.sleep(_CHECK_SECONDS)
    raise AssertionError


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

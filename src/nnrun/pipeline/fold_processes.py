"""Train the folds of a cross-validation in several processes, which share the cores.

The parent takes all requests to stop and passes them on as SIGTERM; the processes save their states and end. Each has a
pipe of its own, so that one that is killed in the middle of a message disturbs no other.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from threading import Thread
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.fold_runner import FoldRunner, load_folds
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext
    from multiprocessing.process import BaseProcess
    from pathlib import Path as FilePath

    from nnrun.pipeline.fold_runner import EventSink, FoldAssignment


#: Seconds between two looks for a request to stop.
_CHECK_SECONDS = 0.2
#: Signals that a terminal sends to all processes, and that the parent takes.
_OF_TERMINAL = ("SIGINT", "SIGHUP")
#: The last messages of a process: it has trained all its folds, was asked to stop, or failed with an error.
_ENDS = ("end", "stopped", "error")


def run_in_processes(
    assignments: Sequence[FoldAssignment], processes: int, code: tuple[FilePath, ...], on_event: EventSink
) -> None:
    """Run each assignment in its own process, and pass on the events of all until they are done.

    Args:
        assignments: What is to be done.
        processes: How many processes run at the same time.
        code: The files of the user's own code.
        on_event: Receives the events.

    Raises:
        NnrunError: The error of the first process that failed; the others have saved their states.
        RunError: A process was killed; the others have saved their states.
        StopRequestedError: A request to stop came in; all processes have saved their states. After a second Ctrl-C they
            are killed.
    """
    pool = _Pool(assignments, processes, code, on_event)
    with interruption.deferred():
        try:
            pool.run()
        finally:
            pool.kill()
    if pool.error is not None:
        raise pool.error


@dataclass
class _Worker:
    """A process that trains folds, and the end of the pipe that receives its events."""

    process: BaseProcess
    connection: Connection

    @property
    def has_ended(self) -> bool:
        """Whether everything that it has sent is received."""
        return self.connection.closed


class _Pool:
    """The processes of a run."""

    def __init__(
        self,
        assignments: Sequence[FoldAssignment],
        processes: int,
        code: tuple[FilePath, ...],
        on_event: EventSink,
    ) -> None:
        self._left, self._processes, self._code, self._on_event = list(assignments), processes, code, on_event
        # Not forked: a forked TensorFlow hangs.
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._is_stopping = False
        self.error: Exception | None = None

    def run(self) -> None:
        """Run all assignments, or stop as soon as a process fails or a stop is requested."""
        while True:
            running = [worker for worker in self._workers if not worker.has_ended]
            while self._left and len(running) < self._processes and not self._is_stopping:
                running.append(self._start(self._left.pop(0)))
            if not running:
                return
            by_connection: dict[Any, _Worker] = {worker.connection: worker for worker in running}
            for connection in wait(list(by_connection), timeout=_CHECK_SECONDS):
                self._receive(by_connection[connection])
            if (self.error is not None or interruption.pending() is not None) and not self._is_stopping:
                self._stop()

    def kill(self) -> None:
        """End all processes at once; those that have ended are left."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def _start(self, assignment: FoldAssignment) -> _Worker:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_run_assignment, args=(assignment, self._code, sender), daemon=True)
        with interruption.withheld(*_OF_TERMINAL):
            process.start()
        # The process has the only sender left: the pipe ends with it, however it ends.
        sender.close()
        worker = _Worker(process, receiver)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> None:
        try:
            kind, number, payload = worker.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            worker.process.join()
            self._on_killed(worker.process.exitcode)
            worker.connection.close()
            return
        if kind not in _ENDS:
            self._on_event(kind, number, payload)
            return
        worker.connection.close()
        if kind == "error":
            self.error = self.error or payload
        elif kind == "stopped" and not self._is_stopping:
            interruption.request(payload, "preempted")

    def _on_killed(self, exit_code: int | None) -> None:
        if self._is_stopping and exit_code == -signal.SIGTERM:
            return  # it had not begun, and has nothing to save
        text = f"a process that trains folds was killed, with exit code {exit_code}"
        hint = "if memory ran out, resume the run with fewer --jobs; the folds that are done are kept"
        self.error = self.error or RunError(text, hint)

    def _stop(self) -> None:
        self._is_stopping = True
        for worker in self._workers:
            if not worker.has_ended:
                worker.process.terminate()


def _run_assignment(assignment: FoldAssignment, code: tuple[FilePath, ...], sender: Connection) -> None:
    """Load the data and run the folds of an assignment: the main function of a process."""
    Thread(target=_exit_with_parent, daemon=True).start()
    interruption.ignore(*_OF_TERMINAL)
    with interruption.handled():
        last = _last_message(assignment, code, sender)
        with suppress(OSError):  # the parent is gone
            sender.send(last)


def _last_message(
    assignment: FoldAssignment, code: tuple[FilePath, ...], sender: Connection
) -> tuple[str, int | None, Any]:
    """Run the folds of an assignment; return how that ended."""
    try:
        try:
            _run_folds(assignment, code, sender)
        finally:
            # A second request must not disturb the last message.
            interruption.ignore("SIGTERM")
    except interruption.StopRequestedError as stop:
        return "stopped", None, stop.reason
    except Exception as error:  # noqa: BLE001 - the parent process raises it
        return "error", None, _picklable(error)
    return "end", None, None


def _run_folds(assignment: FoldAssignment, code: tuple[FilePath, ...], sender: Connection) -> None:
    examined = assignment.examined

    def send(*event: Any) -> None:
        # Interrupted in the middle, a message would spoil all that come after it.
        with interruption.deferred():
            sender.send(event)

    with (
        user_code.register_code(code) as codes,
        user_code.run_code(codes, examined.experiment, threads=assignment.threads, log=assignment.folder.log),
    ):
        data = load_folds(examined.experiment, examined.places, NullProgress())
        FoldRunner(assignment, data, send).run()


def _exit_with_parent() -> None:
    """Wait for the end of the parent process, then end this one: a killed parent cannot stop its children itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _picklable(error: Exception) -> Exception:
    """Return the error itself if another process can raise it, else an error with its text."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled in the same line
    except Exception:  # noqa: BLE001 - a class may fail in any way
        if isinstance(error, NnrunError):
            return RunError(error.text, error.hint)
        return RuntimeError("".join(traceback.format_exception(error)))
    return error

"""Processes that work for a command, and end with it; used by the folds of a run and by the trials of a sweep.

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
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from nnrun import interruption
from nnrun.errors import NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext
    from multiprocessing.process import BaseProcess

    #: Receives what happens, where (the number of a fold or a trial; None: as a whole), and what belongs to it.
    EventSink = Callable[[str, int | None, Any], None]

#: Seconds between two looks for a request to stop.
_CHECK_SECONDS = 0.2
#: Signals that a terminal sends to all processes, and that the parent takes.
_OF_TERMINAL = ("SIGINT", "SIGHUP")
#: The last messages of a process: it has done its task, was asked to stop, or failed with an error.
_ENDS = ("end", "stopped", "error")


class Task(Protocol):
    """What one process does; it is pickled on its way there."""

    def run(self, send: EventSink) -> None:
        """Do it, in the process; events that are sent reach the parent."""


TaskT = TypeVar("TaskT", bound=Task)


def run_in_processes(
    tasks: Sequence[TaskT],
    processes: int | Callable[[], int],
    on_event: EventSink,
    on_killed: Callable[[TaskT, int, int | None], Iterable[TaskT]],
) -> None:
    """Do each task in its own process, and pass on the events of all until they are done.

    Args:
        tasks: What is to be done.
        processes: How many processes run at the same time; a function is asked again and again.
        on_event: Receives the events.
        on_killed: Called with the task, process number and exit code of a process that was killed; returns tasks to
            do in its place, or raises the error of the whole.

    Raises:
        NnrunError: The error of the first process that failed; the others have saved their states.
        StopRequestedError: A request to stop came in; all processes have saved their states. After a second Ctrl-C they
            are killed.
    """
    pool = _Pool(tasks, processes, on_event, on_killed)
    with interruption.deferred():
        try:
            pool.run()
        finally:
            pool.kill()
    if pool.error is not None:
        raise pool.error


@dataclass
class _Worker(Generic[TaskT]):
    """A process with its task, and the end of the pipe that receives its events."""

    task: TaskT
    process: BaseProcess
    connection: Connection

    @property
    def has_ended(self) -> bool:
        """Whether everything that it has sent is received."""
        return self.connection.closed


class _Pool(Generic[TaskT]):
    """The processes of a command."""

    def __init__(
        self,
        tasks: Sequence[TaskT],
        processes: int | Callable[[], int],
        on_event: EventSink,
        on_killed: Callable[[TaskT, int, int | None], Iterable[TaskT]],
    ) -> None:
        self._left, self._on_event, self._on_killed = list(tasks), on_event, on_killed
        self._processes = processes if callable(processes) else lambda: processes
        # Not forked: a forked TensorFlow hangs.
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker[TaskT]] = []
        self._is_stopping = False
        self.error: Exception | None = None

    def run(self) -> None:
        """Do all tasks, or stop as soon as a process fails or a stop is requested."""
        while True:
            running = [worker for worker in self._workers if not worker.has_ended]
            while self._left and len(running) < self._processes() and not self._is_stopping:
                running.append(self._start(self._left.pop(0)))
            if not running:
                return
            by_connection: dict[Any, _Worker[TaskT]] = {worker.connection: worker for worker in running}
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

    def _start(self, task: TaskT) -> _Worker[TaskT]:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_run_task, args=(task, sender), daemon=True)
        with interruption.withheld(*_OF_TERMINAL):
            process.start()
        # The process has the only sender left: the pipe ends with it, however it ends.
        sender.close()
        worker = _Worker(task, process, receiver)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker[TaskT]) -> None:
        try:
            kind, number, payload = worker.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            worker.process.join()
            worker.connection.close()
            self._replace(worker)
            return
        if kind not in _ENDS:
            self._on_event(kind, number, payload)
            return
        worker.connection.close()
        if kind == "error":
            self.error = self.error or payload
        elif kind == "stopped" and not self._is_stopping:
            interruption.request(payload, "preempted")

    def _replace(self, worker: _Worker[TaskT]) -> None:
        exit_code = worker.process.exitcode
        if self._is_stopping and exit_code == -signal.SIGTERM:
            return  # it had not begun, and has nothing to save
        try:
            self._left += self._on_killed(worker.task, worker.process.pid or 0, exit_code)
        except NnrunError as error:
            self.error = self.error or error

    def _stop(self) -> None:
        self._is_stopping = True
        for worker in self._workers:
            if not worker.has_ended:
                worker.process.terminate()


def _run_task(task: Task, sender: Connection) -> None:
    """Do a task: the main function of a process."""
    Thread(target=_exit_with_parent, daemon=True).start()
    interruption.ignore(*_OF_TERMINAL)
    with interruption.handled():
        last = _last_message(task, sender)
        with suppress(OSError):  # the parent is gone
            sender.send(last)


def _last_message(task: Task, sender: Connection) -> tuple[str, int | None, Any]:
    """Do a task; return how that ended."""

    def send(kind: str, number: int | None, payload: Any) -> None:
        # Interrupted in the middle, a message would spoil all that come after it.
        with interruption.deferred():
            sender.send((kind, number, payload))

    try:
        try:
            task.run(send)
        finally:
            # A second request must not disturb the last message.
            interruption.ignore("SIGTERM")
    except interruption.StopRequestedError as stop:
        return "stopped", None, stop.reason
    except Exception as error:  # noqa: BLE001 - the parent process raises it
        return "error", None, _picklable(error)
    return "end", None, None


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

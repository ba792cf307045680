"""Train the folds of a cross-validation in several processes, which share the cores."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import traceback
from queue import Empty
from threading import Thread
from typing import TYPE_CHECKING, Any

from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.fold_runner import FoldRunner, load_folds
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import Queue
    from pathlib import Path as FilePath

    from nnrun.pipeline.fold_runner import EventSink, FoldAssignment


#: Seconds between two checks whether a process has ended unexpectedly.
_CHECK_SECONDS = 1.0


def run_in_processes(assignments: Sequence[FoldAssignment], code: tuple[FilePath, ...], on_event: EventSink) -> None:
    """Run each assignment in its own process, and pass on the events of all until they are done.

    Raises:
        NnrunError: The error of the first process that failed; the others are stopped.
        RunError: A process was killed.
    """
    # Not forked: a forked TensorFlow hangs.
    context = multiprocessing.get_context("spawn")
    queue: Queue[Any] = context.Queue()
    processes = [
        context.Process(target=_run_assignment, args=(assignment, code, queue), daemon=True)
        for assignment in assignments
    ]
    try:
        for process in processes:
            process.start()
        _pass_on_events(queue, processes, on_event)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _pass_on_events(queue: Queue[Any], processes: Sequence[BaseProcess], on_event: EventSink) -> None:
    running = len(processes)
    while running:
        try:
            kind, number, payload = queue.get(timeout=_CHECK_SECONDS)
        except Empty:
            codes = [process.exitcode for process in processes if process.exitcode not in (None, 0)]
            if codes:
                text = f"a process that trains folds was killed, with exit code {codes[0]}"
                hint = "if memory ran out, use fewer --jobs; the folds that are done are kept"
                raise RunError(text, hint) from None
            continue
        if kind == "end":
            running -= 1
        elif kind == "error":
            raise payload
        else:
            on_event(kind, number, payload)


def _run_assignment(assignment: FoldAssignment, code: tuple[FilePath, ...], queue: Queue[Any]) -> None:
    """Load the data and run the folds of an assignment: the main function of a process."""
    Thread(target=_exit_with_parent, daemon=True).start()
    examined = assignment.examined
    try:
        with (
            user_code.register_code(code) as codes,
            user_code.run_code(codes, examined.experiment, threads=assignment.threads, log=assignment.folder.log),
        ):
            data = load_folds(examined.experiment, examined.places, NullProgress())
            FoldRunner(assignment, data, lambda *event: queue.put(event)).run()
        queue.put(("end", None, None))
    except KeyboardInterrupt:
        return  # Ctrl-C reaches every process of the terminal; the parent process reports it
    except Exception as error:  # noqa: BLE001 - the parent process raises it
        queue.put(("error", None, _picklable(error)))


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

"""Folds side by side: one process for each share of them, each with its own share of the cores."""

from __future__ import annotations

import multiprocessing
import pickle
from queue import Empty
from typing import TYPE_CHECKING, Any

from nnrun.errors import NnrunError, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.fold_runner import FoldRunner
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import Queue
    from pathlib import Path as FilePath

    from nnrun.pipeline.fold_runner import EventSink, FoldAssignment


#: Seconds between two looks at whether a process has died without a word.
_LOOK = 1.0


def spread(assignments: Sequence[FoldAssignment], code: tuple[FilePath, ...], tell: EventSink) -> None:
    """Run each assignment in a process of its own, and pass on what they say until all are done.

    Raises:
        NnrunError: What the first of them failed with; the others are stopped then.
        RunError: One of them died.
    """
    # A forked TensorFlow hangs; a new process has nothing of this one's.
    context = multiprocessing.get_context("spawn")
    queue: Queue[Any] = context.Queue()
    processes = [context.Process(target=_work, args=(one, code, queue), daemon=True) for one in assignments]
    try:
        for process in processes:
            process.start()
        _listen(queue, processes, tell)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _listen(queue: Queue[Any], processes: Sequence[BaseProcess], tell: EventSink) -> None:
    left = len(processes)
    while left:
        try:
            kind, number, matter = queue.get(timeout=_LOOK)
        except Empty:
            _require_alive(processes)
            continue
        if kind == "end":
            left -= 1
        elif kind == "failed":
            raise matter
        else:
            tell(kind, number, matter)


def _require_alive(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.exitcode not in (None, 0):
            text = f"a process with folds ended with exit code {process.exitcode}"
            raise RunError(text, "killed for memory? try fewer --jobs; the folds that are done are kept")


def _work(assignment: FoldAssignment, code: tuple[FilePath, ...], queue: Queue[Any]) -> None:
    """Do what a process does: read the data again, and run its folds."""
    from nnrun.data.cross_validation import load_folded

    def tell(kind: str, number: int | None, matter: Any) -> None:
        queue.put((kind, number, matter))

    examined, experiment = assignment.examined, assignment.examined.experiment
    try:
        with (
            user_code.register_code(code) as codes,
            user_code.run_code(codes, experiment, threads=assignment.threads, log=assignment.folder.log),
        ):
            crossing = load_folded(
                experiment.data,
                form=examined.form,
                seed=experiment.seed,
                paths=examined.places,
                progress=NullProgress(),
            )
            FoldRunner(assignment, crossing, tell).run()
        tell("end", None, None)
    except KeyboardInterrupt:
        return  # Ctrl-C reaches every process of the terminal; the first one says so
    except Exception as error:  # noqa: BLE001 - it must reach the user by way of the first process
        tell("failed", None, _portable(error))


def _portable(error: Exception) -> Exception:
    """Give an error that another process can raise: itself where it survives the way, else its words."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    except Exception:  # noqa: BLE001 - whatever its class does when it is made anew
        if isinstance(error, NnrunError):
            return RunError(error.text, error.hint)
        import traceback

        return RuntimeError("".join(traceback.format_exception(error)))
    return error

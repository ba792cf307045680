"""Train the folds of a cross-validation in several processes, which share the cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from nnrun.errors import RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.child_processes import run_in_processes
from nnrun.pipeline.fold_runner import FoldRunner, load_folds
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from nnrun.pipeline.child_processes import EventSink
    from nnrun.pipeline.fold_runner import FoldAssignment


def run_folds_in_processes(
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
    run_in_processes([_FoldTask(one, code) for one in assignments], processes, on_event, _refuse_killed)


@dataclass(frozen=True)
class _FoldTask:
    """Loads the data and runs the folds of an assignment, with the user's code."""

    assignment: FoldAssignment
    code: tuple[FilePath, ...]

    def run(self, send: EventSink) -> None:
        assignment, examined = self.assignment, self.assignment.examined
        with (
            user_code.register_code(self.code) as codes,
            user_code.run_code(codes, examined.experiment, threads=assignment.threads, log=assignment.folder.log),
        ):
            data = load_folds(examined.experiment, examined.places, NullProgress())
            FoldRunner(assignment, data, send).run()


def _refuse_killed(_task: _FoldTask, _pid: int, exit_code: int | None) -> NoReturn:
    text = f"a process that trains folds was killed, with exit code {exit_code}"
    hint = "if memory ran out, resume the run with fewer --jobs; the folds that are done are kept"
    raise RunError(text, hint)

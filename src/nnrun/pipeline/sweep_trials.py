"""Train the trials of a sweep in one process that stays: the backend starts once, and the next trial is claimed.

Where combinations come in rounds, the process that finds none to claim makes the next one.
"""

from __future__ import annotations

import os
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.errors import EXIT_PREEMPTED, NnrunError, RunError
from nnrun.pipeline.resume import train_or_go_on
from nnrun.pipeline.sweep_memory import MEMORY, used_by_this_process
from nnrun.pipeline.sweep_pruning import TrialPruner
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullBar, NullProgress, epoch_line
from nnrun.runs import lock
from nnrun.runs import record as records
from nnrun.runs.disk import RunLog
from nnrun.sweep.ledger import RENEWAL_SECONDS
from nnrun.sweep.rounds import advance
from nnrun.sweep.study import objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.errors import Problem
    from nnrun.pipeline.child_processes import EventSink
    from nnrun.pipeline.train import TrainResult
    from nnrun.progress import Bar
    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Ledger, Trial

#: Seconds between two looks for the lock of a run whose owner is gone, and how long a process looks before it ends.
_WAIT_SECONDS, _PATIENCE = 5.0, 180.0
#: Seconds between two looks whether a round has ended, from the first to the longest.
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 2.0


#: Seconds between two events that say how far a trial is.
_REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class SweepTask:
    """Trains trials of a sweep until there are no more.

    Attributes:
        folder: The sweep.
    """

    folder: SweepFolder

    def run(self, send: EventSink) -> None:
        """Claim and train trials."""
        ledger = self.folder.open_ledger(patient=True)
        fields = ledger.fields()
        while (trial := self._next(ledger, fields)) is not None:
            self._train(trial, ledger, fields, send)

    def _next(self, ledger: Ledger, fields: dict[str, Any]) -> Trial | None:
        """Claim a trial, of the next round if those of the rounds before have ended; None if there are no more.

        Raises:
            NnrunError: The next round cannot be made.
        """
        seconds = _FIRST_LOOK
        while (trial := self._claim(ledger)) is None:
            with interruption.deferred():
                found = advance(ledger, fields)
            if found == "complete":
                return None
            if found == "running":
                time.sleep(seconds)
                seconds = min(1.5 * seconds, _LONGEST_LOOK)
        return trial

    def _claim(self, ledger: Ledger) -> Trial | None:
        """Claim a trial that waits, or that another process has left behind; None if there is none."""
        end = time.monotonic() + _PATIENCE
        while True:
            # Asked to stop, the process ends between two claims, or within a training.
            with interruption.deferred():
                trial = ledger.claim()
            if trial is not None:
                return trial
            if release_dead(self.folder, ledger):
                continue
            if not ledger.abandoned() or time.monotonic() > end:
                return None
            # A file server keeps the lock of a dead host for a while.
            time.sleep(_WAIT_SECONDS)

    def _train(self, trial: Trial, ledger: Ledger, fields: dict[str, Any], send: EventSink) -> None:
        pruner = None
        try:
            if fields.get("pruning"):
                pruner = TrialPruner(fields, ledger.trials(), trial, self.folder.run(trial.number))
                pruner.begin()
            with _renewed(ledger, trial, self.folder):
                result = train_trial(self.folder, trial, fields, _TrialProgress(send, trial.number, pruner))
            _require_frozen_data(self.folder, trial, fields)
        except interruption.StopRequestedError as stop:
            if pruner is not None and pruner.has_requested(stop):
                interruption.withdraw(stop)
                with interruption.deferred():
                    ledger.prune(trial, stop.reason, pruner.values)
                    send("at", trial.number, (os.getpid(), ""))
                    send("pruned", trial.number, f"{' '.join(trial.options)}: {stop.reason}")
                return
            with interruption.shielded():
                ledger.release(trial, "stopped", counts=False)
            raise
        except NnrunError as error:
            ledger.fail(trial, error.text)
            send("failed", trial.number, error.text)
        except MemoryError:
            again = ledger.release(trial, "not enough memory")
            send("again" if again else "failed", trial.number, "not enough memory")
        except Exception as error:  # noqa: BLE001 - one trial's fault ends no sweep
            RunLog(self.folder.log).write(traceback.format_exc())
            text = f"a bug in nnrun: {type(error).__name__}: {error} (the traceback is in {self.folder.log})"
            ledger.fail(trial, text)
            send("failed", trial.number, text)
        else:
            scores = _numbers(result.scores)
            with interruption.deferred():
                ledger.finish(trial, scores, None if pruner is None else pruner.values)
                _send_score(send, trial, scores, fields)
                send("at", trial.number, (os.getpid(), ""))
                send("done", trial.number, _outcome(trial, scores, fields))


def train_trial(folder: SweepFolder, trial: Trial, fields: dict[str, Any], progress: Any) -> TrainResult:
    """Train a trial in its run folder, or go on with it where it has begun.

    Raises:
        NnrunError: As for `train` and `resume`.
    """
    run = folder.run(trial.number)
    request = TrainRequest(
        str(folder.resolved),
        trial.options,
        folder.trials,
        frozen_data_dir(fields),
        code=tuple(folder.code / name for name in fields.get("code", ())),
        given_fields={"threads": fields["threads"], "sweep": {"id": folder.id, "trial": trial.number}},
        folder=run.path,
    )
    if run.record.is_file():
        # Whoever has the trial's claim has its run: a process on another host that the lock names is gone.
        lock.forget_other_host(run)
    return train_or_go_on(request, progress)


def release_dead(folder: SweepFolder, ledger: Ledger) -> list[Trial]:
    """Let the trials wait again whose owner is gone, and whose run nobody has locked; return them."""
    return ledger.release_dead(lambda number: lock.is_held(folder.run(number)) is True)


@contextmanager
def _renewed(ledger: Ledger, trial: Trial, folder: SweepFolder) -> Iterator[None]:
    """Renew the claim of a trial during the `with` block, so that processes on other hosts see that its owner lives."""
    ended = Event()
    thread = Thread(target=_renew, args=(ledger, trial, folder, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(ledger: Ledger, trial: Trial, folder: SweepFolder, ended: Event) -> None:
    while not ended.wait(RENEWAL_SECONDS):
        try:
            is_owner = ledger.renew(trial)
        except (NnrunError, OSError):
            continue  # the server is away; a claim that nobody has taken over meanwhile is still the trial's
        if not is_owner and not ended.is_set():
            # Suspended for long, this process has lost the trial: it may write nothing more into the run folder.
            RunLog(folder.log).write(f"Trial {trial.number} was taken over by another process: this one ends")
            os._exit(EXIT_PREEMPTED)


def frozen_data_dir(fields: dict[str, Any]) -> FilePath | None:
    """Return the folder of data that a sweep began with, from its ledger; None: the default one."""
    return None if fields.get("data_dir") is None else FilePath(fields["data_dir"])


def _require_frozen_data(folder: SweepFolder, trial: Trial, fields: dict[str, Any]) -> None:
    """Check that a trial was trained on the data that the sweep began with."""
    digests = records.read(folder.run(trial.number)).get("digests", {})
    changed = [name.removeprefix("file:") for name, sha256 in fields["data"].items() if digests.get(name) != sha256]
    if changed:
        text = f"the data changed since the sweep began: {', '.join(changed)}"
        raise RunError(text, "restore the file, or begin another sweep")


def _numbers(scores: dict[str, Any]) -> dict[str, Any]:
    """Return the scores without lists and tables, which the run folder has."""
    return {
        name: _numbers(value) if isinstance(value, dict) else value
        for name, value in scores.items()
        if isinstance(value, int | float | str | dict) and name != "per_class"
    }


def _outcome(trial: Trial, scores: dict[str, Any], fields: dict[str, Any]) -> str:
    """Return the line of a trial that is done, with the score by which one is chosen; that of the test part waits."""
    goal = objective([replace(trial, status="done", scores=scores)], fields["choose_by"], fields["mode"])
    value = goal.value(replace(trial, scores=scores)) if goal is not None else None
    return " ".join(trial.options) + ("" if goal is None or value is None else f": {goal.path} {value:.4g}")


def _send_score(send: EventSink, trial: Trial, scores: dict[str, Any], fields: dict[str, Any]) -> None:
    """Send the score by which a combination is chosen, and how good it is."""
    done = replace(trial, status="done", scores=scores)
    goal = objective([done], fields["choose_by"], fields["mode"])
    value = None if goal is None else goal.value(done)
    if goal is not None and value is not None:
        send("score", trial.number, (goal.path, value, goal.key(value)))


class _TrialProgress(NullProgress):
    """Sends the warnings of a trial, and where it is: its lines would drown what matters of a hundred trainings.

    The epochs go to what prunes the trial, if something does.
    """

    def __init__(self, send: EventSink, number: int, pruner: TrialPruner | None = None) -> None:
        super().__init__()
        self._send, self._number, self._pruner = send, number, pruner
        self._sent = time.monotonic()
        self._is_measured = False
        self._send_place("starts")

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Send how far the trial is, with its scores on the validation part, and let it be decided if it is pruned."""
        self._measure()
        if self._is_due():
            validated = {name: value for name, value in figures.items() if name.startswith("val_")}
            self._send_place(epoch_line(done, total, validated or figures))
        if self._pruner is not None:
            self._pruner.on_epoch(done, total, figures)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:
        """Send how far the epochs of a cross-validation are."""
        yield _EpochsBar(self, what, total) if unit == "epochs" and total else NullBar()

    def advance(self, what: str, share: float) -> None:
        """Send which share of all epochs is done."""
        self._measure()
        if self._is_due():
            self._send_place(f"{what}  {share:.0%}")

    def _measure(self) -> None:
        """Send how much memory the process takes, when the model is compiled and a part of the epochs is done."""
        if not self._is_measured:
            self._is_measured = True
            self._send(MEMORY, self._number, used_by_this_process())

    def _is_due(self) -> bool:
        """Return whether the place may be sent again: epochs may be short."""
        now = time.monotonic()
        if now - self._sent < _REPORT_SECONDS:
            return False
        self._sent = now
        return True

    def _send_place(self, text: str) -> None:
        self._send("at", self._number, (os.getpid(), f"trial {self._number}  {text}"))

    def warn(self, text: str) -> None:
        """Send a warning."""
        self._send("warning", self._number, text)

    def show_problem(self, problem: Problem) -> None:
        """Leave out what `begin_sweep` has shown for the config."""


@dataclass
class _EpochsBar:
    """The epochs of all folds of a trial."""

    progress: _TrialProgress
    what: str
    total: float
    done: float = 0.0

    def advance(self, amount: float) -> None:
        """Add epochs to what is done."""
        self.done += amount
        self.progress.advance(self.what, self.done / self.total)

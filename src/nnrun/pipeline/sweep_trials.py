"""Train the trials of a sweep in one process that stays: the backend starts once, and the next trial is claimed.

Where combinations come in rounds, the process that finds none to claim makes the next one.
"""

from __future__ import annotations

import os
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.executors.jax.lanes import Lane, Lanes
from nnrun.engine.executors.turns import Turns
from nnrun.errors import EXIT_PREEMPTED, ConfigError, DataError, DefectsError, NnrunError, is_of_the_system
from nnrun.gpus import VISIBLE
from nnrun.pipeline.data_cache import DataCache
from nnrun.pipeline.resume import train_or_go_on
from nnrun.pipeline.sweep_claim import TrialClaim
from nnrun.pipeline.sweep_data import (
    ChangedDataError,
    frozen_data_dir,
    require_frozen_data,
    require_trained_on_frozen_data,
)
from nnrun.pipeline.sweep_memory import MEMORY, used_by_this_process
from nnrun.pipeline.sweep_pruning import TrialPruner
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullBar, NullProgress, epoch_line
from nnrun.runs import lock
from nnrun.runs.disk import RunLog
from nnrun.sweep.ledger import FOLDS, RENEWAL_SECONDS
from nnrun.sweep.mapping import TrialGroups
from nnrun.sweep.rounds import CompletedRounds, advance
from nnrun.sweep.study import objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

    from nnrun.errors import Problem
    from nnrun.pipeline.child_processes import EventSink
    from nnrun.pipeline.train import TrainResult
    from nnrun.progress import Bar
    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Ledger, Trial

#: After so many processes that were killed without a trial that ended, no other one is started.
MOST_KILLS = 10
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
        gpus: The names of the GPUs that the process sees, for `CUDA_VISIBLE_DEVICES`; None: those that its parent sees.
        shared: A folder of this user's alone in which the processes of this machine share loaded data; None: there is
            none.
    """

    folder: SweepFolder
    gpus: tuple[str, ...] | None = None
    shared: FilePath | None = None

    def run(self, send: EventSink) -> None:
        """Claim and train trials."""
        if self.gpus is not None:
            # Read when the backend starts, which is with the first trial.
            os.environ[VISIBLE] = ",".join(self.gpus)
        ledger = self.folder.open_ledger(patient=True)
        fields = ledger.fields()
        rounds = CompletedRounds(fields, ledger) if fields.get("pruning") else None
        train = partial(
            self._train, ledger=ledger, fields=fields, rounds=rounds, send=send, cache=DataCache(self.shared)
        )
        groups = None if fields.get("mapped") is None else TrialGroups(ledger, fields)
        while group := self._next(ledger, fields, groups):
            if fields.get("mapped") is None:
                train(group[0][0])
                continue
            turns = Turns()
            lanes = Lanes(fields["mapped"], turns.ask)
            turns.run([partial(train, one, lane=Lane(lanes, at)) for one, at in group])

    def _next(self, ledger: Ledger, fields: dict[str, Any], groups: TrialGroups | None) -> list[tuple[Trial, int]]:
        """Claim trials, of the next round if those of the rounds before have ended; none if there are no more.

        Returns:
            One trial, or those that one program trains, with the numbers of their lanes.

        Raises:
            NnrunError: The next round cannot be made.
        """
        seconds = _FIRST_LOOK
        while not (group := self._claim(ledger, groups)):
            with interruption.deferred():
                found = advance(ledger, fields)
            if found == "complete":
                return []
            if found == "running":
                time.sleep(seconds)
                seconds = min(1.5 * seconds, _LONGEST_LOOK)
        return group

    def _claim(self, ledger: Ledger, groups: TrialGroups | None) -> list[tuple[Trial, int]]:
        """Claim trials that wait, or that another process has left behind; none if there are none."""
        end = time.monotonic() + _PATIENCE
        while True:
            # Asked to stop, the process ends between two claims, or within a training.
            with interruption.deferred():
                group = self._claim_now(ledger, groups)
            if group:
                return group
            if release_dead(self.folder, ledger):
                continue
            if not ledger.abandoned() or time.monotonic() > end:
                return []
            # A file server keeps the lock of a dead host for a while.
            time.sleep(_WAIT_SECONDS)

    @staticmethod
    def _claim_now(ledger: Ledger, groups: TrialGroups | None) -> list[tuple[Trial, int]]:
        if groups is not None:
            return groups.claim()
        trial = ledger.claim()
        return [] if trial is None else [(trial, 0)]

    def _train(
        self,
        trial: Trial,
        *,
        ledger: Ledger,
        fields: dict[str, Any],
        rounds: CompletedRounds | None,
        send: EventSink,
        cache: DataCache,
        lane: Lane | None = None,
    ) -> None:
        claim, options = TrialClaim(ledger, trial, send), " ".join(trial.options)
        # A ledger that cannot be read is no fault of the trial's.
        comparison = None if rounds is None else rounds.compare(trial.number)
        pruner = None
        try:
            if comparison is not None:
                pruner = TrialPruner(fields["pruning"], comparison, self.folder.run(trial.number))
                pruner.begin()
            with _renewed(ledger, trial, self.folder):
                progress = _TrialProgress(send, trial.number, pruner)
                result = train_trial(self.folder, trial, fields, progress, lane, cache)
            require_trained_on_frozen_data(self.folder, trial, fields)
        except interruption.StopRequestedError as stop:
            if pruner is None or not pruner.has_requested(stop):
                claim.suspend("stopped")
                raise
            interruption.withdraw(stop)
            claim.prune(stop.reason, pruner.values, f"{options}: {stop.reason}")
        except MemoryError:
            claim.release("not enough memory")
        except Exception as error:  # noqa: BLE001 - one trial's fault ends no sweep
            self._fail(claim, error, fields)
        else:
            scores = _numbers(result.scores)
            values = None if pruner is None else pruner.values
            claim.finish(scores, values, lambda: f"{options}{_report_score(send, trial, scores, fields)}")
        send("at", trial.number, (os.getpid(), ""))

    def _fail(self, claim: TrialClaim, error: Exception, fields: Mapping[str, Any]) -> None:
        """End the claim of a trial that an error has stopped.

        Raises:
            Exception: The error itself, if it is the machine's, or that of data that changed: all other trials would
                fail of it too.
        """
        if isinstance(error, DataError | ConfigError | DefectsError):
            try:
                require_frozen_data(self.folder, fields)
            except NnrunError as changed:
                error = changed
        if is_of_the_system(error) or isinstance(error, ChangedDataError):
            with suppress(NnrunError):  # on a full disk the trial stays claimed until this process is gone
                claim.suspend(str(error))
            raise error
        if isinstance(error, NnrunError):
            claim.fail(error.text)
            return
        RunLog(self.folder.log).write("".join(traceback.format_exception(error)))
        text = f"a bug in nnrun: {type(error).__name__}: {error} (the traceback is in {self.folder.log})"
        claim.fail(text)


def train_trial(
    folder: SweepFolder,
    trial: Trial,
    fields: dict[str, Any],
    progress: Any,
    lane: Lane | None = None,
    cache: DataCache | None = None,
) -> TrainResult:
    """Train a trial in its run folder, or go on with it where it has begun.

    Args:
        folder: The sweep.
        trial: The trial.
        fields: What the ledger knows of the sweep as a whole.
        progress: Receives epochs and warnings.
        lane: Its place in programs that are mapped over several trials; None: it has its own.
        cache: Data of earlier trials of this process; None: they are loaded.

    Raises:
        NnrunError: As for `train` and `resume`.
    """
    run = folder.run(trial.number)
    mapped = {} if lane is None else {"mapped": {"lanes": lane.lanes.size, "lane": lane.number}}
    request = TrainRequest(
        str(folder.resolved),
        trial.options,
        folder.trials,
        frozen_data_dir(fields),
        code=tuple(folder.code / name for name in fields.get("code", ())),
        given_fields={"threads": fields["threads"], "sweep": {"id": folder.id, "trial": trial.number}, **mapped},
        folder=run.path,
        lane=lane,
        cache=cache,
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


def _numbers(scores: dict[str, Any]) -> dict[str, Any]:
    """Return the scores without lists and tables, which the run folder has, but with those of each fold."""
    found = {
        name: _numbers(value) if isinstance(value, dict) else value
        for name, value in scores.items()
        if isinstance(value, int | float | str | dict) and name != "per_class"
    }
    folds = scores.get(FOLDS)
    return found if not isinstance(folds, list) else {**found, FOLDS: [_numbers(fold) for fold in folds]}


def _report_score(send: EventSink, trial: Trial, scores: dict[str, Any], fields: dict[str, Any]) -> str:
    """Send the score by which a combination is chosen; return it for the trial's line. That of the test part waits."""
    done = replace(trial, status="done", scores=scores)
    goal = objective([done], fields["choose_by"], fields["mode"])
    value = None if goal is None else goal.value(done)
    if goal is None or value is None:
        return ""
    send("score", trial.number, (goal.path, value, goal.key(value)))
    return f": {goal.path} {value:.4g}"


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

"""The ledger of a sweep: what is tried, who trains it, and how it ended.

A ledger is a SQLite file (processes of one machine), a folder of files (machines that share nothing but a folder), or
tables of a PostgreSQL server; all of them behave alike. A trial belongs to the process that has claimed it, and every
change names that claim: of two processes that end one claim, exactly one succeeds. If the owner of a claim is gone,
whoever trains the sweep takes the trial over, and its run continues from its last state.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.runs import environment
from nnrun.sweep.space import as_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: The format of a ledger; it is raised where an older nnrun could not read it.
FORMAT = 2
#: How often a trial begins again that ended through no fault of its own.
MOST_ATTEMPTS = 3
#: Seconds after which a claim from another host counts as left behind, unless its owner has renewed it since. Network
#: file systems keep the times of files for up to a minute.
LEASE_SECONDS = 300.0
#: Seconds between two renewals of a claim.
RENEWAL_SECONDS = 30.0

#: The list of folds in the scores of a cross-validation.
FOLDS = "each"

TrialStatus = Literal["waiting", "running", "done", "failed", "pruned"]


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        number: Its number, counted from 0.
        combination: The number of its combination of values; all seeds of one have the same.
        seed: The seed.
        parameters: The values, by path.
        status: `waiting`, `running`, `done`, `failed`, or `pruned`: stopped early, as others were better by then.
        attempts: How often it was begun.
        process: The process that has claimed it: see `claimant`.
        error: Why it failed or was pruned.
        scores: The content of the run's `scores.json`, without what is in lists, but with the scores of each fold.
        intermediate: The value of each epoch by which pruning decides, from the first; None where nothing is pruned.
        started: When it was first claimed, ISO 8601 in UTC.
        ended: When it ended.
    """

    number: int
    combination: int
    seed: int
    parameters: Mapping[str, Any]
    status: TrialStatus = "waiting"
    attempts: int = 0
    process: Mapping[str, Any] | None = None
    error: str | None = None
    scores: Mapping[str, Any] | None = None
    intermediate: Sequence[float] | None = None
    started: str | None = None
    ended: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The `--set` options that make the sweep's config that of the trial."""
        return (*as_options(self.parameters), f"seed={self.seed}")


class Ledger(ABC):
    """A ledger that exists. Every change is on disk when its method returns."""

    #: Whether processes of several machines may share it.
    is_shared = True

    @abstractmethod
    def fields(self) -> dict[str, Any]:
        """Return what belongs to the sweep as a whole."""

    @abstractmethod
    def trials(self, status: TrialStatus | None = None, first: int = 0) -> list[Trial]:
        """Return all trials, or those of one status, by number; those before `first` are left out."""

    def counts(self) -> dict[str, int]:
        """Return how many trials have each status."""
        return dict(Counter(trial.status for trial in self.trials()))

    @abstractmethod
    def add(self, trials: Sequence[Trial], known: int) -> bool:
        """Add trials, which wait, if the ledger has as many as they were made from; all of them or none.

        Args:
            trials: The trials; the first has the number `known`.
            known: How many trials the ledger had when these were made.

        Returns:
            Whether they were added; another process may have added the same ones before.
        """

    @abstractmethod
    def claim(self, number: int | None = None) -> Trial | None:
        """Claim the first trial that waits for this process, or the one of a number; None if it, or none, waits."""

    def finish(self, trial: Trial, scores: Mapping[str, Any], intermediate: Sequence[float] | None = None) -> bool:
        """State that a trial is done, with its scores, and the values of its epochs where pruning compares them.

        Returns:
            Whether the claim was still the trial's; otherwise nothing is changed, here and below.
        """
        return self._end(trial, "done", scores=scores, intermediate=intermediate)

    def prune(self, trial: Trial, reason: str, intermediate: Sequence[float]) -> bool:
        """State that a trial was stopped early, with the values of its epochs up to there."""
        return self._end(trial, "pruned", error=reason, intermediate=intermediate)

    def fail(self, trial: Trial, error: str) -> bool:
        """State that a trial failed by its own fault."""
        return self._end(trial, "failed", error=error)

    def release(self, trial: Trial, error: str, *, counts: bool = True) -> Literal["waiting", "failed"] | None:
        """Let a trial wait again that ended through no fault of its own; it fails after three attempts.

        Args:
            trial: The trial, as it was claimed.
            error: What happened.
            counts: Whether the attempt counts; one that was asked to stop does not.

        Returns:
            What became of it; None if the claim was no longer the trial's.
        """
        if counts and trial.attempts >= MOST_ATTEMPTS:
            return "failed" if self.fail(trial, error) else None
        return "waiting" if self._end(trial, "waiting", error=error, less=int(not counts)) else None

    @abstractmethod
    def _end(
        self,
        trial: Trial,
        status: TrialStatus,
        *,
        scores: Mapping[str, Any] | None = None,
        error: str | None = None,
        intermediate: Sequence[float] | None = None,
        less: int = 0,
    ) -> bool:
        """End a claim; return whether it was still the trial's.

        Args:
            trial: The trial, as it was claimed.
            status: Its status afterwards.
            scores: Its scores.
            error: Why it did not end well.
            intermediate: The values of its epochs.
            less: By how many attempts it then has fewer.
        """

    def renew(self, trial: Trial) -> bool:  # noqa: ARG002 - on one machine a process is known to live
        """Tell other hosts that the owner of a claim lives; return whether the claim is still the trial's."""
        return True

    def has_expired(self, trial: Trial) -> bool:  # noqa: ARG002 - the same
        """Return whether nobody has renewed the claim of a trial for longer than a living owner would."""
        return False

    def abandoned(self) -> list[Trial]:
        """Return the running trials whose owner is gone."""
        return [one for one in self.trials("running") if self._is_abandoned(one)]

    def release_dead(self, is_training: Callable[[int], bool] = lambda _: False) -> list[Trial]:
        """Let all trials wait again whose owner is gone; return them. A killed sweep is not the trials' fault.

        Args:
            is_training: Whether a process trains a trial for certain, whatever the ledger says: its run is locked.
        """
        dead = [one for one in self.abandoned() if not is_training(one.number)]
        return [one for one in dead if self.release(one, "the process that trained it is gone", counts=False)]

    def _is_abandoned(self, trial: Trial) -> bool:
        owner = trial.process or {}
        alive = environment.is_alive(owner)
        if alive is not None:
            return not alive
        return _was_requeued(owner) or self.has_expired(trial)


def claimant() -> dict[str, Any]:
    """Return what identifies this process as the owner of claims: `host`, `pid`, `start`, and its SLURM task."""
    task = _slurm_task()
    return {**environment.process(), **({} if task is None else {"slurm": task})}


def _slurm_task() -> dict[str, Any] | None:
    """Return the SLURM task that this process belongs to: `cluster`, `job`, `task`, `restarts`; None if to none."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job:
        return None
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    return {
        "cluster": os.environ.get("SLURM_CLUSTER_NAME"),
        "job": job,
        "task": os.environ.get("SLURM_ARRAY_TASK_ID"),
        "restarts": int(restarts) if restarts.isdecimal() else 0,
    }


def _was_requeued(owner: Mapping[str, Any]) -> bool:
    """Return whether an owner was the SLURM task of this process, before SLURM began it again: on a lost node."""
    mine, other = _slurm_task(), owner.get("slurm")
    if mine is None or not isinstance(other, dict):
        return False
    is_same = all(mine[name] == other.get(name) for name in ("cluster", "job", "task"))
    restarts = other.get("restarts")
    return is_same and isinstance(restarts, int) and restarts < mine["restarts"]

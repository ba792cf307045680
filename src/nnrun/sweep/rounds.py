"""The rounds of a sweep: the combinations of one are known when all trials of those before have ended.

So are the combinations that depend on results, and of all others those whose trials are pruned: a trial is compared
with those of earlier rounds alone. Which trials a round has depends on nothing but the ledger.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from nnrun.spec.sweep import SweepSpec
from nnrun.sweep.ledger import Trial
from nnrun.sweep.optuna_study import Outcome, PruningHistory, require_same_optuna, suggest
from nnrun.sweep.space import Space
from nnrun.sweep.study import groups, objective

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.sweep.ledger import Ledger
    from nnrun.sweep.optuna_study import PruningComparison
    from nnrun.sweep.space import Values
    from nnrun.sweep.study import Group, Objective


def trials_left(fields: Mapping[str, Any], counts: Mapping[str, int]) -> int:
    """Return how many trials have not ended, those that later rounds will have included.

    Args:
        fields: What the ledger knows of the sweep as a whole.
        counts: How many trials have each status.
    """
    unfinished = counts.get("waiting", 0) + counts.get("running", 0)
    rounds = fields.get("rounds")
    if not rounds:
        return unfinished
    return int(rounds["combinations"]) * len(fields["seeds"]) - sum(counts.values()) + unfinished


def make_trials(first: int, combinations: Sequence[Values], seeds: Sequence[int]) -> list[Trial]:
    """Return the trials of combinations, each with all seeds.

    Args:
        first: The number of the first combination.
        combinations: Their values.
        seeds: The seeds.
    """
    pairs = [(number, values, seed) for number, values in enumerate(combinations, start=first) for seed in seeds]
    at = first * len(seeds)
    return [Trial(number, combination, seed, values) for number, (combination, values, seed) in enumerate(pairs, at)]


def next_trials(fields: Mapping[str, Any], trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials of the next round; none where the sweep has all.

    Args:
        fields: What the ledger knows of the sweep as a whole.
        trials: All trials of the rounds before, which have ended.

    Raises:
        MissingExtraError: Optuna is needed, and is not installed.
        RunError: No trial has the score that decides, or Optuna would make other suggestions than at the beginning.
    """
    rounds, seeds = fields["rounds"], fields["seeds"]
    known = len(trials) // len(seeds)
    count = min(rounds["size"], rounds["combinations"] - known)
    if count <= 0:
        return []
    sweep = SweepSpec(parameters=fields["parameters"], method=fields["method"], trials=rounds["trials"])
    space = Space.of(sweep)
    if not sweep.is_adaptive:
        return make_trials(known, space.combinations(sweep, fields["seed"])[known : known + count], seeds)
    ended = outcomes(trials, objective(trials, fields["choose_by"], fields["mode"]), fields.get("pruning"))
    found = suggest(space, fields["sampler"], fields["seed"], rounds["size"], ended, count)
    return make_trials(known, found, seeds)


def advance(ledger: Ledger, fields: Mapping[str, Any]) -> Literal["added", "running", "complete"]:
    """Add the trials of the next round if those of all rounds before have ended.

    Returns:
        `added`, also where another process has; `running` where trials of this round have not ended; `complete` where
        there are no more.

    Raises:
        NnrunError: As for `next_trials`.
    """
    if not fields.get("rounds"):
        return "complete"
    counts = ledger.counts()
    if counts.get("waiting") or counts.get("running"):
        return "added" if counts.get("waiting") else "running"
    if not trials_left(fields, counts):
        return "complete"
    trials = ledger.trials()
    ledger.add(next_trials(fields, trials), known=len(trials))
    return "added"


def require_suggestions(fields: Mapping[str, Any]) -> str | None:
    """Check that Optuna is there if the sweep needs it, before anything is trained.

    Returns:
        A warning where it is another version than that with which the sweep began; None where there is none.

    Raises:
        MissingExtraError: It is not installed.
        RunError: It is another major version than that with which the sweep began.
    """
    warning = None
    for described in filter(None, (fields.get("sampler"), fields.get("pruning"))):
        version = require_same_optuna(described).__version__
        if version != described["optuna"]:
            warning = f"the sweep began with Optuna {described['optuna']}: {version} may decide otherwise from here on"
    return warning


def outcomes(
    trials: Sequence[Trial], goal: Objective | None, pruning: Mapping[str, Any] | None = None
) -> list[Outcome]:
    """Return how the combinations of completed rounds ended, in order; of several seeds the mean counts."""
    found = sorted(groups(trials, goal), key=lambda one: one.combination)
    return [_outcome(group, goal, pruning) for group in found]


def _outcome(group: Group, goal: Objective | None, pruning: Mapping[str, Any] | None) -> Outcome:
    pruned = [one for one in group.trials if one.status == "pruned" and one.intermediate]
    if goal is not None and group.value is not None:
        return Outcome(group.parameters, "done", goal.key(group.value))
    if not pruned or pruning is None or any(one.status == "failed" for one in group.trials):
        return Outcome(group.parameters, "failed")
    # Of several seeds the one that was pruned first decides, and the mean of all as they were then.
    epochs = min(len(one.intermediate or ()) for one in pruned)
    values = [one.intermediate[epochs - 1] for one in group.trials if len(one.intermediate or ()) >= epochs]  # type: ignore[index]
    return Outcome(group.parameters, "pruned", _smaller_is_better(pruning, fmean(values)), epochs)


class CompletedRounds:
    """The trials of completed rounds, with which a pruned trial is compared; those of a new round are read once.

    Args:
        fields: What the ledger knows of the sweep as a whole.
        ledger: The ledger.
    """

    def __init__(self, fields: Mapping[str, Any], ledger: Ledger) -> None:
        self._pruning, self._ledger = fields["pruning"], ledger
        self._size = fields["rounds"]["size"] * len(fields["seeds"])
        self._history, self._known = PruningHistory(self._pruning), 0

    def compare(self, number: int) -> PruningComparison:
        """Return what decides after each epoch of a trial whether it is pruned.

        Args:
            number: The trial's number.
        """
        completed = number // self._size * self._size
        if completed < self._known:
            self._history, self._known = PruningHistory(self._pruning), 0
        if completed > self._known:
            trials = self._ledger.trials(first=self._known)[: completed - self._known]
            self._history.add([self._values(one) for one in trials])
            self._known = completed
        return self._history.compare(number - completed)

    def _values(self, trial: Trial) -> tuple[list[float], bool] | None:
        if not trial.intermediate:
            return None
        return [_smaller_is_better(self._pruning, value) for value in trial.intermediate], trial.status == "done"


def _smaller_is_better(pruning: Mapping[str, Any], value: float) -> float:
    return -value if pruning["mode"] == "max" else value

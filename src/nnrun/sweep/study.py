"""What the trials of a sweep say together: seeds are summarized, and combinations compared by one score."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from nnrun.catalog.figures import figure_of
from nnrun.catalog.kinds import is_number
from nnrun.errors import RunError
from nnrun.runs.documents import score_at
from nnrun.runs.find import HEADLINES
from nnrun.runs.statistics import MeanEstimate, corrected_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.sweep.ledger import Trial

#: The parts by whose scores a combination is chosen, unless the config names a score; the test part never is.
_CHOOSING_PARTS = ("validation", "cross_validation.mean")
#: The parts whose scores are reported of the best combination.
_REPORTED_PARTS = ("test", "cross_validation.mean")


@dataclass(frozen=True)
class Objective:
    """The score by which combinations are compared.

    Attributes:
        path: Its path in `scores.json`.
        is_smaller_better: Whether smaller is better.
    """

    path: str
    is_smaller_better: bool

    def value(self, trial: Trial) -> float | None:
        """Return the score of a trial; None where it has none that is finite."""
        found = score_at(trial.scores or {}, self.path)
        return found if found is not None and isfinite(found) else None

    def key(self, value: float) -> float:
        """Return a number that is smaller the better a score is."""
        return value if self.is_smaller_better else -value


@dataclass(frozen=True)
class Group:
    """The trials of one combination, which differ in their seeds.

    Attributes:
        combination: Its number.
        parameters: The values, by path.
        trials: Its trials.
        value: The mean of the objective over all seeds; None unless all trials are done.
        estimate: The mean with its 95 % interval (Student's t over the seeds); None of less than two seeds.
        sd: The standard deviation over the seeds (ddof 1); None of less than two seeds.
    """

    combination: int
    parameters: Mapping[str, Any]
    trials: Sequence[Trial]
    value: float | None
    estimate: MeanEstimate | None
    sd: float | None

    @property
    def trial_numbers(self) -> str:
        """The numbers of its trials: `3`, or `3-5`."""
        first, last = self.trials[0].number, self.trials[-1].number
        return f"{first}" if len(self.trials) == 1 else f"{first}-{last}"


def objective(trials: Sequence[Trial], choose_by: str | None, mode: str) -> Objective | None:
    """Return the score by which the combinations of a sweep are compared; None as long as no trial is done.

    Args:
        trials: All trials.
        choose_by: The score's path, from the config.
        mode: `min`, `max`, or `auto`.

    Raises:
        RunError: No trial has the score, or its better side is not known.
    """
    scores = next((one.scores for one in trials if one.status == "done" and one.scores), None)
    if scores is None:
        return None
    if choose_by is None:
        path = next((path for path in _headline_paths(_CHOOSING_PARTS) if score_at(scores, path) is not None), None)
        if path is None:
            text = "no trial has scores of a validation part by which one could be chosen"
            raise RunError(text, "add `validation: 0.1` to the split, or --choose-by test.error_percent")
    elif score_at(scores, choose_by) is None:
        raise RunError(f"no trial has the score '{choose_by}'", f"the scores are: {', '.join(score_paths(scores))}")
    else:
        path = choose_by
    better = {"min": "smaller", "max": "larger"}.get(mode) or figure_of(path.rsplit(".", 1)[-1]).better
    if better is None:
        raise RunError(f"whether a larger '{path}' is better does not follow from its name", "write sweep.mode: max")
    return Objective(path, better == "smaller")


def reported(trial_scores: Mapping[str, Any]) -> str | None:
    """Return the path of the score that is reported of the best combination; None if there is no such part."""
    return next((path for path in _headline_paths(_REPORTED_PARTS) if score_at(trial_scores, path) is not None), None)


def groups(trials: Sequence[Trial], goal: Objective | None) -> list[Group]:
    """Return the combinations of a sweep: the best first, then those that have no score yet or none at all."""
    by_combination: dict[int, list[Trial]] = {}
    for trial in trials:
        by_combination.setdefault(trial.combination, []).append(trial)
    found = [_group(number, members, goal) for number, members in by_combination.items()]
    if goal is None:
        return found
    # Of equals, the first combination is the best one: whatever ends first, the order is the same.
    return sorted(found, key=lambda one: (one.value is None, goal.key(one.value or 0.0), one.combination))


def summarize(values: Sequence[float], path: str) -> tuple[float, MeanEstimate | None, float | None]:
    """Return the mean of a score over seeds, its 95 % interval and its standard deviation (ddof 1)."""
    from statistics import fmean, stdev

    if len(values) < 2:
        return fmean(values), None, None
    # The seeds are independent of each other: no share of rows in common, as folds have.
    return fmean(values), corrected_mean(values, 0.0, figure_of(path.rsplit(".", 1)[-1])), stdev(values)


def score_paths(scores: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the paths of all numbers in `scores.json`."""
    found = []
    for name, value in scores.items():
        path = f"{before}{name}"
        if isinstance(value, dict):
            found += score_paths(value, f"{path}.")
        elif is_number(value):
            found.append(path)
    return found


def _headline_paths(parts: Sequence[str]) -> list[str]:
    return [f"{part}.{name}" for part in parts for name in HEADLINES]


def _group(number: int, trials: Sequence[Trial], goal: Objective | None) -> Group:
    values = [goal.value(trial) for trial in trials] if goal is not None else []
    known = [value for value in values if value is not None]
    if goal is None or not known or len(known) < len(trials):
        return Group(number, trials[0].parameters, trials, None, None, None)
    return Group(number, trials[0].parameters, trials, *summarize(known, goal.path))

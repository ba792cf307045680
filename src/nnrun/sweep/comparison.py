"""Compare two combinations of sweeps, each a group of trainings that differ in their seeds."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.formatting import format_count
from nnrun.runs.compare import Comparison, conclude
from nnrun.sweep.differences import SeedDifference, difference_over_seeds, scores_by_seed
from nnrun.sweep.folder import find_sweep
from nnrun.sweep.result import read_sweep
from nnrun.sweep.study import Objective, score_paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.sweep.result import SweepResult
    from nnrun.sweep.study import Group

#: A combination as a user writes it: a sweep, and the number that `nnrun sweep show` has.
_COMBINATION = re.compile(r"(?P<sweep>.+):(?P<number>\d+)")


@dataclass(frozen=True)
class NamedGroup:
    """A combination of a sweep that a user has named.

    Attributes:
        name: The sweep's id and the combination's number.
        group: Its trials.
        result: Its sweep.
    """

    name: str
    group: Group
    result: SweepResult


@dataclass(frozen=True)
class GroupComparison(Comparison):
    """The difference of two combinations.

    Attributes:
        over_seeds: The same, with the number of seeds that would show it.
    """

    over_seeds: SeedDifference | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        own = asdict(self)
        own.pop("over_seeds")
        found = {"said" if name == "conclusion" else name: value for name, value in own.items() if name != "part"}
        return {**found, "seeds": None if self.over_seeds is None else self.over_seeds.as_json()}


def names_group(word: str) -> bool:
    """Return whether a word has the form of a combination: `SWEEP:3`."""
    return _COMBINATION.fullmatch(word) is not None


def find_group(runs_dir: Path, word: str) -> NamedGroup:
    """Find a combination by its sweep and its number.

    Args:
        runs_dir: The folder of runs.
        word: The sweep as for `find_sweep`, a colon, and the number.

    Raises:
        RunError: There is no such sweep, or it has no such combination.
    """
    match = _COMBINATION.fullmatch(word)
    if match is None:
        text = f"'{word}' names no combination of a sweep, as the other one does"
        raise RunError(text, "compare two runs, or two combinations: nnrun compare SWEEP:3 SWEEP:7")
    result = read_sweep(find_sweep(runs_dir, match["sweep"]))
    number = int(match["number"])
    group = next((one for one in result.groups if one.combination == number), None)
    if group is None:
        last = max(one.combination for one in result.groups)
        text = f"sweep {result.folder.id} has no combination {number}: they are numbered from 0 to {last}"
        raise RunError(text, f"nnrun sweep show {match['sweep']}")
    return NamedGroup(f"{result.folder.id}:{number}", group, result)


def compare_groups(first: NamedGroup, second: NamedGroup, metric: str | None) -> GroupComparison:
    """Compare two combinations, in pairs of trainings of the same seed where two seeds or more are in both.

    Args:
        first: A combination.
        second: Another one, of the same sweep or not.
        metric: The score, as a path in `scores.json` or by its name in the part that chooses; default: the score that
            the first sweep is chosen by.

    Raises:
        RunError: They have no such score, or less than two seeds.
    """
    goal = _goal(first, metric)
    one, other = (_scores(named, goal) for named in (first, second))
    found = difference_over_seeds(one, other)
    if found is None:
        few = first if len(one) < 2 else second
        text = f"{few.name} has {format_count(min(len(one), len(other)), 'seed')}, so nothing says how much is luck"
        raise RunError(text, "train it with more: nnrun sweep CONFIG --seeds 5")
    each = [
        {
            "seed": seed,
            "first": one.get(seed),
            "second": other.get(seed),
            "difference": other[seed] - one[seed] if seed in one and seed in other else None,
        }
        for seed in sorted({**one, **other})
    ]
    means = (sum(one.values()) / len(one), sum(other.values()) / len(other))
    name = goal.path.rpartition(".")[2]
    conclusion = f"{conclude(name, found.difference, found.p, 'combination')} {found.describe_power()}"
    return GroupComparison(
        first.name,
        second.name,
        goal.path,
        found.test,
        found.p,
        means,
        found.difference,
        found.interval_95,
        each,
        conclusion,
        over_seeds=found,
    )


def _goal(named: NamedGroup, metric: str | None) -> Objective:
    goal = named.result.objective
    if goal is None:
        hint = f"nnrun sweep --resume {named.result.folder.path}"
        raise RunError(f"no trial of sweep {named.result.folder.id} is done", hint)
    if metric is None:
        return goal
    part = goal.path.rpartition(".")[0]
    return Objective(metric if "." in metric else f"{part}.{metric}", goal.is_smaller_better)


def _scores(named: NamedGroup, goal: Objective) -> Mapping[int, float]:
    """Return the score of each seed that is done.

    Raises:
        RunError: No seed has such a score.
    """
    found = scores_by_seed(named.group, goal)
    if not found:
        known = next((one.scores for one in named.group.trials if one.scores), None)
        text = f"no trial of {named.name} has a finite score '{goal.path}'"
        hint = (
            "nnrun sweep show says how they ended" if known is None else f"there are: {', '.join(score_paths(known))}"
        )
        raise RunError(text, hint)
    return found

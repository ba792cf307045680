"""Whether two combinations differ by more than their seeds do, and whether the best one is better than all others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import count
from math import comb, isnan, ldexp, sqrt
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count
from nnrun.runs.power import MOST_REPEATS, POWER, repeats_needed
from nnrun.runs.statistics import CONFIDENCE, t_quantile, two_sided_p

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.sweep.study import Group, Objective

PAIRED = "paired t-test over the seeds (Student 1908)"
UNPAIRED = "t-test of two groups of seeds (Welch 1947)"
#: Where all differences of pairs, or all scores within both groups, are the same, Student's test would take a few seeds
#: for certain: it knows no chance. Errors are whole numbers of rows, so that this happens.
SIGNS = "exact test of the signs over the seeds, as all differences are the same (Fisher 1935)"
ORDERS = "exact test of the orders of two groups of seeds, as all of a group are the same (Fisher 1935)"
#: Scores that differ by less than this share of their size are the same ones but for rounding.
_ROUNDING = 1e-9
#: The claim that the best combination is better than every other one: for a wrong claim, one of the k - 1 others must
#: be truly better than the one that is claimed and yet lose a one-sided test against it, so that k - 1 tests at level
#: alpha / (k - 1) keep alpha, although the best was chosen by the same scores.
BEST_OF_ALL = "one-sided paired t-tests against each other combination, Bonferroni (Hsu 1984, Annals of Statistics 12)"


@dataclass(frozen=True)
class SeedDifference:
    """The difference of a score between two groups of seeds: the second mean minus the first.

    Attributes:
        test: The test's name.
        seeds: How many seeds each group has; of pairs, how many both have.
        difference: The difference.
        interval_95: Its 95 % interval.
        p: The two-sided p value of the hypothesis that the means are equal.
        seeds_needed: How many seeds of each group would show this difference, were it the true one, with 80 % power at
            5 %; None if it is 0, or so small that 10,000 would not do. Of differences that are all the same, as many as
            the exact test needs.
    """

    test: str
    seeds: int
    difference: float
    interval_95: tuple[float, float]
    p: float
    seeds_needed: int | None

    @property
    def more_seeds(self) -> int | None:
        """How many more seeds would show the difference; 0 if as many are there."""
        return None if self.seeds_needed is None else max(0, self.seeds_needed - self.seeds)

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {**asdict(self), "more_seeds": self.more_seeds, "power": POWER}

    def describe_power(self) -> str:
        """Return how many more seeds would show the difference, as a sentence."""
        with_power = f"with {100 * POWER:.0f} % power at 5 %"
        if self.difference == 0:
            return "The means are equal: no number of seeds would show a difference."
        if self.seeds_needed is None:
            return f"More than {MOST_REPEATS:,} seeds would be needed to show this difference {with_power}."
        if not self.more_seeds:
            each = format_count(self.seeds_needed, "seed")
            return f"{each} of each would do to show such a difference {with_power}; {self.seeds} are there."
        more = format_count(self.more_seeds, "more seed")
        return f"{more} of each would show this difference {with_power}, were it the true one."


def difference_over_seeds(first: Mapping[int, float], second: Mapping[int, float]) -> SeedDifference | None:
    """Compare a score of two groups of trainings.

    Two trainings of one seed share their split and their order of rows, so they are compared in pairs where two seeds
    or more are in both groups, and other seeds are left out: what a seed does to both says nothing of their difference.

    Args:
        first: The score of each seed.
        second: The same of the other group.

    Returns:
        The difference; None if a group has less than two seeds, or a value that is not finite.
    """
    if min(len(first), len(second)) < 2 or any(isnan(one) for one in (*first.values(), *second.values())):
        return None
    gaps = [second[seed] - first[seed] for seed in first if seed in second]
    size = max(map(abs, (*first.values(), *second.values())))
    if len(gaps) > 1:
        test, seeds, mean, spread = PAIRED, len(gaps), fmean(gaps), sqrt(variance(gaps))
        error, degrees = spread / sqrt(seeds), float(seeds - 1)
    else:
        shares = [variance(group.values()) / len(group) for group in (first, second)]
        test, seeds, mean = UNPAIRED, min(len(first), len(second)), fmean(second.values()) - fmean(first.values())
        spread = sqrt((variance(first.values()) + variance(second.values())) / 2)
        error = sqrt(sum(shares))
        parts = sum(share**2 / (len(group) - 1) for share, group in zip(shares, (first, second), strict=True))
        degrees = sum(shares) ** 2 / parts if parts else float(len(first) + len(second) - 2)
    if spread <= _ROUNDING * size:
        return _without_spread(mean if abs(mean) > _ROUNDING * size else 0.0, len(first), len(second), len(gaps))
    reach = t_quantile(CONFIDENCE, degrees) * error
    needed = repeats_needed(mean, spread, paired=test == PAIRED)
    return SeedDifference(test, seeds, mean, (mean - reach, mean + reach), two_sided_p(mean / error, degrees), needed)


def _without_spread(mean: float, first: int, second: int, pairs: int) -> SeedDifference:
    """Return the difference of two groups of seeds of which Student's test cannot tell how much is chance.

    Args:
        mean: The difference; exactly 0 for none.
        first: The number of seeds of the first group.
        second: That of the second one.
        pairs: The number of seeds in both.
    """
    if pairs > 1:
        test, seeds, p, needed = SIGNS, pairs, _p_of_signs(pairs), _fewest(_p_of_signs)
    else:
        p = 2 / comb(first + second, first)
        test, seeds, needed = ORDERS, min(first, second), _fewest(lambda each: 2 / comb(2 * each, each))
    return SeedDifference(test, seeds, mean, (mean, mean), p if mean else 1.0, needed if mean else None)


def _p_of_signs(pairs: int) -> float:
    """Return the two-sided p value of differences that all have one sign."""
    return ldexp(2.0, -pairs)


def _fewest(p_of: Callable[[int], float]) -> int:
    """Return of how many seeds the p value is small enough."""
    return next(each for each in count(2) if p_of(each) <= 1 - CONFIDENCE)


@dataclass(frozen=True)
class Lead:
    """How far the best combination is ahead of the others.

    Attributes:
        second: The second best.
        difference: Its score minus that of the best one.
        p: The p value of the claim that the best is better than every other one, corrected for their number; the second
            need not be the one that is hardest to tell from it.
        equals: The combinations that cannot be distinguished from the best one, by their numbers.
    """

    second: Group
    difference: SeedDifference
    p: float
    equals: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "combination": self.second.combination,
            **self.difference.as_json(),
            "p_best": self.p,
            "p_best_by": BEST_OF_ALL,
            "not_worse": list(self.equals),
        }


def scores_by_seed(group: Group, goal: Objective) -> dict[int, float]:
    """Return the score of each seed of a combination; those that have none are left out."""
    found = {trial.seed: goal.value(trial) for trial in group.trials}
    return {seed: value for seed, value in found.items() if value is not None}


def find_lead(groups: Sequence[Group], goal: Objective) -> Lead | None:
    """Compare the best combination with all others that have a score.

    Args:
        groups: The combinations, the best first.
        goal: The score by which they are compared.

    Returns:
        The comparison; None if there is no other one, or less than two seeds.
    """
    scored = [group for group in groups if group.value is not None]
    if len(scored) < 2:
        return None
    best = scores_by_seed(scored[0], goal)
    difference = difference_over_seeds(best, scores_by_seed(scored[1], goal))
    if difference is None:
        return None
    others, equals, worst = len(scored) - 1, [], 0.0
    for group in scored[1:]:
        gaps = [
            goal.key(value) - goal.key(best[seed])
            for seed, value in scores_by_seed(group, goal).items()
            if seed in best
        ]
        p = min(1.0, others * _p_that_larger(gaps, max(map(abs, best.values()))))
        worst = max(worst, p)
        if p >= 1 - CONFIDENCE:
            equals.append(group.combination)
    return Lead(scored[1], difference, worst, tuple(equals))


def _p_that_larger(gaps: Sequence[float], size: float) -> float:
    """Return the one-sided p value of some differences, for a mean above 0."""
    if len(gaps) < 2:
        return 1.0
    mean, spread = fmean(gaps), sqrt(variance(gaps))
    if spread <= _ROUNDING * size:
        return _p_of_signs(len(gaps)) / 2 if mean > _ROUNDING * size else 1.0
    p = two_sided_p(mean / (spread / sqrt(len(gaps))), len(gaps) - 1) / 2
    return p if mean > 0 else 1 - p

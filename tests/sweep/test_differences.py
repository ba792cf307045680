"""Whether combinations differ by more than their seeds do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.sweep.differences import ORDERS, PAIRED, SIGNS, UNPAIRED, difference_over_seeds, find_lead
from nnrun.sweep.ledger import Trial
from nnrun.sweep.study import groups, objective

SCORES = some.lists(some.floats(-5, 5).map(lambda one: round(one, 3)), min_size=3, max_size=8)


@settings(max_examples=40, deadline=None)
@given(SCORES, some.data())
def test_pairs_and_groups_are_tested_as_scipy_does(first: list[float], data: some.DataObject) -> None:
    """Pairs where the seeds are the same, two groups where they are not."""
    stats = pytest.importorskip("scipy.stats")
    second = data.draw(
        some.lists(some.floats(6, 15).map(lambda one: round(one, 3)), min_size=len(first), max_size=len(first))
    )
    if min(np.std(np.subtract(second, first)), np.std(first), np.std(second)) < 1e-6:
        return
    paired = difference_over_seeds(dict(enumerate(first)), dict(enumerate(second)))
    other = difference_over_seeds(dict(enumerate(first)), dict(enumerate(second, 100)))
    assert paired is not None
    assert other is not None
    assert (paired.test, other.test) == (PAIRED, UNPAIRED)
    found = stats.ttest_rel(second, first)
    assert paired.p == pytest.approx(found.pvalue, rel=1e-6, abs=1e-12)
    assert paired.interval_95 == pytest.approx(tuple(found.confidence_interval()), rel=1e-6)
    welch = stats.ttest_ind(second, first, equal_var=False)
    assert other.p == pytest.approx(welch.pvalue, rel=1e-6, abs=1e-12)
    assert other.interval_95 == pytest.approx(tuple(welch.confidence_interval()), rel=1e-6)


def test_pairs_need_fewer_seeds_where_a_seed_does_the_same_to_both() -> None:
    """The luck of a seed that both share does not count."""
    first = {seed: float(luck) for seed, luck in enumerate([10, 20, 30, 40])}
    second = {seed: luck + 1 + 0.1 * (-1) ** seed for seed, luck in first.items()}
    paired = difference_over_seeds(first, second)
    other = difference_over_seeds(first, {seed + 100: value for seed, value in second.items()})
    assert paired is not None
    assert other is not None
    assert (paired.seeds_needed, paired.more_seeds) == (3, 0)
    assert other.seeds_needed is not None
    assert other.seeds_needed > 1000
    assert f"{other.seeds_needed - 4:,} more seeds of each" in other.describe_power()


def test_seeds_of_one_group_alone_are_left_out_of_pairs() -> None:
    """Two seeds in common make pairs."""
    found = difference_over_seeds({1: 0.0, 2: 1.0, 3: 9.0}, {1: 1.0, 2: 3.0})
    assert found is not None
    assert (found.test, found.seeds, found.difference) == (PAIRED, 2, 1.5)
    assert difference_over_seeds({1: 0.0}, {1: 1.0}) is None


def test_equal_means_need_no_number_of_seeds() -> None:
    """The sentence says so."""
    found = difference_over_seeds({1: 0.0, 2: 1.0}, {1: 1.0, 2: 0.0})
    assert found is not None
    assert (found.p, found.seeds_needed) == (1.0, None)
    assert found.describe_power().startswith("The means are equal")


def test_a_wrong_claim_to_be_the_best_is_rare() -> None:
    """Of equal combinations one is claimed to be better in less than 5 % of sweeps; plain tests claim it more often."""
    random, claims, excluded, plain = np.random.default_rng(3), 0, 0, 0
    for _ in range(120):
        scores = random.normal(size=(8, 4))
        trials = [
            Trial(4 * row + seed, row, seed, {}, "done", scores={"validation": {"own": float(scores[row, seed])}})
            for row in range(8)
            for seed in range(4)
        ]
        goal = objective(trials, "validation.own", "min")
        assert goal is not None
        ordered = groups(trials, goal)
        lead = find_lead(ordered, goal)
        assert lead is not None
        claims += not lead.equals
        if (best := ordered[0].combination) != 0:
            excluded += 0 not in lead.equals
            against = difference_over_seeds(dict(enumerate(scores[best])), dict(enumerate(scores[0])))
            assert against is not None
            plain += against.p / 2 < 0.05
    assert claims <= 6
    assert excluded <= 6
    assert plain > 2 * excluded


def test_a_combination_that_is_far_ahead_is_told_from_all_others() -> None:
    """And one that is alike is named."""
    values = {0: [1.0, 2.0, 3.0, 4.0], 1: [1.1, 2.0, 3.1, 4.0], 2: [51.0, 52.5, 53.0, 54.5]}
    trials = [
        Trial(10 * number + seed, number, seed, {}, "done", scores={"validation": {"own": value}})
        for number, row in values.items()
        for seed, value in enumerate(row)
    ]
    goal = objective(trials, "validation.own", "min")
    assert goal is not None
    lead = find_lead(groups(trials, goal), goal)
    assert lead is not None
    assert (lead.second.combination, lead.equals) == (1, (1,))


@settings(max_examples=40, deadline=None)
@given(some.integers(2, 9), some.integers(2, 9), some.floats(0.1, 90), some.floats(0.1, 5))
def test_equal_differences_are_not_certain(pairs: int, others: int, before: float, gap: float) -> None:
    """Student's test knows no chance where all seeds differ by as much; exact tests go by how many seeds there are."""
    stats = pytest.importorskip("scipy.stats")
    first = {seed: before + seed / 3 for seed in range(pairs)}
    paired = difference_over_seeds(first, {seed: value + gap for seed, value in first.items()})
    assert paired is not None
    assert paired.test == SIGNS
    assert paired.p == pytest.approx(stats.binomtest(pairs, pairs).pvalue)
    alike = dict.fromkeys(range(pairs), before), dict.fromkeys(range(99, 99 + others), before + gap)
    apart = difference_over_seeds(*alike)
    assert apart is not None
    assert apart.test == ORDERS
    assert apart.p == pytest.approx(2 * stats.fisher_exact([[pairs, 0], [0, others]], "greater").pvalue)
    assert (paired.seeds_needed, apart.seeds_needed) == (6, 4)
    assert (paired.p < 0.05) == (paired.more_seeds == 0)


def test_the_best_is_better_than_all_only_if_none_is_like_it() -> None:
    """The p value is that of the combination that is hardest to tell from it, which need not be the second."""
    random, disagree = np.random.default_rng(5), 0
    for spread in (0.1, 0.4, 3.0):
        for _ in range(40):
            scores = random.normal(size=(4, 4)) * [[0.1], [0.1], [spread], [0.1]] + [[0.0], [1.0], [3.0], [1.5]]
            trials = [
                Trial(4 * row + seed, row, seed, {}, "done", scores={"validation": {"own": float(scores[row, seed])}})
                for row in range(4)
                for seed in range(4)
            ]
            goal = objective(trials, "validation.own", "min")
            assert goal is not None
            lead = find_lead(groups(trials, goal), goal)
            assert lead is not None
            assert (lead.p < 0.05) == (not lead.equals)
            disagree += lead.second.combination not in lead.equals and bool(lead.equals)
    assert disagree

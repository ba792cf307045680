"""Rounds: the next one is made when all trials of those before have ended, from the ledger alone, and once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.sweep.ledger import Ledger, Trial
from nnrun.sweep.optuna_study import Outcome, describe_pruner, describe_sampler
from nnrun.sweep.rounds import (
    CompletedRounds,
    advance,
    make_trials,
    next_trials,
    outcomes,
    require_suggestions,
    trials_left,
)
from nnrun.sweep.sqlite_ledger import SqliteLedger
from nnrun.sweep.study import Objective

SPACE: dict[str, Any] = {"a": {"low": 0.0, "high": 1.0}, "b": [8, 16, 32], "c": {"low": 1, "high": 9}}
MEDIAN = {"n_startup_trials": 1, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1}


def fields(method: str = "tpe", size: int = 2, total: int = 7, seeds: int = 1, **more: Any) -> dict[str, Any]:
    """Return what a ledger knows of a sweep with rounds."""
    return {
        "method": method,
        "choose_by": None,
        "mode": "auto",
        "parameters": SPACE,
        "seed": 7,
        "seeds": list(range(seeds)),
        "rounds": {"size": size, "combinations": total, "trials": total},
        **({"sampler": describe_sampler(method)} if method in ("tpe", "cmaes") else {}),
        **more,
    }


def begin(folder: Path, known: dict[str, Any]) -> Ledger:
    """Create a ledger with the first round."""
    return SqliteLedger.create(folder / "ledger.sqlite", known, next_trials(known, []))


def train(ledger: Ledger, trial: Trial) -> None:
    """End a trial as its values say: some fail, others have a loss."""
    if trial.parameters["b"] == 8:
        ledger.fail(trial, "diverged")
    else:
        ledger.finish(trial, {"validation": {"loss": trial.parameters["a"] + trial.seed}})


def run(ledger: Ledger, known: dict[str, Any], most: int = 1000) -> None:
    """Train up to a number of trials, as a process of a sweep does."""
    for _ in range(most):
        while (trial := ledger.claim()) is None:
            if advance(ledger, known) == "complete":
                return
        train(ledger, trial)


@pytest.mark.parametrize("method", ["tpe", "cmaes", "random", "qmc"])
def test_a_sweep_ends_with_all_its_trials(method: str, tmp_path: Path) -> None:
    """In rounds of two, the last of one; each combination has all seeds, and numbers without gaps."""
    known = fields(method, seeds=2)
    ledger = begin(tmp_path, known)
    assert [one.combination for one in ledger.trials()] == [0, 0, 1, 1]
    assert trials_left(known, ledger.counts()) == 14
    run(ledger, known)
    found = ledger.trials()
    assert [(one.number, one.combination, one.seed) for one in found] == [(n, n // 2, n % 2) for n in range(14)]
    assert trials_left(known, ledger.counts()) == 0
    assert advance(ledger, known) == "complete"


@settings(max_examples=5, deadline=None)
@given(some.sampled_from(["tpe", "cmaes"]), some.integers(1, 3), some.lists(some.integers(1, 4), max_size=4))
def test_a_sweep_that_is_stopped_anywhere_has_the_trials_of_one_that_is_not(
    tmp_path_factory: pytest.TempPathFactory, method: str, size: int, stops: list[int]
) -> None:
    """Whatever is trained between two kills, and whoever makes the next round."""
    known = fields(method, size)
    undisturbed = begin(tmp_path_factory.mktemp("undisturbed"), known)
    run(undisturbed, known)
    folder = tmp_path_factory.mktemp("killed")
    begin(folder, known)
    for most in (*stops, 1000):
        run(SqliteLedger(folder / "ledger.sqlite"), known, most)
    killed = SqliteLedger(folder / "ledger.sqlite")
    assert [(one.parameters, one.scores) for one in killed.trials()] == [
        (one.parameters, one.scores) for one in undisturbed.trials()
    ]


def test_a_round_waits_for_the_trials_of_the_one_before(tmp_path: Path) -> None:
    """Also for one that trains in another process."""
    known = fields()
    ledger = begin(tmp_path, known)
    first, second = ledger.claim(), ledger.claim()
    assert first is not None
    assert second is not None
    assert advance(ledger, known) == "running"
    train(ledger, first)
    assert advance(ledger, known) == "running"
    train(ledger, second)
    assert advance(ledger, known) == "added"
    assert ledger.counts()["waiting"] == 2


def test_of_two_processes_one_adds_a_round(tmp_path: Path) -> None:
    """The other one finds it there: nothing is suggested twice."""
    known = fields()
    ledger = begin(tmp_path, known)
    run(ledger, known, 2)
    trials = ledger.trials()
    made = next_trials(known, trials)
    assert [ledger.add(made, len(trials)), ledger.add(next_trials(known, trials), len(trials))] == [True, False]
    assert Counter(one.number for one in ledger.trials()) == Counter(range(4))


def test_a_sweep_without_rounds_has_all_its_trials(tmp_path: Path) -> None:
    """Also one that an earlier nnrun began, whose ledger knows nothing of rounds."""
    ledger = SqliteLedger.create(tmp_path / "ledger.sqlite", {}, make_trials(0, [{"a": 1}, {"a": 2}], [7, 8]))
    assert advance(ledger, {}) == "complete"
    assert trials_left({}, ledger.counts()) == 4


def test_a_metric_that_no_trial_has_is_told_after_the_first_round(tmp_path: Path) -> None:
    """With the scores that there are; no trial is lost."""
    known = fields(choose_by="validation.acuracy")
    ledger = begin(tmp_path, known)
    for _ in range(2):
        trial = ledger.claim()
        assert trial is not None
        ledger.finish(trial, {"validation": {"accuracy": 0.5}})
    with pytest.raises(RunError, match=r"no trial has the score 'validation\.acuracy'") as caught:
        advance(ledger, known)
    assert "validation.accuracy" in str(caught.value.hint)
    assert ledger.counts() == {"done": 2}


def test_of_several_seeds_optuna_is_told_the_mean() -> None:
    """A combination of which one seed failed has failed; a larger objective is told as a smaller one."""
    trials = [
        Trial(0, 0, 1, {"a": 1}, "done", scores={"validation": {"accuracy": 0.5}}),
        Trial(1, 0, 2, {"a": 1}, "done", scores={"validation": {"accuracy": 0.7}}),
        Trial(2, 1, 1, {"a": 2}, "done", scores={"validation": {"accuracy": 0.9}}),
        Trial(3, 1, 2, {"a": 2}, "failed", error="diverged"),
    ]
    found = outcomes(trials, Objective("validation.accuracy", is_smaller_better=False))
    assert found == [Outcome({"a": 1}, "done", pytest.approx(-0.6)), Outcome({"a": 2}, "failed")]


def test_of_a_pruned_combination_optuna_is_told_the_last_value() -> None:
    """Of several seeds, the mean after the epoch where the first was pruned."""
    trials = [
        Trial(0, 0, 1, {"a": 1}, "pruned", intermediate=[0.5, 0.6]),
        Trial(1, 0, 2, {"a": 1}, "done", scores={"validation": {"loss": 1.0}}, intermediate=[0.5, 0.8, 0.9]),
    ]
    pruning = {"monitor": "val_accuracy", "mode": "max"}
    goal = Objective("validation.loss", is_smaller_better=True)
    assert outcomes(trials, goal, pruning) == [Outcome({"a": 1}, "pruned", pytest.approx(-0.7), 2)]


def test_another_version_of_optuna_is_told() -> None:
    """Of the same major version it may suggest other values; what is in the ledger stays."""
    known = fields()
    assert require_suggestions(known) is None
    version = known["sampler"]["optuna"].split(".")[0] + ".99.0"
    warning = require_suggestions({**known, "sampler": {**known["sampler"], "optuna": version}})
    assert warning is not None
    assert f"the sweep began with Optuna {version}" in warning
    assert require_suggestions({}) is None


def rounds_of(folder: Path, known: dict[str, Any], *values: list[float] | None) -> CompletedRounds:
    """Return the rounds of a ledger whose trials had these values in their epochs, or failed."""
    trials = [Trial(number, number, 0, {}) for number in range(len(values))]
    ledger = SqliteLedger.create(folder / "rounds.sqlite", known, trials)
    for one in values:
        trial = ledger.claim()
        assert trial is not None
        if one is None:
            ledger.fail(trial, "diverged")
        else:
            ledger.finish(trial, {}, one)
    return CompletedRounds(known, ledger)


def test_a_trial_is_compared_with_those_of_earlier_rounds_alone(tmp_path: Path) -> None:
    """One of its own round may end before or after it, which must change nothing."""
    known = fields("random", pruning={**describe_pruner("median", MEDIAN), "monitor": "val_loss", "mode": "min"})
    rounds = rounds_of(tmp_path, known, [0.1, 0.1], None, [0.9], [0.9])
    assert not rounds.compare(1).is_pruned(1, 0.5)
    assert rounds.compare(2).is_pruned(1, 0.5)
    assert rounds.compare(3).is_pruned(1, 0.5)
    assert not rounds.compare(4).is_pruned(1, 0.45)
    assert rounds.compare(3).is_pruned(1, 0.45)


def test_a_larger_metric_can_be_the_better_one(tmp_path: Path) -> None:
    """Accuracy below the median of the others is pruned."""
    known = fields("random", pruning={**describe_pruner("median", MEDIAN), "monitor": "accuracy", "mode": "max"})
    rounds = rounds_of(tmp_path, known, [0.9, 0.9], [0.9, 0.9])
    assert rounds.compare(2).is_pruned(1, -0.5)
    assert not rounds.compare(2).is_pruned(1, -0.95)

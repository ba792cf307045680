"""Optuna's suggestions and pruning depend on the seed and on how earlier trials ended, and on nothing else."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.errors import MissingExtraError, RunError
from nnrun.spec.sweep import SweepSpec
from nnrun.sweep.optuna_study import (
    Outcome,
    PruningHistory,
    describe_pruner,
    describe_sampler,
    require_same_optuna,
    suggest,
)
from nnrun.sweep.space import Space

SPACE = Space.of(
    SweepSpec(
        parameters={
            "optimizer": ["Adam", {"SGD": {"nesterov": True}}],
            "optimizer.SGD.momentum": [0, 0.9],
            "optimizer.Adam.rate": {"low": 1e-4, "high": 0.1, "log": True},
            "batch": {"low": 8, "high": 64, "step": 8},
            "dropout": {"low": 0.0, "high": 0.5},
            "units": {"low": 1, "high": 100, "log": True},
            "decay": {"low": 0.1, "high": 0.5, "step": 0.1},
        }
    )
)
ENDINGS = some.tuples(some.sampled_from(["done", "done", "pruned", "failed"]), some.floats(-9, 9), some.integers(1, 9))


def ended(values: dict[str, Any], ending: tuple[Any, float, int]) -> Outcome:
    """Return how a combination ended."""
    status, value, epochs = ending
    return Outcome(values, status, None if status == "failed" else value, epochs if status == "pruned" else 0)


def sweep(method: str, seed: int, size: int, endings: list[Any]) -> list[Outcome]:
    """Ask for all rounds, the last of which may be shorter; each combination ends as it is given."""
    sampler, outcomes = describe_sampler(method), list[Outcome]()
    while len(outcomes) < len(endings):
        count = min(size, len(endings) - len(outcomes))
        found = suggest(SPACE, sampler, seed, size, outcomes, count)
        outcomes += [ended(values, endings[len(outcomes) + index]) for index, values in enumerate(found)]
    return outcomes


@settings(max_examples=6, deadline=None)
@given(some.sampled_from(["tpe", "cmaes"]), some.integers(0, 2**32 - 1), some.integers(1, 4), some.data())
def test_what_is_suggested_after_a_kill_is_what_was_suggested_before(
    method: str, seed: int, size: int, data: some.DataObject
) -> None:
    """Each round is made from the ledger alone: whoever makes it, and however often, it is the same one."""
    endings = data.draw(some.lists(ENDINGS, min_size=12, max_size=16))
    outcomes = sweep(method, seed, size, endings)
    sampler = describe_sampler(method)
    for start in range(0, len(outcomes), size):
        asked = outcomes[start : start + size]
        again = suggest(SPACE, sampler, seed, size, outcomes[:start], len(asked))
        assert again == [one.values for one in asked]


@pytest.mark.parametrize("method", ["tpe", "cmaes"])
def test_values_lie_in_the_space_and_exist_where_others_lead_to_them(method: str) -> None:
    """Choices are those of the config, whole numbers are whole, and steps are written as a user would."""
    for outcome in sweep(method, 7, 3, [("done", float(number % 7), 1) for number in range(24)]):
        values = outcome.values
        is_adam = values["optimizer"] == "Adam"
        assert ("optimizer.Adam.rate" in values, "optimizer.SGD.momentum" in values) == (is_adam, not is_adam)
        assert is_adam or values["optimizer"] == {"SGD": {"nesterov": True}}
        assert values["batch"] in range(8, 65, 8)
        assert values["decay"] in (0.1, 0.2, 0.3, 0.4, 0.5)
        assert isinstance(values["units"], int)
        assert 1 <= values["units"] <= 100
        assert 0 <= values["dropout"] <= 0.5


@pytest.mark.parametrize("method", ["tpe", "cmaes"])
def test_suggestions_learn_from_how_trials_ended(method: str) -> None:
    """Of thirty, the later ones are better than the earlier ones, for a smaller objective; in the mean of seeds."""
    sampler, earlier, later = describe_sampler(method), 0.0, 0.0
    for seed in range(6):
        outcomes = list[Outcome]()
        for _ in range(30):
            (values,) = suggest(SPACE, sampler, seed, 1, outcomes, 1)
            outcomes.append(Outcome(values, "done", abs(values["dropout"] - 0.2) + abs(values["decay"] - 0.3)))
        found = [one.value or 0.0 for one in outcomes]
        earlier, later = earlier + sum(found[:10]), later + sum(found[-10:])
    # Measured: TPE .47, CMA-ES .59, a single seed up to .99.
    assert later < 0.75 * earlier


def test_rounds_and_seeds_make_other_suggestions() -> None:
    """A round of three has three different combinations, which another seed does not have."""
    sampler = describe_sampler("tpe")
    three = suggest(SPACE, sampler, 7, 3, [], 3)
    assert three[0] != three[1] != three[2]
    assert suggest(SPACE, sampler, 8, 3, [], 3) != three


def test_the_sampler_is_stated_with_all_its_arguments() -> None:
    """The defaults of Optuna 4 and 5 differ: the ledger has the arguments and the version."""
    import optuna

    for method, expected in (("tpe", optuna.samplers.TPESampler), ("cmaes", optuna.samplers.CmaEsSampler)):
        described = describe_sampler(method)
        assert (described["name"], described["optuna"]) == (expected.__name__, optuna.__version__)
    assert describe_sampler("tpe")["arguments"]["multivariate"] is True
    assert describe_pruner("median", {"n_startup_trials": 3})["name"] == "MedianPruner"


def test_another_major_version_is_refused() -> None:
    """It would make other suggestions; the message says which version to install."""
    import optuna

    described = describe_sampler("tpe")
    assert require_same_optuna(described) is optuna
    with pytest.raises(RunError, match=r"began with Optuna 3\.6\.1") as caught:
        require_same_optuna({**described, "optuna": "3.6.1"})
    assert caught.value.hint == "pip install 'optuna==3.6.1', or begin another sweep"


def test_cma_es_that_suggests_something_else_is_refused() -> None:
    """Its state is made from suggestions that are repeated, and these must be those of the ledger."""
    sampler = describe_sampler("cmaes")
    (values,) = suggest(SPACE, sampler, 7, 1, [], 1)
    with pytest.raises(RunError, match="Optuna now suggests"):
        suggest(SPACE, sampler, 7, 1, [Outcome({**values, "batch": 16 if values["batch"] == 8 else 8}, "done", 1.0)], 1)


@pytest.mark.parametrize(("method", "missing"), [("tpe", "optuna"), ("cmaes", "cmaes")])
def test_a_missing_package_names_the_extra(method: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CMA-ES needs a package more than Optuna."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as caught:
        describe_sampler(method)
    assert (str(caught.value), caught.value.hint) == (
        f"sweep.method: {method} needs the extra 'sweep', which is not installed.",
        "pip install 'nnrun[sweep]'",
    )


def pruned_after(pruner: dict[str, Any], earlier: list[Any], values: list[float]) -> int | None:
    """Return the epoch after which a trial is pruned; None if it is not."""
    history = PruningHistory(pruner)
    history.add(earlier)
    comparison = history.compare(0)
    return next((at for at, value in enumerate(values, start=1) if comparison.is_pruned(at, value)), None)


def test_the_median_prunes_what_is_worse_than_half_of_the_trials_that_are_done() -> None:
    """From the first epoch on, once there are enough trials; one that was pruned itself is not counted."""
    pruner = describe_pruner(
        "median", {"n_startup_trials": 3, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1}
    )
    done: list[Any] = [([0.5, 0.4, 0.3], True), ([0.6, 0.5, 0.2], True), ([0.7, 0.6, 0.1], True)]
    assert pruned_after(pruner, done, [0.65, 0.4, 0.3]) == 1
    assert pruned_after(pruner, done, [0.55, 0.45, 0.3]) == 3
    assert pruned_after(pruner, done, [0.55, 0.45, 0.1]) is None
    assert pruned_after(pruner, [*done[:2], ([0.9], False), None], [9.0, 9.0]) is None


def test_hyperband_prunes_all_but_the_best_at_each_rung() -> None:
    """At 1 and 3 epochs, with a factor of 3, only the best third of the trials that came there goes on."""
    pruner = describe_pruner(
        "hyperband", {"min_resource": 1, "max_resource": 3, "reduction_factor": 3, "bootstrap_count": 0}
    )
    earlier: list[Any] = [([value, value, value], True) for value in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)] * 4
    found = {value: pruned_after(pruner, earlier, [value] * 3) for value in (0.05, 0.95)}
    assert found[0.05] is None
    assert found[0.95] in (1, 3)


@settings(max_examples=15, deadline=None)
@given(
    some.sampled_from(["median", "hyperband"]),
    some.lists(some.none() | some.tuples(some.lists(some.floats(0, 1), min_size=1, max_size=5), some.booleans())),
    some.lists(some.floats(0, 1), min_size=5, max_size=5),
)
def test_a_trial_is_pruned_after_the_same_epoch_whoever_decides(
    method: str, earlier: list[Any], values: list[float]
) -> None:
    """A trial that goes on after a kill repeats its decisions from the values of its epochs."""
    arguments = {
        "median": {"n_startup_trials": 1, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1},
        "hyperband": {"min_resource": 1, "max_resource": 5, "reduction_factor": 2, "bootstrap_count": 0},
    }
    pruner = describe_pruner(method, arguments[method])
    assert pruned_after(pruner, earlier, values) == pruned_after(pruner, earlier, values)


def test_optuna_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """It says nothing of its own: neither new studies nor experimental arguments."""
    suggest(SPACE, describe_sampler("tpe"), 7, 2, [Outcome({"batch": 8}, "done", 1.0)], 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"x": [1, 2, 3], "y": ["a", "b", {"c": 1}], "x.z": [1]}, 9),
        ({"o": ["Adam", "SGD"], "o.SGD.momentum": [0, 0.5, 0.9], "n": {"low": 1, "high": 3}}, 12),
    ],
)
def test_tpe_tries_no_combination_twice(parameters: dict[str, Any], count: int, size: int) -> None:
    """Also where it has tried all that there are, and the good ones attract it; asked again, it suggests the same."""
    space, sampler, outcomes = Space.of(SweepSpec(parameters=parameters)), describe_sampler("tpe"), list[Outcome]()
    assert space.size == count
    while len(outcomes) < count:
        wanted = min(size, count - len(outcomes))
        found = suggest(space, sampler, 7, size, outcomes, wanted)
        assert found == suggest(space, sampler, 7, size, outcomes, wanted)
        # The first values are the best ones by far.
        outcomes += [Outcome(values, "done", float(next(iter(values.values())) not in (1, "Adam"))) for values in found]
    assert len({repr(one.values) for one in outcomes}) == count


def test_a_space_without_other_combinations_is_tried_again() -> None:
    """The whole numbers of a logarithmic range are not counted before: more trials than numbers repeat some."""
    space = Space.of(SweepSpec(parameters={"x": {"low": 1, "high": 3, "log": True}}))
    assert space.size is None
    found = suggest(space, describe_sampler("tpe"), 7, 5, [], 5)
    assert {one["x"] for one in found} == {1, 2, 3}


def test_a_history_decides_as_one_that_is_made_for_each_trial() -> None:
    """Of trials that are added round by round, and compared with in between, all have the same effect."""
    pruner = describe_pruner("hyperband", {"min_resource": 1, "max_resource": 9, "reduction_factor": 3})
    chance = random.Random(7)  # noqa: S311
    trials: list[Any] = [([chance.random() for _ in range(9)], True) if at % 5 else None for at in range(40)]
    history, kept = PruningHistory(pruner), []
    for completed in range(0, 40, 8):
        for between in range(3):
            comparison = history.compare(between)
            kept.append([comparison.is_pruned(epoch, 0.6) for epoch in range(1, 10)])
            fresh = PruningHistory(pruner)
            fresh.add([*trials[:completed], *[None] * between])
            comparison = fresh.compare(0)
            assert kept[-1] == [comparison.is_pruned(epoch, 0.6) for epoch in range(1, 10)]
        history.add(trials[completed : completed + 8])
    assert any(map(any, kept))

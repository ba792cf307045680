"""The combinations of a sweep: a grid has all of them, and those drawn by chance depend on the seed alone."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.spec.sweep import RangeSpec, SweepSpec, takes
from nnrun.sweep.space import MOST_TRIALS, Space, as_options

LISTS = some.dictionaries(
    some.sampled_from(["a.b", "c", "d.0.E", "f.g"]),
    some.lists(some.integers() | some.text(max_size=3), min_size=1, max_size=4, unique=True),
    min_size=1,
)


def space(parameters: dict[str, object], **more: object) -> tuple[Space, SweepSpec]:
    """Return the space of a section and the section."""
    sweep = SweepSpec(parameters=parameters, **more)  # type: ignore[arg-type]
    return Space.of(sweep), sweep


@given(LISTS)
def test_a_grid_has_every_combination_once_in_the_order_of_the_config(parameters: dict[str, list[object]]) -> None:
    """The last parameter varies fastest."""
    made, sweep = space(parameters)
    found = made.combinations(sweep, seed=7)
    assert [list(one.values()) for one in found] == [list(one) for one in product(*parameters.values())]
    assert all(list(one) == list(parameters) for one in found)
    assert made.size == len(found)


@given(LISTS, some.data())
def test_chance_takes_none_twice_where_values_can_be_listed(
    parameters: dict[str, list[object]], data: some.DataObject
) -> None:
    """As many different combinations as asked for, all of the grid, the same ones for the same seed."""
    size = math.prod(map(len, parameters.values()))
    made, sweep = space(parameters, method="random", trials=data.draw(some.integers(1, size)))
    found = made.combinations(sweep, seed=3)
    assert found == made.combinations(sweep, seed=3)
    assert len({repr(one) for one in found}) == sweep.trials
    grid = Space.of(SweepSpec(parameters=parameters)).combinations(SweepSpec(parameters=parameters), 0)
    assert all(one in grid for one in found)


@given(some.floats(1e-6, 1e3), some.floats(1.001, 1e4), some.booleans(), some.integers(0, 2**32 - 1))
def test_numbers_of_a_range_lie_within_it(low: float, factor: float, log: bool, seed: int) -> None:
    """Also those drawn by their logarithm; the seventh of ten is the seventh of twenty."""
    made, sweep = space({"x": {"low": low, "high": low * factor, "log": log}}, method="random", trials=20)
    found = made.combinations(sweep, seed)
    assert all(low <= one["x"] <= low * factor * (1 + 1e-12) for one in found)
    assert made.combinations(SweepSpec(parameters={}, method="random", trials=10), seed) == found[:10]


@given(some.integers(1, 50), some.integers(1, 500), some.integers(1, 9), some.booleans())
def test_ranges_of_whole_numbers_have_whole_numbers(low: int, more: int, step: int, log: bool) -> None:
    """From the first to the last one; a logarithmic range too."""
    domain = {"low": low, "high": low + more, **({"log": True} if log else {"step": min(step, more)})}
    made, sweep = space({"x": domain, "y": {"low": 0.5, "high": 1.5}}, method="random", trials=30)
    assert all(isinstance(one["x"], int) and low <= one["x"] <= low + more for one in made.combinations(sweep, seed=1))


def test_steps_of_a_range_are_written_as_a_user_would() -> None:
    """0.3, not 0.30000000000000004; the last value is there where a step reaches it."""
    assert RangeSpec(low=0.1, high=0.5, step=0.1).values == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert list(RangeSpec(low=8, high=64, step=16).values or ()) == [8, 24, 40, 56]
    assert RangeSpec(low=0.0, high=1.0).values is None


@pytest.mark.parametrize(
    ("parameters", "more", "text"),
    [
        ({"x": {"low": 0.0, "high": 1.0}}, {}, "'x' is a range without a step"),
        ({name: list(range(10)) for name in "abcdefghi"}, {}, "at most 100,000 combinations, received 1,000,000,000"),
        ({"x": [1, 2]}, {"method": "random", "trials": 3}, "the space has 2 combinations, and 3 trials"),
        (
            {"x": {"low": 0.0, "high": 1.0}},
            {"method": "random", "trials": MOST_TRIALS + 1},
            "at most 100,000 combinations",
        ),
        ({"x": [1, 2]}, {"method": "qmc", "trials": 3}, "the space has 2 combinations, and 3 trials"),
    ],
)
def test_what_cannot_be_listed_is_refused_before_it_is_listed(
    parameters: dict[str, object], more: dict[str, object], text: str
) -> None:
    """A grid of 10^9 is a message, and takes no time."""
    made, sweep = space(parameters, **more)
    with pytest.raises(RunError, match=text):
        made.combinations(sweep, seed=0)


CONDITIONAL: dict[str, object] = {
    "o.SGD.momentum": [0, 0.9],
    "o": ["Adam", {"SGD": {"nesterov": True}}, "RMSprop"],
    "b": [1, 2],
    "o.SGD.momentum.x": [7],
}


def test_a_parameter_of_a_choice_exists_where_that_is_chosen() -> None:
    """The grid has each combination once, with what leads to a parameter before it."""
    made, sweep = space(CONDITIONAL)
    found = made.combinations(sweep, seed=7)
    assert found == [
        {"o": "Adam", "b": 1},
        {"o": "Adam", "b": 2},
        {"o": {"SGD": {"nesterov": True}}, "o.SGD.momentum": 0, "b": 1},
        {"o": {"SGD": {"nesterov": True}}, "o.SGD.momentum": 0, "b": 2},
        {"o": {"SGD": {"nesterov": True}}, "o.SGD.momentum": 0.9, "b": 1},
        {"o": {"SGD": {"nesterov": True}}, "o.SGD.momentum": 0.9, "b": 2},
        {"o": "RMSprop", "b": 1},
        {"o": "RMSprop", "b": 2},
    ]
    assert made.size == 8


@pytest.mark.parametrize("method", ["random", "qmc"])
def test_chance_and_sobol_know_conditions_too(method: str) -> None:
    """Of lists alone every combination is one of the grid, none twice; of ranges each trial has its own."""
    made, sweep = space(CONDITIONAL, method=method, trials=6)
    grid, found = made.combinations(space(CONDITIONAL)[1], 0), made.combinations(sweep, seed=3)
    assert all(one in grid for one in found)
    assert len({repr(one) for one in found}) == 6
    made, sweep = space(CONDITIONAL | {"o.Adam.rate": {"low": 0.1, "high": 1.0}}, method=method, trials=30)
    found = made.combinations(sweep, seed=3)
    assert all(("o.Adam.rate" in one) == (one["o"] == "Adam") for one in found)
    assert len({repr(one) for one in found}) == 30
    # Of the same seed a longer sweep begins with the same ones.
    assert method != "random" or made.combinations(replace(sweep, trials=40), seed=3)[:30] == found
    assert {str(one["o"]) for one in found} == {"Adam", "{'SGD': {'nesterov': True}}", "RMSprop"}


def test_a_sobol_sequence_is_spread_more_evenly_than_chance() -> None:
    """Of 16 trials each quarter of each range has four; a longer sweep begins with the same ones."""
    ranges: dict[str, object] = {"x": {"low": 0.0, "high": 4.0}, "y": {"low": 1.0, "high": 10000.0, "log": True}}
    made, sweep = space(ranges, method="qmc", trials=64)
    longer = made.combinations(sweep, seed=7)
    found = made.combinations(SweepSpec(parameters=ranges, method="qmc", trials=16), seed=7)
    assert found == longer[:16]
    for quarter in range(4):
        assert 2 <= sum(quarter <= one["x"] < quarter + 1 for one in found) <= 6
        assert 2 <= sum(quarter <= math.log10(one["y"]) < quarter + 1 for one in found) <= 6
    assert made.combinations(sweep, seed=8) != longer


@pytest.mark.parametrize(
    ("value", "keys", "expected"),
    [
        ("SGD", ["SGD", "momentum"], True),
        ("sgd", ["SGD", "momentum"], True),
        ("Adam", ["SGD", "momentum"], False),
        ({"SGD": {"nesterov": True}}, ["SGD", "momentum"], True),
        ({"SGD": None}, ["SGD", "momentum"], True),
        ({"Adam": {"beta_1": 0.9}}, ["SGD", "momentum"], False),
        ({"Bidirectional": {"layer": {"GRU": 4}}}, ["Bidirectional", "layer", "LSTM", "units"], False),
        ({"Bidirectional": {"layer": {"LSTM": 4}}}, ["Bidirectional", "layer", "LSTM", "units"], True),
        ([{"Reshape": [64]}], ["0", "Reshape"], True),
        ([{"Reshape": [64]}], ["1", "Reshape"], False),
        ([{"Reshape": [64]}], ["0", "Rescale"], False),
        (3, ["x"], False),
        (None, ["x"], False),
    ],
)
def test_a_value_takes_what_is_named_inside_it(value: object, keys: list[str], expected: bool) -> None:
    """The part must be there; its arguments need not."""
    assert takes(value, keys) is expected


def test_values_become_options() -> None:
    """Whole parts are written as YAML."""
    assert as_options({"model.1": {"Dropout": 0.5}, "training.epochs": 3}) == (
        "model.1={Dropout: 0.5}",
        "training.epochs=3",
    )

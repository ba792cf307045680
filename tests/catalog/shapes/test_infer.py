"""The table of rules."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.shapes.infer import RULES, UNDECIDED, ShapeError, Undecided, infer
from nnrun.catalog.shapes.names import class_name


def test_every_layer_has_a_rule_or_a_reason():
    """No layer of Keras is without a rule, unless the reason is written down."""
    entries = [lookup.entry("layers", name) for name in lookup.names("layers")]
    # Models of keras.applications share one rule, which reads a table.
    layers = {class_name(one.name) for one in entries if one.origin == "keras" and one.application is None}
    assert layers - set(RULES) - set(UNDECIDED) == set()


def test_no_rule_hides_behind_another():
    """No layer has both a rule and a reason for having none."""
    assert set(RULES) & set(UNDECIDED) == set()


@pytest.mark.parametrize("name", ["Lambda", "NoSuchLayer"])
def test_what_no_rule_knows_is_undecided(name):
    """A layer whose output depends on its own code, or an unknown layer, is undecided and not an error."""
    with pytest.raises(Undecided):
        infer(name, {}, [(4,)])


def test_quantised_layer_is_undecided():
    """A quantised layer has other weights, which no rule counts."""
    with pytest.raises(Undecided, match="quantised"):
        infer("Dense", {"units": 2, "dtype": "int8_from_float32"}, [(4,)])


def test_missing_argument_is_undecided():
    """A missing argument is left to the check of arguments."""
    with pytest.raises(Undecided, match="needs `units`"):
        infer("Dense", {}, [(4,)])


@pytest.mark.parametrize("value", [None, "x", -1, 0, 2.5, [], [3, "a"], {"a": 1}, True, 10**30])
def test_nonsense_never_breaks_a_rule(value):
    """Whatever a layer's arguments are, its rule returns a shape, refuses or leaves it undecided."""
    for name, shapes in product(lookup.names("layers"), ([(4,)], [(9, 8, 3)], [(4, 3), (4, 3)], [()])):
        with suppress(ShapeError, Undecided):
            assert infer(name, dict.fromkeys(lookup.entry("layers", name).parameters, value), shapes).output is not None

"""Kinds of values: what they accept, what they say, and that their JSON Schema says the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog.kinds import (
    NUMBER_FACTS,
    AnyOf,
    AnyValue,
    Boolean,
    Choice,
    Integer,
    Kind,
    ListOf,
    MappingOf,
    Null,
    Number,
    PartOf,
    PythonOnly,
    String,
    TensorShape,
    one_or_list,
    or_null,
    to_keras,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.floats(-20, 20, allow_nan=False)
    | st.text(max_size=4)
    | st.sampled_from(["valid", "SAME", "a", "b", *NUMBER_FACTS, "$input_shape"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)

bounds = st.none() | st.integers(-10, 10)
simple: st.SearchStrategy[Kind] = st.one_of(
    st.builds(Integer, bounds, bounds),
    st.builds(Number, bounds, bounds, st.booleans(), st.booleans()),
    st.just(Boolean()),
    st.just(String()),
    st.just(String("letters", "[ab]+")),
    st.just(Null()),
    st.just(TensorShape()),
    st.just(Choice(("a", "b", 1))),
    st.just(Choice(("valid", "same"), ignore_case=True)),
    st.just(AnyValue()),
    st.just(PythonOnly("a function")),
    st.just(PythonOnly("a function", required=True)),
)
any_kind = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds(ListOf, inner, st.none() | st.integers(0, 3), st.integers(0, 2)),
        st.builds(MappingOf, inner),
        st.builds(lambda one, two: AnyOf((one, two)), inner, inner),
    ),
    max_leaves=4,
)


def _valid(schema: dict[str, Any], value: Any) -> bool:
    """The part of JSON Schema that kinds write, judged in a few lines."""
    return all(_RULES[key](limit, value, schema) for key, limit in schema.items())


def _is_type(name: str, value: Any) -> bool:
    if name in ("integer", "number"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (name == "number" and isinstance(value, float))
    return isinstance(value, {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}[name])


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


_RULES: dict[str, Any] = {
    "type": lambda name, value, _: _is_type(name, value),
    "enum": lambda options, value, _: any(value == option for option in options) and not isinstance(value, bool),
    "const": lambda only, value, _: _same(only, value),
    "anyOf": lambda schemas, value, _: any(_valid(schema, value) for schema in schemas),
    "not": lambda schema, value, _: not _valid(schema, value),
    "minimum": lambda limit, value, _: not _is_type("number", value) or value >= limit,
    "maximum": lambda limit, value, _: not _is_type("number", value) or value <= limit,
    "exclusiveMinimum": lambda limit, value, _: not _is_type("number", value) or value > limit,
    "exclusiveMaximum": lambda limit, value, _: not _is_type("number", value) or value < limit,
    "pattern": lambda form, value, _: not isinstance(value, str) or bool(re.search(form[:-1] + r"\Z", value)),
    "minItems": lambda limit, value, _: not isinstance(value, list) or len(value) >= limit,
    "maxItems": lambda limit, value, _: not isinstance(value, list) or len(value) <= limit,
    "items": lambda schema, value, _: not isinstance(value, list) or all(_valid(schema, item) for item in value),
    "additionalProperties": lambda schema, value, _: (
        not isinstance(value, dict) or all(_valid(schema, item) for item in value.values())
    ),
}


@given(any_kind, values)
def test_a_kind_and_its_schema_agree(kind: Kind, value: Any) -> None:
    """An editor that checks with the schema and nnrun that checks with the kind say the same."""
    assert kind.accepts(value) == _valid(kind.schema(), value)


@given(st.integers(), bounds, bounds)
def test_an_integer_is_accepted_exactly_within_its_bounds(value: int, least: int | None, most: int | None) -> None:
    """Both bounds belong to the range."""
    inside = (least is None or value >= least) and (most is None or value <= most)
    assert Integer(least, most).accepts(value) == inside


@given(
    st.booleans(),
    st.sampled_from([Integer(), Integer(0, 1), Number(), Number(0, 1), Choice((0, 1, "a")), TensorShape()]),
)
def test_a_truth_value_is_no_number(value: bool, kind: Kind) -> None:
    """`true` is neither 1 nor 1.0."""
    assert not kind.accepts(value)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_an_integer_is_a_fine_number_and_is_given_to_keras_as_one(value: int, least: int) -> None:
    """A number accepts an integer in its range, and hands Keras the float that it asks for."""
    kind = or_null(Number(least))
    assert kind.accepts(value) == (value >= least)
    given_to_keras = to_keras(kind, value)
    assert type(given_to_keras) is (float if value >= least else int)
    assert given_to_keras == value


def test_only_numbers_become_floats() -> None:
    """Integers stay integers where an integer is meant, in lists too."""
    assert to_keras(one_or_list(Integer(1), 2), [3, 5]) == [3, 5]
    assert [type(item) for item in to_keras(ListOf(Number()), [1, 2.5])] == [float, float]  # type: ignore[attr-defined]
    assert to_keras(AnyOf((Choice(("epoch",)), Integer(1))), 5) == 5
    assert to_keras(Boolean(), True) is True
    assert to_keras(Number(), "$classes") == "$classes"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_is_finite(value: float) -> None:
    """No learning rate is infinite, none is not a number."""
    assert not Number().accepts(value)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Integer(), "an integer"),
        (Integer(1), "a positive integer"),
        (Integer(0), "an integer of at least 0"),
        (Integer(1, 8), "an integer from 1 to 8"),
        (Integer(maximum=3), "an integer of at most 3"),
        (Number(), "a number"),
        (Number(0), "a number of at least 0"),
        (Number(0, exclusive_minimum=True), "a positive number"),
        (Number(2, exclusive_minimum=True), "a number above 2"),
        (Number(maximum=0), "a number of at most 0"),
        (Number(maximum=0, exclusive_maximum=True), "a number below 0"),
        (Number(0, 1, exclusive_maximum=True), "a number in [0, 1)"),
        (Number(0, 1, exclusive_minimum=True), "a number in (0, 1]"),
        (Boolean(), "true or false"),
        (String(), "text"),
        (String("letters", "[a-z]+"), "letters"),
        (Choice(("valid",)), "'valid'"),
        (Choice(("valid", "same")), "one of 'valid', 'same'"),
        (ListOf(Integer(1), 2), "a list of 2, each a positive integer"),
        (ListOf(String(), min_length=1), "a list of at least 1, each text"),
        (ListOf(String()), "a list, each text"),
        (MappingOf(Number()), "a mapping, each value a number"),
        (PartOf(("initializers",)), "an initializer"),
        (PartOf(("optimizers", "layers")), "an optimizer or a layer"),
        (or_null(Integer(1)), "a positive integer or null"),
        (PythonOnly("a function"), "nothing (it takes a function, which a config cannot contain)"),
        (AnyValue(), "any value"),
    ],
)
def test_what_a_kind_expects(kind: Kind, expected: str) -> None:
    """What is expected ends the sentence "expected ..."."""
    assert kind.expects == expected


@pytest.mark.parametrize(("kind", "accepted"), [(Integer(1), NUMBER_FACTS), (TensorShape(), ("$input_shape",))])
def test_facts_stand_where_their_values_could(kind: Kind, accepted: tuple[str, ...]) -> None:
    """A size may be a fact that the data teach; a fact of another kind, or an unknown one, may not stand there."""
    facts = (*NUMBER_FACTS, "$input_shape", "$colours")
    assert tuple(fact for fact in facts if kind.accepts(fact)) == accepted


@pytest.mark.parametrize(
    ("value", "has_form"),
    [
        ("relu", True),
        ({"L2": 0.1}, True),
        ({"L2": 1, "L1": 1}, False),
        ({}, False),
        (3, False),
        (["relu"], False),
        (None, False),
    ],
)
def test_a_part_is_a_word_or_a_mapping_of_one_key(value: object, has_form: bool) -> None:
    """What stands inside a part is its reader's business, its form the kind's."""
    assert PartOf(("activations",)).accepts(value) == has_form


def test_parts_refer_to_their_categories_schemas() -> None:
    """The schema of a part points at the category's definitions."""
    assert PartOf(("layers",)).schema() == {"anyOf": [{"$ref": "#/$defs/layers"}]}

"""Facts about the data: by word, by target, and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.spec.facts import Facts, TargetFacts, padded_class_names

COUNTS = st.none() | st.integers(1, 9)
NAMES = st.lists(st.text("abc", min_size=1, max_size=3), max_size=3).map(tuple)
FORMS = st.sampled_from(["integer", "one_hot", "binary", "number"])
TASKS = st.sampled_from(["classification", "regression"])
SHAPES = st.lists(COUNTS, max_size=3).map(tuple)
TARGETS = st.builds(TargetFacts, FORMS, TASKS, COUNTS, COUNTS, NAMES, SHAPES)
FACTS = st.builds(
    Facts,
    TASKS,
    FORMS,
    st.none() | SHAPES,
    classes=COUNTS,
    vocabulary=COUNTS,
    columns=NAMES,
    positions=SHAPES,
    by_target=st.dictionaries(st.sampled_from(["kind", "price", "$image"]), TARGETS),
)


@given(FACTS)
def test_facts_are_restored_from_json(facts: Facts) -> None:
    """The record keeps every fact, those of each target included."""
    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_records_of_a_single_target_are_still_read() -> None:
    """Facts that were written before targets had facts of their own have no `by_target`."""
    found = Facts.from_json({"task": "regression", "form": "number", "input_shape": [2]})
    assert (found.by_target, found.input_shape) == ({}, (2,))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"task": "clustering"}, "task"),
        ({"form": None}, "form"),
        ({"input_shape": [2.5]}, "input_shape"),
        ({"rows": {"train": "80"}}, "rows"),
        ({"class_names": "ab"}, "class_names"),
        ({"streamed": "no"}, "streamed"),
        ({"by_target": {"price": {"form": "number"}}}, "task"),
        ({"by_target": {"price": 3}}, "facts"),
    ],
)
def test_a_record_with_a_wrong_fact_is_refused(change: dict[str, Any], field: str) -> None:
    """A missing fact, or one of another type, is an error that names the fact."""
    with pytest.raises(ValueError, match=f"'{field}'"):
        Facts.from_json({"task": "regression", "form": "number", "input_shape": [2], **change})


def test_a_target_has_its_own_classes() -> None:
    """`$classes` and `$targets` are those of the target, or of the first one; all else is the same for all targets."""
    facts = Facts(
        "classification",
        "one_hot",
        (4,),
        classes=3,
        targets=3,
        features=4,
        by_target={
            "kind": TargetFacts("one_hot", "classification", 3, 3),
            "price": TargetFacts("number", "regression", None, 1),
        },
    )
    assert [facts.value("$classes", target) for target in ("kind", "price", None, "other")] == [3, None, 3, 3]
    assert [facts.value("$targets", target) for target in ("kind", "price", None)] == [3, 1, 3]
    assert facts.value("$features", "price") == 4
    assert facts.value("$input_shape", "price") == [4]


def test_outputs_beyond_the_classes_get_numbers_that_no_class_has() -> None:
    """No two classes of a figure have one name."""
    assert padded_class_names(("1",), 2) == ("1", "0")
    assert padded_class_names(("yes",), 2) == ("yes", "0")
    assert padded_class_names(("0", "2"), 4) == ("0", "2", "1", "3")
    assert padded_class_names(("a", "b"), 2) == ("a", "b")

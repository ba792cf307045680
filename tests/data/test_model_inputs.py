"""Tests of what each input of a model receives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.model_inputs import findings, select, shapes
from nnrun.errors import DataError
from nnrun.spec.facts import Facts
from nnrun.spec.model import ModelInput

COLUMNS = ("age", "colour=blue", "colour=red", "bmi")
TABLE = Facts("regression", "number", (4,), columns=COLUMNS, target_names=("price",))
PICTURES = Facts("regression", "number", (8, 8, 1))
CODES = Facts("classification", "integer", (20,), vocabulary=16)
X = np.arange(12, dtype="float32").reshape(3, 4)


def test_a_chain_takes_the_array_itself() -> None:
    """One input without columns or field is the array, not a mapping and not a copy."""
    assert select(X, TABLE, (ModelInput("input"),)) is X


def test_columns_are_picked_by_name_and_in_order() -> None:
    """A column that OneHot spread is picked whole; columns stand in the order of the config."""
    inputs = (ModelInput("a", ("bmi", "age")), ModelInput("b", ("colour",)), ModelInput("c", ("colour=red",)))
    found = select(X, TABLE, inputs)
    assert {name: array[0].tolist() for name, array in found.items()} == {"a": [3, 0], "b": [1, 2], "c": [2]}
    assert all(array.flags.c_contiguous for array in found.values())


@given(st.lists(st.lists(st.sampled_from(["age", "colour", "bmi"]), min_size=1, unique=True), min_size=1, max_size=4))
def test_shapes_are_those_of_the_arrays(asked: list[list[str]]) -> None:
    """Shapes computed before loading are those of the arrays."""
    inputs = tuple(ModelInput(f"in{index}", tuple(columns)) for index, columns in enumerate(asked))
    found = select(X, TABLE, inputs)
    assert shapes(TABLE, inputs) == {name: array.shape[1:] for name, array in found.items()}


@pytest.mark.parametrize(
    ("facts", "shape", "words"),
    [
        (TABLE, (4,), ("$row", "$input")),
        (PICTURES, (8, 8, 1), ("$image", "$input")),
        (CODES, (20,), ("$codes", "$input")),
        (Facts("regression", "number", (64,)), (64,), ("$row", "$image", "$input")),
    ],
)
def test_a_field_is_the_whole_input_without_a_copy(facts: Facts, shape: tuple, words: tuple) -> None:
    """A table's row, pictures and codes are taken whole, under the input's name."""
    x = np.zeros((2, *shape), "float32")
    for word in words:
        found = select(x, facts, (ModelInput("whole", field=word),))
        assert found["whole"] is x
        assert shapes(facts, (ModelInput("whole", field=word),)) == {"whole": shape}


def test_all_columns_in_order_are_the_whole_input() -> None:
    """No copy is made where the columns named are all there are."""
    assert select(X, TABLE, (ModelInput("all", ("age", "colour", "bmi")),))["all"] is X


@pytest.mark.parametrize(
    ("facts", "model_input", "path", "hint"),
    [
        (TABLE, ModelInput("a", ("age", "colur"), path=("i", "a")), ("i", "a", 1), "Did you mean 'colour'?"),
        (TABLE, ModelInput("a", ("zzzz",), path=("i", "a")), ("i", "a", 0), "there are: age, colour, bmi"),
        (TABLE, ModelInput("a", ("price",), path=("i", "a")), ("i", "a", 0), "'price' is a target"),
        (TABLE, ModelInput("a", ("age", "age"), path=("i", "a")), ("i", "a", 1), "take one of them out"),
        (TABLE, ModelInput("a", field="$image", path=("i", "a")), ("i", "a"), "write $row"),
        (PICTURES, ModelInput("a", field="$row", path=("i", "a")), ("i", "a"), "write $image"),
        (PICTURES, ModelInput("a", ("age",), path=("i", "a")), ("i", "a"), "write $image"),
        (CODES, ModelInput("a", field="$image", path=("i", "a")), ("i", "a"), "write $codes"),
    ],
)
def test_unknown_columns_and_fields_are_found_at_their_place(
    facts: Facts, model_input: ModelInput, path: tuple, hint: str
) -> None:
    """Unknown columns and fields are findings with a hint, and errors when arrays are selected."""
    found = findings(facts, (model_input,))
    assert [finding.path for finding in found] == [path]
    assert hint in str(found[0].hint)
    with pytest.raises(DataError, match=model_input.name) as refused:
        select(np.zeros((2, *facts.input_shape)), facts, (model_input,))
    assert refused.value.hint == found[0].hint


@pytest.mark.parametrize("shape", [None, (None,)])
def test_unknown_columns_are_no_findings_before_loading(shape: tuple | None) -> None:
    """Columns that are unknown before loading are no findings."""
    facts = Facts("regression", "number", shape)
    inputs = (ModelInput("a", ("age",)), ModelInput("b", field="$row"))
    assert findings(facts, inputs) == []
    assert shapes(facts, inputs) == {"a": shape, "b": shape}


def test_shapes_are_computed_without_heavy_imports() -> None:
    """`check` stays quick: numpy is not imported."""
    code = "import sys, nnrun.data.model_inputs; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

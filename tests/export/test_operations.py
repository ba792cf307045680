"""A preparation as operations, and the stand-alone program that applies them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.load import apply_steps
from nnrun.data.prepare.registry import fitted_json, new_step, restore
from nnrun.data.prepare.table_arrays import apply_step, fit_step
from nnrun.data.target_preparation import TargetPreparation
from nnrun.export.operations import exported_preparation, target_operations
from nnrun.export.preparation import prepare, undo
from nnrun.spec.facts import Facts
from nnrun.spec.model import ModelInput
from nnrun.spec.part import Part

#: Steps for the columns `a` and `b` of numbers, `c` of text and `d` of whole numbers.
IMPUTERS: list[tuple[str, dict[str, Any]]] = [
    ("SimpleImputer", {"strategy": "median", "columns": ["a", "b"]}),
    ("SimpleImputer", {"strategy": "most_frequent", "columns": ["c"]}),
]
STEPS: list[tuple[str, dict[str, Any]]] = [
    ("Clip", {"low": -50.0, "high": None, "columns": ["b"]}),
    ("Log", {"columns": ["a"], "offset": 1e6}),
    ("MinMaxScaler", {"feature_range": [-1, 2], "columns": ["b", "a"]}),
    ("RobustScaler", {"columns": ["a"]}),
    ("StandardScaler", {"columns": ["b"]}),
    ("Rescale", {"divide_by": 4.0, "offset": 0.5}),
    ("Rescale", {"divide_by": 255.0, "columns": ["a"]}),
    ("Rescale", {"divide_by": 255.0, "offset": -0.5, "columns": ["photo", "b"]}),
]
ENCODERS: list[tuple[str, dict[str, Any]]] = [
    ("OneHotEncoder", {"columns": ["c"], "handle_unknown": "ignore"}),
    ("OrdinalEncoder", {"columns": ["c", "d"]}),
    ("TextVectorization", {"columns": ["c"], "output_mode": "int"}),
    ("TextVectorization", {"columns": ["c"], "output_mode": "tf_idf", "split": "character", "standardize": "lower"}),
]
WORDS = ["red", "Green light", "blue", "red  Blue!"]


def fitted(steps: list[tuple[str, dict[str, Any]]], table: Columns) -> list[dict[str, Any]]:
    """Fit steps to a table, one after the other, and return them as `prepare.json` has them."""
    entries, x = [], table
    for name, arguments in steps:
        part = Part("preparation", name, arguments, ())
        step = new_step(part)
        fit_step(step, x, None)
        x = apply_step(step, x)
        entries.append(json.loads(json.dumps(fitted_json(part, step))))
    return entries


@given(st.lists(st.sampled_from(STEPS), max_size=5), st.sampled_from(ENCODERS), st.integers(0, 2**32 - 1))
def test_operations_are_the_steps(steps: list[tuple[str, dict[str, Any]]], encoder: Any, seed: int) -> None:
    """Raw rows that the stand-alone program prepares by the operations are those that nnrun prepares."""
    generator = np.random.default_rng(seed)
    a, b = generator.uniform(-100, 100, (2, 30))
    c: Any = np.array([WORDS[index] for index in generator.integers(len(WORDS), size=30)], dtype=object)
    a[3], b[4], c[5] = np.nan, np.nan, None
    photo = generator.integers(0, 256, (30, 2, 3), dtype="uint8")
    table = Columns({"a": a, "b": b, "c": c, "d": generator.integers(0, 3, 30).astype("float64")}, {"photo": photo})
    entries = fitted([*IMPUTERS, *steps, encoder], table)
    expected = apply_steps(table, restore(entries))
    columns = tuple(f"column {index}" for index in range(expected.shape[1] - 6))
    facts = Facts("regression", "number", None, columns=columns, arrays={"photo": (2, 3)})
    inputs = [ModelInput("seen", ("photo",)), ModelInput("known", columns)]
    made = exported_preparation(entries, table, facts, inputs)
    assert made.outside == ()
    document = json.loads(json.dumps(made.as_json(), allow_nan=False))
    found = prepare({**table.values, **table.arrays}, document)
    both = np.hstack([found["known"], found["seen"].reshape(30, 6)])
    np.testing.assert_allclose(both, expected, rtol=2e-6, atol=2e-6)


def test_an_unknown_category_is_refused_where_the_run_refuses_it() -> None:
    """The program names the column and the category; with `ignore` it gives zeros."""
    table = Columns({"c": np.array(["red", "blue"], dtype=object)})
    other = {"c": ["green"]}
    for handling, result in (("error", None), ("ignore", [[0.0, 0.0]])):
        entries = fitted([("OneHotEncoder", {"columns": ["c"], "handle_unknown": handling})], table)
        made = exported_preparation(entries, table, Facts("regression", "number", None), [ModelInput("input")])
        if result is None:
            with pytest.raises(ValueError, match="the column 'c' has the unknown category 'green'"):
                prepare(other, made.as_json())
        else:
            assert prepare(other, made.as_json())["input"].tolist() == result


def test_a_step_without_operations_needs_nnrun() -> None:
    """A transformer of scikit-learn is named, and the program refuses raw rows."""
    table = Columns({"a": np.arange(6.0), "b": np.arange(6.0) ** 2})
    entries = fitted([("PCA", {"n_components": 1})], table)
    made = exported_preparation(entries, table, Facts("regression", "number", None), [ModelInput("input")])
    assert made.outside == ("the step PCA",)
    assert not made.is_numeric
    with pytest.raises(ValueError, match="PCA cannot be applied without nnrun"):
        prepare(dict(table.values), made.as_json())


@pytest.mark.parametrize("columns", [None, ["y"]])
def test_prepared_targets_are_undone(columns: list[str] | None) -> None:
    """The operations of a target, undone, give its own unit, also where a step leaves a column alone."""
    table = Columns({"x": np.array([1.0, 2.0, 4.0]), "y": np.array([10.0, 40.0, 30.0])})
    steps, prepared = [], table
    for name, arguments in (("MinMaxScaler", {"feature_range": [1, 3]}), ("StandardScaler", {})):
        step = new_step(Part("preparation", name, {**arguments, "columns": columns}, ()))
        step.fit(prepared)
        prepared = step.apply(prepared)  # type: ignore[assignment]
        steps.append(step)
    found = target_operations(TargetPreparation(("x", "y"), ("x", "y"), tuple(steps)), "")
    assert found is not None
    values = np.stack([prepared.values["x"], prepared.values["y"]], axis=1)
    np.testing.assert_allclose(undo(values, found), np.stack([table.values["x"], table.values["y"]], axis=1))

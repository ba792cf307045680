"""Steps of the target: fitted to training rows, undone exactly, refused where they cannot be undone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.prepare.registry import new_step
from nnrun.data.target_preparation import (
    TargetPreparation,
    fit_target_preparation,
    restore_target_preparation,
    target_step_findings,
)
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.part import Part, read_part

INVERTIBLE: list[Any] = [
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    {"PowerTransformer": "box-cox"},
    {"QuantileTransformer": {"n_quantiles": 20, "output_distribution": "normal"}},
    {"FunctionTransformer": "log1p"},
    {"FunctionTransformer": "sqrt"},
    {"FunctionTransformer": "log10"},
    "Log",
]


def _parts(*steps: Any) -> list[Part]:
    parts = [read_part("preparation", step)[0] for step in steps]
    return [part for part in parts if part is not None]


def _fitted(steps: Any, y: Any, names: tuple[str, ...] = ("price",), forms: Any = "number") -> TargetPreparation:
    made = fit_target_preparation(_parts(*steps), y, names, forms, NullProgress())
    assert made is not None
    return made


@pytest.mark.parametrize("step", INVERTIBLE, ids=str)
def test_a_target_is_prepared_and_undone(step: Any) -> None:
    """The inverse of prepared targets is the targets, of the training part and after restoring from JSON."""
    y = np.random.default_rng(0).gamma(2.0, 5000.0, 60)
    made = _fitted([step, "StandardScaler"], y)
    prepared = made.apply(y).values["price"]
    assert abs(prepared.mean()) < 1e-6
    kept = json.loads(json.dumps(made.state(_parts(step, "StandardScaler")), allow_nan=False))
    again = restore_target_preparation(kept)
    assert again is not None
    for one in (made, again):
        assert np.allclose(one.invert("", prepared.reshape(-1, 1)).reshape(-1), y, rtol=1e-5)
    assert restore_target_preparation([{"step": "Log", "arguments": {}, "learned": {}}]) is None


@given(st.lists(st.floats(1, 1e6), min_size=3, max_size=30).filter(lambda values: len(set(values)) > 2))
@settings(max_examples=40, deadline=None)
def test_scaled_targets_come_back(values: list[float]) -> None:
    """Whatever the numbers, the standard scaling of a target is undone to float64 rounding."""
    y = np.array(values)
    made = _fitted(["StandardScaler"], y)
    assert np.allclose(made.invert("price", made.apply(y).values["price"]), y, rtol=1e-9)


def test_of_several_targets_each_is_undone_by_itself() -> None:
    """An output of one target is inverted with its own column's figures, and classes stay as they are."""
    table = Columns(
        {"price": np.array([1.0, 3.0]) * 1e4, "kind": np.array(["a", "b"], object), "area": np.array([5.0, 9.0])}
    )
    forms = {"price": "number", "kind": "integer", "area": "number"}
    made = _fitted(["StandardScaler"], table, table.names, forms)
    done = made.apply(table)
    assert done.values["kind"].tolist() == ["a", "b"]
    assert done.values["area"].tolist() == [-1.0, 1.0]
    assert made.invert("area", np.array([[0.0], [1.0]])).tolist() == [[7.0], [9.0]]
    assert made.invert("kind", np.array([[0.3, 0.7]])).tolist() == [[0.3, 0.7]]


@pytest.mark.parametrize(
    ("step", "forms", "message"),
    [
        ({"KBinsDiscretizer": 3}, "number", "KBinsDiscretizer cannot be undone"),
        ({"PCA": 1}, "number", "PCA cannot be undone"),
        ({"FunctionTransformer": "abs"}, "number", "FunctionTransformer cannot be undone"),
        ({"Clip": {"low": 0}}, "number", "Clip cannot be undone"),
        ({"SplineTransformer": {"n_knots": 3}}, "number", "SplineTransformer cannot be undone"),
        ({"OneHotEncoder": ["price"]}, "number", "OneHotEncoder cannot be undone"),
        ("StandardScaler", "integer", "the loss compares classes"),
        ({"StandardScaler": ["age"]}, "number", "there is no column 'age'"),
    ],
    ids=str,
)
def test_what_cannot_be_undone_is_refused_before_loading(step: Any, forms: Any, message: str) -> None:
    """The finding stands at the step, with what to write."""
    parts = [(part, new_step(part)) for part in _parts(step)]
    (finding,) = target_step_findings(parts, ("price",), forms)
    assert message in finding.text
    assert finding.hint


def test_a_target_that_does_not_suit_a_step_is_refused() -> None:
    """Negative prices have no logarithm; pictures and classes are no columns of numbers."""
    with pytest.raises(DataError, match="Log needs numbers above -1"):
        _fitted(["Log"], np.array([-5.0, 2.0]))
    with pytest.raises(DataError, match="takes Rescale alone"):
        _fitted(["StandardScaler"], np.zeros((3, 4, 4)))
    with pytest.raises(DataError, match="is for targets that a loss compares as numbers"):
        _fitted(["StandardScaler"], np.array(["a", "b"], object), forms="integer")


def test_a_changed_file_is_refused() -> None:
    """An entry without its targets ends in a message."""
    made = _fitted(["StandardScaler"], np.array([1.0, 2.0]))
    (entry,) = made.state(_parts("StandardScaler"))
    with pytest.raises(DataError, match=r"prepare\.json\) cannot be used: targets"):
        restore_target_preparation([{**entry, "targets": {}}])


@pytest.mark.parametrize("step", [{"FunctionTransformer": "log1p"}, {"FunctionTransformer": "sqrt"}], ids=str)
def test_a_target_of_which_a_step_makes_no_number_is_named(step: Any) -> None:
    """The step, the target and its value are in the message, of training targets as of those of another part."""
    y = np.array([1.0, 2.0, -3.0, 4.0])
    with pytest.raises(DataError, match=r"'price'.*-3|-3.*'price'") as caught:
        _fitted([step], y)
    assert read_part("preparation", step)[0].name in caught.value.text
    made = _fitted([step], np.abs(y))
    with pytest.raises(DataError, match=r"-3"):
        made.apply(y)

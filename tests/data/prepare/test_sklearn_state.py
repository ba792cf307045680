"""Fitted transformers as JSON: exact, without pickle, and refused where a file was changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnrun.data.columns import Columns
from nnrun.data.prepare.registry import fitted_json, new_step, restore
from nnrun.data.prepare.sklearn_state import decode, digest, encode
from nnrun.errors import DataError
from nnrun.spec.part import Part

ARRAYS = arrays.arrays(
    st.sampled_from(["float64", "float32", "int64", "bool", "<U3"]), arrays.array_shapes(max_dims=3, max_side=4)
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=4)
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        same = isinstance(other, np.ndarray) and one.dtype == other.dtype and one.shape == other.shape
        # The payload of a NaN is no value.
        is_float = one.dtype.kind == "f"
        return same and (np.array_equal(one, other, equal_nan=True) if is_float else one.tobytes() == other.tobytes())
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_a_value_comes_back_from_json_to_the_last_bit(value: Any) -> None:
    """Arrays keep their bytes, dtype and shape; tuples stay tuples; NaN and infinity are no NaN of JSON."""
    assert _same(value, decode(json.loads(json.dumps(encode(value), allow_nan=False))))


def test_arrays_in_fortran_order_and_large_ones_come_back_as_they_were() -> None:
    """The order in memory decides the last bit of products, and large arrays are written as base64."""
    for shape in ((3, 4), (30, 40)):
        array = np.asfortranarray(np.random.default_rng(1).normal(size=shape))
        again = decode(json.loads(json.dumps(encode(array))))
        assert (again == array).all()
        assert again.flags.f_contiguous


def _fitted(name: str, **arguments: Any) -> dict[str, Any]:
    part = Part("preparation", name, arguments, ())
    step = new_step(part, 1)
    rng = np.random.default_rng(0)
    step.fit(Columns({key: rng.gamma(2.0, size=40) for key in "abc"}))
    entry: dict[str, Any] = json.loads(json.dumps(fitted_json(part, step)))
    return entry


def _signed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry whose digest fits again, as somebody would write it who knows how."""
    learned = {key: entry["learned"][key] for key in ("columns", "names", "random_state", "attributes")}
    entry["learned"]["sha256"] = digest(learned)
    return entry


def test_a_changed_file_is_refused() -> None:
    """One number that is another one is found by the digest, and the message says what to do."""
    entry = _fitted("PCA", n_components=2)
    entry["learned"]["attributes"]["mean_"]["array"][0] = 5.0
    with pytest.raises(DataError, match=r"prepare\.json\) cannot be used: entry 1, PCA: .*digest") as refused:
        restore([entry])
    assert "train the run again" in str(refused.value.hint)


HOSTILE: list[Any] = [
    {"estimator": "os.system", "parameters": {}, "attributes": {}},
    {"estimator": "TSNE", "parameters": {}, "attributes": {}},
    {"estimator": "PCA", "parameters": {"nonsense": 1}, "attributes": {}},
    {"estimator": "PCA", "parameters": {}, "attributes": {"transform": 1}},
    {"estimator": "PCA", "parameters": {}, "attributes": {"__class__": 1}},
    {"array": [1, 2], "dtype": "O", "shape": [2]},
    {"array": [1, 2], "dtype": "f8", "shape": [3]},
    {"array": [1], "dtype": "f8", "shape": [-1]},
    {"base64": "!!!", "dtype": "f8", "shape": [1]},
    {"base64": "AAAA", "dtype": "object", "shape": [1]},
    {"base64": "AAAA", "dtype": "<f8", "shape": [10**15]},
    {"sparse": {"data": {"array": [1.0], "dtype": "f8", "shape": [1]}}, "shape": [1, 1]},
    {
        "sparse": {
            "data": {"array": [1.0], "dtype": "<f8", "shape": [1]},
            "indices": {"array": [99], "dtype": "<i4", "shape": [1]},
            "indptr": {"array": [0, 1], "dtype": "<i4", "shape": [2]},
        },
        "shape": [1, 1],
    },
    {"spline": {"t": 1, "c": 2, "k": -5, "extrapolate": True}},
    {"mapping": [[{"list": [1]}, 2]]},
    {"mapping": [1]},
    {"number": "1e400"},
    {"pickle": "gASVBQAAAAAAAACMAXiULg=="},
    {"dtype": "V1000000"},
    [1, 2],
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(value)[:40])
def test_what_no_fit_writes_is_refused(value: Any) -> None:
    """Other classes, methods as attributes, wrong shapes and indexes outside of arrays end in an error of ours."""
    entry = _fitted("StandardScaler")
    assert entry["learned"].keys() == {"mean", "scale"}
    entry = _fitted("PCA", n_components=2)
    entry["learned"]["attributes"]["components_"] = copy.deepcopy(value)
    with pytest.raises(DataError, match=r"prepare\.json\) cannot be used"):
        restore([_signed(entry)])


@pytest.mark.parametrize("name", ["transform", "get_params", "n_components", "__dict__", "a b"])
def test_an_attribute_that_the_class_defines_is_refused(name: str) -> None:
    """A file cannot replace a method, a parameter or what Python itself uses."""
    entry = _fitted("PCA", n_components=2)
    entry["learned"]["attributes"][name] = 1
    with pytest.raises(DataError, match="learns no attribute"):
        restore([_signed(entry)])


def test_attributes_that_do_not_fit_together_are_refused_where_they_are_used() -> None:
    """Matrices of other widths raise no error of Python's, but name the step and scikit-learn's message."""
    entry = _fitted("PCA", n_components=2)
    entry["learned"]["attributes"]["components_"] = encode(np.zeros((2, 9)))
    (step,) = restore([_signed(entry)])
    with pytest.raises(ValueError, match="PCA: scikit-learn: "):
        step.apply(Columns({key: np.ones(3) for key in "abc"}))

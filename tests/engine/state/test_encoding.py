"""Tests of plain data as JSON and arrays."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from nnrun.engine.state.encoding import decode, encode
from nnrun.errors import RunError

_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_NUMBERS = st.sampled_from([np.float64(1.5), np.float32(0.1), np.int64(-3), np.bool_(True), np.uint8(7)])
_ARRAYS = npst.arrays(st.sampled_from(["float32", ">f8", "int16", "bool"]), npst.array_shapes(min_dims=0, min_side=0))
_KEYS = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.tuples(inner, inner), max_leaves=3)
VALUES = st.recursive(
    _PLAIN | _NUMBERS | _ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(_KEYS, inner, max_size=3)
    ),
    max_leaves=10,
)


def described(value: Any) -> Any:
    """Return a value in a form in which equal ones are equal: NaN, types and arrays included."""
    if isinstance(value, np.ndarray):
        native = value.astype(value.dtype.newbyteorder("="))
        return "array", native.dtype, native.shape, native.tobytes()
    if isinstance(value, dict):
        return [(described(key), described(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [described(one) for one in value]
    return type(value), repr(value)


@given(VALUES)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    """Any plain data come back with the same types and bits, through JSON as a state file holds it."""
    arrays: dict[str, np.ndarray] = {}
    document = json.loads(json.dumps(encode(value, "callback/0", arrays)))
    assert described(decode(document, arrays)) == described(value)


@pytest.mark.parametrize(
    "value", [{1, 2}, deque(), object(), np.array("text"), np.array([None]), b"bytes", np.array([1, 2], "M8[s]"), 1j]
)
def test_other_values_are_refused(value: Any) -> None:
    """What is no plain data is refused with its type and what to do, not lost."""
    with pytest.raises(RunError, match=type(value).__name__) as caught:
        encode({"seen": [value]}, "callback/0", {})
    assert "get_state(self)" in str(caught.value.hint)


def test_a_missing_array_is_an_error() -> None:
    """A state without one of its arrays is not decoded."""
    with pytest.raises(KeyError):
        decode({"array": "callback/0"}, {})

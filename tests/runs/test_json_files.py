"""JSON as run folders keep it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.runs.json_files import NOT_FINITE, dumps, parse_json, to_plain

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def _strict(text: str) -> object:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


@given(documents)
def test_plain_data_come_back_unchanged(value: object) -> None:
    """What is written as JSON reads back the same."""
    assert _strict(dumps(value)) == value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "latin-1"])
def test_only_utf8_is_json(encoding: str) -> None:
    """Bytes are JSON in UTF-8 alone: zeros are none of it, so that garbage after a power failure is never a value."""
    assert parse_json('\ufeff["\u00e9"]'.encode()) == ["\u00e9"]
    with pytest.raises(ValueError, match=r"decode|Expecting|codec"):
        parse_json('["\u00e9"]'.encode(encoding))


@given(st.floats())
def test_numbers_stay_numbers_unless_json_lacks_them(value: float) -> None:
    """A finite number is a number to the last digit; NaN and the infinities are the words `nan`, `inf`, `-inf`."""
    again = _strict(dumps(value))
    if isinstance(again, str):
        assert NOT_FINITE[again] == value or isnan(value)
    else:
        assert again == value
        assert isinstance(again, float)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "nan"),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.float16("-inf"), "-inf"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, np.inf]), [1.0, "inf"]),
        (np.str_("a"), "a"),
    ],
)
def test_numpy_becomes_plain(value: object, expected: object) -> None:
    """NumPy's scalars and arrays become plain numbers and lists."""
    assert to_plain(value) == expected
    assert type(to_plain(value)) is type(expected)


def test_paths_times_sets_and_keys_become_text() -> None:
    """Paths and times become text, sets sorted lists, keys text."""
    value = {Path("a/b"): {3, 1, 2}, 4: datetime(2026, 11, 23, tzinfo=UTC), "none": None, "pair": (1, 2)}
    assert to_plain(value) == {"a/b": [1, 2, 3], "4": "2026-11-23T00:00:00+00:00", "none": None, "pair": [1, 2]}


def test_a_file_name_that_is_not_utf8_can_be_written() -> None:
    """Bytes of a command line that are not UTF-8 do not keep a record from being written."""
    assert dumps({"argv": ["caf\udce9"]}).encode("utf-8")


def test_what_is_not_data_is_refused() -> None:
    """An object that JSON cannot hold is refused by its type, not written as its memory address."""
    with pytest.raises(TypeError, match="received: object"):
        dumps({"a": object()})

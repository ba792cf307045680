"""Tests of lists in cells: separators, literals of JSON, Python and NumPy, and what is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.prepare.cells import CellError, number_column, split_cell, split_column

ITEMS = st.lists(st.text(alphabet="abc d,'\"[é", min_size=1, max_size=6).map(str.strip).filter(bool), max_size=5)


@pytest.mark.parametrize(
    ("cell", "separator", "items"),
    [
        ("drama;crime", ";", ["drama", "crime"]),
        (" drama ; crime;; ", ";", ["drama", "crime"]),
        ("drama", ";", ["drama"]),
        ("0.1  0.2\t0.3", " ", ["0.1", "0.2", "0.3"]),
        ("", ";", []),
        (None, None, []),
        ('["drama", "crime"]', None, ["drama", "crime"]),
        ("['drama', \"crime's\"]", None, ["drama", "crime's"]),
        ("('a', 'b')", None, ["a", "b"]),
        ("{'b', 'a'}", None, ["a", "b"]),
        ("[0.1 0.2\n 0.3]", None, ["0.1", "0.2", "0.3"]),
        ("[12, 7]", None, ["12", "7"]),
        ("[a, b]", ";", ["a", "b"]),
        ("[]", None, []),
    ],
)
def test_a_cell_is_a_list(cell: str | None, separator: str | None, items: list[str]) -> None:
    """Separators stand between items, or the cell is a literal; empty items are left out."""
    assert split_cell(cell, separator) == items


@pytest.mark.parametrize("cell", ["drama;crime", "['a', ['b']]", "[None]", "['a'", "{'a': 1}", "[" * 5000 + "]" * 5000])
def test_a_cell_that_is_no_list_is_refused(cell: str) -> None:
    """What is no flat list of texts or numbers is an error with its row and column, and no crash."""
    with pytest.raises(CellError, match="expected a list") as raised:
        split_column(["['a']", cell], None, "genres")
    assert (raised.value.example, raised.value.column) == (1, "genres")


@given(ITEMS)
def test_literals_come_back(items: list[str]) -> None:
    """A list that JSON or Python has written is read as it was."""
    assert split_cell(json.dumps(items), None) == items
    assert split_cell(repr(items), None) == items


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=6))
def test_numbers_come_back(numbers: list[float]) -> None:
    """Numbers that Python, JSON or NumPy has written are read as they were."""
    texts = [repr(numbers), json.dumps(numbers), " ".join(map(repr, numbers))]
    for text, separator in zip(texts, (None, None, " "), strict=True):
        assert number_column([text], separator, "signal") == [numbers]
    written = number_column([str(np.array(numbers, dtype="float32"))], None, "signal")[0]
    assert np.allclose(np.array(written, "float32"), np.array(numbers, "float32"), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell", ["0.1 x", "nan", "inf"])
def test_an_item_that_is_no_number_is_refused(cell: str) -> None:
    """Text, NaN and infinities in a list of numbers are errors with their row."""
    with pytest.raises(CellError, match="expected a list of numbers"):
        number_column([cell], " ", "signal")

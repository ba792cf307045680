"""What the texts of a column are, if all of them are numbers or dates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.csv.number_format import NumberFormat
from nnrun.data.csv.written import written_as

PLAIN = NumberFormat()


@given(st.lists(st.text(max_size=10), max_size=4))
def test_any_texts_are_described_or_not(texts: list[str]) -> None:
    """No text makes an error, and what is described is read."""
    found = written_as(texts, PLAIN)
    if found is not None:
        assert found.description
        assert all(one.parse(found.example) is not None for one in found.numbers)


@pytest.mark.parametrize(
    ("texts", "description"),
    [
        (["78,697", "950"], "numbers with thousands separators"),
        (["1,5", "2,25"], "numbers with a decimal comma"),
        (["11.2%"], "numbers with a percent sign"),
        (["$1,200"], "numbers with thousands separators and a currency"),
        (["12 kg", "3"], "numbers with the unit 'kg'"),
        (["(5)", "7"], "numbers with parentheses around negative ones"),
        (["5-", "7"], "numbers with a minus behind negative ones"),
        (["$5", "€7"], "numbers in several units ('$', '€')"),
        (["31.12.2021"], "dates like %d.%m.%Y"),
        (["1,234", "n.v."], "numbers with thousands separators"),
        (["1,234", "a", "b"], None),
        (["5", "7"], None),
        (["v1", "v2"], None),
        (["1st", "2nd"], None),
        (["5 AM", "6 PM", "x5"], None),
        ([], None),
    ],
)
def test_how_texts_are_written_is_said_in_words(texts: list[str], description: str | None) -> None:
    """Names that contain digits are no numbers."""
    found = written_as(texts, PLAIN)
    assert (found and found.description) == description

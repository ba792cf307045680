"""What a value of the wrong kind was probably meant to be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.intended_values import readings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1_000", 1000),
        ("1e-3", 0.001),
        ("10%", 0.1),
        ("12.5 %", 0.125),
        ("1,000", 1000),
        ("1,000,000.5", 1_000_000.5),
        ("1'000", 1000),
        ("1 000", 1000),
        ("1.000,5", 1000.5),
        ("0,001", 0.001),
        ("1e-3f", 0.001),
        (".1.", 0.1),
        ("10^-3", 0.001),
        ("5*10**-4", 0.0005),
        ("2**10", 1024),
        ("1/1000", 0.001),
        ("10k", 10_000),
        ("5 epochs", 5),
        ("3,", 3),
        ("3x3", [3, 3]),
        ("(3, 3)", [3, 3]),
        ("[0.1, 0.2]", [0.1, 0.2]),
        ("(3,)", [3]),
        ("True", True),
        ("yes", True),
        ("off", False),
        ("None", None),
        ("relu ", "relu"),
        (4.0, 4),
        (25, 0.25),
        ([64], 64),
        (1, True),
    ],
)
def test_a_value_is_read_as_it_was_meant(written: object, meant: object) -> None:
    """Each notation of other languages and locales is among its own readings."""
    assert [one for one in readings(written) if one == meant and type(one) is type(meant)]


@pytest.mark.parametrize(
    "written", ["three", "nan", "inf", "1e400", "10^1000000", "1/0", "", "x" * 1000, True, None, {}]
)
def test_what_is_no_number_has_no_reading_as_one(written: object) -> None:
    """Words, numbers that are not finite and other values are read as no number."""
    assert not [one for one in readings(written) if isinstance(one, int | float)]


@given(st.one_of(st.text(max_size=80), st.floats(), st.integers(), st.lists(st.text(max_size=5), max_size=2)))
def test_readings_end_and_are_finite(value: object) -> None:
    """No value stops the reading, and every number that is read is finite."""
    for one in readings(value):
        assert not isinstance(one, float) or math.isfinite(one)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{:_}", "{:,}", "{}", "'{}'", " {} "]))
def test_every_integer_is_read_in_every_form(number: int, form: str) -> None:
    """An integer with separators, quotes or blanks has itself as a reading."""
    assert number in list(readings(form.format(number)))

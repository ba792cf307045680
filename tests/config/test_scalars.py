"""YAML 1.2's plain words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.parser import MAX_NUMBER_LENGTH, is_text, resolve


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("0", 0),
        ("-3", -3),
        ("+3", 3),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e-3", 0.001),
        ("1.0e3", 1000.0),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.5e+2", -50.0),
        ("-0.0", -0.0),
        (".inf", math.inf),
        ("+.Inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_numbers_truth_and_null(word: str, value: object) -> None:
    """Each plain form of YAML 1.2's core schema has its value and its type."""
    assert resolve(word) == value
    assert type(resolve(word)) is type(value)


@pytest.mark.parametrize("word", [".nan", ".NaN", ".NAN"])
def test_not_a_number(word: str) -> None:
    """`.nan` in its three spellings is a float that is no number."""
    found = resolve(word)
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "n",
        "tRue",
        "nULL",
        "1:30",
        "1:30:00",
        "2017-01-05",
        "1_000",
        "0b11",
        "0o8",
        "-0x1F",
        "inf",
        "nan",
        "-.nan",
        "1e",
        "e5",
        ".",
        "-",
        "+",
        "1.2.3",
        "1e5.0",
        "Adam",
        "$classes",
        "١٢",
    ],
)
def test_text(word: str) -> None:
    """What YAML 1.1 or Python would take for something else stays text."""
    assert resolve(word) == word
    assert is_text(word)


def test_the_longest_integer() -> None:
    """Integers of up to 4,000 digits are exact; one digit more is refused with both figures."""
    assert resolve("9" * MAX_NUMBER_LENGTH) == 10**MAX_NUMBER_LENGTH - 1
    with pytest.raises(ValueError, match="at most 4,000 digits, received 4,001"):
        resolve("9" * (MAX_NUMBER_LENGTH + 1))


@pytest.mark.parametrize("word", ["1e999", "-1e400", "9" * 400 + "."])
def test_a_float_too_large(word: str) -> None:
    """A float that would silently become infinite is refused."""
    with pytest.raises(ValueError, match=r"below 1\.8e308"):
        resolve(word)
    assert not is_text(word)


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_what_python_writes_reads_back(number: float) -> None:
    """The text that Python writes for a finite number is that number, of the same type."""
    assert resolve(repr(number)) == number
    assert type(resolve(repr(number))) is type(number)


@given(st.text())
def test_any_word(word: str) -> None:
    """Any text resolves, or is refused in words."""
    said = "expected"
    try:
        resolve(word)
    except ValueError as error:
        said = str(error)
    assert "expected" in said

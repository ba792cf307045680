"""Dotted paths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.dotted import follow, join_path, matches_pattern, split_path

DATA: dict[str, Any] = {
    "model": ["Flatten", {"Dense": {"units": 8}}],
    "expect": {"test.error": {"value": 1}, "test": 2},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name", ["name"]),
        ("training.epochs", ["training", "epochs"]),
        ("model.-1.Dense", ["model", "-1", "Dense"]),
        ('expect."test.error".value', ["expect", "test.error", "value"]),
        ("expect.'a'", ["expect", "a"]),
        (" a . b ", ["a", "b"]),
        ("", []),
        (".", []),
        ("a.", []),
        (".a", []),
        ("a..b", []),
        ("''", []),
        ('"a', ['"a']),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    """Dots part words, quotes hold them together, and a path with a missing word is none."""
    assert split_path(text) == found


@given(
    st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N"]) | st.just("."), min_size=1).filter(
            lambda key: key.strip(".")
        ),
        min_size=1,
    )
)
def test_what_is_written_reads_back(keys: list[str]) -> None:
    """A path that nnrun writes is read as the same path, dots in keys included."""
    assert split_path(join_path(tuple(keys))) == keys


@pytest.mark.parametrize(
    ("text", "path", "rest"),
    [
        ("model.1.Dense.units", ("model", 1, "Dense", "units"), []),
        ("model.-2", ("model", 0), []),
        ("model.2.Dense", ("model",), ["2", "Dense"]),
        ("model.Dense", ("model",), ["Dense"]),
        ("model.0.Flatten", ("model", 0), ["Flatten"]),
        ("expect.test.error.value", ("expect", "test"), ["error", "value"]),
        ('expect."test.error".value', ("expect", "test.error", "value"), []),
        ("seed", (), ["seed"]),
    ],
)
def test_following(text: str, path: tuple[str | int, ...], rest: list[str]) -> None:
    """Words lead as far as there is something; indexes count from 0, or from the end."""
    found, value, left = follow(DATA, split_path(text))
    assert (found, left) == (path, rest)
    held: Any = DATA
    for key in path:
        held = held[key]
    assert value is held


def test_keys_with_dots_need_no_quotes() -> None:
    """Words that only together name a key are joined."""
    assert follow({"expect": {"test.error": {"value": 1}}}, split_path("expect.test.error.value"))[1:] == (1, [])


def test_places_with_a_star() -> None:
    """A star stands for any one key, not for none or several."""
    place = ("model", "outputs", "*", "loss")
    assert matches_pattern(place, ("model", "outputs", "price", "loss"))
    assert not matches_pattern(place, ("model", "outputs", "loss"))
    assert not matches_pattern(place, ("model", "outputs", "price", "weight"))

"""What the parser reads, and what it refuses, each with its place."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.document import parse
from nnrun.config.parser import MAX_NUMBER_LENGTH, is_text, resolve
from nnrun.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Mark, Problem

    Refused = Callable[[str], tuple[Problem, ...]]

pytestmark = pytest.mark.usefixtures("parser")

#: Bytes that some hundred nodes and problems take, and a hundred thousand do not.
LITTLE = 500_000


def _measured(refused: Refused, text: str) -> tuple[tuple[Problem, ...], int]:
    """Return a text's problems, and the peak memory in bytes."""
    tracemalloc.start()
    try:
        return refused(text), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "place", "marked", "words", "hint"),
    [
        ("a: 1\nb: 2\n'a': 3", "3:1", "'a'", "the key 'a' is defined twice", "the first is on line 1"),
        ("a: {b: 1, c: 2, b: 3}", "1:17", "b", "the key 'b' is defined twice", "the first is on line 1"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "3:3", "<<", "merge keys", "extends:"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "1:4",
            "!!python/object/apply:os.system",
            "received the tag",
            "delete the tag",
        ),
        ("a:\n  - !foo {b: 1}", "2:5", "!foo", "received the tag '!foo'", "delete the tag"),
        ("a: !!str 1", "1:4", "!!str", "received the tag '!!str'", "quotes"),
        ("a: ! 1", "1:4", "!", "received the tag '!'", "delete the tag"),
        ("a: 1\n---\nb: 2", "2:1", "---", "expected one document", "file of its own"),
        ("a:\n  true: b", "2:3", "true", "expected text as the key, received true", 'write it in quotes: "true":'),
        ("a: {~: b}", "1:5", "~", "expected text as the key, received ~", None),
        ("? [a, b]\n: 1", "1:3", "[a, b]", "received a list", None),
        ("a: {{b: 1}: 2}", "1:5", "{b: 1}", "received a mapping", None),
        ("a: &x [1, *x]", "1:11", "*x", "contains itself", "write the value out"),
        ("a: &x {b: *x}", "1:11", "*x", "contains itself", "write the value out"),
        ("a: &first 1\nb: *frist", "2:4", "*frist", "no anchor above it", "Did you mean 'first'?"),
        ("a: *x", "1:4", "*x", "no anchor above it", "mark a value with '&x' first"),
        ("a: 1e999", "1:4", "1e999", "below 1.8e308", "in quotes"),
        ("a: {b: (3, 3)}", "1:8", "(3, 3)", "expected a list in brackets", "write [3, 3]"),
        ("a: [(3, 3), 1]", "1:5", "(3, 3)", "expected a list in brackets", "write [3, 3]"),
        ("a: {b: f(3, 3)}", "1:9", "(3, 3)", "received a call", "with its arguments inside"),
        ("a: {b: 0,001}", "1:8", "0,001", "with a decimal comma", "write 0.001"),
        ("a: {0.2}", "1:4", "{0.2", "received 0.2 in braces", "write 0.2 without braces"),
        ("a:\n  - b:{c: 1}", "2:5", "b:{c", "expected ': ' between 'b' and '{'", "write b: {c: 1}"),
        ("a:\n  - b {c: 1}", "2:5", "b {c", "expected ': ' between 'b' and '{'", "write b: {c: 1}"),
        ("- 1", "1:1", "-", "expected a mapping at the top of the file, received a list", "key: value"),
        ("just words", "1:1", "just words", "received just words", "key: value"),
        ("", "1:1", "", "without any values", "key: value"),
    ],
)
def test_refused_with_its_place(
    refused: Refused, word: Callable[[Mark], str], text: str, place: str, marked: str, words: str, hint: str | None
) -> None:
    """Each danger and ambiguity is refused at the word that is wrong, with a hint where one helps."""
    (problem,) = refused(text)
    assert problem.mark is not None
    assert str(problem.mark) == f"x.yaml:{place}"
    assert word(problem.mark) == marked
    assert words in problem.text
    assert hint in (problem.hint or "") if hint else problem.hint is None


def test_a_whole_number_as_a_key_is_its_text() -> None:
    """A class may have a number as its name: with and without quotes it is the same key, and twice it is refused."""
    assert parse("a: {0: x, 12: y, '3': z, -1: w}", "x.yaml").data["a"] == {"0": "x", "12": "y", "3": "z", "-1": "w"}
    with pytest.raises(ConfigError, match="the key '0' is defined twice"):
        parse("a: {0: x, '0': y}", "x.yaml")


def test_everything_at_once(refused: Refused) -> None:
    """All problems of a text are reported together, a syntax error after them included, sorted by place."""
    problems = refused("a: 1\na: 2\ntrue: x\nb: !t 1\nc: *none\nd: {<<: 1}\ne: [1\nf: 2\n")
    assert [problem.mark.line for problem in problems if problem.mark] == [2, 3, 4, 5, 6, 7]


def test_no_more_than_a_hundred(refused: Refused) -> None:
    """Of a text with many problems the first hundred are reported."""
    assert len(refused("a: 1\n" * 5000)) == 100


def test_ordinary_anchors(parser: str) -> None:
    """Anchors and aliases within limits are part of the language, for keys too."""
    assert parse("a: &k units\nb: &v [1, {c: 2}]\nd: {*k : *v}\n", "x.yaml").data == {
        "a": "units",
        "b": [1, {"c": 2}],
        "d": {"units": [1, {"c": 2}]},
    }


def test_an_anchor_set_again_means_the_latest(parser: str) -> None:
    """YAML lets a later anchor take an earlier one's name."""
    assert parse("a: &x 1\nb: *x\nc: &x 2\nd: *x", "x.yaml").data == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_a_bomb_of_aliases(refused: Refused, word: Callable[[Mark], str]) -> None:
    """396 bytes that would become 387 million values are refused at once, at the alias that goes too far."""
    levels = [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    (problem,), most = _measured(refused, "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "\n".join(levels))
    assert most < LITTLE
    assert "at most 10,000 values" in problem.text
    assert problem.mark is not None
    assert word(problem.mark) == "*d"


def test_a_bomb_of_merge_keys(refused: Refused) -> None:
    """Merge keys that would double at every level are refused one by one, and never followed."""
    lines = [
        "k0: &k0 {x: 1}",
        *(f"k{level}: &k{level} {{<<: [*k{level - 1}, *k{level - 1}]}}" for level in range(1, 20)),
    ]
    problems, most = _measured(refused, "\n".join(lines))
    assert most < LITTLE
    assert sum("merge keys" in problem.text for problem in problems) == 19


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting(refused: Refused, opening: str) -> None:
    """Nesting of thousands of levels is refused at the first level too many, not by Python's stack."""
    (problem,) = refused(f"a:\n {opening * 5000}")
    assert "at most 100 levels" in problem.text


def test_a_hundred_levels_are_fine(parser: str) -> None:
    """The deepest nesting allowed is read."""
    value = parse("a: " + "[" * 99 + "]" * 99, "x.yaml").data["a"]
    for _ in range(98):
        (value,) = value
    assert value == []


def test_nesting_through_aliases(refused: Refused) -> None:
    """Aliases cannot stack up more levels than the text itself may."""
    (problem,) = refused("a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60)
    assert "through the alias '*a'" in problem.text


def test_a_number_of_5000_digits(refused: Refused) -> None:
    """An integer that Python would refuse with a ValueError is refused in its place."""
    (problem,) = refused("a: 1\nb: " + "9" * 5000)
    assert str(problem.mark) == "x.yaml:2:4"
    assert "at most 4,000 digits" in problem.text


def test_quoted_signs_are_plain_text(parser: str) -> None:
    """In quotes, merge keys, numbers and truth values are ordinary texts and keys."""
    assert parse("'<<': '1'\n\"1\": \"true\"\n", "x.yaml").data == {"<<": "1", "1": "true"}


def test_words_stay_words(parser: str) -> None:
    """Words that YAML 1.1 would convert are text as in YAML 1.2, as keys too."""
    text = "on: off\nno: yes\ntime: 1:30\nday: 2017-01-05\nlr: 1e-3\noctal: 012\nbig: 1_000\nnothing:\n"
    assert parse(text, "x.yaml").data == {
        "on": "off",
        "no": "yes",
        "time": "1:30",
        "day": "2017-01-05",
        "lr": 0.001,
        "octal": 12,
        "big": "1_000",
        "nothing": None,
    }


def test_marks_share_their_line(parser: str) -> None:
    """Values on one line share its text, so that a long line costs its length once and not once a value."""
    document = parse("a: [" + "1, " * 1000 + "]", "x.yaml")
    assert document.mark(("a", 1)).text is document.mark(("a", 999)).text


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
    """`.nan` in its three spellings is the float NaN."""
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
    """Words that YAML 1.1 or Python would read as something else stay text."""
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
    """Any text resolves, or is refused with a message."""
    message = "expected"
    try:
        resolve(word)
    except ValueError as error:
        message = str(error)
    assert "expected" in message

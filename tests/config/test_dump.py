"""Plain data as YAML and back."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.document import parse
from nnrun.config.dump import dump, dump_inline

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
PLAIN = st.dictionaries(
    st.text(),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
        max_leaves=20,
    ),
)
TRAPS = [
    "true",
    "Null",
    "~",
    "",
    "1",
    "012",
    "0x1F",
    "1e-3",
    ".5",
    ".inf",
    ".nan",
    "on",
    "No",
    "1:30",
    "2017-01-05",
    "- a",
    "a: b",
    "a #b",
    "#",
    "'",
    '"',
    "\\",
    "{",
    "[a]",
    "*a",
    "&a",
    "!t",
    "%d",
    "@x",
    "`",
    "|",
    ">",
    "?",
    "? x",
    ":",
    "-",
    "---",
    "...",
    "<<",
    "=",
    ",",
    " a",
    "a ",
    "a\n",
    "\ta",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "\uffff",
    "😀",
    "ä",
    "名",
    "$classes",
    "a\r\nb",
    "\x1b[0m",
]


def exact(value: Any) -> Any:
    """Data in a form whose equality sees types, signs of zero and nan."""
    if isinstance(value, dict):
        return [(key, exact(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [exact(item) for item in value]
    return (type(value).__name__, repr(value))


@given(PLAIN)
def test_any_data_reads_back(data: dict[str, Any]) -> None:
    """`parse(dump(data))` is `data`, with order, types and every character."""
    assert exact(parse(dump(data), "x.yaml").data) == exact(data)


@pytest.mark.parametrize("trap", TRAPS)
def test_treacherous_texts_read_back(trap: str) -> None:
    """Texts that look like YAML's own signs survive as key, value, item, and inside flow."""
    data = {
        trap: trap,
        "list": [trap, [trap]],
        "parts": [{trap: {trap: trap}}],
        "long": {"k": trap, "m": [{trap: trap}] * 2},
    }
    assert exact(parse(dump(data), "x.yaml").data) == exact(data)


def test_a_key_of_more_than_1024_characters_reads_back() -> None:
    """A key too long for `key: value` is introduced by a question mark."""
    data = {"k" * 3000: {"m" * 2000: [{"n" * 1100: 1, "o": [1, 2]}]}}
    assert parse(dump(data), "x.yaml").data == data


def test_the_shape() -> None:
    """Sections are blocks, parts stand one a line, long lists are broken up, floats keep their precision."""
    data = {
        "name": "digits",
        "seed": 7,
        "data": {"source": "digits", "prepare": [{"Rescale": {"divide_by": 16}}]},
        "model": ["Flatten", {"Dropout": 0.2}, {"Dense": {"units": "$classes", "activation": "softmax"}}],
        "training": {
            "optimizer": {"Adam": {"learning_rate": 1e-05}},
            "metrics": ["accuracy"],
            "weights": list(range(40)),
        },
        "keras": {},
        "note": None,
    }
    text = dump(data)
    assert text.startswith("""\
name: digits
seed: 7
data:
  source: digits
  prepare:
    - Rescale: {divide_by: 16}
model:
  - Flatten
  - Dropout: 0.2
  - Dense: {units: $classes, activation: softmax}
training:
  optimizer: {Adam: {learning_rate: 1e-05}}
  metrics: [accuracy]
  weights:
    - 0
    - 1
""")
    assert text.endswith("keras: {}\nnote: null\n")
    assert parse(text, "x.yaml").data == data


def test_nothing() -> None:
    """An empty mapping is still a config's text."""
    assert dump({}) == "{}\n"
    assert parse(dump({}), "x.yaml").data == {}


def test_words_that_yaml_1_1_misreads_are_quoted() -> None:
    """Readers of YAML 1.1 get the same words and truth values."""
    data = {"on": "off", "a": ["yes", "No", "1:30", "2017-01-05", "1_000"], "b": True, "c": None, "d": 12}
    assert yaml.safe_load(dump(data)) == data


def test_flow() -> None:
    """One value on one line, tuples as lists."""
    assert (
        dump_inline({"filters": 32, "kernel_size": (5, 5), "name": "a: b", "rate": math.inf})
        == "{filters: 32, kernel_size: [5, 5], name: 'a: b', rate: .inf}"
    )


@pytest.mark.parametrize("data", [{1: 2}, {"a": object()}, {"a": [{None: 1}]}, {"a": b"x"}, {"a": {1, 2}}])
def test_other_data_is_refused(data: dict[str, Any]) -> None:
    """What the language cannot hold is refused rather than written as something else."""
    with pytest.raises(TypeError, match="expected"):
        dump(data)

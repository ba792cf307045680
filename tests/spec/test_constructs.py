"""The table of forms says what the reader of models reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnrun.spec.constructs import CONSTRUCTS, EXPECTED
from nnrun.spec.part import LAYER_KEYS

#: A model with a key in each form that no form has.
UNKNOWN = {
    "repeat": "- repeat: {times: 2, layers: [Flatten], zzzzzz: 1}",
    "residual": "- residual: {layers: [Flatten], zzzzzz: 1}",
    "use": "- use: {stack: block, zzzzzz: 1}",
    "output": "layers: [{Dense: {units: 1, name: a}}]\noutputs: {a: {zzzzzz: 1}}",
    "model": "layers: [{Dense: 1}]\nzzzzzz: 1",
}


@pytest.mark.parametrize(("name", "model"), UNKNOWN.items())
def test_a_form_has_the_keys_that_the_reader_knows(
    refused: Callable[..., list[tuple[str, str, str | None]]], name: str, model: str
) -> None:
    """What is said of an unknown key lists the very keys of the table."""
    said = refused(model=model, define="{block: [Flatten]}")
    (hint,) = [hint for word, _, hint in said if word == "zzzzzz"]
    assert hint is not None
    assert set(hint.removeprefix("known here: ").split(", ")) == set(CONSTRUCTS[name].keys)


def test_a_layer_has_what_stands_beside_its_arguments() -> None:
    """`from` and `call` are no arguments of Keras'; `name` is one, but the graph uses it too."""
    assert set(CONSTRUCTS["layer"].keys) == {*LAYER_KEYS, "name"}


def test_every_sort_of_value_is_said_in_words() -> None:
    """No row takes a sort that has no words, and no words are without use."""
    assert {row.type for form in CONSTRUCTS.values() for row in form.keys.values()} == set(EXPECTED)

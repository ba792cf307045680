"""The table of constructs agrees with the reader of models."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnrun.spec.constructs import CONSTRUCTS, EXPECTED
from nnrun.spec.part_form import LAYER_KEYS

#: A model with an unknown key in each construct.
UNKNOWN = {
    "repeat": "- repeat: {times: 2, layers: [Flatten], zzzzzz: 1}",
    "residual": "- residual: {layers: [Flatten], zzzzzz: 1}",
    "use": "- use: {stack: block, zzzzzz: 1}",
    "output": "layers: [{Dense: {units: 1, name: a}}]\noutputs: {a: {zzzzzz: 1}}",
    "model": "layers: [{Dense: 1}]\nzzzzzz: 1",
}


@pytest.mark.parametrize(("name", "model"), UNKNOWN.items())
def test_a_construct_has_the_keys_that_the_reader_knows(
    refused: Callable[..., list[tuple[str, str, str | None]]], name: str, model: str
) -> None:
    """The hint of an unknown key lists the keys of the table."""
    problems = refused(model=model, define="{block: [Flatten]}")
    (hint,) = [hint for word, _, hint in problems if word == "zzzzzz"]
    assert hint is not None
    assert set(hint.removeprefix("known here: ").split(", ")) == set(CONSTRUCTS[name].keys)


def test_a_layer_has_keys_of_its_own() -> None:
    """`from` and `call` are not arguments of Keras; `name` is one, but the graph uses it too."""
    assert set(CONSTRUCTS["layer"].keys) == {*LAYER_KEYS, "name"}


def test_every_type_of_value_has_a_description() -> None:
    """Every type in the table has a description, and no description is unused."""
    assert {key.type for construct in CONSTRUCTS.values() for key in construct.keys.values()} == set(EXPECTED)

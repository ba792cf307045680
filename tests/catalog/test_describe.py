"""Descriptions of entries, and their examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from nnrun.catalog import lookup
from nnrun.catalog.describe import Description, describe, example_part, example_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.lookup import Entry


def _described(category: str, word: str) -> Description:
    entry = lookup.entry(category, word)
    assert entry is not None
    return describe(entry)


def test_a_description_has_everything_in_the_catalog() -> None:
    """Name, category, aliases, and for each argument its kind, its default as YAML and its summary."""
    found = _described("layers", "Convolution2D")
    assert (found.name, found.category, found.aliases, found.origin) == (
        "Conv2D",
        "layers",
        ("Convolution2D",),
        "keras",
    )
    filters, kernel_size, strides = found.arguments[:3]
    assert filters.required
    assert filters.default == ""
    assert kernel_size.expects == "a positive integer or a list of 2, each a positive integer"
    assert (strides.required, strides.default) == (False, "[1, 1]")
    assert "number of filters" in filters.summary


def test_parts_of_nnrun_are_marked() -> None:
    """A description shows whether a part is Keras' or nnrun's."""
    assert _described("activations", "binary_step").origin == "nnrun"


def test_arguments_of_a_call_are_described() -> None:
    """The arguments under `call:` are part of the description."""
    assert "use_causal_mask" in dict(_described("layers", "MultiHeadAttention").call)


def test_an_unusable_entry_has_a_reason_and_no_example() -> None:
    """An entry that a config cannot use has the reason instead of an example."""
    found = _described("layers", "Lambda")
    assert found.refused is not None
    assert found.example == ""


def test_every_example_satisfies_its_kind(usable: Callable[..., list[Entry]]) -> None:
    """For every required argument there is an example, and the catalog accepts it."""
    for entry in usable(*lookup.CATEGORIES):
        for parameter in entry.parameters.values():
            if parameter.required:
                assert parameter.kind.accepts(example_value(entry, parameter)), (entry.name, parameter.name)


def test_every_example_line_reads_back_as_the_example(usable: Callable[..., list[Entry]]) -> None:
    """The line is YAML that a user can paste."""
    for entry in usable(*lookup.CATEGORIES):
        assert yaml.safe_load(describe(entry).example) == example_part(entry), entry.name


def test_an_example_is_as_short_as_the_language_allows() -> None:
    """A word without required arguments, a single value for one, a mapping for several."""
    assert _described("layers", "Flatten").example == "Flatten"
    assert _described("layers", "Dropout").example == "Dropout: 0.2"
    assert _described("layers", "Conv2D").example == "Conv2D: {filters: 32, kernel_size: 3}"
    assert _described("layers", "Bidirectional").example == "Bidirectional: {layer: {LSTM: 64}}"


def test_a_description_is_plain_data_for_json(usable: Callable[..., list[Entry]]) -> None:
    """The JSON form has everything, and reads back the same."""
    for entry in usable("layers", "sources"):
        data = describe(entry).as_json()
        assert json.loads(json.dumps(data)) == data
        assert [row["name"] for row in data["arguments"]] == list(entry.parameters)

"""The named data sets: complete entries, and cards as plain data."""

from __future__ import annotations

import json

import pytest

from nnrun.data.all_sources import SOURCES
from nnrun.data.named.registry import card, entries, entry
from nnrun.errors import DataError


@pytest.mark.parametrize("name", [known.name for known in entries()])
def test_every_entry_is_complete_and_its_card_is_plain_data(name: str) -> None:
    """Each set has a source of its name, a licence, a citation, sizes, and digests for its files."""
    shown = json.loads(json.dumps(card(name)))
    assert name in SOURCES
    assert shown["licence"]
    assert shown["citation"]
    assert shown["description"].endswith(".")
    assert shown["rows"]["train"] > 0
    assert (len(shown["classes"]) > 1) == (shown["task"] == "classification")
    assert len(set(shown["classes"])) == len(shown["classes"])
    assert all(file["addresses"] for file in shown["files"])


@pytest.mark.parametrize("known", [known for known in entries() if known.containers], ids=lambda known: known.name)
def test_every_set_that_is_fetched_is_checked(known) -> None:
    """A file has a digest and a size, or else the set's content is checked: its numbers, or its words."""
    for file in (file for container in known.containers for file in container):
        assert file.sha256 is not None or known.identity or known.alphabet
        assert file.sha256 is None or (len(file.sha256) == 64 and file.size)


def test_mnist_can_be_had_from_at_least_two_mirrors() -> None:
    """No single server stands between a user and MNIST, and all addresses are https."""
    addresses = [address for container in entry("mnist").containers for file in container for address in file.addresses]
    assert len({address.split("/")[2] for address in addresses}) >= 2
    assert all(address.startswith("https://") for address in addresses)


def test_an_unknown_set_is_refused_with_the_nearest_name() -> None:
    """A misspelt name is met with the right one."""
    with pytest.raises(DataError, match="there is no data set named 'mnits'") as refused:
        card("mnits")
    assert refused.value.hint == "Did you mean 'mnist'?"

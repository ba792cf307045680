"""The named data sets: complete descriptions, verifiable files, and cards as plain data."""

from __future__ import annotations

import json

import pytest

from nnrun.data.all_sources import SOURCES
from nnrun.data.named.datasets import data_set_names, named_data_set
from nnrun.errors import DataError


@pytest.mark.parametrize("name", data_set_names())
def test_every_data_set_is_described_completely_as_plain_data(name: str) -> None:
    """Each set has a source of its name, a licence, a citation, sizes, and addresses for its files."""
    card = json.loads(json.dumps(named_data_set(name).card()))
    assert name in SOURCES
    assert card["licence"]
    assert card["citation"]
    assert card["description"].endswith(".")
    assert all(caveat.endswith(".") for caveat in card["caveats"])
    assert card["rows"]["train"] > 0
    assert (len(card["classes"]) > 1) == (card["task"] == "classification")
    assert len(set(card["classes"])) == len(card["classes"])
    assert all(file["addresses"] for file in card["files"])


@pytest.mark.parametrize("name", [name for name in data_set_names() if named_data_set(name).files])
def test_every_downloaded_set_is_verified(name: str) -> None:
    """A file has a digest and a size, or else the content of the set is verified: its numbers, or its words."""
    data_set = named_data_set(name)
    for file in data_set.files:
        assert file.sha256 is not None or data_set.content_sha256 or data_set.alphabet
        assert file.sha256 is None or (len(file.sha256) == 64 and file.size)
        assert all(address.startswith("https://") for address in file.addresses)


def test_mnist_has_at_least_two_mirrors() -> None:
    """No single server stands between a user and MNIST."""
    (file,) = named_data_set("mnist").files
    assert len({address.split("/")[2] for address in file.addresses}) >= 2


def test_an_unknown_set_is_refused_with_the_nearest_name() -> None:
    """A misspelt name is met with the right one, another with all names."""
    with pytest.raises(DataError, match="there is no data set named 'mnits'") as refused:
        named_data_set("mnits")
    assert refused.value.hint == "Did you mean 'mnist'?"
    with pytest.raises(DataError) as refused:
        named_data_set("xyz")
    assert refused.value.hint.startswith("the data sets are: mnist, fashion_mnist, ")


def test_bostons_card_names_its_column_built_on_race() -> None:
    """The caveats state what B is, and name California instead."""
    caveats = " ".join(named_data_set("boston").caveats)
    assert "B is built on race" in caveats
    assert "`california`" in caveats

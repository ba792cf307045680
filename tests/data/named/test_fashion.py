"""Fashion-MNIST from its four IDX files, in a folder of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.digests import file_sha256
from nnrun.data.files.idx import write_idx
from nnrun.data.named.pictures import FashionMnist
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

ARRAYS = (
    np.arange(3 * 784, dtype="uint8").reshape(3, 28, 28),
    np.array([9, 0, 4], dtype="uint8"),
    np.zeros((2, 28, 28), dtype="uint8"),
    np.array([1, 2], dtype="uint8"),
)


def _write(places: DataPaths, known, labels: np.ndarray = ARRAYS[3]) -> None:
    folder = places.cache_dir() / "fashion_mnist"
    folder.mkdir()
    files = entry("fashion_mnist").containers[0]
    for file, array in zip(files, (*ARRAYS[:3], labels), strict=True):
        write_idx(folder / file.name, array)
    container = tuple(replace(file, sha256=file_sha256(folder / file.name)) for file in files)
    known("fashion_mnist", containers=(container,), rows=3, test_rows=2)


def test_the_four_files_are_read_from_their_own_folder(places: DataPaths, listener, known) -> None:
    """MNIST's files of the same names in the data folder itself do not count."""
    assert FashionMnist().facts(places, ("data", "source"))[1][0].name == "download-to-come"
    _write(places, known)
    raw = FashionMnist().load(places, listener)
    assert raw.train.x.tolist() == ARRAYS[0].tolist()
    assert [raw.class_names[label] for label in raw.train.y] == ["Ankle boot", "T-shirt/top", "Coat"]
    assert FashionMnist().facts(places, ("data", "source"))[1] == []


def test_labels_that_do_not_match_the_pictures_are_refused(places: DataPaths, listener, known) -> None:
    """As many labels as pictures are expected."""
    _write(places, known, np.zeros(5, dtype="uint8"))
    with pytest.raises(DataError, match=r"expected 2 pictures of shape \[28, 28\] in the test part, received 2 .* 5 "):
        FashionMnist().load(places, listener)


def test_what_is_fetched_lands_in_the_folder_of_the_set(places: DataPaths, listener, known, monkeypatch) -> None:
    """The downloader is given the subfolder, so that MNIST's files are not taken for these."""
    asked = []
    monkeypatch.setattr("nnrun.data.named.fetch.download", lambda remote, folder, _: asked.append(folder / remote.name))
    from nnrun.data.named.fetch import fetch

    fetch("fashion_mnist", places, listener)
    assert {file.parent for file in asked} == {places.cache_dir() / "fashion_mnist"}

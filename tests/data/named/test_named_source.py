"""The files of a named set: found in the data folder, or downloaded into it, and verified."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from file_server import serve_files

from nnrun.data.files.digests import file_sha256
from nnrun.data.files.download import RemoteFile
from nnrun.data.files.idx import idx_sha256
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import require_files, verified_bytes
from nnrun.data.named.pictures import Mnist
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

ARRAYS = {
    "x_train": np.ones((3, 28, 28), dtype="uint8"),
    "y_train": np.arange(3, dtype="uint8"),
    "x_test": np.zeros((2, 28, 28), dtype="uint8"),
    "y_test": np.array([7, 2], dtype="uint8"),
}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Path]:
    """A folder that a web server serves, with its address in `.address`."""
    with serve_files(tmp_path / "web") as address:
        (tmp_path / "web" / ".address").write_text(address)
        yield tmp_path / "web"


@pytest.fixture
def _small_mnist(web: Path, change_data_set) -> None:
    """Let the web server have the second mirror of a small MNIST; nobody has the first."""
    np.savez(web / "mnist.npz", **ARRAYS)
    file = web / "mnist.npz"
    addresses = ("http://127.0.0.1:9/mnist.npz", f"{(web / '.address').read_text()}mnist.npz")
    change_data_set(
        "mnist",
        files=(RemoteFile("mnist.npz", file_sha256(file), file.stat().st_size, addresses),),
        content_sha256={name: idx_sha256(array) for name, array in ARRAYS.items()},
        rows=3,
        test_rows=2,
    )


@pytest.mark.usefixtures("_small_mnist")
def test_a_set_is_downloaded_from_the_mirror_that_has_it(paths: DataPaths, listener) -> None:
    """A mirror that cannot be reached is passed over for the next one."""
    assert len(Mnist().load(paths, listener).train) == 3
    assert [file.name for file in paths.cache_dir().iterdir()] == ["mnist.npz"]


@pytest.mark.usefixtures("_small_mnist")
def test_without_a_network_every_mirror_is_named(paths: DataPaths, listener, web: Path) -> None:
    """Offline, each mirror with its reason and the place for the file are stated in one error."""
    (web / "mnist.npz").unlink()
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9/mnist\.npz: .*refused; .*mnist\.npz: answers 404") as refused:
        Mnist().load(paths, listener)
    assert "put the file by hand" in str(refused.value.hint)


def test_a_set_of_scikit_learn_has_no_files(paths: DataPaths, listener) -> None:
    """Nothing is downloaded for what comes with scikit-learn."""
    assert require_files(named_data_set("digits"), paths, listener) == {}


def test_files_are_downloaded_into_the_folder_of_the_set(paths: DataPaths, listener, monkeypatch) -> None:
    """Fashion-MNIST's files go to its subfolder, so that they cannot be taken for another set's."""
    folders = []

    def download(file: RemoteFile, folder: Path, _: object) -> Path:
        folders.append(folder)
        folder.mkdir(exist_ok=True)
        (folder / file.name).write_bytes(b"")
        return folder / file.name

    monkeypatch.setattr("nnrun.data.files.download.download", download)
    with pytest.raises(DataError, match="this is not fashion_mnist's file: expected the SHA-256 3aede38d61863908"):
        require_files(named_data_set("fashion_mnist"), paths, listener)
    assert set(folders) == {paths.cache_dir() / "fashion_mnist"}
    assert len(folders) == 4


def test_only_verified_bytes_are_returned(paths: DataPaths) -> None:
    """The content of a file with another digest is refused by its name."""
    file = paths.cache_dir() / "imdb.npz"
    file.write_bytes(b"something else")
    with pytest.raises(DataError, match=r"imdb\.npz: this is not imdb's file: expected the SHA-256 69664113be75683a"):
        verified_bytes(named_data_set("imdb"), file)
    data_set = named_data_set("imdb")
    data_set = replace(data_set, files=(replace(data_set.files[0], sha256=file_sha256(file)),))
    assert verified_bytes(data_set, file) == b"something else"

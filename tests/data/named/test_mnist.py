"""MNIST from any container with the right pixels, and from none with others."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.idx import idx_sha256, write_idx
from nnrun.data.load import load
from nnrun.data.named import pictures
from nnrun.data.named.pictures import Mnist
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset

ARRAYS = {
    "x_train": np.arange(5 * 784, dtype="uint8").reshape(5, 28, 28),
    "y_train": np.arange(5, dtype="uint8"),
    "x_test": np.zeros((2, 28, 28), dtype="uint8"),
    "y_test": np.array([7, 2], dtype="uint8"),
}
STEMS = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few pictures pass for MNIST by their digests."""
    known = replace(entry("mnist"), identity=tuple((name, idx_sha256(array)) for name, array in ARRAYS.items()))
    monkeypatch.setattr(pictures, "entry", lambda _: known)


def _write(folder: Path, container: str) -> None:
    folder.mkdir(exist_ok=True)
    if container == "npz":
        np.savez_compressed(folder / "mnist.npz", **ARRAYS)
        return
    for name, array in ARRAYS.items():
        stem = STEMS[name] if "dots" not in container else STEMS[name].replace("-idx", ".idx")
        write_idx(folder / (stem + (".gz" if "gz" in container else "")), array)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("container", ["npz", "idx", "idx gz", "idx dots"])
@pytest.mark.parametrize("sub", ["", "mnist"])
def test_every_container_gives_the_same_pictures(places: DataPaths, listener, container: str, sub: str) -> None:
    """Npz and IDX, gzipped or not, in the data folder or its subfolder, are all found and verified."""
    _write(places.cache_dir() / sub, container)
    raw = Mnist().load(places, listener)
    assert raw.train.x.tolist() == ARRAYS["x_train"].tolist()
    assert raw.test.y.tolist() == [7, 2]
    assert len(raw.files) == (1 if container == "npz" else 4)
    assert Mnist().facts(places, ("data", "source"))[1] == []


@pytest.mark.parametrize("container", ["npz", "idx gz"])
def test_other_pixels_are_refused(places: DataPaths, listener, container: str) -> None:
    """A container with the right names and wrong pixels is not MNIST; its file is named."""
    _write(places.cache_dir(), container)
    with pytest.raises(DataError, match=r"x_train is not MNIST's: expected the SHA-256 ba891046e6505d7a") as refused:
        Mnist().load(places, listener)
    assert refused.value.hint.endswith("and type: nnrun data fetch mnist")


def test_a_damaged_container_is_refused(places: DataPaths, listener) -> None:
    """A truncated npz and a truncated IDX file are named as such."""
    _write(places.cache_dir(), "npz")
    file = places.cache_dir() / "mnist.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"mnist\.npz: expected an npz file"):
        Mnist().load(places, listener)
    file.unlink()
    _write(places.cache_dir(), "idx gz")
    cut = places.cache_dir() / "t10k-labels-idx1-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:20])
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: cannot be read"):
        Mnist().load(places, listener)


@pytest.fixture
def real(shared_places: DataPaths, listener, spec, split) -> tuple[Dataset, int]:
    """The real pictures as numbers of 0 to 1, and the most bytes that loading and preparing them had at a time."""
    said = spec(
        "mnist",
        prepare=(("Rescale", {"divide_by": 255}), ("Reshape", {"shape": [28, 28, 1]})),
        split=split(validation="test"),
    )
    tracemalloc.start()
    try:
        done = load(said, form="one_hot", seed=7, paths=shared_places, progress=listener)
        return done, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.shared
def test_the_real_pictures_are_loaded_and_prepared(real: tuple[Dataset, int], shared_places: DataPaths) -> None:
    """All 70,000 real pictures become float32 numbers, row after row in memory, each beside its own class."""
    done = real[0]
    assert done.facts.rows == {"train": 60000, "validation": 10000, "test": 10000}
    with np.load(shared_places.cache_dir() / "mnist.npz") as archive:
        for name, part in (("train", done.train), ("test", done.test)):
            assert part.x.dtype == part.y.dtype == np.float32
            assert part.x.shape == (len(part), 28, 28, 1)
            assert part.y.shape == (len(part), 10)
            assert part.x.flags.c_contiguous
            assert part.rows.tolist() == list(range(len(part)))
            assert np.array_equal(part.x[..., 0], archive[f"x_{name}"].astype("float32") / 255)
            assert part.y.argmax(axis=1).tolist() == archive[f"y_{name}"].tolist()
            assert part.y.sum(axis=1).tolist() == [1.0] * len(part)


@pytest.mark.shared
def test_the_real_pictures_lie_in_memory_once(real: tuple[Dataset, int]) -> None:
    """A part that serves twice is there once, and nothing but the bytes read lies beside the prepared numbers."""
    done, most = real
    assert done.validation is done.test
    read = done.train.x.size + done.test.x.size
    kept = sum(array.nbytes for part in (done.train, done.test) for array in (part.x, part.y, part.rows))
    assert most < 1.1 * (read + kept)


@pytest.mark.shared
def test_the_real_pictures_as_idx_files_are_the_same(shared_places: DataPaths, places: DataPaths, listener) -> None:
    """The four IDX files written from the npz pass the same verification."""
    with np.load(shared_places.cache_dir() / "mnist.npz") as archive:
        for name, stem in STEMS.items():
            write_idx(places.cache_dir() / stem, archive[name])
    assert len(Mnist().load(places, listener).train) == 60000

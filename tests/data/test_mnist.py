"""MNIST from any container with the right pixels, and from none with others."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data import mnist
from nnrun.data.idx import idx_sha256, write_idx
from nnrun.data.load import load
from nnrun.data.mnist import Mnist
from nnrun.data.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.places import Places

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
    monkeypatch.setattr(mnist, "entry", lambda _: known)


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
def test_every_container_gives_the_same_pictures(places: Places, listener, container: str, sub: str) -> None:
    """Npz and IDX, gzipped or not, in the data folder or its subfolder, are all found and verified."""
    _write(places.store() / sub, container)
    raw = Mnist().load(places, listener)
    assert raw.train.x.tolist() == ARRAYS["x_train"].tolist()
    assert raw.test.y.tolist() == [7, 2]
    assert len(raw.files) == (1 if container == "npz" else 4)
    assert Mnist().foresee(places, ("data", "source"))[1] == []


@pytest.mark.parametrize("container", ["npz", "idx gz"])
def test_other_pixels_are_refused(places: Places, listener, container: str) -> None:
    """A container with the right names and wrong pixels is not MNIST; its file is named."""
    _write(places.store(), container)
    with pytest.raises(DataError, match=r"x_train is not MNIST's: expected the SHA-256 ba891046e6505d7a") as refused:
        Mnist().load(places, listener)
    assert refused.value.hint.endswith("and type: nnrun data fetch mnist")


def test_a_damaged_container_is_refused(places: Places, listener) -> None:
    """A truncated npz and a truncated IDX file are named as such."""
    _write(places.store(), "npz")
    file = places.store() / "mnist.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"mnist\.npz: expected an npz file"):
        Mnist().load(places, listener)
    file.unlink()
    _write(places.store(), "idx gz")
    cut = places.store() / "t10k-labels-idx1-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:20])
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: cannot be read"):
        Mnist().load(places, listener)


@pytest.mark.shared
def test_the_real_pictures_are_loaded_and_prepared_in_time(shared_places: Places, listener, spec, split) -> None:
    """All 70,000 real pictures are read, verified and prepared in about a second (limit here: 6, on a busy machine)."""
    said = spec(
        "mnist",
        prepare=(("Rescale", {"divide_by": 255}), ("Reshape", {"shape": [28, 28, 1]})),
        split=split(validation="test"),
    )
    start = time.monotonic()
    done = load(said, form="one_hot", seed=7, places=shared_places, progress=listener)
    assert time.monotonic() - start < 6
    assert done.facts.rows == {"train": 60000, "validation": 10000, "test": 10000}
    with np.load(shared_places.store() / "mnist.npz") as archive:
        assert np.array_equal(done.test.x[..., 0], archive["x_test"].astype("float32") / 255)
        assert done.test.y.argmax(axis=1).tolist() == archive["y_test"].tolist()


@pytest.mark.shared
def test_the_real_pictures_as_idx_files_are_the_same(shared_places: Places, places: Places, listener) -> None:
    """The four IDX files written from the npz pass the same verification."""
    with np.load(shared_places.store() / "mnist.npz") as archive:
        for name, stem in STEMS.items():
            write_idx(places.store() / stem, archive[name])
    assert len(Mnist().load(places, listener).train) == 60000

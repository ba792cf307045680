"""The named sets of pictures, from small files of the original formats, and MNIST from the real one."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.idx import idx_sha256, write_idx
from nnrun.data.load import load
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.pictures import Cifar10, Cifar100, FashionMnist, Mnist
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset

ARRAYS = {
    "x_train": np.arange(5 * 784, dtype="uint8").reshape(5, 28, 28),
    "y_train": np.array([9, 0, 4, 1, 2], dtype="uint8"),
    "x_test": np.zeros((2, 28, 28), dtype="uint8"),
    "y_test": np.array([7, 2], dtype="uint8"),
}
GENERATOR = np.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (12, 3072), dtype="uint8")
LABELS = GENERATOR.integers(0, 10, 12)


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_mnist_is_found_and_verified(paths: DataPaths, listener, change_data_set, subfolder: str) -> None:
    """Any `mnist.npz` with the right pixels is read, from the data folder or its subfolder."""
    digests = {name: idx_sha256(array) for name, array in ARRAYS.items()}
    change_data_set("mnist", content_sha256=digests, rows=5, test_rows=2)
    (paths.cache_dir() / subfolder).mkdir(exist_ok=True)
    np.savez_compressed(paths.cache_dir() / subfolder / "mnist.npz", **ARRAYS)
    data = Mnist().load(paths, listener)
    assert data.train.x.tolist() == ARRAYS["x_train"].tolist()
    assert data.test.y.tolist() == [7, 2]
    assert list(data.files) == ["mnist.npz"]
    assert Mnist().facts(paths, ("data", "source"))[1] == []


def test_other_pixels_are_not_mnist(paths: DataPaths, listener) -> None:
    """A file with the right names and wrong pixels is refused by its name."""
    np.savez(paths.cache_dir() / "mnist.npz", **ARRAYS)
    with pytest.raises(
        DataError, match=r"mnist\.npz: this is not mnist's file: expected the SHA-256 ba891046e6505d7a\.\.\. of x_train"
    ) as refused:
        Mnist().load(paths, listener)
    assert "and type: nnrun data fetch mnist" in refused.value.hint


def test_a_damaged_mnist_is_refused(paths: DataPaths, listener) -> None:
    """A truncated npz is named as such."""
    file = paths.cache_dir() / "mnist.npz"
    np.savez(file, **ARRAYS)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"mnist\.npz: expected an npz file"):
        Mnist().load(paths, listener)


@pytest.fixture
def real(real_paths, listener, spec, split) -> tuple[Dataset, int]:
    """The real pictures as numbers of 0 to 1, and the largest memory in bytes while they were loaded and prepared."""
    config = spec(
        "mnist",
        prepare=(("Rescale", {"divide_by": 255}), ("Reshape", {"shape": [28, 28, 1]})),
        split=split(validation="test"),
    )
    tracemalloc.start()
    try:
        done = load(config, form="one_hot", seed=7, paths=real_paths("mnist.npz"), progress=listener)
        return done, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.shared
def test_the_real_pictures_are_loaded_and_prepared(real: tuple[Dataset, int], real_paths) -> None:
    """All 70,000 real pictures become float32 numbers, row after row in memory, each with its own class."""
    done = real[0]
    assert done.facts.rows == {"train": 60000, "validation": 10000, "test": 10000}
    with np.load(real_paths("mnist.npz").cache_dir() / "mnist.npz") as archive:
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
    """A part that serves twice is there once, and only the bytes read are there in addition to the prepared numbers."""
    done, most = real
    assert done.validation is done.test
    read = done.train.x.size + done.test.x.size
    kept = sum(array.nbytes for part in (done.train, done.test) for array in (part.x, part.y, part.rows))
    assert most < 1.1 * (read + kept)


def _write_fashion(paths: DataPaths, accept_file, y_test: np.ndarray = ARRAYS["y_test"]) -> None:
    folder = paths.cache_dir() / "fashion_mnist"
    folder.mkdir()
    for file, array in zip(named_data_set("fashion_mnist").files, (ARRAYS | {"y_test": y_test}).values(), strict=True):
        write_idx(folder / file.name, array)
    accept_file("fashion_mnist", rows=5, test_rows=2)


def test_fashion_mnist_is_read_from_its_own_folder(paths: DataPaths, listener, accept_file) -> None:
    """The four files are found in the subfolder; those of the same names in the data folder do not count."""
    assert FashionMnist().facts(paths, ("data", "source"))[1][0].name == "download-to-come"
    _write_fashion(paths, accept_file)
    data = FashionMnist().load(paths, listener)
    assert data.train.x.tolist() == ARRAYS["x_train"].tolist()
    assert [data.class_names[label] for label in data.train.y[:3]] == ["Ankle boot", "T-shirt/top", "Coat"]
    assert FashionMnist().facts(paths, ("data", "source"))[1] == []


def test_labels_that_do_not_match_the_pictures_are_refused(paths: DataPaths, listener, accept_file) -> None:
    """As many labels as pictures are expected."""
    _write_fashion(paths, accept_file, np.zeros(5, dtype="uint8"))
    with pytest.raises(DataError, match=r"expected 2 pictures of shape \[28, 28\] in the test part, received 2 .* 5 "):
        FashionMnist().load(paths, listener)


def _pack(file: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"batches/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _rows(rows: slice, coarse: bool = False) -> bytes:
    labels = LABELS[rows].astype("uint8")[:, None]
    return np.concatenate([*([labels * 0 + 3] if coarse else []), labels, PIXELS[rows]], axis=1).tobytes()


CIFAR = {
    "cifar10": {
        **{f"data_batch_{index + 1}.bin": _rows(slice(2 * index, 2 * index + 2)) for index in range(5)},
        "test_batch.bin": _rows(slice(10, 12)),
        "batches.meta.txt": b"airplane\n",
    },
    "cifar100": {"train.bin": _rows(slice(10), coarse=True), "test.bin": _rows(slice(10, 12), coarse=True)},
}


@pytest.mark.parametrize(("source", "classes"), [(Cifar10, 10), (Cifar100, 100)])
def test_cifar_is_read_from_its_archive(paths: DataPaths, listener, accept_file, source: type, classes: int) -> None:
    """Red, green and blue become the last dimension, and the fine label is the class."""
    _pack(paths.cache_dir() / named_data_set(source.name).files[0].name, CIFAR[source.name])
    accept_file(source.name, rows=10, test_rows=2)
    data = source().load(paths, listener)
    assert data.train.x.shape == (10, 32, 32, 3)
    assert data.train.x[7, 5, 9].tolist() == [PIXELS[7, plane * 1024 + 5 * 32 + 9] for plane in range(3)]
    assert data.train.y.tolist() == LABELS[:10].tolist()
    assert data.test.y.tolist() == LABELS[10:].tolist()
    assert len(data.class_names) == classes


@pytest.mark.parametrize(
    ("member", "content", "text"),
    [
        ("test_batch.bin", _rows(slice(10, 12))[:-5], "expected a multiple of 3073 bytes, received 6141"),
        ("test_batch.bin", _rows(slice(10, 11)), r"expected 2 pictures of shape \[32, 32, 3\] in the test part"),
        ("data_batch_1.bin", b"\x0b" + _rows(slice(2))[1:], "expected labels from 0 to 9, received 11"),
    ],
)
def test_a_member_with_other_content_is_refused(
    paths: DataPaths, listener, accept_file, member: str, content: bytes, text: str
) -> None:
    """A batch that is cut short, has too few pictures or unknown labels is refused."""
    _pack(paths.cache_dir() / "cifar-10-binary.tar.gz", {**CIFAR["cifar10"], member: content})
    accept_file("cifar10", rows=10, test_rows=2)
    with pytest.raises(DataError, match=text):
        Cifar10().load(paths, listener)

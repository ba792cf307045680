"""CIFAR from archives of the true formats: binary or pickled, colours last, and no code of an archive's runs."""

from __future__ import annotations

import io
import pickle
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.files.digests import file_sha256
from nnrun.data.named.pictures import Cifar10, Cifar100
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

GENERATOR = np.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (12, 3072), dtype="uint8")
LABELS = GENERATOR.integers(0, 10, 12)


def _pack(file: Path, members: dict[str, bytes], folder: str = "batches") -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _binary(rows: slice, coarse: bool = False) -> bytes:
    labels = LABELS[rows].astype("uint8")[:, None]
    parts = [*([labels * 0 + 3] if coarse else []), labels, PIXELS[rows]]
    return np.concatenate(parts, axis=1).tobytes()


def _pickled(rows: slice, key: bytes = b"labels") -> bytes:
    """As Python 2 wrote it: bytes for text."""
    return pickle.dumps({b"data": PIXELS[rows], key: LABELS[rows].tolist()}, protocol=2)


ARCHIVES = {
    ("cifar10", "cifar-10-binary.tar.gz"): {
        **{f"data_batch_{index + 1}.bin": _binary(slice(2 * index, 2 * index + 2)) for index in range(5)},
        "test_batch.bin": _binary(slice(10, 12)),
        "batches.meta.txt": b"airplane\n",
    },
    ("cifar10", "cifar-10-python.tar.gz"): {
        **{f"data_batch_{index + 1}": _pickled(slice(2 * index, 2 * index + 2)) for index in range(5)},
        "test_batch": _pickled(slice(10, 12)),
    },
    ("cifar100", "cifar-100-binary.tar.gz"): {
        "train.bin": _binary(slice(10), coarse=True),
        "test.bin": _binary(slice(10, 12), coarse=True),
    },
    ("cifar100", "cifar-100-python.tar.gz"): {
        "train": _pickled(slice(10), b"fine_labels"),
        "test": _pickled(slice(10, 12), b"fine_labels"),
    },
}


def _expect(known, places: DataPaths, name: str, file: str) -> None:
    """Let the archive that lies in the data folder be the set's."""
    digest = file_sha256(places.cache_dir() / file)
    containers = tuple((replace(one, sha256=digest),) for (one,) in entry(name).containers if one.name == file)
    known(name, containers=containers, rows=10, test_rows=2)


@pytest.mark.parametrize(("name", "file"), ARCHIVES)
def test_every_archive_gives_the_same_pictures(places: DataPaths, listener, known, name: str, file: str) -> None:
    """Binary and pickled archives are read, reds, greens and blues become the last dimension."""
    _pack(places.cache_dir() / file, ARCHIVES[name, file])
    _expect(known, places, name, file)
    raw = {"cifar10": Cifar10, "cifar100": Cifar100}[name]().load(places, listener)
    assert raw.train.x.shape == (10, 32, 32, 3)
    assert raw.train.x[7, 5, 9].tolist() == [PIXELS[7, plane * 1024 + 5 * 32 + 9] for plane in range(3)]
    assert raw.train.y.tolist() == LABELS[:10].tolist()
    assert raw.test.y.tolist() == LABELS[10:].tolist()
    assert len(raw.class_names) == (10 if name == "cifar10" else 100)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('pathlib').Path('harm').touch()",)


def test_an_archive_cannot_run_code(places: DataPaths, listener, known, monkeypatch) -> None:
    """A pickle that asks for anything but arrays is refused by what it asks for, and nothing of it runs."""
    monkeypatch.chdir(places.config_dir)
    name, file = "cifar10", "cifar-10-python.tar.gz"
    _pack(places.cache_dir() / file, {**ARCHIVES[name, file], "data_batch_3": pickle.dumps({b"data": _Evil()})})
    _expect(known, places, name, file)
    with pytest.raises(DataError, match=r"it asks for builtins\.eval, which is no plain data"):
        Cifar10().load(places, listener)
    assert not (places.config_dir / "harm").exists()


@pytest.mark.parametrize(
    ("member", "data", "text"),
    [
        ("test_batch.bin", _binary(slice(10, 12))[:-5], "expected a multiple of 3073 bytes, received 6141"),
        ("test_batch.bin", _binary(slice(10, 11)), r"expected 2 pictures of shape \[32, 32, 3\] in the test part"),
        ("data_batch_1.bin", b"\x0b" + _binary(slice(2))[1:], "expected labels from 0 to 9, received 11"),
    ],
)
def test_a_member_with_other_content_is_refused(
    places: DataPaths, listener, known, member: str, data: bytes, text: str
) -> None:
    """A batch that is cut short, has too few pictures or unknown labels is refused."""
    name, file = "cifar10", "cifar-10-binary.tar.gz"
    _pack(places.cache_dir() / file, {**ARCHIVES[name, file], member: data})
    _expect(known, places, name, file)
    with pytest.raises(DataError, match=text):
        Cifar10().load(places, listener)


def test_pickles_of_something_else_are_refused(places: DataPaths, listener, known) -> None:
    """A pickle of plain data that is no batch is refused."""
    name, file = "cifar10", "cifar-10-python.tar.gz"
    _pack(places.cache_dir() / file, {**ARCHIVES[name, file], "test_batch": pickle.dumps([1, 2])})
    _expect(known, places, name, file)
    with pytest.raises(DataError, match="expected pixels and labels, received something else"):
        Cifar10().load(places, listener)

"""The shipped configs whose data must be downloaded, with small archives of the original formats."""

from __future__ import annotations

import csv
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.config.files import find_config
from nnrun.data.files.digests import file_sha256
from nnrun.data.files.idx import write_idx
from nnrun.data.named import datasets
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nnrun.data.named.datasets import NamedDataSet

ROWS, TEST_ROWS = 120, 40
GENERATOR = np.random.default_rng(0)
#: Each config's set, and how many rows its archive here has.
CONFIGS = {
    "california": ("california", ROWS, None),
    "fashion_cnn": ("fashion_mnist", ROWS, TEST_ROWS),
    "cifar10_cnn": ("cifar10", ROWS, TEST_ROWS),
    "imdb_lstm": ("imdb", ROWS, TEST_ROWS),
}


def _labels(rows: int, classes: int) -> np.ndarray:
    return np.arange(rows, dtype="uint8") % classes


def _pack(file: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _california(folder: Path) -> None:
    """Longitude, latitude, age, rooms, bedrooms, people, households, income and value of each block, in a tgz."""
    low = (-124.0, 32.0, 1.0, 500.0, 100.0, 200.0, 100.0, 0.5, 15_000.0)
    high = (-114.0, 42.0, 52.0, 6000.0, 1200.0, 4000.0, 900.0, 15.0, 500_001.0)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(GENERATOR.uniform(low, high, (ROWS, 9)).round(4).tolist())
    _pack(folder / "cal_housing.tgz", {"CaliforniaHousing/cal_housing.data": text.getvalue().encode("ascii")})


def _fashion(folder: Path) -> None:
    """Four gzipped IDX files in a folder of their own."""
    (folder / "fashion_mnist").mkdir()
    for stem, rows in (("train", ROWS), ("t10k", TEST_ROWS)):
        pictures = GENERATOR.integers(0, 256, (rows, 28, 28), dtype="uint8")
        write_idx(folder / "fashion_mnist" / f"{stem}-images-idx3-ubyte.gz", pictures)
        write_idx(folder / "fashion_mnist" / f"{stem}-labels-idx1-ubyte.gz", _labels(rows, 10))


def _cifar(folder: Path) -> None:
    """Six batches of rows of a label and 3,072 pixels, in a tar.gz."""

    def batch(rows: int) -> bytes:
        pixels = GENERATOR.integers(0, 256, (rows, 3072), dtype="uint8")
        return np.concatenate([_labels(rows, 10)[:, None], pixels], axis=1).tobytes()

    batches = {f"data_batch_{number}.bin": ROWS // 5 for number in range(1, 6)} | {"test_batch.bin": TEST_ROWS}
    members = {f"cifar-10-batches-bin/{name}": batch(rows) for name, rows in batches.items()}
    _pack(folder / "cifar-10-binary.tar.gz", members)


def _imdb(folder: Path) -> None:
    """An npz of object arrays: reviews of different lengths as ranks of words."""
    parts = {}
    for part, rows in (("train", ROWS), ("test", TEST_ROWS)):
        reviews = np.empty(rows, dtype=object)
        for row, length in enumerate(GENERATOR.integers(10, 300, rows)):
            reviews[row] = GENERATOR.integers(1, 20_000, length).tolist()
        parts |= {f"x_{part}": reviews, f"y_{part}": _labels(rows, 2).astype("int64")}
    np.savez(folder / "imdb.npz", **parts)


MAKERS: dict[str, Callable[[Path], None]] = {
    "california": _california,
    "fashion_mnist": _fashion,
    "cifar10": _cifar,
    "imdb": _imdb,
}


def _smaller(name: str, folder: Path, test_rows: int | None) -> NamedDataSet:
    """Return the data set as small as the archive in a folder."""
    data_set = datasets.named_data_set(name)
    files = tuple(replace(file, sha256=file_sha256(folder / data_set.folder / file.name)) for file in data_set.files)
    return replace(data_set, files=files, facts=replace(data_set.facts, rows=ROWS, test_rows=test_rows))


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_is_checked_without_its_data(config: str, tmp_path: Path) -> None:
    """Each config is checked completely without its data, and makes no claim that was not measured."""
    examined = examine(find_config(config), (), tmp_path)
    assert [problem.name for problem in examined.problems] == ["download-to-come"]
    assert examined.experiment.expect == {}


@pytest.mark.keras
@pytest.mark.parametrize("config", CONFIGS)
def test_each_trains_on_an_archive_of_the_original_format(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is read, an epoch trained, the test part scored, and the saved model has the same scores."""
    name, rows, test_rows = CONFIGS[config]
    MAKERS[name](tmp_path)
    monkeypatch.setitem(datasets._READ, name, _smaller(name, tmp_path, test_rows))
    done = train(TrainRequest(config, ("training.epochs=1",), tmp_path / "runs", tmp_path), NullProgress())
    assert "download-to-come" not in {problem.name for problem in done.warnings}
    assert done.scores["test"]["rows"] == (test_rows or rows // 5)
    assert done.scores["validation"]["rows"] == (rows // 10 if test_rows else round(rows * 0.8 * 0.1))
    again = evaluate(EvaluateRequest(str(done.folder.path), tmp_path / "runs", data_dir=tmp_path), NullProgress())
    assert again.scores["test"]["loss"] == pytest.approx(done.scores["test"]["loss"], rel=1e-6)

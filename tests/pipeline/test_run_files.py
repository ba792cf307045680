"""The pictures of the worst mistakes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.dataset import DataPart, Dataset
from nnrun.pipeline.run_files import image_shape, save_mistakes
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs.folder import RunFolder
from nnrun.spec.facts import Facts

if TYPE_CHECKING:
    from pathlib import Path

WORST = [{"row": 31, "truth": "1", "prediction": "7", "confidence": 0.9}, {"row": 30, "truth": "2", "prediction": "3"}]


def _dataset(shape: tuple[int, ...]) -> Dataset:
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    part = DataPart(x, np.zeros(3, "int32"), np.array([30, 31, 32]))
    return Dataset(part, None, part, Facts("classification", "integer", shape, classes=10))


def _kept(folder: RunFolder) -> dict[str, np.ndarray]:
    with np.load(folder.mistakes, allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("shape", [(8, 8, 1), (64,), (8, 8)])
def test_the_pictures_are_those_of_the_rows(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Each picture is its row's example, in the order of the mistakes, flattened or not, from black to white."""
    folder, dataset = RunFolder.create(tmp_path, "a"), _dataset(shape)
    save_mistakes(folder, dataset, {"test": {"worst": WORST}}, "digits")
    kept = _kept(folder)
    assert kept["rows"].tolist() == [31, 30]
    assert kept["pictures"].shape == (2, 8, 8, 1)
    example = dataset.test.x[1].reshape(8, 8, 1).astype("float64")
    scaled = (example - example.min()) / (example.max() - example.min()) * 255
    assert np.abs(kept["pictures"][0] - scaled).max() <= 0.5
    assert (kept["pictures"].min(), kept["pictures"].max()) == (0, 255)


def test_large_pictures_are_told_by_fewer_pixels(tmp_path: Path) -> None:
    """A photograph costs no more than some kilobytes."""
    folder = RunFolder.create(tmp_path, "a")
    save_mistakes(folder, _dataset((300, 200, 3)), {"test": {"worst": WORST}}, "images")
    assert _kept(folder)["pictures"].shape == (2, 75, 50, 3)


def test_an_even_picture_is_black(tmp_path: Path) -> None:
    """A picture of one colour is no division by nothing."""
    folder, dataset = RunFolder.create(tmp_path, "a"), _dataset((8, 8, 1))
    dataset.test.x[:] = 3.0
    save_mistakes(folder, dataset, {"test": {"worst": WORST}}, "digits")
    assert _kept(folder)["pictures"].max() == 0


@pytest.mark.parametrize("scores", [{}, {"test": {}}, {"test": {"worst": []}}])
def test_without_mistakes_there_is_no_file(scores: dict[str, dict[str, object]], tmp_path: Path) -> None:
    """Nothing is kept where nothing was wrong, or where mistakes are not told."""
    folder = RunFolder.create(tmp_path, "a")
    save_mistakes(folder, _dataset((8, 8, 1)), scores, "digits")
    assert not folder.mistakes.exists()


@pytest.mark.parametrize(
    ("shape", "source", "found"),
    [
        ((28, 28, 1), "npz", (28, 28, 1)),
        ((32, 32, 3), "images", (32, 32, 3)),
        ((784,), "mnist", (28, 28, 1)),
        ((3072,), "cifar10", (32, 32, 3)),
        ((28, 28), "idx", (28, 28, 1)),
        ((784,), "csv", None),
        ((28, 28), "npz", None),
        ((8, 8, 5), "npz", None),
        ((2, 2, 1), "npz", None),
        ((None, 28, 1), "npz", None),
        ((13,), "digits", None),
        (None, "text", None),
    ],
)
def test_what_is_a_picture(shape: tuple[int | None, ...] | None, source: str, found: tuple[int, ...] | None) -> None:
    """Pictures are told by their shape, and where that is not enough by where they come from; a table is none."""
    assert image_shape(shape, source) == found


@pytest.mark.keras
def test_a_run_on_pictures_keeps_its_mistakes(tmp_path: Path) -> None:
    """After training, the file holds one picture for each mistake that the scores list."""
    request = TrainRequest("digits_mlp", sets=("training.epochs=1",), runs_dir=tmp_path / "runs")
    folder = train(request, NullProgress()).folder
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    kept = _kept(folder)
    assert kept["rows"].tolist() == [one["row"] for one in worst]
    assert kept["pictures"].shape == (len(worst), 8, 8, 1)

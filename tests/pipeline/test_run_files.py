"""Tests of the files of a run folder: copies of its sources, and images of its mistakes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from nnrun.config.extends import read
from nnrun.data.dataset import DataPart, Dataset
from nnrun.pipeline.check import examine
from nnrun.pipeline.loaded_data import load_data
from nnrun.pipeline.run_files import copy_sources, image_shape, save_mistakes, source_digests
from nnrun.pipeline.train import TrainRequest, create_run_folder, open_record, save_data_files, train
from nnrun.progress import NullProgress
from nnrun.runs import record as records
from nnrun.runs.folder import RunFolder
from nnrun.spec.facts import Facts

WORST = [{"row": 31, "truth": "1", "prediction": "7", "confidence": 0.9}, {"row": 30, "truth": "2", "prediction": "3"}]


def _dataset(shape: tuple[int, ...]) -> Dataset:
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    part = DataPart(x, np.zeros(3, "int32"), np.array([30, 31, 32]))
    return Dataset(part, None, part, Facts("classification", "integer", shape, classes=10))


def _mistakes(folder: RunFolder) -> dict[str, np.ndarray]:
    with np.load(folder.mistakes, allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("shape", [(8, 8, 1), (64,), (8, 8)])
def test_images_are_those_of_the_rows(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Images are in the order of the mistakes, scaled from black to white, also if examples are flattened."""
    folder, dataset = RunFolder.create(tmp_path, "a"), _dataset(shape)
    save_mistakes(folder, dataset, {"test": {"worst": WORST}}, "digits")
    mistakes = _mistakes(folder)
    assert mistakes["rows"].tolist() == [31, 30]
    assert mistakes["pictures"].shape == (2, 8, 8, 1)
    example = dataset.test.x[1].reshape(8, 8, 1).astype("float64")
    scaled = (example - example.min()) / (example.max() - example.min()) * 255
    assert np.abs(mistakes["pictures"][0] - scaled).max() <= 0.5
    assert (mistakes["pictures"].min(), mistakes["pictures"].max()) == (0, 255)


def test_large_images_are_reduced(tmp_path: Path) -> None:
    """A photograph is saved with fewer pixels."""
    folder = RunFolder.create(tmp_path, "a")
    save_mistakes(folder, _dataset((300, 200, 3)), {"test": {"worst": WORST}}, "images")
    assert _mistakes(folder)["pictures"].shape == (2, 75, 50, 3)


@pytest.mark.parametrize("shape", [(4000,), (4000, 2), (50,)])
def test_recordings_are_saved_as_spectrograms(shape: tuple[int, ...], tmp_path: Path) -> None:
    """A tone is a bright line at its frequency, high ones above; silence causes no division by zero."""
    folder, dataset = RunFolder.create(tmp_path, "a"), _dataset(shape)
    tone = np.sin(2 * np.pi * 40 / 128 * np.arange(shape[0]))
    dataset.test.x[1] = tone if len(shape) == 1 else tone[:, None]
    dataset.test.x[0] = 0
    save_mistakes(folder, dataset, {"test": {"worst": WORST}}, "audio")
    pictures = _mistakes(folder)["pictures"]
    assert pictures.shape[1:] == (64, 96 if shape[0] > 128 else 1, 1)
    if shape[0] > 128:
        assert set(pictures[0, :, :, 0].argmax(axis=0).tolist()) == {64 - 40}
    assert not pictures[1].any()


def test_an_image_of_one_colour_is_black(tmp_path: Path) -> None:
    """An image of one colour causes no division by zero."""
    folder, dataset = RunFolder.create(tmp_path, "a"), _dataset((8, 8, 1))
    dataset.test.x[:] = 3.0
    save_mistakes(folder, dataset, {"test": {"worst": WORST}}, "digits")
    assert _mistakes(folder)["pictures"].max() == 0


@pytest.mark.parametrize("scores", [{}, {"test": {}}, {"test": {"worst": []}}])
def test_without_mistakes_there_is_no_file(scores: dict[str, dict[str, object]], tmp_path: Path) -> None:
    """No file is written without mistakes, or if the scores do not list them."""
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
def test_images_are_recognized(
    shape: tuple[int | None, ...] | None, source: str, found: tuple[int, ...] | None
) -> None:
    """Images are recognized by their shape, or by their source if the shape is ambiguous; a table is none."""
    assert image_shape(shape, source) == found


@pytest.mark.keras
def test_a_run_on_images_saves_its_mistakes(tmp_path: Path) -> None:
    """The file has one image for each mistake that the scores list."""
    request = TrainRequest("digits_mlp", sets=("training.epochs=1",), runs_dir=tmp_path / "runs")
    folder = train(request, NullProgress()).folder
    worst = json.loads(folder.scores.read_bytes())["test"]["worst"]
    mistakes = _mistakes(folder)
    assert mistakes["rows"].tolist() == [mistake["row"] for mistake in worst]
    assert mistakes["pictures"].shape == (len(worst), 8, 8, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Return an empty run folder in `runs/` of the working folder."""
    monkeypatch.chdir(tmp_path)
    return RunFolder.create(Path("runs"), "x")


def copy_configs(folder: RunFolder, **texts: str) -> None:
    """Write configs to the working folder and copy the last one, with its bases, to the run folder."""
    for name, text in texts.items():
        file = Path(f"{name.replace('__', '/')}.yaml")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    copy_sources(folder, file, read(file))


def test_bases_are_copied_byte_for_byte(folder: RunFolder) -> None:
    """The folder has the config and each base as the user wrote them, with comments, and their digests."""
    texts = {"root": "seed: 1  # why\n", "base": "extends: root.yaml\n", "mine": "extends: base.yaml\nname: x\n"}
    copy_configs(folder, **texts)
    assert folder.config.read_text(encoding="utf-8") == texts["mine"]
    files = {"config": "mine", "sources/base.yaml": "base", "sources/root.yaml": "root"}
    for name in ("base", "root"):
        assert (folder.sources / f"{name}.yaml").read_text(encoding="utf-8") == texts[name]
    assert source_digests(folder) == {
        key: hashlib.sha256(texts[name].encode()).hexdigest() for key, name in files.items()
    }


def test_without_bases_there_is_no_sources_folder(folder: RunFolder) -> None:
    """A config that extends nothing leaves no empty `sources/`."""
    copy_configs(folder, mine="seed: 1")
    assert not folder.sources.exists()
    assert set(source_digests(folder)) == {"config"}


def test_bases_of_the_same_name_are_all_copied(folder: RunFolder) -> None:
    """Several files of the same name in different folders do not overwrite each other."""
    copy_configs(folder, a__base="seed: 1", b__base="seed: 2", mine="extends: [a/base.yaml, b/base.yaml]")
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.sources.iterdir()} == {
        "base.yaml": "seed: 1",
        "base_2.yaml": "seed: 2",
    }


def test_the_record_has_the_digests_of_sources_and_data(folder: RunFolder) -> None:
    """`record.json` has the digests of config and bases and those of the data."""
    Path("mine.yaml").write_text("extends: digits_mlp\nname: mine\n", encoding="utf-8")
    request, examined = TrainRequest("mine.yaml", runs_dir=Path("runs")), examine(Path("mine.yaml"), (), None)
    opened = create_run_folder(request, examined)
    with open_record(opened, request, examined) as record:
        assert set(records.read(opened)["digests"]) == {"config", "sources/digits_mlp.yaml"}
        save_data_files(opened, record, load_data(examined.experiment, examined.places, NullProgress()))
    digests = records.read(opened)["digests"]
    assert digests | source_digests(opened) == digests
    assert any(name.startswith("train") for name in digests)
    assert "extends" not in read(opened.resolved).data
    assert read(opened.resolved).sources == ()

"""Segmentation and super-resolution from the config to the page: trained, scored, predicted and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from command_line import run_nnrun
from PIL import Image

from nnrun.cli.main import nnrun
from nnrun.runs.example_pictures import read_example_pictures
from nnrun.runs.folder import RunFolder

pytestmark = pytest.mark.keras

SEGMENT = """
name: segment
data:
  source: {images: {folder: photos, masks: masks, class_names: {"10": floor, "20": disc}}}
  prepare: [{Rescale: {divide_by: 255}}]
  split: {test: 0.25}
model:
  - Conv2D: {filters: $classes, kernel_size: 1, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.3}}
  metrics: [{MeanIoU: {num_classes: $classes, sparse_y_pred: false}}]
  augment: [RandomFlip, {RandomRotation: 0.1}]
  epochs: 12
  batch_size: 8
"""
ENLARGE = """
name: enlarge
data:
  source: {images: {folder: photos, targets: large, colour: grey}}
  prepare: [{Rescale: {divide_by: 255}}]
  prepare_target: [{Rescale: {divide_by: 255}}]
  split: {test: 0.25}
model: [{UpSampling2D: 2}, {Conv2D: {filters: 1, kernel_size: 1}}]
training: {loss: mse, optimizer: {Adam: {learning_rate: 0.1}}, augment: [RandomFlip], epochs: 10, batch_size: 8}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos with masks and larger pictures, and a run of each config, made elsewhere and moved here."""
    folder = tmp_path_factory.mktemp("elsewhere")
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:12, :12]
    for number in range(16):
        row, column = rng.integers(3, 9, 2)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < 9
        photo = np.where(disc[..., None], [200, 60, 60], [20, 20, 80]).astype("uint8")
        large = photo.repeat(2, axis=0).repeat(2, axis=1)
        for name, pixels in (("photos", photo), ("masks", np.where(disc, 20, 10).astype("uint8")), ("large", large)):
            (folder / name / "day").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name / "day" / f"{number:02}.png")
    for name, text in (("segment", SEGMENT), ("enlarge", ENLARGE)):
        (folder / f"{name}.yaml").write_text(text)
        run_nnrun("check", folder / f"{name}.yaml", "--strict")
        run_nnrun("train", folder / f"{name}.yaml", "--runs-dir", folder / "runs", "--quiet")
    return folder


def _folder(work: Path, name: str) -> RunFolder:
    return RunFolder(next((work / "runs").glob(f"*_{name}_*")))


def test_masks_are_scored_as_keras_scores_them(work: Path) -> None:
    """The scores hold the IoU of each class, and the mean that Keras' metric has; pixels have no interval."""
    test = json.loads(_folder(work, "segment").scores.read_text())["test"]
    assert test["mean_iou"] == pytest.approx(test["mean_io_u"], abs=1e-6)
    assert test["mean_iou"] > 0.95
    assert test["per_class"].keys() == {"floor", "disc"}
    assert np.mean([one["iou"] for one in test["per_class"].values()]) == pytest.approx(test["mean_iou"])
    assert test["pixel_accuracy"] == pytest.approx(1 - test["error_rate"])
    assert "error_percent_interval_95" not in test


def test_target_pictures_are_scored_in_their_own_unit(work: Path) -> None:
    """A model that enlarges has a PSNR for pictures of 0 to 255, as its errors are."""
    test = json.loads(_folder(work, "enlarge").scores.read_text())["test"]
    assert test["psnr_peak"] == 255
    assert test["psnr"] > 25
    assert test["root_mean_squared_error"] > 0.01


def test_evaluation_of_other_pairs_and_of_the_same_agree(work: Path) -> None:
    """`eval` gives the scores of training, and reads a folder that has both folders."""
    run = _folder(work, "segment").path
    again = json.loads(run_nnrun("eval", run, "--json"))["scores"]["test"]
    assert again == json.loads(_folder(work, "segment").scores.read_text())["test"]
    assert json.loads(run_nnrun("eval", run, "--data", work, "--json"))["scores"]["data"]["rows"] == 16


def test_predictions_are_written_as_pictures(work: Path, tmp_path: Path) -> None:
    """New photos get masks with the values of the run's own, and larger pictures, under the photos' names."""
    run, table = _folder(work, "segment").path, tmp_path / "p.csv"
    out = run_nnrun("predict", run, work / "photos", "--pictures", tmp_path / "m", "--out", table)
    assert "16 pictures in" in out
    values = []
    for file in sorted((work / "masks").rglob("*.png")):
        mask = np.asarray(Image.open(tmp_path / "m/day" / file.name))
        values.append((mask == np.asarray(Image.open(file))).mean())
        assert set(np.unique(mask)) <= {10, 20}
    assert np.mean(values) > 0.95
    run_nnrun("predict", _folder(work, "enlarge").path, work / "photos/day/03.png", "--pictures", tmp_path / "l")
    picture = np.asarray(Image.open(tmp_path / "l/03.png"), dtype=float)
    truth = np.asarray(Image.open(work / "large/day/03.png").convert("L"), dtype=float)
    assert np.abs(picture - truth).mean() < 15


def test_a_list_cannot_write_outside_of_the_folder(work: Path, tmp_path: Path) -> None:
    """A csv that names `../../photos/day/00.png` writes below the folder all the same."""
    inner = tmp_path / "lists/inner"
    inner.mkdir(parents=True)
    (tmp_path / "lists/x.png").write_bytes((work / "photos/day/00.png").read_bytes())
    (inner / "list.csv").write_text("name,kind\n../x.png,-\n")
    run_nnrun("predict", _folder(work, "segment").path, inner / "list.csv", "--pictures", tmp_path / "out/deep")
    assert [file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.png")] == [
        "deep/x.png"
    ]


def test_the_page_shows_the_worst_and_the_best(work: Path) -> None:
    """The run keeps some pictures with truth and prediction, and the page draws them with the scores of each class."""
    for name, text in (("segment", "IoU"), ("enlarge", "PSNR")):
        folder = _folder(work, name)
        kept = read_example_pictures(folder)
        assert len(kept.rows) == 4
        assert (np.diff(kept.scores) >= 0).all()
        assert kept.are_masks == (name == "segment")
        run_nnrun("report", folder.path)
        page = folder.report.read_text()
        assert page.count("input, truth and prediction, score") == 4
        assert text in page


def test_outputs_that_are_no_pictures_are_refused(work: Path, tmp_path: Path) -> None:
    """A classifier has nothing to write into a folder of pictures."""
    (work / "plain.yaml").write_text(
        "data: {source: {inline: {rows: [[0, 0], [1, 1]]}}}\nmodel: [{Dense: 1}]\n"
        "training: {loss: mse, optimizer: Adam, epochs: 1, batch_size: 2}\n"
    )
    run_nnrun("train", work / "plain.yaml", "--runs-dir", work / "runs", "--quiet")
    (tmp_path / "new.csv").write_text("0\n0\n")
    done = CliRunner().invoke(
        nnrun,
        ["predict", str(_folder(work, "plain").path), str(tmp_path / "new.csv"), "--pictures", str(tmp_path / "o")],
    )
    assert done.exit_code == 1
    assert "are no pictures" in done.output

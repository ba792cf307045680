"""Pictures whose targets are pictures: paired by their names, masks as classes, pictures as numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.images import Images
from nnrun.errors import DataError
from nnrun.spec.part import Part

PHOTO = np.zeros((4, 6, 3), dtype="uint8")
MASK = np.array([[0, 0, 1, 1, 2, 2]] * 4, dtype="uint8")


def _save(file: Path, pixels: np.ndarray, **options: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **options)


@pytest.fixture
def pairs(paths) -> Path:
    """Three photos with masks of other suffixes, one of them in a subfolder."""
    for number, name in enumerate(("a", "b", "deep/c")):
        _save(paths.config_dir / f"photos/{name}.bmp", PHOTO + 40 * number)
        _save(paths.config_dir / f"masks/{name}.png", MASK)
    return paths.config_dir


FORMS = [("integer", (4, 6)), ("one_hot", (4, 6, 3))]


@pytest.mark.parametrize(("form", "shape"), FORMS)
def test_masks_are_classes_of_each_pixel(paths, listener, spec, pairs, form, shape) -> None:
    """The inferred facts are those of the data, and each pixel has its class in the form of the loss."""
    config = spec("images", folder="photos", masks="masks", class_names=["sky", "sea", "land"])
    facts, findings = infer_facts(config, form=form, paths=paths)
    done = load(config, form=form, seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert facts.class_names == ("sky", "sea", "land")
    assert facts.positions == (4, 6)
    assert done.train.y.shape == (3, *shape)
    numbers = done.train.y if form == "integer" else done.train.y.argmax(axis=-1)
    assert (numbers == MASK).all()
    assert {"file:masks of masks (names)", "file:masks of masks (contents)"} <= done.digests.keys()


@pytest.mark.parametrize("white", [1, 255])
def test_masks_of_two_classes_suit_a_binary_loss(paths, listener, spec, pairs, white) -> None:
    """Masks of 0 and 1, or of black and white, have a last dimension as a sigmoid's output has."""
    for file in (pairs / "masks").rglob("*.png"):
        _save(file, (MASK > 0).astype("uint8") * white)
    config = spec("images", folder="photos", masks="masks")
    facts, _ = infer_facts(config, form="binary", paths=paths)
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert facts == done.facts
    assert facts.class_names == ("0", str(white))
    assert (done.train.y[..., 0] == (MASK > 0)).all()


def test_classes_are_named_by_the_values_of_pixels(paths, listener, spec, pairs) -> None:
    """`class_names` by value give each value its class, in the order of the values."""
    for file in (pairs / "masks").rglob("*.png"):
        _save(file, np.array([0, 100, 200], dtype="uint8")[MASK])
    names = {"200": "land", "0": "sky", "100": "sea"}
    done = load(
        spec("images", folder="photos", masks="masks", class_names=names),
        form="integer",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert done.facts.class_names == ("sky", "sea", "land")
    assert (done.train.y == MASK).all()


def test_white_and_one_in_a_mask_are_not_one_class(paths, listener, pairs) -> None:
    """255 is the second of two classes where 1 is not; where both are, 255 may mean that a pixel does not count."""
    mask = (MASK > 0).astype("uint8")
    for value in (1, 255):
        for file in (pairs / "masks").rglob("*.png"):
            _save(file, mask * value)
        data = Images("photos", masks="masks", class_names=["sky", "sea"]).load(paths, listener)
        assert (data.train.y[..., 0] == mask).all()
    both = mask.copy()
    both[0] = 255
    _save(pairs / "masks/b.png", both)
    with pytest.raises(DataError, match="expected 1 or 255 for the class 'sea'") as raised:
        Images("photos", masks="masks", class_names=["sky", "sea"]).load(paths, listener)
    assert raised.value.file.name == "b.png"
    names = {"0": "sky", "1": "sea", "255": "border"}
    assert Images("photos", masks="masks", class_names=names).load(paths, listener).class_names == (
        "sky",
        "sea",
        "border",
    )


def test_masks_of_a_format_that_changes_pixels_are_told_to_be_saved_in_another(paths, listener, pairs) -> None:
    """A value that JPEG has made is none that the user can name."""
    for file in list((pairs / "masks").rglob("*.png")):
        file.unlink()
        _save(file.with_suffix(".jpg"), (np.arange(24).reshape(4, 6) % 5 > 1).astype("uint8") * 255)
    with pytest.raises(DataError, match="expected values of the 2 classes") as raised:
        Images("photos", masks="masks", class_names=["sky", "sea"]).load(paths, listener)
    assert "save masks as PNG" in raised.value.hint


def test_indices_of_a_palette_are_the_classes(paths, listener, pairs) -> None:
    """A mask with a palette has the indices as classes, and one of grey channels the grey."""
    picture = Image.fromarray(MASK, mode="P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(pairs / "masks/a.png")
    _save(pairs / "masks/b.png", np.repeat(MASK[..., None], 3, axis=2))
    data = Images("photos", masks="masks").load(paths, listener)
    assert (data.train.y[..., 0] == MASK).all()
    assert data.class_names == ("0", "1", "2")


def test_a_mask_is_resized_by_its_nearest_pixels(paths, listener, pairs) -> None:
    """No class appears that the mask does not have."""
    data = Images("photos", masks="masks", size=[8, 12]).load(paths, listener)
    assert data.train.y.shape == (3, 8, 12, 1)
    assert set(np.unique(data.train.y)) == {0, 1, 2}


def test_target_pictures_are_numbers_of_another_size(paths, listener, spec, pairs) -> None:
    """Targets of twice the size have their shape in the facts, and `prepare_target` scales and unscales them."""
    for name in ("a", "b", "deep/c"):
        _save(paths.config_dir / f"large/{name}.png", np.full((8, 12, 3), 51, dtype="uint8"))
    step = Part("preparation", "Rescale", {"divide_by": 255}, ("data", "prepare_target", 0))
    config = replace(spec("images", folder="photos", targets="large"), prepare_target=(step,))
    facts, findings = infer_facts(config, form="number", paths=paths)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.positions, facts.targets, facts.task) == ((8, 12), 3, "regression")
    assert done.train.y.shape == (3, 8, 12, 3)
    assert np.allclose(done.train.y, 0.2)
    assert (done.train.own_y == 51).all()
    assert np.allclose(done.train.target_preparation.invert("", done.train.y), 51)


def test_train_and_test_in_both_folders_are_the_parts(paths, listener) -> None:
    """`photos/train/a` has the target `masks/train/a`."""
    for part in ("train", "test"):
        _save(paths.config_dir / f"photos/{part}/a.png", PHOTO)
        _save(paths.config_dir / f"masks/{part}/a.png", MASK)
    data = Images("photos", masks="masks").load(paths, listener)
    assert (len(data.train), len(data.test)) == (1, 1)


def _without_mask(folder: Path) -> None:
    (folder / "masks/deep/c.png").unlink()


def _other_size(folder: Path) -> None:
    _save(folder / "masks/b.png", MASK[:2])


def _unknown_class(folder: Path) -> None:
    _save(folder / "masks/b.png", np.where(MASK == 2, 7, MASK).astype("uint8"))


def _colours(folder: Path) -> None:
    _save(folder / "masks/b.png", PHOTO + np.array([0, 9, 99], dtype="uint8"))


def _same_stem(folder: Path) -> None:
    _save(folder / "photos/a.png", PHOTO)


WRONG = [
    (_without_mask, "the picture has no mask: expected", "photos/deep/c.bmp"),
    (_other_size, "expected a mask of 4 x 6 pixels (height and width), as its picture b.bmp has", "masks/b.png"),
    (_unknown_class, "received 7 in 8 pixels, the first in row 0, column 4", "masks/b.png"),
    (_colours, "expected a mask with one number for each pixel", "masks/b.png"),
    (_same_stem, "have the same stem", "photos/a.png"),
]


@pytest.mark.parametrize(("spoil", "text", "file"), WRONG)
def test_what_is_no_pair_is_named_by_check_and_load(paths, listener, spec, pairs, spoil, text, file) -> None:
    """The file stands in the message of both."""
    spoil(pairs)
    config = spec("images", folder="photos", masks="masks", class_names=["sky", "sea", "land"])
    facts, (finding,) = infer_facts(config, form="integer", paths=paths)
    assert facts is None
    assert text in finding.text
    assert file in finding.text
    assert finding.path[-1] == "masks"
    with pytest.raises(DataError) as caught:
        load(config, form="integer", seed=1, paths=paths, progress=listener)
    assert text in caught.value.text
    assert str(caught.value.file).endswith(file)


def test_a_mask_alone_is_a_warning(paths, spec, pairs) -> None:
    """Masks without a picture are counted and not used."""
    _save(pairs / "masks/z.png", MASK)
    facts, (finding,) = infer_facts(spec("images", folder="photos", masks="masks"), form="integer", paths=paths)
    assert facts.rows["train"] == 3
    assert (finding.name, finding.severity) == ("target-without-picture", "warning")


def test_new_pairs_lie_in_folders_of_the_same_names(paths, listener, spec, pairs) -> None:
    """New pictures are read without targets from any folder, and with them from a folder that has both."""
    config = spec("images", folder="photos", masks="masks")
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    given = {"fitted": done.fitted, "facts": done.facts}
    part = load_new_data(config, **given, file=pairs, with_target=True)
    assert (part.y == MASK).all()
    assert list(part.origin["file"]) == ["a.bmp", "b.bmp", "deep/c.bmp"]
    assert len(load_new_data(config, **given, file=pairs / "photos", with_target=False)) == 3
    with pytest.raises(DataError, match="with the subfolders photos"):
        load_new_data(config, **given, file=pairs / "photos", with_target=True)


CONTRADICTIONS = [
    ({"folder": "p", "masks": "m", "targets": "t"}, "one folder of `masks` or of `targets`"),
    ({"file": "p.csv", "masks": "m"}, "one folder of `masks` or of `targets`"),
    ({"folder": "p", "class_names": ["a", "b"]}, "belongs to `masks`"),
    ({"folder": "p", "targets": "t", "class_names": ["a", "b"]}, "class_names belong to `masks`"),
    ({"folder": "p", "masks": "m", "target_size": [2, 2]}, "belongs to `targets`"),
    ({"folder": "p", "masks": "m", "class_names": ["a", "3"]}, "expected words"),
    ({"folder": "p", "masks": "m", "class_names": ["a"]}, "at least two"),
    ({"folder": "p", "masks": "m", "class_names": {"0": "a", "300": "b"}}, "from 0 to 255"),
]


@pytest.mark.parametrize(("arguments", "text"), CONTRADICTIONS)
def test_arguments_that_contradict_each_other_are_refused(arguments, text) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match="images: ") as caught:
        Images(**arguments)
    assert text in str(caught.value)

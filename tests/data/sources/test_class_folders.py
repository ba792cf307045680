"""Folders of pictures: classes, parts, and everything else that people have in such folders."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.sources.images import Images
from nnrun.errors import DataError

CLASSES = ("cat", "dog")


def save(folder: Path, *names: str) -> Path:
    """Write small pictures, each of another grey, and files of other kinds."""
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".png":
            Image.fromarray(np.full((4, 4), 10 + number, dtype="uint8")).save(file)
        else:
            file.write_text("no picture")
    return folder


def part(name: str, count: int = 2, classes: tuple[str, ...] = CLASSES) -> list[str]:
    """Return the names of so many pictures of each class of a part."""
    return [f"{name}/{kind}/{number}.png" for kind in classes for number in range(count)]


@pytest.fixture
def checked(paths, spec):
    """Return a function that infers the facts of the folder `set`, and returns them with the findings' names."""

    def infer(**arguments):
        split = arguments.pop("split", None)
        config = spec("images", split=split, **{"folder": "set", "colour": "grey", **arguments})
        facts, findings = infer_facts(config, form="integer", paths=paths)
        return facts, {finding.name: finding for finding in findings}

    return infer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("train", "val", "test"), {"train": 8, "validation": 4, "test": 4}),
        (("Training", "Validation"), {"train": 8, "validation": 4}),
        (("TRAIN", "TEST"), {"train": 8, "test": 4}),
        (("train", "valid", "testing"), {"train": 8, "validation": 4, "test": 4}),
        (("train", "dev"), {"train": 8, "validation": 4}),
        (("train",), {"train": 8}),
    ],
)
def test_folders_of_parts_are_the_parts(paths, listener, spec, checked, names, rows, stream) -> None:
    """In any case of letters, in memory and on disk; a note says so, and the facts are those of the loaded data."""
    save(paths.config_dir / "set", *part(names[0], 4), *(one for name in names[1:] for one in part(name)))
    facts, findings = checked(stream=stream)
    done = load(
        spec("images", folder="set", colour="grey", stream=stream),
        form="integer",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert facts == done.facts
    assert (dict(facts.rows), facts.class_names) == (rows, CLASSES)
    assert list(findings) == ["parts-of-folders"]
    assert f"{names[0]} with 8 pictures" in findings["parts-of-folders"].text
    assert done.train.y.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ({"test": 0.3}, "the source has a test part of its own (4 rows); leave out `test: 0.3`"),
        ({"validation": 0.3}, "the source has a validation part of its own (4 rows); leave out `validation: 0.3`"),
        ({"validation": "test"}, "the source has a validation part of its own (4 rows); leave out `validation: test`"),
    ],
)
def test_a_split_that_contradicts_the_folders_is_refused(paths, listener, spec, split, checked, shares, text) -> None:
    """By `check` and by loading, with the line to leave out."""
    save(paths.config_dir / "set", *part("train", 4), *part("val"), *part("test"))
    _, findings = checked(split=split(**shares))
    assert findings["impossible-split"].text == text
    config = spec("images", folder="set", split=split(**shares))
    with pytest.raises(DataError, match=re.escape(text)):
        load(config, form="integer", seed=1, paths=paths, progress=listener)


def test_a_test_part_may_be_split_off_where_there_is_none(paths, listener, spec, split) -> None:
    """With `train` and `val` alone a share of the training pictures becomes the test part."""
    save(paths.config_dir / "set", *part("train", 5), *part("val"))
    config = spec("images", folder="set", split=split(test=0.2))
    facts, _ = infer_facts(config, form="integer", paths=paths)
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    assert done.facts == facts
    assert dict(facts.rows) == {"train": 8, "validation": 4, "test": 2}


def test_folds_are_made_of_the_training_folder(paths, listener, spec, split) -> None:
    """Folds do not use the folders of the other parts, and a line says so."""
    from nnrun.spec.data import KFold

    save(paths.config_dir / "set", *part("train", 4), *part("val"), *part("test"))
    config = spec("images", folder="set", split=split(k_fold=KFold(folds=2, shuffle=True)))
    folded = load_folded(config, form="integer", seed=1, paths=paths, progress=listener)
    assert len(folded.data.train) == 8
    assert dict(folded.dataset(0, listener).facts.rows) == {"train": 4, "test": 4}
    assert "The folds are made of the 8 training rows; the test and validation parts are not used." in listener.notes


@pytest.mark.parametrize(
    ("names", "text", "hint"),
    [
        ([*part("train"), *part("test"), *part("extra")], "but extra next to them is not", "folder: set/train"),
        ([*part("val"), *part("test")], "the parts test, val, but none to train on", "folder: set/test"),
        ([*part("train"), *part("val"), *part("valid")], "val, valid are both the validation part", "join the two"),
        ([*part("train"), "cat/1.png", "dog/1.png"], "but cat, dog next to them are not", "folder: set/train"),
    ],
)
def test_folders_that_contradict_each_other_are_refused(paths, listener, checked, names, text, hint) -> None:
    """By `check` and by loading, with what to write."""
    save(paths.config_dir / "set", *names)
    _, findings = checked()
    assert text in findings["unreadable-data"].text
    assert hint in findings["unreadable-data"].hint
    with pytest.raises(DataError, match=re.escape(text)):
        Images("set").load(paths, listener)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["test/a.png", "control/b.png"], ("control", "test")),
        (["train/a.png", "bus/b.png"], ("bus", "train")),
        (["test/day1/a.png", "test/day2/b.png", "control/b.png"], ("control", "test")),
        (["train/a.png", "test/b.png"], ("test", "train")),
    ],
)
def test_classes_that_have_the_name_of_a_part_are_classes(paths, listener, checked, names, classes) -> None:
    """A folder with pictures of its own, next to other classes, is a class whatever its name."""
    save(paths.config_dir / "set", *names)
    facts, findings = checked()
    assert (facts.class_names, findings) == (classes, {})
    assert Images("set").load(paths, listener).class_names == classes


def test_a_test_folder_without_classes_is_not_used(paths, listener, checked) -> None:
    """As in many competitions: the pictures to predict have no classes."""
    save(paths.config_dir / "set", *part("train", 3), "test/1.png", "test/2.png", "sample.csv")
    facts, findings = checked()
    assert dict(facts.rows) == {"train": 6}
    assert set(findings) == {"parts-of-folders", "pictures-without-class"}
    assert "the pictures in test are in no folder of a class" in findings["pictures-without-class"].text
    assert Images("set").load(paths, listener).test is None


def test_what_does_not_belong_there_is_left_out_and_named(paths, listener, checked) -> None:
    """Hidden folders and files and `__MACOSX` silently; empty class folders and loose pictures with a warning."""
    hidden = [".cache/x.png", "__MACOSX/cat/._a.png", "cat/.thumbnails/a.png", "cat/._a.png", "dog/__MACOSX/b.png"]
    save(paths.config_dir / "set", *part("."), *hidden, "notes.txt", ".DS_Store", "cow/readme.txt", "loose.png")
    (paths.config_dir / "set" / "horse").mkdir()
    facts, findings = checked()
    assert (facts.class_names, dict(facts.rows)) == (CLASSES, {"train": 4})
    assert set(findings) == {"empty-class-folder", "pictures-without-class"}
    assert findings["empty-class-folder"].text == "cow, horse in set are without pictures, and so no class"
    assert findings["pictures-without-class"].text.startswith("1 picture in set, next to the classes' folders, is not")
    assert len(Images("set").load(paths, listener).train) == 4


def test_classes_one_level_deeper(paths, checked) -> None:
    """The same folders in every class's folder are probably the classes; folders of one class alone are not."""
    save(paths.config_dir / "set", *part("north"), *part("south"))
    facts, findings = checked()
    assert facts.class_names == ("north", "south")
    text = "the classes are north, south, each with the folders cat, dog inside: are these the classes?"
    assert findings["nested-class-folders"].text == text
    assert findings["nested-class-folders"].hint.startswith("write folder: set/north")
    facts, findings = checked(folder="set/north")
    assert findings == {}
    save(paths.config_dir / "by_year", "cat/2020/1.png", "cat/2021/2.png", "dog/2020/3.png")
    assert checked(folder="by_year")[1] == {}
    save(paths.config_dir / "wrapped", *part("pets"))
    _, findings = checked(folder="wrapped")
    assert "the one class is pets, with the folders cat, dog inside" in findings["nested-class-folders"].text


def test_a_folder_without_classes_is_refused(paths, listener, checked) -> None:
    """Pictures directly in the folder have no classes; a csv file can list them."""
    save(paths.config_dir / "set", "1.png", "2.png")
    _, findings = checked()
    assert "expected a subfolder with pictures for each class" in findings["unreadable-data"].text
    assert "images: {file: list.csv}" in findings["unreadable-data"].hint
    with pytest.raises(DataError, match="expected a subfolder with pictures for each class"):
        Images("set").load(paths, listener)


def test_other_pictures_for_a_run(paths) -> None:
    """Without targets all visible pictures below a folder are read; with targets a folder of parts has to name one."""
    folder = save(paths.config_dir / "new", *part("train"), *part("test", 1), "test/cat/.hidden.png", "loose.png")
    layout = {"size": [4, 4]}
    assert len(Images("x", colour="grey").load_new(folder, layout, with_target=False)) == 7
    with pytest.raises(DataError, match="expected a folder with a subfolder for each class") as caught:
        Images("x").load_new(folder, layout, with_target=True)
    assert caught.value.hint == f"name one of them: {folder / 'test'}"
    examples = Images("x").load_new(folder / "test", layout, with_target=True)
    assert examples.y.tolist() == ["cat", "dog"]
    with pytest.raises(DataError, match="expected a folder of pictures, received none"):
        Images("x").load_new(save(paths.config_dir / "none", "a.txt"), layout, with_target=False)

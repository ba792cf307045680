"""Pictures from folders and lists: classes by folder, one size, and a broken one named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.sources.images import Images
from nnrun.errors import DataError

RED = np.zeros((4, 6, 3), dtype="uint8")
RED[..., 0] = 200


def _save(file: Path, pixels: np.ndarray = RED, **options: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **options)


@pytest.fixture
def pets(paths) -> Path:
    """A folder with two classes of pictures in several formats."""
    folder = paths.config_dir / "pets"
    for name in ("cat/a.png", "cat/b.bmp", "dog/c.gif", "dog/d.tiff", "dog/deep/e.webp"):
        _save(folder / name, **({"lossless": True} if name.endswith("webp") else {}))
    (folder / "dog" / "notes.txt").write_text("no picture")
    return folder


@pytest.mark.parametrize(("colour", "last"), [("grey", 1), ("rgb", 3)])
def test_a_folder_for_each_class_is_read_in_any_format(paths, listener, spec, split, pets, colour, last) -> None:
    """Classes are the folders' names; the inferred facts are those of the data."""
    config = spec("images", folder="pets", colour=colour, split=split(test=0.4))
    facts, findings = infer_facts(config, form="integer", paths=paths)
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert (facts.class_names, facts.input_shape) == (("cat", "dog"), (4, 6, last))
    expected = [60] if colour == "grey" else [200, 0, 0]
    assert np.abs(done.train.x[0, 2, 3] - expected).max() <= 1


def test_a_folder_with_train_and_test_has_a_test_part(paths, listener) -> None:
    """`train/cat`, `train/dog`, `test/cat`: two parts."""
    for name in ("train/cat/a.png", "train/dog/b.png", "test/cat/c.png"):
        _save(paths.config_dir / "set" / name)
    data = Images("set").load(paths, listener)
    assert (len(data.train), len(data.test), data.class_names) == (2, 1, ("cat", "dog"))


def test_pictures_listed_in_a_csv_are_read(paths, listener, pets) -> None:
    """The paths are relative to the csv file; `path_column` and `target` name the columns."""
    (paths.config_dir / "list.csv").write_text("kind,name,age\ncat,pets/cat/a.png,3\ndog,pets/dog/c.gif,4\n")
    data = Images(file="list.csv", path_column="name", target="kind").load(paths, listener)
    assert data.train.y.tolist() == ["cat", "dog"]
    assert list(data.files) == ["list.csv"]


def test_pictures_of_several_sizes_need_a_size(paths, listener, pets) -> None:
    """The first one of another size is named; with `size` all are resized."""
    _save(pets / "dog" / "z.png", np.zeros((8, 8), dtype="uint8"))
    with pytest.raises(DataError, match=r"z\.png: expected a picture of 4 x 6 .* received 8 x 8"):
        Images("pets").load(paths, listener)
    assert Images("pets", size=[5, 7]).load(paths, listener).train.x.shape == (6, 5, 7, 3)


def test_a_broken_picture_is_named(paths, listener, pets) -> None:
    """A picture that is cut short is refused with its file."""
    _save(pets / "cat" / "b.png", np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype="uint8"))
    file = pets / "cat" / "b.png"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"b\.png: expected a picture, but it cannot be read"):
        Images("pets").load(paths, listener)
    file.write_text("no picture at all")
    with pytest.raises(DataError, match=r"b\.png: expected a picture, but it cannot be read"):
        Images("pets").load(paths, listener)


def test_a_picture_that_unpacks_to_an_absurd_size_is_refused(paths, listener, pets, monkeypatch) -> None:
    """Pillow's guard against such pictures is an error here, not a warning."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match="decompression bomb"):
        Images("pets").load(paths, listener)


def test_deep_grey_keeps_its_upper_bits(paths, listener) -> None:
    """16-bit pictures are scaled to 0 to 255, not cut off."""
    _save(paths.config_dir / "deep" / "one" / "a.png", np.full((2, 2), 0x8000, dtype="uint16"))
    assert Images("deep", colour="grey").load(paths, listener).train.x.max() == 128


def test_a_turned_photograph_is_turned_back(paths, listener) -> None:
    """The orientation in the EXIF data is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    _save(paths.config_dir / "photos" / "one" / "a.jpg", exif=exif)
    assert Images("photos").load(paths, listener).train.x.shape == (1, 6, 4, 3)


def test_more_pictures_come_one_by_one_or_listed(paths, pets) -> None:
    """`predict` reads a picture, or a csv that lists pictures."""
    source = Images("pets")
    assert source.load_new(pets / "cat" / "a.png", {"size": [4, 6]}, with_target=False).x.shape == (1, 4, 6, 3)
    (paths.config_dir / "more.csv").write_text("file,kind\npets/cat/a.png,cat\n")
    found = source.load_new(paths.config_dir / "more.csv", {"size": [2, 2]}, with_target=True)
    assert (found.x.shape, found.y.tolist()) == ((1, 2, 2, 3), ["cat"])


@pytest.mark.parametrize(
    ("arguments", "text", "name"),
    [
        ({"folder": "none"}, "there is no data file 'none'", "missing-file"),
        ({"folder": "pets/cat"}, "expected a subfolder with pictures for each class", "unreadable-data"),
        ({"file": "gone.csv"}, "there is no picture", "unreadable-data"),
        ({"file": "gone.csv", "path_column": "path"}, "there is no column 'path'", "unreadable-data"),
    ],
)
def test_what_cannot_be_read_is_reported_by_check_and_load(paths, listener, spec, pets, arguments, text, name) -> None:
    """`check` and loading report the same error, before anything is decoded."""
    (paths.config_dir / "gone.csv").write_text("file,kind\npets/cat/none.png,cat\n")
    _, findings = infer_facts(spec("images", **arguments), form="integer", paths=paths)
    assert [finding.name for finding in findings] == [name]
    assert text in findings[0].text
    with pytest.raises(DataError, match=text):
        Images(**arguments).load(paths, listener)


def test_arguments_that_contradict_each_other_are_refused() -> None:
    """Exactly one of folder and file is needed, and a size of two numbers."""
    with pytest.raises(ValueError, match="expected one of a `folder`"):
        Images()
    with pytest.raises(ValueError, match="size expected two positive integers"):
        Images("a", size=[3])


def test_a_broken_picture_is_named_with_its_row_of_the_list(paths, listener, spec, pets) -> None:
    """The csv file, the line and the picture are named, so that the row can be removed."""
    (paths.config_dir / "pets" / "cat" / "b.bmp").write_bytes(b"BM but no picture")
    (paths.config_dir / "list.csv").write_text("name,kind\npets/cat/a.png,cat\n\npets/cat/b.bmp,cat\n")
    with pytest.raises(
        DataError, match=r"list\.csv, line 4, column name: .*b\.bmp: expected a picture, but it cannot be read"
    ):
        Images(file="list.csv").load(paths, listener)
    (paths.config_dir / "list.csv").write_text("name,kind\npets/cat/b.bmp,cat\n")
    _, findings = infer_facts(spec("images", file="list.csv"), form="integer", paths=paths)
    assert [finding.name for finding in findings] == ["unreadable-data"]
    assert "list.csv, line 2, column name: " in findings[0].text


def test_missing_pictures_are_counted(paths, listener, pets) -> None:
    """The first is named with its row, and the others are counted."""
    names = ["pets/cat/a.png", "pets/gone.png", "pets/dog/c.gif", "pets/gone too.png"]
    (paths.config_dir / "list.csv").write_text("name,kind\n" + "".join(f"{name},cat\n" for name in names))
    with pytest.raises(DataError, match=r"line 3, column name: there is no picture .*gone\.png', nor 1 more of 4"):
        Images(file="list.csv").load(paths, listener)


def test_a_list_without_a_header_loses_no_picture(paths, listener, pets) -> None:
    """A first line that names a picture is not a header."""
    (paths.config_dir / "list.csv").write_text("pets/cat/a.png,cat\npets/dog/c.gif,dog\n")
    assert Images(file="list.csv").load(paths, listener).train.y.tolist() == ["cat", "dog"]


@pytest.mark.parametrize("stream", [False, True])
def test_every_picture_keeps_its_name(paths, listener, spec, split, pets, stream) -> None:
    """In memory and on disk, in every part, each example has the path of its picture below the folder."""
    _save(pets / "cat" / "می‌خو.png")
    config = spec("images", folder="pets", stream=stream, split=split(test=0.5))
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    names = ["cat/a.png", "cat/b.bmp", "cat/می‌خو.png", "dog/c.gif", "dog/d.tiff", "dog/deep/e.webp"]
    for part in (done.train, done.test):
        assert part.origin["file"].tolist() == [names[row] for row in part.rows]


def test_listed_pictures_keep_their_line_and_name(paths, listener, pets) -> None:
    """Pictures in a csv file have its lines, too; more pictures for a model have their names."""
    listing = paths.config_dir / "list.csv"
    listing.write_text("name,kind\n\npets/cat/a.png,cat\npets/dog/c.gif,dog\n")
    data = Images(file="list.csv").load(paths, listener)
    assert data.train.origin["line"].tolist() == [3, 4]
    assert data.train.origin["file"].tolist() == ["pets/cat/a.png", "pets/dog/c.gif"]
    more = Images("pets").load_new(pets / "dog", {"size": [4, 6]}, with_target=False)
    assert more.origin["file"].tolist() == ["c.gif", "d.tiff", "deep/e.webp"]
    one = Images("pets").load_new(pets / "cat" / "a.png", {"size": [4, 6]}, with_target=False)
    assert one.origin["file"].tolist() == ["a.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_escaped(paths, listener) -> None:
    """Bytes that no encoding has do not end a run when its predictions are written."""
    _save(paths.config_dir / "set" / "a" / "x.png")
    _save(paths.config_dir / "set" / "b" / os.fsdecode(b"y\xff.png"))
    data = Images("set").load(paths, listener)
    assert data.train.origin["file"].tolist() == ["a/x.png", "b/y\\udcff.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif"])
def test_check_finds_the_broken_pictures_that_loading_refuses(paths, listener, spec, pets, suffix: str) -> None:
    """A picture that is cut short, or is none, is an error of `check` already; whole pictures are not decoded."""
    _save(pets / "cat" / f"b.{suffix}", np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype="uint8"))
    file = pets / "cat" / f"b.{suffix}"
    whole = file.read_bytes()
    source = spec("images", folder="pets", size=[4, 6])
    assert infer_facts(source, form="integer", paths=paths)[1] == ()
    for broken in (whole[: len(whole) // 2], b"no picture at all", b""):
        file.write_bytes(broken)
        (finding,) = infer_facts(source, form="integer", paths=paths)[1]
        assert (finding.name, finding.path[-1]) == ("unreadable-data", "folder")
        assert f"b.{suffix}: expected a picture, but it cannot be read" in finding.text
        with pytest.raises(DataError, match="cannot be read"):
            Images("pets", size=[4, 6]).load(paths, listener)


def test_check_finds_pictures_of_several_sizes(paths, spec, pets) -> None:
    """Without a size in the config, another size than the first picture's is an error of `check`."""
    _save(pets / "dog" / "z.png", np.zeros((8, 8), dtype="uint8"))
    (finding,) = infer_facts(spec("images", folder="pets"), form="integer", paths=paths)[1]
    assert "z.png: expected a picture of 4 x 6 pixels" in finding.text
    assert infer_facts(spec("images", folder="pets", size=[5, 7]), form="integer", paths=paths)[1] == ()

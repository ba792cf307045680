"""The digests that a run keeps of its data's files, and those of the same files now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.load import current_file_digests, file_digests, make_source
from nnrun.data.sources.images import Images


@pytest.fixture
def pets(paths) -> Path:
    """A folder of two classes with two pictures each, and a csv file that lists three of them."""
    folder = paths.config_dir / "pets"
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 4, 3), number, dtype="uint8")).save(folder / name)
    listed = "name,kind\npets/cat/a.png,cat\npets/dog/c.png,dog\npets/dog/d.png,dog\n"
    (paths.config_dir / "list.csv").write_text(listed)
    return folder


WAYS = {"folder": {"folder": "pets"}, "list": {"file": "list.csv"}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_digests_of_pictures_need_no_decoding(paths, listener, pets, monkeypatch, way: str, stream: bool) -> None:
    """The digests of pictures that are not decoded are those that a run keeps, in memory and from disk."""
    source = Images(**WAYS[way], stream=stream)
    kept = file_digests(source.load(paths, listener))
    title = "file:pictures of " + ("pets" if way == "folder" else "list.csv")
    listed = {"file:list.csv"} if way == "list" else set()
    assert set(kept) == {f"{title} (names)", f"{title} (contents)"} | listed
    monkeypatch.setattr("nnrun.data.sources.images.read_picture", None)
    assert current_file_digests(source, paths, listener) == kept


@pytest.mark.parametrize("stream", [False, True])
def test_every_change_of_pictures_changes_a_digest(paths, listener, pets, stream: bool) -> None:
    """A changed picture changes the contents; one added, removed, renamed or moved changes the names too."""
    source = Images(folder="pets", stream=stream)
    first = current_file_digests(source, paths, listener)
    (names, contents) = first
    here = pets / "cat" / "a.png"
    was = here.read_bytes()

    def changed() -> list[bool]:
        now = current_file_digests(source, paths, listener)
        return [now[name] != first[name] for name in (names, contents)]

    here.write_bytes(was)
    (pets / "cat" / "notes.txt").write_text("no picture")
    assert changed() == [False, False]
    Image.fromarray(np.full((5, 4, 3), 9, dtype="uint8")).save(here)
    assert changed() == [False, True]
    here.write_bytes(was)
    (pets / "cat" / "e.png").write_bytes(was)
    assert changed() == [True, True]
    (pets / "cat" / "e.png").unlink()
    here.rename(pets / "dog" / "a.png")
    assert changed()[0]
    (pets / "dog" / "a.png").unlink()
    assert changed() == [True, True]
    here.write_bytes(was)
    assert changed() == [False, False]


def test_files_of_other_sources_are_read(paths, listener, spec) -> None:
    """The digests of a table's and of a text's file are found, and none for a source without a file."""
    (paths.config_dir / "t.csv").write_text("a,b\n1,0\n2,1\n")
    (paths.config_dir / "t.txt").write_text("Hickory dickory dock. " * 9)
    for config in (
        spec("csv", file="t.csv"),
        spec("text", file="t.txt", window=4),
        spec("inline", rows=[[0, 0], [1, 1]]),
    ):
        known = current_file_digests(make_source(config.source), paths, listener)
        assert list(known) == [f"file:{name}" for name in [config.source.arguments.get("file")] if name]

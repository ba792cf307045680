"""The digests that a run keeps of its data's files, and those of the same files now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.load import current_file_digests, file_digests, make_source
from nnrun.data.sources.images import Images


@pytest.fixture
def pets(places) -> Path:
    """A folder of two classes with two pictures each, and a csv file that lists three of them."""
    folder = places.config_dir / "pets"
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 4, 3), number, dtype="uint8")).save(folder / name)
    listed = "name,kind\npets/cat/a.png,cat\npets/dog/c.png,dog\npets/dog/d.png,dog\n"
    (places.config_dir / "list.csv").write_text(listed)
    return folder


WAYS = {"folder": {"folder": "pets"}, "list": {"file": "list.csv"}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_pictures_need_not_be_decoded_to_be_known(places, listener, pets, monkeypatch, way: str, stream: bool) -> None:
    """What is told of pictures without decoding them is what a run keeps, in memory and from disk."""
    source = Images(**WAYS[way], stream=stream)
    kept = file_digests(source.load(places, listener))
    title = "file:pictures of " + ("pets" if way == "folder" else "list.csv")
    listed = {"file:list.csv"} if way == "list" else set()
    assert set(kept) == {f"{title} (names)", f"{title} (contents)"} | listed
    monkeypatch.setattr("nnrun.data.sources.images.read_picture", None)
    assert current_file_digests(source, places, listener) == kept


@pytest.mark.parametrize("stream", [False, True])
def test_what_becomes_of_pictures_is_told_apart(places, listener, pets, stream: bool) -> None:
    """A changed picture changes the contents; one added, removed, renamed or moved changes the names too."""
    source = Images(folder="pets", stream=stream)
    first = current_file_digests(source, places, listener)
    (names, contents) = first
    here = pets / "cat" / "a.png"
    was = here.read_bytes()

    def changed() -> list[bool]:
        now = current_file_digests(source, places, listener)
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


def test_other_sources_are_read(places, listener, spec) -> None:
    """A table's file, a text's and no file at all: what a run keeps is what is found again."""
    (places.config_dir / "t.csv").write_text("a,b\n1,0\n2,1\n")
    (places.config_dir / "t.txt").write_text("Hickory dickory dock. " * 9)
    for said in (
        spec("csv", file="t.csv"),
        spec("text", file="t.txt", window=4),
        spec("inline", rows=[[0, 0], [1, 1]]),
    ):
        known = current_file_digests(make_source(said.source), places, listener)
        assert list(known) == [f"file:{name}" for name in [said.source.arguments.get("file")] if name]

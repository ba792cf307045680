"""Pictures that stream: looked at once, and the same pixels as when they are read into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.quality import check_quality
from nnrun.data.streaming.streams import Stream
from nnrun.errors import DataError


@pytest.fixture
def folder(places) -> Path:
    """Two classes of 20 pictures in several formats."""
    rng = np.random.default_rng(0)
    for index in range(20):
        ending = ("jpg", "png", "bmp", "gif")[index % 4]
        file = places.config_dir / "set" / ("even", "odd")[index % 2] / f"{index:02}.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (6, 7, 3), dtype="uint8")).save(file)
    return places.config_dir / "set"


@pytest.mark.parametrize("options", [{}, {"size": [4, 5]}, {"colour": "grey"}])
@pytest.mark.parametrize("prepare", [(), (("Rescale", {"divide_by": 255}), ("Standardize", {}))])
def test_a_streamed_folder_is_the_folder_in_memory(places, listener, spec, split, folder, options, prepare) -> None:
    """Parts, rows, targets, facts, learned figures and every pixel; what is foreseen is what comes."""
    deal = split(test=0.2, validation=0.2, stratify=True)
    done = {}
    for stream in (False, True):
        said = spec("images", folder="set", stream=stream, prepare=prepare, split=deal, **options)
        done[stream] = load(said, form="integer", seed=1, paths=places, progress=listener)
    facts, findings = infer_facts(said, form="integer", paths=places)
    assert (facts, findings) == (done[True].facts, ())
    assert done[True].facts.streamed
    assert not done[False].facts.streamed
    assert done[True].fitted == done[False].fitted
    for part in ("train", "validation", "test"):
        ours, theirs = done[True].part(part), done[False].part(part)
        assert isinstance(ours.x, Stream)
        assert (np.asarray(ours.x) == theirs.x).all()
        assert ours.x.shape == theirs.x.shape
        assert (ours.y == theirs.y).all()
        assert (ours.rows == theirs.rows).all()


def test_pictures_stream_by_themselves_where_they_would_not_fit(places, listener, spec, folder) -> None:
    """20 pictures of 6 x 7 x 3 need 9 bytes a number: 22,680; `stream: false` reads them whatever they need."""
    for memory, stream, expected in ((2.3e-5, None, False), (2.2e-5, None, True), (2.2e-5, False, False)):
        said = spec("images", folder="set", memory=memory, stream=stream)
        done = load(said, form="integer", seed=1, paths=places, progress=listener)
        assert done.facts.streamed is expected
        assert infer_facts(said, form="integer", paths=places)[0].streamed is expected


def test_the_digest_tells_contents_and_order(places, listener, spec, folder) -> None:
    """Another byte, another digest; the same files, the same one, wherever they lie."""
    said = spec("images", folder="set", stream=True)
    first = load(said, form="integer", seed=1, paths=places, progress=listener).digests["train.stream"]
    folder.rename(places.cache_dir() / "set")
    assert load(said, form="integer", seed=1, paths=places, progress=listener).digests["train.stream"] == first
    file = places.cache_dir() / "set" / "even" / "00.jpg"
    file.write_bytes(file.read_bytes() + b"x")
    assert load(said, form="integer", seed=1, paths=places, progress=listener).digests["train.stream"] != first


def test_a_picture_of_another_size_is_named(places, listener, spec, folder) -> None:
    """As where pictures are read into memory."""
    Image.fromarray(np.zeros((3, 3), dtype="uint8")).save(folder / "odd" / "z.png")
    with pytest.raises(DataError, match=r"z\.png: expected a picture of 6 x 7 .* received 3 x 3"):
        load(spec("images", folder="set", stream=True), form="integer", seed=1, paths=places, progress=listener)


def test_a_picture_that_breaks_is_named_when_it_is_read(places, listener, spec, folder) -> None:
    """Its header was whole, its pixels are not."""
    file = folder / "odd" / "01.png"
    file.write_bytes(file.read_bytes()[:-40])
    data = load(spec("images", folder="set", stream=True), form="integer", seed=1, paths=places, progress=listener)
    with pytest.raises(DataError, match=r"01\.png: expected a picture, but it cannot be read"):
        np.asarray(data.train.x)


def test_data_check_meets_every_picture(places, listener, spec, split, folder) -> None:
    """Duplicates are found as in memory, and a broken picture before any training."""
    said = [spec("images", folder="set", stream=stream, split=split(test=0.2)) for stream in (False, True)]
    found = [check_quality(one, seed=1, paths=places, progress=listener, classes=True) for one in said]
    assert found[0] == found[1]
    file = folder / "odd" / "01.png"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"01\.png: expected a picture"):
        check_quality(said[1], seed=1, paths=places, progress=listener, classes=True)


def test_a_step_that_needs_all_pictures_is_refused_by_check(places, spec, folder) -> None:
    """Before anything is read, at the step's place."""
    said = spec("images", folder="set", stream=True, prepare=(("Rescale", {"divide_by": 2}), ("Robust", {})))
    _, findings = infer_facts(said, form="integer", paths=places)
    assert [(one.path, one.name) for one in findings] == [(("data", "prepare", 1), "impossible-preparation")]


def test_a_memory_that_holds_nothing_is_refused(places, spec, folder) -> None:
    """It is a number of GB above 0."""
    _, findings = infer_facts(spec("images", folder="set", memory=0.0), form="integer", paths=places)
    assert "memory expected a number of GB above 0" in findings[0].text

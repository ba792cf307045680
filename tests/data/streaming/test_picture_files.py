"""Tests of streamed pictures: the same pixels as in memory."""

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
def folder(paths) -> Path:
    """Two classes of 20 pictures in several formats."""
    rng = np.random.default_rng(0)
    for index in range(20):
        ending = ("jpg", "png", "bmp", "gif")[index % 4]
        file = paths.config_dir / "set" / ("even", "odd")[index % 2] / f"{index:02}.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (6, 7, 3), dtype="uint8")).save(file)
    return paths.config_dir / "set"


@pytest.mark.parametrize("options", [{}, {"size": [4, 5]}, {"colour": "grey"}])
@pytest.mark.parametrize("prepare", [(), (("Rescale", {"divide_by": 255}), ("Standardize", {}))])
def test_a_streamed_folder_is_the_folder_in_memory(paths, listener, spec, split, folder, options, prepare) -> None:
    """Parts, rows, targets, facts, fitted steps and every pixel are the same; inferred facts are those of the data."""
    parts = split(test=0.2, validation=0.2, stratify=True)
    done = {}
    for stream in (False, True):
        config = spec("images", folder="set", stream=stream, prepare=prepare, split=parts, **options)
        done[stream] = load(config, form="integer", seed=1, paths=paths, progress=listener)
    facts, findings = infer_facts(config, form="integer", paths=paths)
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


def test_pictures_that_do_not_fit_in_memory_are_streamed(paths, listener, spec, folder) -> None:
    """20 pictures of 6 x 7 x 3 need 9 bytes a number: 22,680; `stream: false` reads them in any case."""
    for memory, stream, expected in ((2.3e-5, None, False), (2.2e-5, None, True), (2.2e-5, False, False)):
        config = spec("images", folder="set", memory=memory, stream=stream)
        done = load(config, form="integer", seed=1, paths=paths, progress=listener)
        assert done.facts.streamed is expected
        assert infer_facts(config, form="integer", paths=paths)[0].streamed is expected


def test_the_digest_depends_on_contents_and_order(paths, listener, spec, folder) -> None:
    """Another byte changes the digest; the same files in another folder do not."""
    config = spec("images", folder="set", stream=True)
    first = load(config, form="integer", seed=1, paths=paths, progress=listener).digests["train.stream"]
    folder.rename(paths.cache_dir() / "set")
    assert load(config, form="integer", seed=1, paths=paths, progress=listener).digests["train.stream"] == first
    file = paths.cache_dir() / "set" / "even" / "00.jpg"
    file.write_bytes(file.read_bytes() + b"x")
    assert load(config, form="integer", seed=1, paths=paths, progress=listener).digests["train.stream"] != first


def test_a_picture_of_another_size_is_named(paths, listener, spec, folder) -> None:
    """The error is that of pictures in memory."""
    Image.fromarray(np.zeros((3, 3), dtype="uint8")).save(folder / "odd" / "z.png")
    with pytest.raises(DataError, match=r"z\.png: expected a picture of 6 x 7 .* received 3 x 3"):
        load(spec("images", folder="set", stream=True), form="integer", seed=1, paths=paths, progress=listener)


def test_a_broken_picture_is_named_when_it_is_read(paths, listener, spec, folder) -> None:
    """A picture with a whole header and broken pixels is found on reading."""
    file = folder / "odd" / "01.png"
    file.write_bytes(file.read_bytes()[:-40])
    data = load(spec("images", folder="set", stream=True), form="integer", seed=1, paths=paths, progress=listener)
    with pytest.raises(DataError, match=r"01\.png: expected a picture, but it cannot be read"):
        np.asarray(data.train.x)


def test_data_check_reads_every_picture(paths, listener, spec, split, folder) -> None:
    """Duplicates are found as in memory, and a broken picture before training."""
    config = [spec("images", folder="set", stream=stream, split=split(test=0.2)) for stream in (False, True)]
    found = [check_quality(one, seed=1, paths=paths, progress=listener, form="integer") for one in config]
    assert found[0] == found[1]
    file = folder / "odd" / "01.png"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"01\.png: expected a picture"):
        check_quality(config[1], seed=1, paths=paths, progress=listener, form="integer")


def test_a_step_that_needs_all_pictures_is_refused_by_check(paths, spec, folder) -> None:
    """The finding is at the place of the step, before anything is read."""
    config = spec("images", folder="set", stream=True, prepare=(("Rescale", {"divide_by": 2}), ("Robust", {})))
    _, findings = infer_facts(config, form="integer", paths=paths)
    assert [(one.path, one.name) for one in findings] == [(("data", "prepare", 1), "impossible-preparation")]


def test_a_memory_limit_of_0_is_refused(paths, spec, folder) -> None:
    """The memory limit is a number of GB above 0."""
    _, findings = infer_facts(spec("images", folder="set", memory=0.0), form="integer", paths=paths)
    assert "memory expected a number of GB above 0" in findings[0].text

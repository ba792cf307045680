"""Drawn pictures of shapes, with masks, clean pictures, or pictures of twice their size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.shapes import Shapes, draw_shapes

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths


@pytest.mark.parametrize(("target", "form"), [("mask", "integer"), ("clean", "number"), ("large", "number")])
def test_every_fact_is_inferred_and_the_same_arguments_give_the_same_pictures(
    paths: DataPaths, listener, spec, target: str, form: str
) -> None:
    """Facts are known without drawing; the experiment's seed does not matter, the source's does."""
    one, other, third = (
        load(
            spec("shapes", rows=4, size=16, target=target, seed=seed),
            form=form,
            seed=run,
            paths=paths,
            progress=listener,
        )
        for seed, run in ((0, 1), (0, 2), (1, 1))
    )
    facts, findings = infer_facts(spec("shapes", rows=4, size=16, target=target), form=form, paths=paths)
    assert (facts, findings) == (one.facts, ())
    assert one.digests == other.digests != third.digests
    assert one.train.x.shape == (4, 16, 16, 1)
    assert one.train.y.shape == {"mask": (4, 16, 16), "clean": (4, 16, 16, 1), "large": (4, 32, 32, 1)}[target]


def test_shapes_are_brighter_than_their_background() -> None:
    """Every pixel of a shape is; discs, squares and triangles fill their boxes by pi/4, 1 and 1/2."""
    draw, filled = np.random.default_rng(2), {1: [], 2: [], 3: []}
    for _ in range(200):
        picture, mask = draw_shapes(64, draw)
        assert picture[mask > 0].min() > picture[mask == 0].max()
        assert 0 <= picture.min() <= picture.max() <= 255
        if len({*mask.ravel().tolist()}) == 2:
            rows, columns = np.nonzero(mask)
            inside = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            filled[int(mask.max())].append(float((inside > 0).mean()))
    # Two shapes of a kind, apart, fill less of their common box.
    assert np.median(filled[1]) == pytest.approx(np.pi / 4, abs=0.04)
    assert np.median(filled[2]) == pytest.approx(1, abs=0.01)
    assert np.median(filled[3]) == pytest.approx(1 / 2, abs=0.05)


def test_a_small_picture_is_the_mean_of_its_large_one(paths: DataPaths, listener, spec) -> None:
    """Each of its pixels is the mean of four, so that a network can learn to undo it."""
    data = load(spec("shapes", rows=3, size=8, target="large"), form="number", seed=1, paths=paths, progress=listener)
    large = data.train.y[..., 0].reshape(3, 8, 2, 8, 2)
    np.testing.assert_allclose(data.train.x[..., 0], large.mean(axis=(2, 4)), rtol=1e-6)


def test_more_pictures_come_from_an_npz_file(paths: DataPaths, listener, spec) -> None:
    """With masks or without."""
    config = spec("shapes", rows=3, size=16)
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    file = paths.config_dir / "new.npz"
    np.savez(file, x=np.zeros((2, 16, 16, 1)), y=np.ones((2, 16, 16, 1), "uint8"))
    for with_target in (False, True):
        part = load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=with_target)
        assert part.x.shape == (2, 16, 16, 1)
    assert part.y.tolist() == np.ones((2, 16, 16)).tolist()


def test_arguments_are_checked() -> None:
    """A number that is too small is refused."""
    with pytest.raises(ValueError, match="shapes: size expected a number of at least 8, received 4"):
        Shapes(size=4)

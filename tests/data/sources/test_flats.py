"""The source `flats`: pictures, numbers, categories and text in one row, and new rows in a csv file."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

from nnrun.data.columns import Columns
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.flats import Flats

PREPARE = (
    ("Rescale", {"columns": ["photo"], "divide_by": 255}),
    ("StandardScaler", {"columns": ["area"]}),
    ("OneHotEncoder", {"columns": ["town"]}),
    ("TextVectorization", {"columns": ["note"], "output_sequence_length": 4}),
)


def test_check_knows_what_is_drawn(paths, listener, spec) -> None:
    """The facts without drawing for training are those of the data, and the same options draw the same flats."""
    config = spec("flats", rows=40, prepare=PREPARE)
    facts, findings = infer_facts(config, form="number", paths=paths)
    one, other = (load(config, form="number", seed=1, paths=paths, progress=listener) for _ in range(2))
    assert (findings, facts.arrays, facts.columns) == ((), one.facts.arrays, one.facts.columns)
    assert facts.input_shape == one.facts.input_shape == (4 + 4 + 16 * 16 * 3,)
    assert one.digests == other.digests


def test_a_price_follows_from_the_picture_and_the_columns(paths, listener) -> None:
    """Without noise, lit windows, area, town and words add up to it."""
    data = Flats(rows=60, noise=0).load(paths, listener)
    x = data.train.x
    assert isinstance(x, Columns)
    photos = x.arrays["photo"]
    assert (photos.shape, photos.dtype) == ((60, 16, 16, 3), "uint8")
    lit = (photos[:, 2::5, 2::5].mean(axis=3) > 120).sum(axis=(1, 2))
    words = [
        {"garden": 70, "view": 40, "noisy": -60}.get(word, 0) for note in x.values["note"] for word in note.split()
    ]
    towns = [{"Bern": 90, "Chur": 0, "Geneva": 160}[town] for town in x.values["town"]]
    price = 4 * x.values["area"] + 20 * lit + np.array(towns) + np.reshape(words, (60, 4)).sum(axis=1)
    np.testing.assert_array_equal(data.train.y, price)


def test_new_flats_are_read_from_a_csv_file(paths, listener, spec) -> None:
    """Rows whose photos are picture files are prepared as the run's own, and pictures of another size are resized."""
    config = spec("flats", rows=20, prepare=PREPARE)
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    x = Flats(rows=20).load(paths, listener).train.x
    with (paths.config_dir / "new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note", "photo", "town", "area"])
        for row in range(3):
            Image.fromarray(x.arrays["photo"][row]).save(paths.config_dir / f"{row}.png")
            writer.writerow([x.values["note"][row], f"{row}.png", x.values["town"][row], x.values["area"][row]])
    new = load_new_data(config, done.fitted, file=paths.config_dir / "new.csv", facts=done.facts, with_target=False)
    np.testing.assert_array_equal(new.x, done.train.x[:3])


def test_wrong_options_are_refused() -> None:
    """There is a flat at least, and no less than no noise."""
    with pytest.raises(ValueError, match="flats: rows expected a number of at least 1, received 0"):
        Flats(rows=0)
    with pytest.raises(ValueError, match="flats: noise expected a number of at least 0, received -1"):
        Flats(noise=-1)

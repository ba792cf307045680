"""From a config to arrays: parts, digests and facts; and nothing of the test part in the preparation."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.load import load
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

PREPARE = (("OneHot", {"columns": ["colour"], "unseen": "zeros"}), ("Standardize", {}))


def _table(file: Path, ages: list[float], colours: list[str]) -> None:
    rows = [f"{age},{colour},{index % 2}" for index, (age, colour) in enumerate(zip(ages, colours, strict=True))]
    file.write_text("\n".join(["age,colour,y", *rows]) + "\n")


def test_no_figure_of_the_test_part_reaches_the_preparation(paths: DataPaths, listener, spec, split) -> None:
    """Huge values and an unseen category in the validation and test rows do not change the fitted preparation."""
    ages, colours = [float(index) for index in range(40)], ["red", "blue"] * 20
    config = spec("csv", file="t.csv", prepare=PREPARE, split=split(test=0.25, validation=0.2))
    _table(paths.config_dir / "t.csv", ages, colours)
    clean = load(config, form="binary", seed=5, paths=paths, progress=listener)
    for part in (clean.test, clean.validation):
        for row in part.rows.tolist():
            ages[row], colours[row] = 1e30, "poison"
    _table(paths.config_dir / "t.csv", ages, colours)
    poisoned = load(config, form="binary", seed=5, paths=paths, progress=listener)
    assert poisoned.fitted[1:] == clean.fitted[1:]
    assert poisoned.digests["train.x"] == clean.digests["train.x"]
    assert poisoned.digests["test.x"] != clean.digests["test.x"]
    assert "poison" not in json.dumps(poisoned.fitted)


def test_poison_in_the_training_part_does_reach_it(paths: DataPaths, listener, spec, split) -> None:
    """The test above could fail: a changed training row changes the preparation."""
    ages, colours = [float(index) for index in range(40)], ["red", "blue"] * 20
    config = spec("csv", file="t.csv", prepare=PREPARE, split=split(test=0.25))
    _table(paths.config_dir / "t.csv", ages, colours)
    clean = load(config, form="binary", seed=5, paths=paths, progress=listener)
    ages[int(clean.train.rows[0])] = 1e30
    _table(paths.config_dir / "t.csv", ages, colours)
    assert load(config, form="binary", seed=5, paths=paths, progress=listener).fitted[1:] != clean.fitted[1:]


def test_arrays_suit_the_model(paths: DataPaths, listener, spec, split) -> None:
    """Examples are float32, row after row in memory; targets suit the loss; rows point into the source."""
    done = load(
        spec(
            "digits", prepare=(("Rescale", {"divide_by": 16}), ("Reshape", {"shape": [8, 8, 1]})), split=split(test=0.2)
        ),
        form="one_hot",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert done.train.x.shape == (1437, 8, 8, 1)
    assert done.train.x.dtype == "float32"
    assert done.train.x.flags.c_contiguous
    assert done.train.y.shape == (1437, 10)
    assert done.validation is None
    assert (float(done.train.x.min()), float(done.train.x.max())) == (0.0, 1.0)
    assert sorted([*done.train.rows.tolist(), *done.test.rows.tolist()]) == list(range(1797))
    assert set(done.digests) == {"train.x", "train.y", "test.x", "test.y"}


def test_shared_parts_are_the_same_arrays(paths: DataPaths, listener, spec, split) -> None:
    """`validation: test` and `test: train` share arrays, which the data set records."""
    one = load(
        spec("iris", split=split(test=0.2, validation="test")), form="integer", seed=1, paths=paths, progress=listener
    )
    assert one.validation is one.test
    assert one.shared == {"validation": "test"}
    two = load(
        spec("iris", split=split(test="train", validation="test")),
        form="integer",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert two.train is two.test is two.validation
    assert two.facts.rows == {"train": 150, "validation": 150, "test": 150}


def test_stratified_parts_hold_all_classes_alike(paths: DataPaths, listener, spec, split) -> None:
    """A tenth of iris, stratified, has five flowers of each species."""
    done = load(
        spec("iris", split=split(test=0.1, stratify=True)), form="integer", seed=1, paths=paths, progress=listener
    )
    assert np.bincount(done.test.y).tolist() == [5, 5, 5]


def test_a_file_s_digest_is_kept(paths: DataPaths, listener, spec) -> None:
    """The record can say which bytes were read."""
    import hashlib

    _table(paths.config_dir / "t.csv", [1.0, 2.0], ["red", "blue"])
    done = load(spec("csv", file="t.csv", features=["age"]), form="binary", seed=1, paths=paths, progress=listener)
    assert done.digests["file:t.csv"] == hashlib.sha256((paths.config_dir / "t.csv").read_bytes()).hexdigest()


def test_numbers_are_scored_as_numbers(paths: DataPaths, listener, spec) -> None:
    """A loss for numbers makes it a regression, even where the target could be classes."""
    done = load(spec("diabetes"), form="number", seed=1, paths=paths, progress=listener)
    assert (done.facts.task, done.facts.classes, done.facts.targets) == ("regression", None, 1)
    assert done.train.y.shape == (442, 1)
    assert float(done.train.x[:, 0].max()) == 79.0


def test_a_constant_column_is_noted(paths: DataPaths, listener, spec) -> None:
    """A note names the columns that became 0."""
    _table(paths.config_dir / "t.csv", [5.0] * 4, ["red", "blue"] * 2)
    load(
        spec("csv", file="t.csv", features=["age"], prepare=(("Standardize", {}),)),
        form="binary",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert listener.notes == ["Standardize: 'age' never changed in the training part and became 0."]


@pytest.mark.parametrize(
    ("source", "options", "form", "message"),
    [
        ("digits", {"prepare": (("Reshape", {"shape": [8, 9]}),)}, "integer", "prepare: Reshape to .*needs 72 values"),
        (
            "digits",
            {"prepare": (("Rescale", {"divide_by": 0}),)},
            "integer",
            "Rescale: divide_by expected a number other than 0",
        ),
        ("diabetes", {}, "integer", "the loss compares classes, but this data set's target is a number"),
        ("digits", {}, "binary", "has 10 classes"),
        (
            "iris",
            {"prepare": (("Standardize", {"columns": ["sepal"]}),)},
            "integer",
            "prepare: Standardize: there is no column 'sepal'",
        ),
        ("csv", {"file": "t.csv"}, "binary", "column 'colour' holds text; add a step such as OneHot"),
        (
            "csv",
            {"file": "t.csv", "prepare": (("Reshape", {"shape": [2]}),)},
            "binary",
            "prepare: Reshape: .*holds text",
        ),
        ("csv", {"file": "t.csv", "separator": "::"}, "binary", "csv: csv: separator|csv: separator"),
    ],
)
def test_impossible_configs_are_data_errors(
    paths: DataPaths, listener, spec, source: str, options: dict, form: str, message: str
) -> None:
    """Impossible steps, unsuitable losses and text left in the features are errors."""
    _table(paths.config_dir / "t.csv", [1.0, 2.0], ["red", "blue"])
    with pytest.raises(DataError, match=message):
        load(spec(source, **options), form=form, seed=1, paths=paths, progress=listener)


@pytest.mark.parametrize(
    ("source", "config", "message"),
    [
        ("digits", {"validation": "test"}, "needs a test part"),
        ("diabetes", {"test": 0.2, "stratify": True}, "needs classes"),
        ("iris", {"test": 0.999}, "leaves none for training"),
    ],
)
def test_an_impossible_split_is_a_data_error(
    paths: DataPaths, listener, spec, split, source: str, config: dict, message: str
) -> None:
    """The reason is given, after the word `split`."""
    with pytest.raises(DataError, match=f"split: .*{message}"):
        load(
            spec(source, split=split(**config)),
            form="number" if source == "diabetes" else "integer",
            seed=1,
            paths=paths,
            progress=listener,
        )


def test_a_number_that_is_not_finite_is_refused_with_its_place(paths: DataPaths, listener, spec) -> None:
    """NaN in an array would silently turn every weight into NaN."""
    x = np.zeros((4, 3))
    x[2, 1] = np.nan
    np.savez(paths.config_dir / "a.npz", x=x, y=np.array([0, 1, 0, 1]))
    with pytest.raises(
        DataError,
        match=r"example 2 \(train part; counted from 0 in the source\) holds a number .*\[1\]",
    ):
        load(spec("npz", file="a.npz"), form="binary", seed=1, paths=paths, progress=listener)


def test_a_category_of_another_part_is_named_with_its_example(paths: DataPaths, listener, spec, split) -> None:
    """A category that the training part alone lacks is named with its place in the part that has it."""
    rows = [[1, 0], [2, 1]] * 10 + [[3, 0]]
    config = spec("inline", rows=rows, prepare=(("OneHot", {"columns": [0]}),), split=split(test=0.5))
    place = r"column 0: expected one of .*received 3 in example \d+ \(test part; counted from 0"
    found = []
    for seed in range(6):
        try:
            load(config, form="binary", seed=seed, paths=paths, progress=listener)
        except DataError as error:
            found.append(str(error))
    assert found
    assert all(re.match(place, text) for text in found)

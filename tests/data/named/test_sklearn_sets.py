"""scikit-learn's tables with column names that need no quotes, and any column as target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.named.sklearn_sets import Sklearn, unquoted_name
from nnrun.data.new_data import load_new_data
from nnrun.data.target_encoding import target_column
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

SETS = ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits")


@pytest.mark.parametrize("name", SETS)
def test_a_set_by_itself_has_its_own_target(paths: DataPaths, listener, spec, split, name: str) -> None:
    """By default all columns but the set's own target are features, and the inferred facts are right."""
    from sklearn import datasets

    config = spec("sklearn", set=name, split=split(test=0.2))
    form = "number" if name in {"diabetes", "linnerud"} else "integer"
    done = load(config, form=form, seed=1, paths=paths, progress=listener)
    assert infer_facts(config, form=form, paths=paths) == (done.facts, ())
    bunch = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    assert done.facts.columns == tuple(unquoted_name(column) for column in bunch.feature_names)
    assert np.array_equal(done.train.x, bunch.data[done.train.rows].astype("float32"))
    if form == "number":
        assert np.array_equal(done.train.y, bunch.target.reshape(len(bunch.data), -1)[done.train.rows].astype("f4"))
    else:
        named = np.array([str(one) for one in bunch.target_names])[bunch.target]
        assert [done.facts.class_names[number] for number in done.train.y] == named[done.train.rows].tolist()


@pytest.mark.parametrize("name", SETS)
def test_any_column_is_known_without_scikit_learn(paths: DataPaths, listener, spec, name: str) -> None:
    """`check` reads the target from scikit-learn's file: the same numbers, or names of classes."""
    names = Sklearn(name).names
    for target in ([names[0]], [names[1], names[-1]], [names[-2]]):
        source = Sklearn(name, target=target)
        known, loaded = source.load_targets(paths), source.load(paths, listener)
        assert known is not None
        assert known.target_names == loaded.target_names == tuple(target)
        for column in target:
            both = [target_column(one.train.y, one.target_names, column).tolist() for one in (known, loaded)]
            assert both[0] == both[1]


def test_a_species_and_a_width_are_two_targets(paths: DataPaths, listener, spec, split) -> None:
    """A class and a number of one table are targets together, with inferred facts."""
    config = spec("sklearn", set="iris", target=["species", "petal_width"], split=split(test=0.2))
    forms = {"species": "one_hot", "petal_width": "number"}
    done = load(config, form=forms, seed=1, paths=paths, progress=listener)
    assert {key: y.shape for key, y in done.train.y.items()} == {"species": (120, 3), "petal_width": (120, 1)}
    assert done.facts.columns == ("sepal_length", "sepal_width", "petal_length")
    assert done.facts.class_names == ("setosa", "versicolor", "virginica")
    assert infer_facts(config, form=forms, paths=paths) == (done.facts, ())


def test_the_class_column_may_be_a_feature(paths: DataPaths, listener, spec) -> None:
    """A width from the species: its categories are known before loading, and text that is left is reported."""
    config = spec("sklearn", set="iris", target="petal_width", prepare=(("OneHot", {"columns": ["species"]}),))
    done = load(config, form="number", seed=1, paths=paths, progress=listener)
    assert infer_facts(config, form="number", paths=paths) == (done.facts, ())
    assert done.facts.columns[3:] == ("species=setosa", "species=versicolor", "species=virginica")
    _, findings = infer_facts(spec("sklearn", set="iris", target="petal_width"), form="number", paths=paths)
    assert [finding.name for finding in findings] == ["text-left"]


@pytest.mark.parametrize(
    ("arguments", "path", "text"),
    [
        ({"target": "specis"}, "target", "Did you mean 'species'?"),
        ({"features": ["petal width (cm)"]}, "features", "there is no column"),
        ({"features": ["species"]}, "features", "the column 'species' is named as `target` and as `features`"),
        ({"target": [0, 1, 2, 3, 4]}, "target", "the targets leave no feature column"),
        ({"sample_weight": "species", "target": 0}, "sample_weight", "holds text, which cannot weigh rows"),
        ({"sample_weight": 0, "features": [0, 1]}, "features", "is named as `sample_weight` and as `features`"),
    ],
)
def test_impossible_columns_are_reported_at_their_place(
    paths: DataPaths, listener, spec, arguments: dict, path: str, text: str
) -> None:
    """A mistake is a finding of `check` and an error when loading."""
    _, findings = infer_facts(spec("sklearn", set="iris", **arguments), form="integer", paths=paths)
    assert [finding.path[:4] for finding in findings] == [("data", "source", "sklearn", path)]
    assert text in findings[0].text
    with pytest.raises(DataError, match="sklearn: "):
        load(spec("sklearn", set="iris", **arguments), form="integer", seed=1, paths=paths, progress=listener)


def test_more_rows_come_from_a_csv_of_the_same_columns(paths: DataPaths, listener, spec) -> None:
    """By name in any order; the class by its name."""
    config = spec("sklearn", set="iris", target=["species", "petal_width"], prepare=(("Standardize", {}),))
    forms = {"species": "integer", "petal_width": "number"}
    done = load(config, form=forms, seed=1, paths=paths, progress=listener)
    file = paths.config_dir / "more.csv"
    file.write_text("species,petal_width,petal_length,sepal_width,sepal_length\nvirginica,0.2,1.4,3.5,5.1\n")
    fitted = json.loads(json.dumps(done.fitted))
    new = load_new_data(config, fitted, file=file, facts=done.facts, with_target=True)
    assert np.array_equal(new.x, done.train.x[:1])
    assert (new.y["species"].tolist(), new.y["petal_width"].tolist()) == ([2], [[np.float32(0.2)]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("petal width (cm)", "petal_width"),
        ("od280/od315_of_diluted_wines", "od280_od315_of_diluted_wines"),
        ("Chins", "chins"),
        ("worst fractal dimension", "worst_fractal_dimension"),
    ],
)
def test_names_need_no_quotes(name: str, expected: str) -> None:
    """Units are dropped, letters are lower case, and everything else is an underscore."""
    assert unquoted_name(name) == expected

"""scikit-learn's tables with plain column names, any column as target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.named.sklearn_sets import unquoted_name
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

SETS = ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits")


@pytest.mark.parametrize("name", SETS)
def test_a_set_by_itself_has_its_own_target(places: DataPaths, listener, spec, split, name: str) -> None:
    """Without options the set's own target stands against all other columns, and all facts are foreseen."""
    from sklearn import datasets

    said = spec("sklearn", set=name, split=split(test=0.2))
    form = "number" if name in {"diabetes", "linnerud"} else "integer"
    done = load(said, form=form, seed=1, paths=places, progress=listener)
    assert infer_facts(said, form=form, paths=places) == (done.facts, ())
    bunch = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    assert done.facts.columns == tuple(unquoted_name(column) for column in bunch.feature_names)
    assert np.array_equal(done.train.x, bunch.data[done.train.rows].astype("float32"))
    if form == "number":
        assert np.array_equal(done.train.y, bunch.target.reshape(len(bunch.data), -1)[done.train.rows].astype("f4"))
    else:
        named = np.array([str(one) for one in bunch.target_names])[bunch.target]
        assert [done.facts.class_names[number] for number in done.train.y] == named[done.train.rows].tolist()


def test_a_species_and_a_width_are_two_targets(places: DataPaths, listener, spec, split) -> None:
    """A class and a number of one table are predicted side by side, and foreseen."""
    said = spec("sklearn", set="iris", target=["species", "petal_width"], split=split(test=0.2))
    forms = {"species": "one_hot", "petal_width": "number"}
    done = load(said, form=forms, seed=1, paths=places, progress=listener)
    assert {key: y.shape for key, y in done.train.y.items()} == {"species": (120, 3), "petal_width": (120, 1)}
    assert done.facts.columns == ("sepal_length", "sepal_width", "petal_length")
    assert done.facts.class_names == ("setosa", "versicolor", "virginica")
    assert infer_facts(said, form=forms, paths=places) == (done.facts, ())


def test_the_class_column_may_be_a_feature(places: DataPaths, listener, spec) -> None:
    """A width from the species: its categories are known beforehand, and left as text they are told."""
    said = spec("sklearn", set="iris", target="petal_width", prepare=(("OneHot", {"columns": ["species"]}),))
    done = load(said, form="number", seed=1, paths=places, progress=listener)
    assert infer_facts(said, form="number", paths=places) == (done.facts, ())
    assert done.facts.columns[3:] == ("species=setosa", "species=versicolor", "species=virginica")
    _, findings = infer_facts(spec("sklearn", set="iris", target="petal_width"), form="number", paths=places)
    assert [finding.name for finding in findings] == ["text-left"]


@pytest.mark.parametrize(
    ("said", "path", "text"),
    [
        ({"target": "specis"}, "target", "Did you mean 'species'?"),
        ({"features": ["petal width (cm)"]}, "features", "there is no column"),
        ({"features": ["species"]}, "features", "the target 'species' also stands among the features"),
        ({"target": [0, 1, 2, 3, 4]}, "target", "no feature column is left"),
        ({"sample_weight": "species", "target": 0}, "sample_weight", "holds text, which cannot weigh rows"),
        ({"sample_weight": 0, "features": [0, 1]}, "sample_weight", "weighs the rows and also stands in `features`"),
    ],
)
def test_columns_that_cannot_be_are_told_at_their_place(
    places: DataPaths, listener, spec, said: dict, path: str, text: str
) -> None:
    """The same mistake is a finding before loading and refused when loading."""
    _, findings = infer_facts(spec("sklearn", set="iris", **said), form="integer", paths=places)
    assert [finding.path for finding in findings] == [("data", "source", "sklearn", path)]
    assert text in findings[0].text
    with pytest.raises(DataError, match="sklearn: "):
        load(spec("sklearn", set="iris", **said), form="integer", seed=1, paths=places, progress=listener)


def test_more_rows_come_from_a_csv_of_the_same_columns(places: DataPaths, listener, spec) -> None:
    """By name in any order; the class by its name."""
    said = spec("sklearn", set="iris", target=["species", "petal_width"], prepare=(("Standardize", {}),))
    forms = {"species": "integer", "petal_width": "number"}
    done = load(said, form=forms, seed=1, paths=places, progress=listener)
    file = places.config_dir / "more.csv"
    file.write_text("species,petal_width,petal_length,sepal_width,sepal_length\nvirginica,0.2,1.4,3.5,5.1\n")
    fitted = json.loads(json.dumps(done.fitted))
    again = load_new_data(said, fitted, file=file, facts=done.facts, with_target=True)
    assert np.array_equal(again.x, done.train.x[:1])
    assert (again.y["species"].tolist(), again.y["petal_width"].tolist()) == ([2], [[np.float32(0.2)]])


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("petal width (cm)", "petal_width"),
        ("od280/od315_of_diluted_wines", "od280_od315_of_diluted_wines"),
        ("Chins", "chins"),
        ("worst fractal dimension", "worst_fractal_dimension"),
    ],
)
def test_names_are_plain(name: str, plain: str) -> None:
    """Units go, letters are small, and everything else is an underscore."""
    assert unquoted_name(name) == plain

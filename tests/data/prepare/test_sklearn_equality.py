"""Every catalogued transformer against scikit-learn's own result: in memory, after restoring, and inside folds."""

from __future__ import annotations

import json
import warnings
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from nnrun.catalog import lookup
from nnrun.data.columns import Columns
from nnrun.data.cross_validation import assign_folds
from nnrun.data.dataset import Examples, SourceData
from nnrun.data.prepare.functions import INVERSES, named_function
from nnrun.data.prepare.registry import fitted_json, new_step, restore
from nnrun.data.prepare.step import ExampleSpec
from nnrun.progress import NullProgress
from nnrun.spec.data import DataSpec, KFold, Split
from nnrun.spec.part import read_part

SEED = 11
ROWS, TRAINING = 90, 60
#: Arguments that suit the table below, where scikit-learn's defaults do not, and others that take another path.
CASES: dict[str, list[dict[str, Any]]] = {
    "BernoulliRBM": [{"n_components": 4, "n_iter": 2}],
    "CCA": [{"n_components": 1}],
    "CountVectorizer": [{}, {"ngram_range": [1, 2], "max_features": 5, "stop_words": ["the"]}],
    "DictionaryLearning": [{"n_components": 3, "max_iter": 5}],
    "FactorAnalysis": [{"n_components": 2}],
    "FastICA": [{"n_components": 3}],
    "FeatureHasher": [{"n_features": 16}],
    "FunctionTransformer": [{"func": "log1p"}, {"func": "sqrt"}, {"func": "cbrt", "inverse_func": None}],
    "GaussianRandomProjection": [{"n_components": 3}],
    "GenericUnivariateSelect": [{"mode": "k_best", "param": 2}],
    "HashingVectorizer": [{"n_features": 32}],
    "IncrementalPCA": [{"n_components": 2}],
    "KBinsDiscretizer": [
        {},
        {"n_bins": 3, "encode": "ordinal", "strategy": "uniform"},
        {"n_bins": [2, 3, 4, 2], "strategy": "uniform"},
    ],
    "KMeans": [{"n_clusters": 3}],
    "KNNImputer": [{"n_neighbors": 3}, {"add_indicator": True}],
    "KernelPCA": [{"n_components": 3, "kernel": "rbf"}],
    "LatentDirichletAllocation": [{"n_components": 3, "max_iter": 3}],
    "MaxAbsScaler": [{}],
    "MinMaxScaler": [{}, {"feature_range": [-1, 2], "clip": True}],
    "MiniBatchDictionaryLearning": [{"n_components": 3, "max_iter": 3}],
    "MiniBatchKMeans": [{"n_clusters": 3}],
    "MiniBatchNMF": [{"n_components": 2, "max_iter": 20}],
    "MiniBatchSparsePCA": [{"n_components": 2, "max_iter": 3}],
    "MissingIndicator": [{}, {"features": "all"}],
    "NMF": [{"n_components": 2, "max_iter": 400}],
    "NeighborhoodComponentsAnalysis": [{"n_components": 2, "max_iter": 5}],
    "Nystroem": [{"n_components": 10}],
    "OneHotEncoder": [
        {},
        {"handle_unknown": "ignore"},
        {"drop": "first"},
        {"min_frequency": 20, "handle_unknown": "infrequent_if_exist"},
        {"max_categories": 2},
    ],
    "OrdinalEncoder": [
        {},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"handle_unknown": "use_encoded_value", "unknown_value": None},
        {"categories": [["small", "medium", "large"], ["oslo", "rome", "bern"]]},
        {"max_categories": 2},
    ],
    "PCA": [{"n_components": 2}, {"n_components": 0.9, "whiten": True}, {"svd_solver": "randomized"}],
    "PLSCanonical": [{"n_components": 1}],
    "PLSRegression": [{"n_components": 2}],
    "PLSSVD": [{"n_components": 1}],
    "PolynomialCountSketch": [{"n_components": 8}],
    "PolynomialFeatures": [{}, {"degree": [2, 3], "interaction_only": True, "include_bias": False}],
    "PowerTransformer": [{}, {"method": "box-cox", "standardize": False}],
    "QuantileTransformer": [{"n_quantiles": 20}, {"n_quantiles": 20, "output_distribution": "normal"}],
    "RBFSampler": [{"n_components": 8}],
    "RobustScaler": [{}, {"quantile_range": [10, 90], "unit_variance": True}, {"with_centering": False}],
    "SelectKBest": [{"k": 2}, {"k": 2, "score_func": "mutual_info_classif"}, {"score_func": "chi2", "k": "all"}],
    "SelectFdr": [{"alpha": 0.9}],
    "SelectFpr": [{"alpha": 0.9}],
    "SelectFwe": [{"alpha": 0.99}],
    "SelectPercentile": [{"percentile": 50}],
    "SimpleImputer": [
        {},
        {"strategy": "median"},
        {"strategy": "most_frequent"},
        {"strategy": "constant", "fill_value": -1},
        {"strategy": "constant"},
        {"add_indicator": True},
    ],
    "SkewedChi2Sampler": [{"n_components": 8}],
    "SparsePCA": [{"n_components": 2, "max_iter": 5}],
    "SparseRandomProjection": [{"n_components": 3}],
    "SplineTransformer": [
        {},
        {"n_knots": 4, "degree": 2, "include_bias": False, "extrapolation": "linear"},
        {"knots": [[0, 0, 0, 0], [5, 5, 5, 5], [9, 9, 9, 9]]},
        {"extrapolation": "periodic", "knots": "quantile"},
    ],
    "StandardScaler": [{}, {"with_mean": False}, {"with_std": False}],
    "TargetEncoder": [{}, {"smooth": 3.0, "cv": 3}],
    "TfidfVectorizer": [{}, {"analyzer": "char_wb", "ngram_range": [2, 3], "sublinear_tf": True}],
    "TruncatedSVD": [{"n_components": 2}],
}
USABLE = [
    entry
    for name in lookup.names("preparation")
    if (entry := lookup.entry("preparation", name)) is not None and entry.origin == "sklearn"
]
ALL = [
    pytest.param(entry.name, arguments, id=f"{entry.name}-{index}")
    for entry in USABLE
    for index, arguments in enumerate(CASES.get(entry.name, [{}]))
]


@cache
def table() -> tuple[Columns, np.ndarray]:
    """Four columns of positive numbers, two of categories, one of text, and classes that depend on them."""
    rng = np.random.default_rng(5)
    numbers = {f"n{index}": np.round(rng.gamma(2.0, 1.5 + index, ROWS), 3) + 0.1 for index in range(4)}
    size = rng.choice(["small", "medium", "large"], ROWS)
    town = rng.choice(["oslo", "rome", "bern"], ROWS, p=[0.6, 0.3, 0.1])
    words = np.array(["the", "old", "house", "by", "a", "river", "new", "road"])
    text = [" ".join(rng.choice(words, 6)) for _ in range(ROWS)]
    objects = {"size": size, "town": town, "text": np.array(text)}
    columns = {**numbers, **{name: column.astype(object) for name, column in objects.items()}}
    return Columns(columns), (numbers["n1"] + rng.normal(size=ROWS) > 4).astype("int64")


def examples(name: str) -> tuple[Columns, np.ndarray, Any]:
    """Return the columns that a transformer treats among others, the targets, and what scikit-learn is given."""
    entry = lookup.entry("preparation", name)
    assert entry is not None
    whole, y = table()
    takes = entry.traits["input"]
    kept = {"text": ["text"], "categories": ["size", "town"]}.get(takes, ["n0", "n1", "n2", "n3"])
    columns = {key: whole.values[key].copy() for key in kept}
    if entry.traits["fills"]:
        for at, key in enumerate(kept[1:], 1):
            columns[key][at :: 7 + at] = np.nan
    matrix: Any = np.stack(list(columns.values()), axis=1)
    if takes == "text":
        matrix = columns["text"]
    if name == "FeatureHasher":
        matrix = [[f"{key}={value}" for key, value in zip(kept, row, strict=True)] for row in matrix]
    if name == "TfidfTransformer":
        columns = {key: np.round(column) for key, column in columns.items()}
        matrix = np.stack(list(columns.values()), axis=1)
    return Columns({**columns, "other": np.arange(ROWS, dtype="float64")}), y, matrix


def _named(table: Columns) -> list[str]:
    return [name for name in table.names if name != "other"]


def theirs(name: str, arguments: dict[str, Any]) -> Any:
    """Return scikit-learn's own transformer with these arguments."""
    entry = lookup.entry("preparation", name)
    assert entry is not None
    given = {
        key: tuple(value) if key in ("feature_range", "quantile_range", "ngram_range") else value
        for key, value in arguments.items()
    }
    if "random_state" in entry.parameters and entry.parameters["random_state"].default is None:
        given.setdefault("random_state", SEED)
    for key in ("score_func", "func"):
        if key in given:
            given[key] = named_function(key, given[key], SEED)
    if "func" in arguments and arguments["func"] in INVERSES:
        given["inverse_func"] = named_function("inverse_func", INVERSES[arguments["func"]], None)
    if name == "PolynomialFeatures" and isinstance(given.get("degree"), list):
        given["degree"] = tuple(given["degree"])
    if name == "FeatureHasher":
        given["input_type"] = "string"
    if given.get("handle_unknown") == "use_encoded_value" and given["unknown_value"] is None:
        given["unknown_value"] = np.nan
    if name == "TargetEncoder":
        from sklearn.model_selection import StratifiedKFold

        seed = given.pop("random_state")
        given["cv"] = StratifiedKFold(given.get("cv", 5), shuffle=True, random_state=seed)
    return getattr(import_module(entry.module), name)(**given)


def expected(name: str, arguments: dict[str, Any], train: Any, test: Any, y: np.ndarray) -> tuple[Any, Any]:
    """Return what scikit-learn makes of the training part and of other rows."""
    estimator = theirs(name, arguments)
    entry = lookup.entry("preparation", name)
    assert entry is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "cross_decomposition" in entry.module:
            first = estimator.fit(train, y).transform(train)
        else:
            first = estimator.fit_transform(train, y) if entry.traits["target"] else estimator.fit_transform(train)
        second = estimator.transform(test)
    return tuple(np.asarray(one.toarray() if hasattr(one, "toarray") else one, "float64") for one in (first, second))


def part_of(name: str, arguments: dict[str, Any], columns: list[str]) -> Any:
    """Return the step as a config has it, which must be free of errors."""
    part, errors = read_part("preparation", {name: {**arguments, "columns": columns}})
    assert not errors, errors
    return part


def made(prepared: Any, columns: int) -> np.ndarray:
    """Return the new columns, which stand before the untouched one."""
    assert isinstance(prepared, Columns)
    assert prepared.names[-1] == "other"
    assert prepared.values["other"].dtype == np.float64
    assert len(prepared.names) == columns + 1
    return np.stack([prepared.values[key] for key in prepared.names[:-1]], axis=1)


@pytest.mark.parametrize(("name", "arguments"), ALL)
def test_a_transformer_gives_what_scikit_learn_gives(name: str, arguments: dict[str, Any]) -> None:
    """The training part is what fit_transform returns, other rows what transform returns, restored from JSON too."""
    whole, y, matrix = examples(name)
    train, test = np.arange(TRAINING), np.arange(TRAINING, ROWS)
    first, second = expected(name, arguments, matrix[:TRAINING], matrix[TRAINING:], y[train])
    part = part_of(name, arguments, _named(whole))
    step = new_step(part, SEED)
    step.fit(whole[train], y[train])
    assert np.allclose(made(step.apply_to_training(whole[train]), first.shape[1]), first, atol=1e-6, equal_nan=True)
    applied = step.apply(whole[test])
    assert np.allclose(made(applied, second.shape[1]), second, atol=1e-6, equal_nan=True)
    text = json.dumps([fitted_json(part, step)], allow_nan=False)
    (again,) = restore(json.loads(text))
    restored = again.apply(whole[test])
    assert restored.names == applied.names
    assert made(restored, second.shape[1]).tobytes() == made(applied, second.shape[1]).tobytes()
    assert json.dumps([fitted_json(part, again)]) == text


@pytest.mark.parametrize(("name", "arguments"), ALL)
def test_the_width_that_check_states_is_the_width_after_the_fit(name: str, arguments: dict[str, Any]) -> None:
    """Before anything is fitted the number of columns is either right or not stated, and so are their names."""
    whole, y, _ = examples(name)
    step = new_step(part_of(name, arguments, _named(whole)), SEED)
    text = frozenset(whole.text())
    values = {key: tuple(sorted(set(whole.values[key].tolist()))) for key in text}
    stated = step.compute_output_spec(ExampleSpec((len(whole.names),), whole.names, values, text))
    step.fit(whole, y)
    found = step.apply(whole).names
    assert stated is not None
    assert stated.shape[0] in (None, len(found))
    assert stated.columns in (None, found)


@pytest.mark.parametrize("name", [entry.name for entry in USABLE])
def test_a_transformer_is_fitted_inside_each_fold(name: str) -> None:
    """Of every fold the training rows alone are given to fit_transform, and its test rows to transform."""
    arguments = CASES.get(name, [{}])[0]
    whole, y, matrix = examples(name)
    part = part_of(name, arguments, _named(whole))
    spec = DataSpec(None, (part,), Split(k_fold=KFold(folds=2, shuffle=True)))  # type: ignore[arg-type]
    data = SourceData(Examples(whole, y), target_names=("y",))
    folded = assign_folds(data, spec, form="integer", seed=SEED)
    for number in range(2):
        rows = folded.rows(number)
        given = [
            [matrix[row] for row in rows[key].tolist()] if isinstance(matrix, list) else matrix[rows[key]]
            for key in ("train", "test")
        ]
        first, second = expected(name, arguments, *given, y[rows["train"]])
        dataset = folded.dataset(number, NullProgress())
        assert np.allclose(dataset.train.x[:, :-1], first, atol=1e-4, rtol=1e-5)
        assert np.allclose(dataset.test.x[:, :-1], second, atol=1e-4, rtol=1e-5)

"""Tests of configs as scikit-learn estimators."""

from __future__ import annotations

import importlib
import os
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from nnrun.config.files import find_config
from nnrun.errors import ConfigError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

pytestmark = pytest.mark.keras

DATA = "data: {source: {csv: {file: nowhere.csv}}, prepare: [Standardize], split: {test: 0.2}}\n"
CLASSES = f"""name: classes
seed: 7
{DATA}model:
  - Dense: {{units: 16, activation: relu}}
  - Dense: {{units: $classes, activation: softmax}}
training: {{loss: sparse_categorical_crossentropy, optimizer: {{Adam: {{learning_rate: 0.05}}}}, epochs: 12}}
"""
NUMBERS = f"""name: numbers
seed: 7
{DATA}model:
  - Dense: {{units: 16, activation: relu}}
  - Dense: $targets
training: {{loss: mse, optimizer: {{Adam: {{learning_rate: 0.05}}}}, epochs: 12}}
"""
BINARY = CLASSES.replace("units: $classes, activation: softmax", "units: 1, activation: sigmoid").replace(
    "sparse_categorical_crossentropy", "binary_crossentropy"
)

#: Checks of scikit-learn that do not apply, with the reason.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "repeated rows give more steps, and a weight gives larger ones",
    "check_methods_sample_order_invariance": "it asks for 1e-7 of float32 numbers, whose sums some processors round by "
    "the place of a row in its batch; the next test asks for 1e-5",
    "check_array_api_input": "scikit-learn itself skips it unless SciPy's switch for other kinds of arrays is set",
}


@pytest.fixture(scope="module")
def estimators() -> ModuleType:
    """Return the module, which imports scikit-learn."""
    return importlib.import_module("nnrun.sklearn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three configs whose own data do not exist."""
    made = tmp_path_factory.mktemp("estimators")
    for name, text in (("classes", CLASSES), ("numbers", NUMBERS), ("binary", BINARY)):
        (made / f"{name}.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("name", "config"), [("ConfigClassifier", "classes"), ("ConfigRegressor", "numbers")])
def test_the_checks_of_scikit_learn_pass(estimators: ModuleType, folder: Path, name: str, config: str) -> None:
    """Every check of scikit-learn passes, except those that are listed with their reason."""
    failed = {}
    for estimator, check in estimator_checks_generator(getattr(estimators, name)(str(folder / f"{config}.yaml"))):
        check_name = check.func.__name__
        if check_name in EXPECTED_FAILURES:
            continue
        try:
            check(estimator)
        except Exception as error:  # noqa: BLE001 - a check may fail in any way
            failed[check_name] = f"{type(error).__name__}: {error}"
    assert failed == {}


@pytest.mark.slow
def test_a_prediction_does_not_depend_on_the_order_of_rows(estimators: ModuleType, folder: Path) -> None:
    """But for rounding of float32."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    regressor = estimators.ConfigRegressor(str(folder / "numbers.yaml")).fit(x, x @ [1.0, -2.0, 0.5])
    order = rng.permutation(50)
    np.testing.assert_allclose(regressor.predict(x[order]), regressor.predict(x)[order], rtol=1e-5, atol=1e-6)


def test_settings_are_parameters(estimators: ModuleType, folder: Path) -> None:
    """A clone has the same config and paths, set_params changes them, and invalid ones are errors of fit."""
    estimator = estimators.ConfigClassifier(str(folder / "classes.yaml"), **{"training.epochs": 3})
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params() == {"config": str(folder / "classes.yaml"), "training.epochs": 3}
    x, y = load_iris(return_X_y=True)
    copy.set_params(**{"training.epochs": 2, "seed": 1}).fit(x, y)
    assert len(copy.history_) == 2
    assert not hasattr(estimator, "trained_")
    with pytest.raises(ConfigError, match="epoch"):
        copy.set_params(**{"training.epoch": 2}).fit(x, y)


def test_searches_and_pipelines_use_the_estimator(estimators: ModuleType, folder: Path) -> None:
    """cross_val_score, Pipeline and GridSearchCV use the estimator and its parameters."""
    x, y = load_iris(return_X_y=True)
    estimator = estimators.ConfigClassifier(str(folder / "classes.yaml"))
    scores = cross_val_score(estimator, x, y, cv=KFold(3, shuffle=True, random_state=0))
    assert scores.mean() > 0.9
    searched = GridSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {"configclassifier__training.epochs": [1, 20]},
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(x, y)
    assert searched.best_params_ == {"configclassifier__training.epochs": 20}


def test_a_fitted_estimator_can_be_pickled(estimators: ModuleType, folder: Path) -> None:
    """A pickled estimator, and one fitted again from the same seed, predict the same to the last bit."""
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    estimator = estimators.ConfigClassifier(str(folder / "classes.yaml")).fit(x, names)
    loaded = pickle.loads(pickle.dumps(estimator))
    probabilities = estimator.predict_proba(x)
    assert np.array_equal(loaded.predict_proba(x), probabilities)
    assert np.array_equal(clone(estimator).fit(x, names).predict_proba(x), probabilities)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(150), abs=1e-5)
    assert (loaded.predict(x) == names).mean() > 0.9
    assert np.array_equal(loaded.predict(x), loaded.classes_[probabilities.argmax(axis=1)])


def test_a_single_sigmoid_has_probabilities_of_both_classes(estimators: ModuleType, folder: Path) -> None:
    """A single sigmoid gives two columns of probabilities; a hinge loss gives none."""
    x, y = load_iris(return_X_y=True)
    binary = estimators.ConfigClassifier(str(folder / "binary.yaml")).fit(x[:100], y[:100] + 5)
    probabilities = binary.predict_proba(x[:100])
    assert probabilities.shape == (100, 2)
    assert np.array_equal(binary.predict(x[:100]), np.where(probabilities[:, 1] > 0.5, 6, 5))
    hinge = estimators.ConfigClassifier(str(folder / "binary.yaml"), **{"training.loss": "hinge"})
    assert not hasattr(hinge, "predict_proba")


def test_a_config_of_the_other_task_is_an_error(estimators: ModuleType, folder: Path) -> None:
    """The classifier does not accept the config of a regressor, and vice versa."""
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ConfigError, match="a classifier has classes"):
        estimators.ConfigClassifier(str(folder / "numbers.yaml")).fit(x, y)
    with pytest.raises(ConfigError, match="a regressor has numbers"):
        estimators.ConfigRegressor(str(folder / "classes.yaml")).fit(x, y)


def test_a_validation_share_is_held_out(estimators: ModuleType, folder: Path) -> None:
    """`split: {validation: 0.2}` holds out a share of the given rows for callbacks."""
    x, y = load_iris(return_X_y=True)
    sets: dict[str, Any] = {"data.split": {"validation": 0.2, "stratify": True}, "training.epochs": 1}
    fitted = estimators.ConfigClassifier(str(folder / "classes.yaml"), **sets).fit(x, y)
    assert "val_loss" in fitted.history_[0]
    assert dict(fitted.trained_.facts.rows) == {"train": 120, "validation": 30}


def test_several_numbers_are_predicted_together(estimators: ModuleType, folder: Path) -> None:
    """A regressor predicts as many columns as its targets have; a single one has no second dimension."""
    x, _ = load_iris(return_X_y=True)
    regressor = estimators.ConfigRegressor(str(folder / "numbers.yaml"), **{"training.epochs": 40})
    assert regressor.fit(x[:, :2], x[:, 2]).predict(x[:5, :2]).shape == (5,)
    assert regressor.score(x[:, :2], x[:, 2]) > 0.5
    assert regressor.fit(x[:, :2], x[:, 2:]).predict(x[:5, :2]).shape == (5, 2)


def test_folds_have_the_scores_of_a_run(estimators: ModuleType, tmp_path: Path) -> None:
    """cross_val_score over a config gives the scores of `nnrun train` on its folds, to 1e-5."""
    file = tmp_path / "folds.yaml"
    data = "data: {source: diabetes, prepare: [Standardize], split: {k_fold: {folds: 3}}}\n"
    file.write_text(NUMBERS.replace(DATA, data), encoding="utf-8")
    run = train(TrainRequest(str(file), runs_dir=tmp_path / "runs"), NullProgress())
    each = [fold["mean_squared_error"] for fold in run.scores["cross_validation"]["each"]]
    x, y = load_diabetes(return_X_y=True, scaled=False)
    estimator = estimators.ConfigRegressor(str(file))
    scores = cross_val_score(estimator, x, y, cv=KFold(3), scoring="neg_mean_squared_error")
    assert -scores == pytest.approx(each, rel=1e-5)


@pytest.mark.slow
@pytest.mark.shared
def test_boston_has_the_scores_of_its_run(estimators: ModuleType, tmp_path: Path) -> None:
    """cross_val_score over boston_standardized gives the ten fold scores of `nnrun train`, after fewer epochs here."""
    data = Path(os.environ.get("NNRUN_DATA_DIR", ""))
    if not (data / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    run = train(TrainRequest("boston_standardized", ("training.epochs=20",), tmp_path / "runs", data), NullProgress())
    each = [fold["mean_squared_error"] for fold in run.scores["cross_validation"]["each"]]
    table = np.loadtxt(data / "boston-housing.data")
    estimator = estimators.ConfigRegressor(str(find_config("boston_standardized")), **{"training.epochs": 20})
    scores = cross_val_score(estimator, table[:, :13], table[:, 13], cv=KFold(10), scoring="neg_mean_squared_error")
    assert len(each) == 10
    assert -scores == pytest.approx(each, rel=1e-5)

"""Configs as scikit-learn estimators.

    from nnrun.sklearn import ConfigClassifier
    cross_val_score(ConfigClassifier("pima.yaml", **{"training.epochs": 50}), X, y)

X and y are the caller's. Of the config's `data:` only `prepare:` counts, fitted on the rows given to `fit`, and
`split: {validation: 0.1}`, which holds out a share of those rows (callbacks may watch `val_loss`). A parameter is a
path as after `--set`, so that searches may vary anything: `{"training.optimizer.Adam.learning_rate": [0.01, 0.001]}`.
Every fit starts from the config's seed, and so repeats to the last bit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples
from nnrun.engine.scoring.outputs import class_probabilities
from nnrun.pipeline.train_arrays import fit_arrays, read_experiment
from nnrun.spec.targets import takes_probabilities

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from nnrun.engine.scoring.evaluate import Predictions
    from nnrun.pipeline.train_arrays import TrainedModel


class _ConfigEstimator(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share."""

    def __init__(self, config: str | FilePath, **sets: Any) -> None:
        self.config = config
        # Each path is an attribute of its own, as scikit-learn wants of parameters.
        self.__dict__.update(sets)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's own form
        """Give the config and every path that is set."""
        return {"config": self.config, **_sets_of(self)}

    def set_params(self, **params: Any) -> Self:
        """Set the config, or paths of it: `set_params(**{"training.epochs": 3})`; `fit` says what cannot be."""
        self.__dict__.update(params)
        return self

    def _answer(self, X: Any) -> Predictions:  # noqa: N803 - scikit-learn's own name
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, allow_nd=True)
        trained: TrainedModel = self.trained_
        return trained.answer(_block(x, self))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The figures of every epoch, as `metrics.jsonl` has them."""
        check_is_fitted(self)
        return [dict(line) for line in self.trained_.history]


def _gives_shares(estimator: ConfigClassifier) -> bool:
    _, experiment = read_experiment(estimator.config, _as_words(_sets_of(estimator)))
    return all(takes_probabilities(loss) for loss in experiment.losses.values())


class ConfigClassifier(ClassifierMixin, _ConfigEstimator):  # type: ignore[misc]
    """A config's model as a classifier.

    Args:
        config: A config's path, or a shipped config's name; its loss must compare classes.
        **sets: Values of the config by dotted path, as after `--set`.

    Attributes:
        classes_: The classes, sorted.
        n_features_in_: How many features `fit` saw.
        trained_: The trained model.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train anew on X, shape (rows, features) or (rows, ...), and classes y, shape (rows,).

        Raises:
            ValueError: X or y is of a shape or type that cannot be.
            ConfigError: The config does not suit them.
        """
        x, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Expected at least two classes, received only one class: {self.classes_[0]!r}")
        names = tuple(map(str, self.classes_.tolist()))
        examples = Examples(_block(x, self), np.array(names, dtype=object)[numbers], _weight(sample_weight, x))
        sets = _as_words(_sets_of(self))
        self.trained_ = fit_arrays(self.config, sets, examples, task="classification", class_names=names)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Give the class of each row, shape (rows,)."""
        numbers = self._answer(X).predicted.reshape(-1)
        return self.classes_[numbers]

    @available_if(_gives_shares)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Give each class's probability, shape (rows, classes); there is none where the loss compares no shares."""
        outputs = self._answer(X).outputs
        told = class_probabilities(
            outputs.reshape(len(outputs), -1), next(iter(self.trained_.experiment.losses.values()))
        )
        if told is None:
            raise ValueError("the model's outputs are no shares: write activation: softmax, or sigmoid for two classes")
        return told


class ConfigRegressor(RegressorMixin, _ConfigEstimator):  # type: ignore[misc]
    """A config's model as a regressor.

    Args:
        config: A config's path, or a shipped config's name; its loss must compare numbers.
        **sets: Values of the config by dotted path, as after `--set`.

    Attributes:
        n_features_in_: How many features `fit` saw.
        trained_: The trained model.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train anew on X, shape (rows, features) or (rows, ...), and numbers y, shape (rows,) or (rows, targets).

        Raises:
            ValueError: X or y is of a shape or type that cannot be.
            ConfigError: The config does not suit them.
        """
        x, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        examples = Examples(_block(x, self), np.asarray(y, dtype="float64"), _weight(sample_weight, x))
        self._single = y.ndim == 1
        self.trained_ = fit_arrays(self.config, _as_words(_sets_of(self)), examples, task="regression")
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Give the number of each row, shape (rows,), or (rows, targets) where `fit` saw several."""
        # Scikit-learn's own regressors give 64 bits.
        outputs = self._answer(X).outputs.astype("float64")
        return outputs.reshape(-1) if self._single else outputs.reshape(len(outputs), -1)

    def __sklearn_tags__(self) -> Any:
        """Say that targets may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _sets_of(estimator: _ConfigEstimator) -> dict[str, Any]:
    """Give what is set, by path: every attribute that is neither fitted (`..._`) nor private."""
    own = vars(estimator).items()
    return {name: value for name, value in own if name != "config" and not (name.startswith("_") or name.endswith("_"))}


def _as_words(sets: dict[str, Any]) -> list[str]:
    """Say values as `--set` takes them: JSON is YAML."""
    return [f"{path}={json.dumps(_plain(value))}" for path, value in sets.items()]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _block(x: Any, estimator: _ConfigEstimator) -> Any:
    """Give a table its columns, called as in the data frame that `fit` saw, or by index; other shapes stay arrays."""
    if x.ndim != 2:
        return x
    names = getattr(estimator, "feature_names_in_", None)
    told = [str(name) for name in (range(x.shape[1]) if names is None else names)]
    return Columns({name: np.asarray(x[:, index], dtype="float64") for index, name in enumerate(told)})


def _weight(sample_weight: Any, x: Any) -> Any:
    return None if sample_weight is None else np.asarray(_check_sample_weight(sample_weight, x), dtype="float64")

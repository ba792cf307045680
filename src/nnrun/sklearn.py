"""Configs as scikit-learn estimators.

    from nnrun.sklearn import ConfigClassifier
    cross_val_score(ConfigClassifier("pima.yaml", **{"training.epochs": 50}), X, y)

X and y are the caller's. Of the config's `data:` only `prepare:` is used, fitted on the rows given to `fit`, and
`split: {validation: 0.1}`, which holds out a share of those rows (callbacks may monitor `val_loss`). Parameters are
dotted paths as in `--set`, so a search may vary anything: `{"training.optimizer.Adam.learning_rate": [0.01, 0.001]}`.
Every fit starts from the config's seed and gives the same model to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nnrun.config.overrides import as_options
from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples
from nnrun.engine.scoring.outputs import class_probabilities
from nnrun.pipeline.train_arrays import fit_arrays, read_experiment
from nnrun.spec.targets import takes_probabilities

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.pipeline.train_arrays import TrainedModel


class _ConfigEstimator(BaseEstimator):  # type: ignore[misc]
    """The common base of classifier and regressor."""

    def __init__(self, config: str | FilePath, **sets: Any) -> None:
        self.config = config
        # Scikit-learn expects each parameter as an attribute.
        self.__dict__.update(sets)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's signature
        """Return the config and every path that is set."""
        return {"config": self.config, **_sets_of(self)}

    def set_params(self, **params: Any) -> Self:
        """Set the config, or paths of it: `set_params(**{"training.epochs": 3})`; `fit` raises an error if invalid."""
        self.__dict__.update(params)
        return self

    def _predict(self, X: Any) -> Predictions:  # noqa: N803 - scikit-learn's name
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, allow_nd=True)
        trained: TrainedModel = self.trained_
        return trained.predict(_with_columns(x, self))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The metrics of every epoch, as in `metrics.jsonl`."""
        check_is_fitted(self)
        return [dict(line) for line in self.trained_.history]


def _has_probabilities(estimator: ConfigClassifier) -> bool:
    _, experiment = read_experiment(estimator.config, _set_options(estimator))
    return all(takes_probabilities(loss) for loss in experiment.losses.values())


class ConfigClassifier(ClassifierMixin, _ConfigEstimator):  # type: ignore[misc]
    """A config's model as a classifier.

    Args:
        config: A config's path, or a shipped config's name; its loss must compare classes.
        **sets: Values of the config by dotted path, as in `--set`.

    Attributes:
        classes_: The classes, sorted.
        n_features_in_: The number of features of the training data.
        trained_: The trained model.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train a new model on X, shape (rows, features) or (rows, ...), and classes y, shape (rows,).

        Raises:
            ValueError: X or y has an unsupported shape or type.
            ConfigError: The config cannot be used for them.
        """
        x, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Expected at least two classes, received only one class: {self.classes_[0]!r}")
        names = tuple(map(str, self.classes_.tolist()))
        examples = Examples(_with_columns(x, self), np.array(names, dtype=object)[numbers], _weight(sample_weight, x))
        self.trained_ = fit_arrays(self.config, _set_options(self), examples, task="classification", class_names=names)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the class of each row, shape (rows,).

        Raises:
            ValueError: X has another shape than the training data, or the outputs are no predictions of a class.
        """
        predicted = self._predict(X).predicted
        if predicted is None:
            raise ValueError("The outputs of a model with this loss are points in a space, no predictions of a class")
        return self.classes_[predicted.reshape(-1)]

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Return each class's probability, shape (rows, classes); only available if the loss compares probabilities.

        Raises:
            ValueError: X has another shape than the training data, or the outputs are no probabilities.
        """
        outputs = self._predict(X).outputs
        loss = next(iter(self.trained_.experiment.losses.values()))
        probabilities = class_probabilities(outputs.reshape(len(outputs), -1), loss)
        if probabilities is None:
            text = "the model's outputs are no probabilities: use activation: softmax, or sigmoid for two classes"
            raise ValueError(text)
        return probabilities


class ConfigRegressor(RegressorMixin, _ConfigEstimator):  # type: ignore[misc]
    """A config's model as a regressor.

    Args:
        config: A config's path, or a shipped config's name; its loss must compare numbers.
        **sets: Values of the config by dotted path, as in `--set`.

    Attributes:
        n_features_in_: The number of features of the training data.
        trained_: The trained model.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train a new model on X, shape (rows, features) or (rows, ...), and y, shape (rows,) or (rows, targets).

        Raises:
            ValueError: X or y has an unsupported shape or type.
            ConfigError: The config cannot be used for them.
        """
        x, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        examples = Examples(_with_columns(x, self), np.asarray(y, dtype="float64"), _weight(sample_weight, x))
        self._single = y.ndim == 1
        self.trained_ = fit_arrays(self.config, _set_options(self), examples, task="regression")
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the number of each row, shape (rows,), or (rows, targets) if `fit` was given several."""
        # Scikit-learn's own regressors return 64 bits.
        outputs = self._predict(X).outputs.astype("float64")
        return outputs.reshape(-1) if self._single else outputs.reshape(len(outputs), -1)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: targets may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _sets_of(estimator: _ConfigEstimator) -> dict[str, Any]:
    """Return the values by path: every attribute that is neither fitted (`..._`) nor private."""
    own = vars(estimator).items()
    return {name: value for name, value in own if name != "config" and not (name.startswith("_") or name.endswith("_"))}


def _set_options(estimator: _ConfigEstimator) -> tuple[str, ...]:
    """Return the estimator's parameters as `--set` options."""
    return as_options(_sets_of(estimator))


def _with_columns(x: Any, estimator: _ConfigEstimator) -> Any:
    """Name the columns of a table as in the data frame that `fit` was given, or by index; return other arrays as is."""
    if x.ndim != 2:
        return x
    names = getattr(estimator, "feature_names_in_", range(x.shape[1]))
    return Columns({str(name): np.asarray(x[:, index], dtype="float64") for index, name in enumerate(names)})


def _weight(sample_weight: Any, x: Any) -> Any:
    return None if sample_weight is None else np.asarray(_check_sample_weight(sample_weight, x), dtype="float64")

"""Transformers of scikit-learn as preparation steps, by their own names and arguments.

`check` creates such steps without importing scikit-learn: what they take and how many columns they make stands in the
catalog. What a fit learns is kept as JSON (`nnrun.data.prepare.sklearn_state`).
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.catalog import lookup
from nnrun.catalog.kinds import AnyOf, ListOf
from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.prepare.dense_size import TooLargeError
from nnrun.data.prepare.functions import INVERSES, named_function, takes_functions
from nnrun.data.prepare.sklearn_output import dense, output_names, place_columns, place_names
from nnrun.data.prepare.sklearn_state import digest, estimator_class, fitted_attributes, restore_attributes
from nnrun.data.prepare.sklearn_widths import output_width
from nnrun.data.prepare.step import ExampleSpec, Step, as_table, missing_mask, text_left_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.catalog.kinds import Kind
    from nnrun.data.prepare.step import ArrayOrTable, Blocks

#: Parameters whose null means NaN.
_NAN_FOR_NULL = frozenset({"missing_values", "encoded_missing_value"})
_CHANGED = "its attributes do not have the digest that the file states"


class SklearnStep(Step):
    """A transformer of scikit-learn, fitted to the training part.

    The training part becomes what `fit_transform` returns, as in scikit-learn's own pipelines, all other examples what
    `transform` returns. The new columns take the place of the first of those that are treated.

    Args:
        name: The transformer's name.
        arguments: The arguments in the config.
        seed: The seed of a random transformer whose `random_state` the config does not give.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any], seed: int | None = None) -> None:
        entry = lookup.entry("preparation", name)
        if entry is None or entry.origin != "sklearn":
            raise ValueError(f"scikit-learn has no transformer {name!r}")
        self._entry, self._traits = entry, entry.traits
        defaults = {key: one.default for key, one in entry.parameters.items()}
        self._arguments = {**defaults, **arguments}
        self.columns: list[str | int] | None = self._arguments.pop("columns")
        self._given = {key: value for key, value in arguments.items() if key != "columns"}
        self._seed = seed if self._is_random() else None
        self.streams = bool(self._traits["streams"])
        self._estimator: Any = None
        self._treated: list[str] | None = None
        self._new_names: list[str] = []
        self._prepared_training: ArrayOrTable | None = None

    @property
    def name(self) -> str:
        """The transformer's name."""
        return self._entry.name

    def fit(self, x: ArrayOrTable, y: np.ndarray | None = None) -> list[str]:
        """Fit the transformer to the training part in memory; return its warnings as notes."""
        self._treated = self._columns_of(x)
        values, target = self._values(x), self._target(y)
        with self._running() as notes:
            self._estimator = self._new_estimator(target)
            new = dense(self._fit_transform(values, target), self.name)
            self._new_names = output_names(self._estimator, self._treated, self._traits, new.shape[1])
        self._prepared_training = self._placed(x, new)
        return notes

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Fit the transformer block by block with its `partial_fit`."""
        self._treated = self._columns_of(data.head)
        with self._running() as notes:
            self._estimator = self._new_estimator(None)
            for block in data.blocks():
                fit = getattr(self._estimator, "partial_fit", self._estimator.fit)
                fit(self._values(block))
                if not self._estimator.__sklearn_tags__().requires_fit:
                    break
            new = dense(self._estimator.transform(self._values(data.head)), self.name)
            self._new_names = output_names(self._estimator, self._treated, self._traits, new.shape[1])
        return notes

    def apply_to_training(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return what `fit_transform` made of the training part."""
        prepared, self._prepared_training = self._prepared_training, None
        return self.apply(x) if prepared is None else prepared

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the examples with the new columns in place of those that are treated."""
        values = self._values(x)
        with self._running():
            return self._placed(x, self._estimator.transform(values))

    def invert(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the examples that `apply` would turn into `x`, where it loses nothing.

        Raises:
            ValueError: The transformer has no inverse.
        """
        if not self.is_invertible:
            raise ValueError(f"{self.name} has no inverse")
        table = as_table(x)
        new = np.stack([table.values[name] for name in self._new_names], axis=1).astype("float64")
        with self._running():
            old = self._estimator.inverse_transform(new)
        placed = place_columns(table, self._new_names, self._treated or [], np.asarray(old))
        return placed if isinstance(x, Columns) else placed.matrix()

    @property
    def is_invertible(self) -> bool:
        """Whether `invert` is possible."""
        if self.name == "FunctionTransformer":
            return self._inverse_name() is not None
        return bool(self._traits["inverse"]) and self._traits["names"] == "same"

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON, with its digest."""
        learned = {
            "columns": self._treated,
            "names": self._new_names,
            "random_state": self._seed,
            "attributes": fitted_attributes(self._estimator),
        }
        return {"scikit-learn": lookup.sklearn_catalog()["scikit-learn"], **learned, "sha256": digest(learned)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what an earlier fit learned.

        Raises:
            KeyError: Something that was learned is missing.
            ValueError: The file was changed.
        """
        learned = {key: state[key] for key in ("columns", "names", "random_state", "attributes")}
        if state["sha256"] != digest(learned):
            raise ValueError(_CHANGED)
        for key in ("columns", "names"):
            if not isinstance(learned[key], list) or not all(isinstance(one, str) for one in learned[key]):
                raise ValueError(f"{key}: expected a list of names")
        self._treated, self._new_names = list(learned["columns"]), list(learned["names"])
        seed = learned["random_state"]
        if seed is not None and not isinstance(seed, int):
            raise ValueError(f"random_state: expected an integer, received {seed!r}")
        self._seed = seed
        self._estimator = self._new_estimator(None)
        restore_attributes(self._estimator, learned["attributes"])

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec | None:
        """Return the spec of the new columns; None, or a shape of None, where it is known only after the fit."""
        if len(spec.shape) != 1:
            raise ValueError(_no_table(self.name, list(spec.shape)))
        if spec.columns is None:
            return self._of_unknown_columns(spec)
        treated = self._resolve(spec.columns, spec.text)
        width = output_width(self.name, self._arguments, len(treated))
        text = spec.text if self._keeps_text() else spec.text - {*treated}
        if width is None or self._traits["names"] is None:
            count = None if width is None else len(spec.columns) - len(treated) + width
            kept = text - {*treated} if count is None else text
            return ExampleSpec((count,), None, spec.values, kept)
        names = list(treated)
        if self._traits["names"] == "prefix":
            names = [f"{self.name.lower()}{index}" for index in range(width)]
        order = place_names(spec.columns, treated, names)
        values = {name: known for name, known in spec.values.items() if name not in treated or self._keeps_text()}
        counts = self._category_counts(treated, spec)
        return ExampleSpec((len(order),), order, values, text, categories={**spec.categories, **counts})

    def _of_unknown_columns(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the spec after a table of which at most the number of columns is known."""
        if self._traits["input"] in ("categories", "text"):
            return text_left_of(spec, self.columns)
        count = spec.shape[0] if self.columns is None and not spec.text else None
        return replace(spec, shape=(None if not count else output_width(self.name, self._arguments, count),))

    def _category_counts(self, treated: Sequence[str], spec: ExampleSpec) -> dict[str, int]:
        """Return how many numbers a column of category numbers has at least."""
        if self.name != "OrdinalEncoder":
            return {}
        return {name: len(spec.values.get(name, ())) for name in treated}

    def _is_random(self) -> bool:
        if "random_state" not in self._entry.parameters:
            return str(self._arguments.get("score_func", "")).startswith("mutual_info")
        return self._arguments["random_state"] is None

    def _keeps_text(self) -> bool:
        """Return whether a column of text that is treated stays one."""
        return self.name == "SimpleImputer"

    def _columns_of(self, x: ArrayOrTable) -> list[str]:
        """Return the columns to treat.

        Raises:
            ValueError: There are none, or they hold something else than the transformer takes.
        """
        if not isinstance(x, Columns) and x.ndim != 2:
            raise ValueError(_no_table(self.name, list(x.shape[1:])))
        table = as_table(x)
        return self._resolve(table.names, table.text())

    def _resolve(self, names: Sequence[str], text: Sequence[str] | frozenset[str]) -> list[str]:
        takes = self._traits["input"]
        if self.columns is not None:
            treated = resolve_columns(self.columns, names)
        else:
            treated = [name for name in names if self._suits(text=name in text)]
        if not treated:
            kind = "text" if takes in ("categories", "text") else "numbers"
            raise ValueError(f"{self.name} takes columns of {kind}, and there are none; name some with `columns`")
        wrong = next((name for name in treated if not self._allows(text=name in text)), None)
        if wrong is not None:
            expected, received = ("text", "numbers") if takes == "text" else ("numbers", "text")
            raise ValueError(f"{self.name} takes {expected}, but column {wrong!r} holds {received}")
        if takes == "text" and len(treated) > 1:
            listed = ", ".join(map(repr, treated))
            raise ValueError(f"{self.name} takes one column of text, received {listed}: write a step for each")
        return treated

    def _suits(self, *, text: bool) -> bool:
        """Return whether a column is treated where the config names none."""
        takes = self._traits["input"]
        if takes == "values":
            return not text or self._arguments.get("strategy") == "most_frequent"
        return text == (takes in ("categories", "text"))

    def _allows(self, *, text: bool) -> bool:
        takes = self._traits["input"]
        if takes == "values":
            return not text or self._arguments.get("strategy") not in ("mean", "median")
        return bool(takes == "categories" or text == (takes == "text"))

    def _values(self, x: ArrayOrTable) -> Any:
        """Return what the transformer is given: a matrix of numbers, one of objects, or texts."""
        if not isinstance(x, Columns) and x.ndim != 2:
            raise ValueError(_no_table(self.name, list(x.shape[1:])))
        table = as_table(x)
        treated = self._treated or []
        if absent := [name for name in treated if name not in table.values]:
            raise ValueError(f"there is no column {absent[0]!r}")
        if not self._traits["missing"]:
            self._check_no_missing(table, treated)
        if self.name == "FeatureHasher":
            return _named_values(table, treated)
        columns = [table.values[name] for name in treated]
        if self._traits["input"] == "text":
            return columns[0].tolist()
        if all(column.dtype != object for column in columns):
            whole = not isinstance(x, Columns) and x.dtype.kind == "f" and len(columns) == x.shape[1]
            return x if whole else np.stack(columns, axis=1).astype("float64")
        mixed = np.empty((len(table), len(columns)), dtype=object)
        for index, column in enumerate(columns):
            mixed[:, index] = column
            if self._traits["input"] == "values":
                mixed[missing_mask(column), index] = np.nan
        return mixed

    def _check_no_missing(self, table: Columns, treated: Sequence[str]) -> None:
        for name in treated:
            if missing_mask(table.values[name]).any():
                raise ValueError(f"column {name!r} has missing values; put a SimpleImputer step before {self.name}")

    def _target(self, y: np.ndarray | None) -> np.ndarray | None:
        if not self._traits["target"]:
            return None
        if y is None:
            raise ValueError(f"{self.name} needs a target, and these data have none")
        return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y

    def _fit_transform(self, values: Any, target: np.ndarray | None) -> Any:
        if target is None:
            return self._estimator.fit_transform(values)
        if "cross_decomposition" in self._entry.module:
            return self._estimator.fit(values, target).transform(values)
        return self._estimator.fit_transform(values, target)

    def _placed(self, x: ArrayOrTable, new: Any) -> ArrayOrTable:
        new, treated = dense(new, self.name), self._treated or []
        if not isinstance(x, Columns) and len(treated) == x.shape[1] and new.dtype != object:
            return np.asarray(new)
        return place_columns(as_table(x), treated, self._new_names, new)

    def _new_estimator(self, target: np.ndarray | None) -> Any:
        """Return the unfitted transformer with the arguments of the config."""
        known = self._entry.parameters
        arguments = {key: self._argument(key, known[key].kind, value) for key, value in self._given.items()}
        if self._arguments.get("func") is not None:
            inverse = self._inverse_name()
            arguments["inverse_func"] = None if inverse is None else named_function("inverse_func", inverse, None)
        if "score_func" in self._arguments:
            arguments["score_func"] = named_function("score_func", self._arguments["score_func"], self._seed)
        if self.name == "TargetEncoder":
            return self._target_encoder(arguments, target)
        if "random_state" in known and self._seed is not None:
            arguments["random_state"] = self._seed
        if self.name == "FeatureHasher":
            arguments["input_type"] = "string"
        return estimator_class(self.name)(**arguments)

    def _argument(self, key: str, kind: Kind, value: Any) -> Any:
        if takes_functions(key) and isinstance(value, str):
            return named_function(key, value, self._seed)
        means_nan = key in _NAN_FOR_NULL or (
            key == "unknown_value" and self._arguments["handle_unknown"] == "use_encoded_value"
        )
        if value is None and means_nan:
            return np.nan
        return _as_tuple(kind, value)

    def _inverse_name(self) -> str | None:
        given = self._arguments.get("inverse_func")
        return given if given is not None else INVERSES.get(str(self._arguments.get("func")))

    def _target_encoder(self, arguments: dict[str, Any], target: np.ndarray | None) -> Any:
        """Return a TargetEncoder whose cross-fitting is seeded.

        A release that has its own `random_state` no more takes a splitter instead, of the kind that suits the target.
        """
        from sklearn.model_selection import KFold, StratifiedKFold
        from sklearn.utils.multiclass import type_of_target

        seed = self._seed if self._seed is not None else arguments.get("random_state")
        shuffle = bool(self._arguments["shuffle"])
        kind = self._arguments["target_type"]
        if kind == "auto" and target is not None:
            kind = type_of_target(target)
        splitter = KFold if kind == "continuous" else StratifiedKFold
        given = {key: value for key, value in arguments.items() if key not in ("shuffle", "random_state")}
        folds = self._arguments["cv"]
        given["cv"] = splitter(n_splits=folds, shuffle=shuffle, random_state=seed if shuffle else None)
        return estimator_class(self.name)(**given)

    @contextmanager
    def _running(self) -> Iterator[list[str]]:
        """Run scikit-learn; collect its warnings as notes, and turn its errors into a ValueError.

        Raises:
            ValueError: scikit-learn refuses the values or the arguments.
        """
        notes: list[str] = []
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield notes
        except TooLargeError:
            raise
        except Exception as error:
            raise ValueError(f"{self.name}: scikit-learn: {_one_line(error)}") from error
        finally:
            texts = dict.fromkeys(_one_line(one.message) for one in caught if _concerns_user(one))
            notes += [f"{self.name}: {text}" for text in texts]


def _concerns_user(warning: warnings.WarningMessage) -> bool:
    return not issubclass(warning.category, FutureWarning | DeprecationWarning)


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _no_table(name: str, shape: list[int | None]) -> str:
    return f"{name} takes a table, but an example has the shape {shape}; put a Reshape step before it"


def _as_tuple(kind: Kind, value: Any) -> Any:
    """Return a list as the tuple that scikit-learn asks for."""
    kinds = kind.kinds if isinstance(kind, AnyOf) else (kind,)
    of_tuples = any(isinstance(one, ListOf) and one.as_tuple for one in kinds)
    return tuple(value) if of_tuples and isinstance(value, list) else value


def _named_values(table: Columns, treated: Sequence[str]) -> list[list[str]]:
    """Return each row as words `column=value`, which FeatureHasher hashes."""
    from nnrun.data.columns import label

    columns = [[f"{name}={label(value)}" for value in table.values[name].tolist()] for name in treated]
    return [list(row) for row in zip(*columns, strict=True)]

"""nnrun's own versions of the transformers that most tables use, by scikit-learn's names and with its results.

They spare the import of scikit-learn (1.6 s), treat pictures as well as tables, and can be fitted to examples that stay
on disk. Arguments that they do not take lead to scikit-learn's own class. Tests hold each to its result.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.prepare.categories import OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.scaling import MinMax, Robust, Standardize, replace_constants

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from nnrun.data.prepare.step import Blocks, Step

    _Names = list[str | int] | None


class StandardScaler(Standardize):
    """`Standardize` with scikit-learn's arguments; missing values stay missing and do not count.

    Args:
        columns: The columns to treat.
        with_mean: Whether the mean is subtracted.
        with_std: Whether values are divided by the standard deviation.
    """

    keeps_missing = True

    def __init__(self, columns: _Names = None, with_mean: bool = True, with_std: bool = True) -> None:
        super().__init__(columns)
        self.with_mean, self.with_std = with_mean, with_std

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute mean and standard deviation of every number, as far as the config uses them."""
        values = self.values_with_missing(data)
        notes: list[str] = []
        if values is None:
            notes = super().fit_blocks(data)
        else:
            deviation = np.nanstd(values, axis=0)
            self.restore({"mean": np.nanmean(values, axis=0), "scale": replace_constants(deviation)})
        if not self.with_mean:
            self.statistics["mean"] = np.zeros_like(self.statistics["mean"])
        if not self.with_std:
            self.statistics["scale"] = np.ones_like(self.statistics["scale"])
        return notes if self.with_mean else []


class MinMaxScaler(MinMax):
    """`MinMax` with scikit-learn's arguments; missing values stay missing and do not count.

    Args:
        columns: The columns to treat.
        feature_range: What the smallest and the largest value become.
        clip: Whether values of other parts are cut off at that range.
    """

    keeps_missing = True

    def __init__(self, columns: _Names = None, feature_range: Sequence[float] = (0.0, 1.0), clip: bool = False) -> None:
        low, high = feature_range
        if low >= high:
            text = "MinMaxScaler: feature_range expected the smaller number first, "
            raise ValueError(f"{text}received [{low:g}, {high:g}]")
        super().__init__(columns, low, high)
        self.clip = clip

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute the smallest value of every number, and the distance to its largest."""
        values = self.values_with_missing(data)
        if values is None:
            return super().fit_blocks(data)
        least, most = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        self.restore({"least": least, "span": replace_constants(most - least)})
        return []

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the values moved to the range of the config, cut off there if it says so."""
        moved = super().transform(values)
        return np.asarray(np.clip(moved, self.low, self.high)) if self.clip else moved


class RobustScaler(Robust):
    """`Robust` with scikit-learn's arguments; missing values stay missing and do not count.

    Args:
        columns: The columns to treat.
        with_centering: Whether the median is subtracted.
        with_scaling: Whether values are divided by the distance between the quantiles.
        quantile_range: The quantiles, in per cent.
        unit_variance: Whether normally distributed values get a variance of 1.
    """

    keeps_missing = True

    def __init__(
        self,
        columns: _Names = None,
        with_centering: bool = True,
        with_scaling: bool = True,
        quantile_range: Sequence[float] = (25.0, 75.0),
        unit_variance: bool = False,
    ) -> None:
        low, high = quantile_range
        if not low < high:
            text = "RobustScaler: quantile_range expected the lower quantile first, "
            raise ValueError(f"{text}received [{low:g}, {high:g}]")
        super().__init__(columns)
        self.with_centering, self.with_scaling = with_centering, with_scaling
        self.quantiles = (low, 50.0, high)
        # Divided by so many standard deviations as lie between the quantiles of a normal distribution.
        normal = NormalDist()
        self._unit = normal.inv_cdf(high / 100) - normal.inv_cdf(low / 100) if unit_variance else 1.0

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute the median of every number, and the distance between the quantiles, as far as they are used."""
        values = self.values_with_missing(data)
        if values is None:
            super().fit_blocks(data)
        else:
            first, median, third = np.nanpercentile(values, self.quantiles, axis=0)
            self.restore({"median": median, "scale": replace_constants(third - first)})
        if not self.with_centering:
            self.statistics["median"] = np.zeros_like(self.statistics["median"])
        self.statistics["scale"] = self.statistics["scale"] / self._unit
        if not self.with_scaling:
            self.statistics["scale"] = np.ones_like(self.statistics["scale"])
        return []


class OneHotEncoder(OneHot):
    """`OneHot` with scikit-learn's arguments.

    Args:
        columns: The columns to treat; None: all of text. The word `target`: class targets become one-hot rows.
        handle_unknown: `ignore` gives a category that the training part does not have zeros, `error` refuses it.
    """

    unseen_hint = "write `handle_unknown: ignore` in the OneHotEncoder step to give such rows zeros"

    def __init__(
        self, columns: list[str | int] | Literal["target"] | None = None, handle_unknown: str = "error"
    ) -> None:
        super().__init__(columns or [], "error" if handle_unknown == "error" else "zeros")
        self.columns = columns


class OrdinalEncoder(Ordinal):
    """`Ordinal` with scikit-learn's arguments.

    Args:
        columns: The columns to treat; None: all of text.
        categories: `auto`, or the categories of each column from the lowest to the highest.
        handle_unknown: `use_encoded_value` gives a category that the training part does not have -1.
        unknown_value: -1 with `use_encoded_value`.
    """

    unseen_hint = (
        "write `handle_unknown: use_encoded_value` and `unknown_value: -1` in the OrdinalEncoder step to give such "
        "rows -1"
    )

    def __init__(
        self,
        columns: _Names = None,
        categories: str | list[list[str | float]] = "auto",
        handle_unknown: str = "error",
        unknown_value: int | None = None,  # noqa: ARG002 - -1, see `_takes_ordinal`
    ) -> None:
        super().__init__(columns or [], None, "error" if handle_unknown == "error" else "minus_one")
        self.columns, self._categories = columns, categories

    def treated(self, names: Sequence[str], text: Collection[str]) -> list[str]:
        """Return the columns to treat, and set the order of their categories as the config has it."""
        found = super().treated(names, text)
        if isinstance(self._categories, list):
            if len(self._categories) != len(found):
                listed = ", ".join(map(repr, found))
                given = len(self._categories)
                raise ValueError(f"OrdinalEncoder: categories expected a list for each of {listed}, received {given}")
            self.set_order(dict(zip(found, self._categories, strict=True)))
        return found


class SimpleImputer(Impute):
    """`Impute` with scikit-learn's arguments.

    Args:
        columns: The columns to treat; None: all that the strategy suits.
        strategy: What replaces a missing value.
        fill_value: The constant.
    """

    def __init__(
        self,
        columns: _Names = None,
        strategy: Literal["mean", "median", "constant", "most_frequent"] = "mean",
        fill_value: float | str | None = None,
    ) -> None:
        super().__init__(strategy, columns, fill_value if strategy == "constant" else None)


def _takes_one_hot(given: Mapping[str, Any]) -> bool:
    return given.get("handle_unknown", "error") in ("error", "ignore")


def _takes_ordinal(given: Mapping[str, Any]) -> bool:
    return given.get("handle_unknown", "error") == "error" or given.get("unknown_value") == -1


def _takes_imputer(given: Mapping[str, Any]) -> bool:
    constant = given.get("strategy") == "constant"
    return not constant or given.get("fill_value") is not None


#: The class of each name, the arguments that it has, and whether it takes their values.
_FAST: dict[str, tuple[Callable[..., Step], frozenset[str], Callable[[Mapping[str, Any]], bool]]] = {
    "StandardScaler": (StandardScaler, frozenset({"with_mean", "with_std"}), lambda _: True),
    "MinMaxScaler": (MinMaxScaler, frozenset({"feature_range", "clip"}), lambda _: True),
    "RobustScaler": (
        RobustScaler,
        frozenset({"with_centering", "with_scaling", "quantile_range", "unit_variance"}),
        lambda given: not given.get("unit_variance") or 0 not in given.get("quantile_range", ()),
    ),
    "OneHotEncoder": (OneHotEncoder, frozenset({"handle_unknown"}), _takes_one_hot),
    "OrdinalEncoder": (OrdinalEncoder, frozenset({"categories", "handle_unknown", "unknown_value"}), _takes_ordinal),
    "SimpleImputer": (SimpleImputer, frozenset({"strategy", "fill_value"}), _takes_imputer),
}
FAST_NAMES = frozenset(_FAST)


def fast_step(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Step | None:
    """Return nnrun's own version of a transformer; None where the arguments need scikit-learn's.

    Args:
        name: The transformer's name.
        given: The arguments in the config.
        defaults: The default of every parameter.

    Raises:
        ValueError: Arguments contradict each other.
    """
    if name not in _FAST:
        return None
    create, parameters, takes = _FAST[name]
    set_here = {key: value for key, value in given.items() if key == "columns" or value != defaults[key]}
    if not set_here.keys() <= {*parameters, "columns"} or not takes(given):
        return None
    return create(**set_here)

"""What a transformer of scikit-learn returns, as columns of a table: dense, named, in the place of the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, label
from nnrun.data.prepare.dense_size import check_dense_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def dense(result: Any, name: str) -> np.ndarray:
    """Return the result of a transformer as an array; a sparse one becomes dense float32.

    Raises:
        TooLargeError: A sparse result would take more than half of the free memory.
    """
    if not hasattr(result, "toarray"):
        return np.asarray(result)
    rows, columns = result.shape
    check_dense_size(name, rows, columns, "`max_features`, `n_features` or the like")
    return np.asarray(result.astype("float32").toarray())


def output_names(estimator: Any, treated: Sequence[str], traits: Mapping[str, Any], width: int) -> list[str]:
    """Return the names of the new columns: scikit-learn's own, with the column in front of tokens.

    Args:
        estimator: The fitted transformer.
        treated: The columns that it was given.
        traits: The traits of its entry in the catalog.
        width: The number of new columns.

    Raises:
        ValueError: There are no new columns.
    """
    if not width:
        raise ValueError("no column is left")
    if traits["names"] == "same" and width == len(treated):
        return list(treated)
    if type(estimator).__name__ == "OneHotEncoder":
        return [f"{treated[index]}={word}" for index, word in _categories(estimator)]
    prefix = type(estimator).__name__.lower()
    if traits["input"] == "text":
        known = hasattr(estimator, "get_feature_names_out")
        tokens = estimator.get_feature_names_out().tolist() if known else range(width)
        return [f"{treated[0]}={token}" for token in tokens]
    if not hasattr(estimator, "get_feature_names_out"):
        return [f"{prefix}{index}" for index in range(width)]
    names = estimator.get_feature_names_out(np.array(treated, dtype=object))
    return [str(name) for name in names.tolist()]


def _categories(encoder: Any) -> list[tuple[int, str]]:
    """Return the column and the category of each output of a OneHotEncoder, in scikit-learn's order and words."""
    separator = "\x00"
    inputs = np.array([str(index) for index in range(len(encoder.categories_))], dtype=object)
    combiner, encoder.feature_name_combiner = encoder.feature_name_combiner, _combined
    try:
        names = encoder.get_feature_names_out(inputs).tolist()
    finally:
        encoder.feature_name_combiner = combiner
    pairs = (name.partition(separator) for name in names)
    return [(int(index), word) for index, _, word in pairs]


def _combined(column: str, category: object) -> str:
    is_number = isinstance(category, int | float) and np.isfinite(category)
    return f"{column}\x00{label(category) if is_number else category}"


def place_columns(table: Columns, old: Sequence[str], names: Sequence[str], new: np.ndarray) -> Columns:
    """Return a table whose new columns stand where the first of the old ones stood.

    Args:
        table: The table.
        old: The columns that are replaced.
        names: The names of the new ones; a name that another column has is numbered.
        new: Their values, shape (rows, columns).
    """
    made = {name: _column(new[:, at]) for at, name in enumerate(_unused(names, {*table.names} - {*old}))}
    placed = place_names(table.names, old, names)
    return Columns({name: made[name] if name in made else table.values[name] for name in placed})


def place_names(known: Sequence[str], old: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of `place_columns`."""
    kept = [name for name in known if name not in old]
    before = sum(name not in old for name in known[: list(known).index(old[0])])
    return (*kept[:before], *_unused(names, set(kept)), *kept[before:])


def _column(column: np.ndarray) -> np.ndarray:
    """Return a column as tables hold it: numbers, or objects where it holds text."""
    if column.dtype == object:
        try:
            return column.astype("float64")
        except (TypeError, ValueError):
            return np.array([value if isinstance(value, str) else None for value in column], dtype=object)
    return column.astype("float64") if column.dtype.kind in "biu" else column


def _unused(names: Sequence[str], taken: set[str]) -> list[str]:
    """Return the names, with a number behind each that is taken."""
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free)
        found.append(free)
    return found

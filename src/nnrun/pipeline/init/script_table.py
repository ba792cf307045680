"""The arrays of a script with several inputs or outputs, or with texts, as a table with a column for each number."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from nnrun.errors import RunError
from nnrun.pipeline.init.from_keras import target_names
from nnrun.spec.targets import target_form

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.engine.model.to_config.convert import ConvertedModel
    from nnrun.spec.experiment import Experiment

#: A table is kept up to so many cells, which take 10 to 20 bytes each in a csv file.
_MOST_CELLS = 50_000_000
WEIGHT = "sample_weight"


def table_columns(
    arrays: Mapping[str, np.ndarray], converted: ConvertedModel, experiment: Experiment, part: str = ""
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the columns of a part, and which of them are targets.

    Args:
        arrays: The arrays by name, as a script's record has them: `x`, `x.1`, `y_test.0`, ...
        converted: The model.
        experiment: The config with it.
        part: The ending of the names of the part's arrays: empty, or `_test`.

    Raises:
        RunError: A config's columns cannot be these arrays.
    """
    features: dict[str, np.ndarray] = {}
    for index, name in enumerate(converted.inputs):
        features |= _columns(name, _of(arrays, f"x{part}", index, len(converted.inputs)))
    targets: dict[str, np.ndarray] = {}
    forms = [target_form(experiment.losses[one.name]) for one in experiment.graph.outputs]
    for index, (name, form) in enumerate(zip(target_names(converted), forms, strict=True)):
        columns = _columns(name, _target(_of(arrays, f"y{part}", index, len(forms)), form))
        if len(columns) > 1 and len(forms) > 1:
            text = f"the output '{name}' of several has {len(columns)} numbers in each row, and takes one column"
            raise RunError(text)
        targets |= columns
    weights = arrays.get(f"{WEIGHT}{part}")
    weight = {} if weights is None else {WEIGHT: weights.reshape(len(weights))}
    found = {**features, **targets, **weight}
    rows = {len(one) for one in found.values()}
    if len(rows) != 1 or len(found) < len(features) + len(targets) + len(weight):
        raise RunError("its arrays differ in length, or two of its columns have the same name")
    if rows.pop() * len(found) > _MOST_CELLS:
        raise RunError(f"its table would have more than {_MOST_CELLS:,} cells")
    return found, list(targets)


def write_table(columns: Mapping[str, np.ndarray], file: Path) -> None:
    """Write columns as a csv file; numbers of 32 bits have the digits that give them back."""
    import pandas as pd

    pd.DataFrame(dict(columns)).to_csv(file, index=False)


def _of(arrays: Mapping[str, np.ndarray], role: str, index: int, count: int) -> np.ndarray:
    return arrays[role if count == 1 else f"{role}.{index}"]


def _target(array: np.ndarray, form: str) -> np.ndarray:
    """Return targets as a table has them: the numbers of classes in place of one-hot rows."""
    if form == "one_hot" and array.ndim == 2 and array.shape[1] > 1:
        is_one_hot = bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())
        if is_one_hot:
            classes: np.ndarray = array.argmax(axis=1)
            return classes
        raise RunError("its targets are shares of several classes, and a column holds one class")
    return array


def _columns(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """Return an array as columns, in the order in which `Reshape` puts them together again."""
    flat = array.reshape(len(array), prod(array.shape[1:]))
    if flat.dtype.kind == "b":
        flat = flat.astype("int8")
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    return {f"{name}[{index}]": column for index, column in enumerate(flat.T)}

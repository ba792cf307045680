"""Numbers that become equal in float32, the precision of models, in spite of the preparation.

One rule for `check`, which has the numbers that it read, and for `data check` and `train`, which have all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.exact_numbers import beyond_float32, float32_loss
from nnrun.data.prepare.categories import CategoryNumbers, OneHot
from nnrun.data.prepare.scaling import MinMax, Robust, Standardize
from nnrun.data.prepare.sklearn_step import SklearnStep
from nnrun.data.prepare.user_code import UserStep
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nnrun.data.prepare.step import Step
    from nnrun.errors import Path

#: An array with more numbers an example (a picture) is not examined.
_MOST_NUMBERS = 1000
_BEYOND = "which is beyond float32, the precision of models"
#: Numbers of fewer bytes are numbers of float32, too.
_MIN_BYTES = 4


def column_findings(
    columns: Mapping[str, np.ndarray],
    steps: Sequence[Step],
    path: Path = (),
    *,
    names: Sequence[str],
    among: Mapping[str, str] | None = None,
    has_types: bool = True,
) -> Iterator[Finding]:
    """Yield a warning for each feature whose numbers become equal although they are different.

    Args:
        columns: Columns of numbers by name, before the preparation.
        steps: The steps of the preparation, fitted or not.
        path: The place of the source in the config.
        names: The names of all feature columns, to find those that steps name by index.
        among: Of which values the numbers are, for columns of which not all were read.
        has_types: Whether the source takes the types of columns.
    """
    for name, column in columns.items():
        prepared = _prepared(name, column, steps, names)
        largest = None if prepared is None else beyond_float32(prepared)
        if largest is not None:
            hint = f"correct it in the file, or add the step `StandardScaler: [{_key(name)}]`"
            yield Finding(path, f"column {name!r} holds {largest:g}, {_BEYOND}", hint, "number-too-large")
            continue
        loss = None if prepared is None else float32_loss(column, prepared)
        if loss is not None:
            text = f"column {name!r}: {loss}{(among or {}).get(name, '')}"
            yield Finding(path, text, _hint(name, column, prepared, has_types=has_types), "large-numbers", "warning")


def target_findings(targets: Mapping[str, np.ndarray], path: Path) -> Iterator[Finding]:
    """Yield a warning for each target of numbers that become equal although they are different."""
    for name, column in targets.items():
        largest = beyond_float32(column)
        if largest is not None:
            hint = "correct it in the file, or count in larger units"
            yield Finding(path, f"the target {name!r} holds {largest:g}, {_BEYOND}", hint, "number-too-large")
            continue
        loss = float32_loss(column)
        if loss is not None:
            hint = "subtract the smallest value in the file, or count in larger units"
            yield Finding(path, f"the target {name!r}: {loss}", hint, "large-numbers", "warning")


def source_findings(x: object, steps: Sequence[Step], path: Path) -> Iterator[Finding]:
    """Yield the same of all examples of a source: columns, or an array with a few numbers an example."""
    if isinstance(x, Columns):
        columns = {name: x.values[name] for name in x.names if name not in x.text()}
        yield from column_findings(columns, steps, path, names=x.names)
    elif isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] <= _MOST_NUMBERS and x.dtype.itemsize >= _MIN_BYTES:
        # A step that treats an array as a whole does so in float32.
        partial = [step for step in steps if isinstance(getattr(step, "columns", None), list)]
        columns = {str(at): x[:, at] for at in range(x.shape[1])} if x.dtype.kind in "iuf" else {}
        yield from column_findings(columns, partial, path, names=list(columns), has_types=False)


def _prepared(name: str, column: np.ndarray, steps: Iterable[Step], names: Sequence[str]) -> np.ndarray | None:
    """Return what steps make of a column, as far as it matters here; None if its values stay apart, or may."""
    values = column
    for step in steps:
        if isinstance(step, UserStep | SklearnStep):
            return None
        if isinstance(step, OneHot | CategoryNumbers) and name in _named(step.columns, names):
            return None
        if isinstance(step, Standardize | MinMax | Robust) and (
            step.columns is None or name in _named(step.columns, names)
        ):
            as_float = values.astype("float64")
            known = as_float[np.isfinite(as_float)]
            low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
            values = (as_float - low) / ((high - low) or 1.0) - 0.5
    return values


def _named(columns: object, names: Sequence[str]) -> list[str]:
    try:
        return resolve_columns(columns, names) if isinstance(columns, list) else []
    except ValueError:
        return []  # an error of its own


def _key(name: str) -> str:
    return name if name.isidentifier() else f"'{name}'"


def _hint(name: str, column: np.ndarray, prepared: np.ndarray | None, *, has_types: bool) -> str:
    """Return what to write: a step that scales if float64 tells the numbers apart, or the type of an identifier."""
    key = _key(name)
    scale = f"`StandardScaler: [{key}]`"
    step = f"`Hash: {{columns: [{key}], buckets: 64}}`"
    category = (
        f"write `types: {{{key}: category}}` and a step such as {step}" if has_types else f"add a step such as {step}"
    )
    identifier = f"leave it out, or {category}"
    distinct = len(np.unique(column))
    is_whole = bool((column[np.isfinite(column)] % 1 == 0).all())
    survives = len(np.unique(column.astype("float64"))) == distinct and prepared is not None and prepared is column
    if not is_whole:
        return f"add the step {scale}, which subtracts the mean before numbers are rounded"
    if not survives:
        return f"if it is an identifier, {identifier}; else subtract its smallest value in the file"
    return f"if it is an identifier, {identifier}; if it is an amount or a time, add the step {scale}"

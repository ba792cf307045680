"""Preparation of targets: fitted to the training part, and undone, so that figures are in the target's unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, label, resolve_columns
from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.prepare.registry import fitted_json, new_step, restore
from nnrun.data.prepare.step import naming_step
from nnrun.data.target_encoding import WHOLE_TARGET, forms_by_target, target_column
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nnrun.data.prepare.step import Step
    from nnrun.progress import Progress
    from nnrun.spec.facts import TargetForms
    from nnrun.spec.part import Part

_INVERTIBLE = (
    "Rescale, StandardScaler, MinMaxScaler, RobustScaler, PowerTransformer, QuantileTransformer, FunctionTransformer"
)
#: Steps that treat every number of an array in the same way.
_ARRAY_STEPS = ("Rescale",)
_ARRAY_TEXT = "`prepare_target` of pictures and other arrays takes Rescale alone"
_ARRAY_HINT = "write `prepare_target: [{Rescale: {divide_by: 255}}]`"
_CLASSES = "`prepare_target` is for targets that a loss compares as numbers, but {} classes"
#: The key of an entry of `prepare.json` that is a step of the target.
_KEY = "target_step"


@dataclass(frozen=True)
class TargetPreparation:
    """Fitted steps of the targets.

    Attributes:
        names: The names of all target columns.
        prepared: The names of those that are prepared: all that a loss compares as numbers.
        steps: The steps, in order.
        horizon: How many rows of the columns are the targets of an example: more than 1 for windows over rows.
    """

    names: tuple[str, ...]
    prepared: tuple[str, ...]
    steps: tuple[Step, ...]
    horizon: int = 1

    def apply(self, y: np.ndarray | Columns) -> Any:
        """Return targets as the losses compare them, by the names of their columns.

        Raises:
            DataError: They do not suit a step.
        """
        table = None if _is_array(y) else _table(y, self.names)
        x: Any = y if table is None else Columns({name: table.values[name] for name in self.prepared})
        for step in self.steps:
            with naming_step(step.name):
                x = _applied(step, x)
        return (
            x if table is None else Columns({name: x.values.get(name, column) for name, column in table.values.items()})
        )

    def invert(self, key: str, values: np.ndarray) -> np.ndarray:
        """Return values of the target of this key in its own unit, of the same shape, float64.

        Args:
            key: The name of a target; empty, or `target`, for all of them together.
            values: Prepared targets or outputs, shape (rows, columns), or pictures of shape (rows, ..., channels). Of
                windows (rows, horizon times columns), the columns of a step next to each other.
        """
        if _is_array(values):
            array: Any = values
            for step in reversed(self.steps):
                array = step.invert(array)
            return np.asarray(array)
        columns = self.columns(key)
        if not columns or values.size != len(values) * self.horizon * len(columns):
            return values
        flat = values.reshape(-1, len(columns)).astype("float64")
        rows = np.zeros(len(flat))
        x: Any = Columns({name: flat[:, columns.index(name)] if name in columns else rows for name in self.prepared})
        for step in reversed(self.steps):
            x = step.invert(x)
        return np.stack([x.values[name] for name in columns], axis=1).reshape(values.shape)

    def columns(self, key: str) -> list[str]:
        """Return the prepared columns of a target; none where it is not prepared."""
        whole = key == ALL_TARGETS or (key == WHOLE_TARGET and key not in self.names)
        names = list(self.names) if whole else [key]
        return names if all(name in self.prepared for name in names) else []

    def state(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Return the entries of the steps in `prepare.json`."""
        entries = [fitted_json(part, step) for part, step in zip(parts, self.steps, strict=True)]
        about: dict[str, Any] = {"names": list(self.names), "prepared": list(self.prepared)}
        about |= {"horizon": self.horizon} if self.horizon > 1 else {}
        return [{_KEY: entry.pop("step"), **entry, "targets": about} for entry in entries]


def fit_target_preparation(
    parts: Sequence[Part],
    y: np.ndarray | Columns | None,
    names: Sequence[str],
    forms: TargetForms,
    progress: Progress,
    horizon: int = 1,
) -> TargetPreparation | None:
    """Fit the steps of `prepare_target` to the targets of the training part; None where there are no steps.

    Args:
        parts: The steps in the config.
        y: The targets; of windows those of the rows, each counted once.
        names: The names of their columns.
        forms: What the losses compare.
        progress: Receives notes.
        horizon: As of `TargetPreparation`.

    Raises:
        DataError: The targets are no columns of numbers, or do not suit a step.
    """
    if not parts:
        return None
    prepared = _number_targets(names, forms)
    if y is None or not prepared:
        raise DataError(_CLASSES.format("these are" if names else "there are no targets, only"))
    table = None if _is_array(y) else _table(y, names)
    x: Any = y if table is None else Columns({name: table.values[name] for name in prepared})
    if table is None and any(part.name not in _ARRAY_STEPS for part in parts):
        raise DataError(_ARRAY_TEXT, hint=_ARRAY_HINT)
    steps: list[Step] = []
    for part in parts:
        step = new_step(part, 0)
        with naming_step(part.name):
            notes = step.fit(x)
            x = _applied(step, x)
            for note in notes:
                progress.say(f"prepare_target: {note}")
        steps.append(step)
    progress.say(
        "The target is prepared: losses, and metrics of each epoch, are those of prepared targets; "
        "scores and predictions are in the target's own unit."
    )
    return TargetPreparation(tuple(names), prepared, tuple(steps), horizon)


def restore_target_preparation(fitted: Iterable[Mapping[str, Any]]) -> TargetPreparation | None:
    """Return the steps of the targets that a `prepare.json` holds; None where it holds none.

    Raises:
        DataError: The file was changed.
    """
    entries = [entry for entry in fitted if _KEY in entry]
    if not entries:
        return None
    steps = restore([{**entry, "step": entry[_KEY]} for entry in entries])
    try:
        about = entries[0]["targets"]
        names, prepared = (tuple(map(str, about[key])) for key in ("names", "prepared"))
        horizon = int(about.get("horizon", 1))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"the run's preparation (prepare.json) cannot be used: targets: {error}"
        raise DataError(text, hint="the file was changed: train the run again") from error
    return TargetPreparation(names, prepared, tuple(steps), horizon)


def target_step_findings(
    parts: Sequence[tuple[Part, Step | None]], names: Sequence[str], forms: TargetForms, *, is_array: bool = False
) -> Iterator[Finding]:
    """Yield what is wrong with `prepare_target` before anything is loaded."""
    if parts and not (prepared := _number_targets(names, forms)):
        text = _CLASSES.format("the loss compares")
        yield Finding(("data", "prepare_target"), text, "leave it out, or use a loss for numbers", "target-preparation")
        return
    for part, step in parts:
        if step is None:
            continue
        if not step.is_invertible:
            text = f"{part.name} cannot be undone, so that predictions would not be in the target's unit"
            yield Finding(part.path, text, f"use one of: {_INVERTIBLE}", "target-preparation")
            continue
        if is_array and part.name not in _ARRAY_STEPS:
            yield Finding(part.path, _ARRAY_TEXT, _ARRAY_HINT, "target-preparation")
            continue
        columns = part.arguments.get("columns")
        try:
            resolve_columns(columns if isinstance(columns, list) else [], prepared)
        except ValueError as error:
            yield Finding(part.path, str(error), "name targets that a loss compares as numbers", "target-preparation")


def _number_targets(names: Sequence[str], forms: TargetForms) -> tuple[str, ...]:
    """Return the target columns that a loss compares as numbers."""
    by_key = forms_by_target(forms)
    whole = next((by_key[key] for key in (ALL_TARGETS, WHOLE_TARGET) if key in by_key and key not in names), None)
    return tuple(name for name in names if name not in FIELDS and by_key.get(name, whole) == "number")


def _applied(step: Step, x: Any) -> Any:
    """Return targets after a fitted step.

    Raises:
        ValueError: It makes no finite number of one that is finite.
    """
    found = step.apply(x)
    if not (isinstance(x, Columns) and isinstance(found, Columns)):
        return found
    for name in x.names:
        wrong = np.isfinite(x.values[name]) & ~np.isfinite(found.values[name])
        if wrong.any():
            value = label(x.values[name][wrong][0])
            text = f"the target {name!r} has the value {value}, of which the step makes no finite number"
            raise ValueError(f"{text}; take a step for all values, such as StandardScaler")
    return found


def _table(y: np.ndarray | Columns, names: Sequence[str]) -> Columns:
    """Return targets as columns by name.

    Raises:
        DataError: They are an array with another number of columns.
    """
    if isinstance(y, Columns):
        return y
    if y.ndim == 2 and y.shape[1] != len(names):
        raise DataError("`prepare_target` is for columns of a table, but a target is an array")
    return Columns({name: _plain(target_column(y, names, name)) for name in names})


def _is_array(y: object) -> bool:
    """Return whether targets are arrays of several dimensions an example, such as pictures."""
    return isinstance(y, np.ndarray) and y.ndim > 2


def _plain(column: np.ndarray) -> np.ndarray:
    flat = column.reshape(len(column))
    return flat.astype("float64") if flat.dtype.kind in "biuf" else flat.astype(object)

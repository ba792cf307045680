"""The fitted preparation of a run as a list of plain operations, which need neither nnrun nor scikit-learn.

`docs/export.md` documents each of them. A step that they cannot express is the operation `nnrun`, and the model then
takes prepared inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, parse_number, resolve_columns, without_point
from nnrun.data.model_inputs import select
from nnrun.data.prepare.categories import OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.registry import restore
from nnrun.data.prepare.scaling import Clip, Log, MinMax, NumericStep, Rescale, Robust, Standardize
from nnrun.data.prepare.shapes import Reshape
from nnrun.data.prepare.table_arrays import apply_step
from nnrun.data.prepare.text_vectorization import TextVectorization

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Step
    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.spec.facts import Facts
    from nnrun.spec.model import ModelInput

Operation = dict[str, Any]
#: Operations on numbers alone: every format can compute them.
NUMERIC = frozenset({"scale", "clip", "log", "reshape"})


@dataclass(frozen=True)
class ExportedPreparation:
    """What turns raw rows into the inputs of a model.

    Attributes:
        columns: The name of each raw column, and whether it holds text; None where the examples are an array.
        arrays: The shapes of the arrays next to raw columns, such as pictures, by name.
        shape: The shape of one raw example that is an array; None of a table.
        operations: The operations, in order.
        inputs: The prepared columns that each input of the model takes, by its name, or the name of the array next to
            them; None: all columns.
        keeps_integers: Whether prepared integers are int32, else float32.
        outside: Why raw rows cannot be given: what nnrun does with them that no operation says; empty where they can.
        dates: The format of dates, by the columns that hold them as days since 1970-01-01.
    """

    columns: tuple[tuple[str, bool], ...] | None
    shape: tuple[int | None, ...] | None
    operations: tuple[Operation, ...]
    inputs: Mapping[str, list[int] | str | None]
    keeps_integers: bool
    outside: tuple[str, ...] = ()
    dates: Mapping[str, str] | None = None
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of raw columns, and of the arrays next to them."""
        return [*(name for name, _ in self.columns or ()), *self.arrays]

    @property
    def is_numeric(self) -> bool:
        """Whether raw rows hold numbers alone, and the operations suit every format."""
        is_plain = {one["op"] for one in self.operations} <= NUMERIC
        return not self.outside and is_plain and not any(text for _, text in self.columns or ())

    def as_json(self) -> dict[str, Any]:
        """Return the document `preparation.json`."""
        kinds = {False: "number", True: "text"}
        dates = self.dates or {}
        columns: list[dict[str, Any]] | None = None
        if self.columns is not None:
            columns = [
                {"name": name, "kind": kinds[text], **({"days_since_1970": dates[name]} if name in dates else {})}
                for name, text in self.columns
            ]
            columns += [{"name": name, "kind": "array", "shape": list(shape)} for name, shape in self.arrays.items()]
        return {
            "format": 1,
            "columns": columns,
            "shape": None if self.shape is None else list(self.shape),
            "operations": list(self.operations),
            "inputs": dict(self.inputs),
            "keeps_integers": self.keeps_integers,
            "needs_nnrun": list(self.outside),
        }


def exported_preparation(
    fitted: Sequence[Mapping[str, Any]],
    raw: ArrayOrTable | None,
    facts: Facts,
    inputs: Sequence[ModelInput],
    outside: Iterable[str] = (),
) -> ExportedPreparation:
    """Return the fitted preparation of a run as operations.

    Args:
        fitted: The content of its `prepare.json`.
        raw: Raw examples, of which names, types and shapes count; None where they are not known.
        facts: The facts of its data.
        inputs: The inputs of its model.
        outside: What else nnrun does with raw rows, before or after the steps.
    """
    steps, operations, missing = restore(fitted), [], list(outside)
    x = None if raw is None else raw[np.zeros(0, dtype=int)]
    for step in steps:
        if isinstance(step, OneHot) and step.target:
            continue
        operation = _operation(step, x)
        if operation is None:
            missing.append(f"the step {step.name}")
            operation, x = {"op": "nnrun", "step": step.name}, None
        elif x is not None:
            x = apply_step(step, x)
        operations.append(operation)
    if raw is None and not missing:
        missing.append("reading the data, whose raw form is not known")
    layout: Mapping[str, Any] = next((entry["layout"] for entry in fitted if "layout" in entry), {})
    return ExportedPreparation(
        tuple((name, name in raw.text()) for name in raw.names) if isinstance(raw, Columns) else None,
        None if raw is None or isinstance(raw, Columns) else tuple(raw.shape[1:]),
        tuple(operations),
        _input_columns(facts, inputs),
        facts.vocabulary is not None,
        tuple(missing),
        layout.get("list", layout).get("dates"),
        {name: tuple(array.shape[1:]) for name, array in raw.arrays.items()} if isinstance(raw, Columns) else {},
    )


def target_operations(preparation: TargetPreparation | None, key: str) -> list[Operation] | None:
    """Return the operations that prepared a target, in order; none where it was not prepared.

    Args:
        preparation: The fitted steps of all targets.
        key: The key of the target.

    Returns:
        None where operations cannot express a step, so that nnrun is needed to undo it.
    """
    if preparation is None:
        return []
    names = preparation.columns(key)
    is_table = bool(preparation.prepared) and bool(names)
    if not is_table and preparation.names and preparation.prepared:
        return []
    template: Any = Columns({name: np.empty(0) for name in preparation.prepared}) if is_table else np.empty((0, 1))
    found = [_operation(step, template) for step in preparation.steps]
    if any(one is None or one["op"] not in ("scale", "log") for one in found):
        return None
    # Targets of windows are the columns of one row after the other.
    return [_of_columns(one, names * preparation.horizon) for one in found if one is not None]


def _of_columns(operation: Operation, names: Sequence[str]) -> Operation:
    """Return an operation on columns as one on the array of all these columns."""
    treated = operation["columns"]
    if operation["op"] == "log" or treated is None:
        return {**operation, "columns": None}
    positions = {name: index for index, name in enumerate(treated)}
    # `multiply` and `add` are of all columns: for those that the step leaves alone, these two undo them.
    untreated = {"subtract": operation["add"], "divide": operation["multiply"]}
    stated = {key: np.broadcast_to(operation[key], (len(treated),)) for key in untreated}
    numbers = {
        key: [float(stated[key][positions[name]]) if name in positions else one for name in names]
        for key, one in untreated.items()
    }
    return {**operation, "columns": None, **numbers}


def _input_columns(facts: Facts, inputs: Sequence[ModelInput]) -> dict[str, list[int] | str | None]:
    """Return the prepared columns of each input, or the array that it takes; None where it takes the whole example."""
    if facts.arrays:
        named = {one.name: one.columns[0] for one in inputs if one.columns and one.columns[0] in facts.arrays}
        others = _input_columns(replace(facts, arrays={}), [one for one in inputs if one.name not in named])
        return {one.name: named.get(one.name, others.get(one.name)) for one in inputs}
    if not facts.columns:
        return {one.name: None for one in inputs}
    indices = np.arange(len(facts.columns))[None]
    found = select(indices, facts, inputs)
    if not isinstance(found, dict):
        return {inputs[0].name: None}
    return {name: None if taken is indices else taken[0].tolist() for name, taken in found.items()}


def _operation(step: Step, x: ArrayOrTable | None) -> Operation | None:
    """Return a fitted step as an operation on examples like `x`; None where there is none."""
    if isinstance(step, TextVectorization):
        return _tokens(step, x)
    if isinstance(step, Rescale):
        return _scaling(_rescaled(step, x), 0.0, step.divide_by, add=step.offset)
    if isinstance(step, NumericStep):
        return _numeric(step, x)
    found: Operation | None = None
    if isinstance(step, Impute):
        found = {"op": "fill", "values": step.fill}
    elif isinstance(step, OneHot):
        known = {name: [without_point(one) for one in values] for name, values in step.categories.items()}
        found = {"op": "one_hot", "categories": known, "unknown": step.unseen}
    elif isinstance(step, Ordinal):
        found = {"op": "number_categories", "categories": _categories(step, x), "unknown": step.unseen}
    elif isinstance(step, Reshape):
        found = {"op": "reshape", "shape": list(step.target)}
    return found


def _rescaled(step: Rescale, x: ArrayOrTable | None) -> list[Any] | None:
    """Return the columns that a step scales, and the arrays next to them; None of a whole array."""
    if not isinstance(x, Columns):
        return None if step.columns is None else list(map(str, step.columns))
    every = (*x.names, *x.arrays)
    named = every if step.columns is None else resolve_columns(step.columns, every)
    return [name for name in named if name not in x.text()]


def _numeric(step: NumericStep, x: ArrayOrTable | None) -> Operation | None:
    # Without examples, a step of all columns is one of the whole array.
    columns: list[Any] | None = list(map(str, step.columns)) if x is None and step.columns else None
    if x is not None:
        columns = step.names(x) or ([] if isinstance(x, Columns) else None)
    learned = {name: values.tolist() for name, values in step.statistics.items()} if step.statistic_names else {}
    if isinstance(step, Clip):
        return {"op": "clip", "columns": columns, "low": step.low, "high": step.high}
    if isinstance(step, Log):
        return {"op": "log", "columns": columns, "add": step.offset}
    if isinstance(step, Standardize):
        return _scaling(columns, learned["mean"], learned["scale"])
    if isinstance(step, Robust):
        return _scaling(columns, learned["median"], learned["scale"])
    if isinstance(step, MinMax) and not getattr(step, "clip", False):
        return _scaling(columns, learned["least"], learned["span"], multiply=step.high - step.low, add=step.low)
    return None


def _scaling(columns: Any, subtract: Any, divide: Any, *, multiply: float = 1.0, add: float = 0.0) -> Operation:
    return {
        "op": "scale",
        "columns": columns,
        "subtract": subtract,
        "divide": divide,
        "multiply": float(multiply),
        "add": float(add),
    }


def _categories(step: Ordinal, x: ArrayOrTable | None) -> dict[str, list[Any]]:
    """Return the categories of each column as its values are: text, or numbers."""
    text = x.text() if isinstance(x, Columns) else ()
    found: dict[str, list[Any]] = {}
    for name, categories in step.categories.items():
        numbers = [parse_number(one) for one in categories]
        found[name] = list(categories) if name in text or None in numbers else numbers
    return found


def _tokens(step: TextVectorization, x: ArrayOrTable | None) -> Operation | None:
    if not isinstance(x, Columns) or step.ngrams != (1,) or step.split not in ("whitespace", "character", None):
        return None
    return {
        "op": "tokens",
        "columns": [name for name in x.names if name in map(str, step.columns or ()) or _at(x, name, step)],
        "lower": step.standardize in ("lower", "lower_and_strip_punctuation"),
        "strip_punctuation": step.standardize in ("strip_punctuation", "lower_and_strip_punctuation"),
        "split": step.split,
        "vocabulary": step.vocabulary,
        "output": step.output_mode,
        "length": step.length,
        "weights": step.idf,
    }


def _at(x: Columns, name: str, step: TextVectorization) -> bool:
    """Return whether a step names a column by its index."""
    return any(isinstance(one, int) and x.names[one] == name for one in step.columns or ())

"""Prepare raw rows for a model that nnrun exported, and read its outputs: NumPy alone, without nnrun.

    from preparation import load, prepare, interpret

    preparation, signature = load("preparation.json"), load("signature.json")
    inputs = prepare({"age": [31, 52], "city": ["Oslo", "Lima"]}, preparation)
    results = interpret(run_the_model(inputs), signature)

`prepare` applies the operations of preparation.json in order; `interpret` adds labels and probabilities, and undoes the
preparation of targets. A table is a mapping from the name of a column to its values, or of an array next to columns,
such as pictures, to one whose first dimension counts the rows; other data are one array.
"""

from __future__ import annotations

import json
import math
import string
from collections.abc import Mapping  # noqa: TC003 - the file is read by others, too
from pathlib import Path
from typing import Any

import numpy as np

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def load(file: str | Path) -> dict[str, Any]:
    """Return the content of a JSON file."""
    found: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    return found


def prepare(rows: Any, preparation: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return what each input of the model receives of raw rows.

    Args:
        rows: The columns of a table by name (numbers, NaN where missing; text, None where missing), or an array whose
            first dimension counts the examples.
        preparation: The content of preparation.json.

    Raises:
        ValueError: A column is missing, a category is unknown, or nnrun itself is needed for a step.
    """
    x: Any = rows
    if preparation["columns"] is not None:
        x = {one["name"]: _column(rows, one) for one in preparation["columns"]}
    for operation in preparation["operations"]:
        apply: Any = _OPERATIONS[operation["op"]]
        x = apply(x, operation)
    taken = preparation["inputs"]
    found = {name: np.ascontiguousarray(x[array], "float32") for name, array in taken.items() if isinstance(array, str)}
    if len(found) < len(taken):
        array = _matrix(x)
        whole = preparation["keeps_integers"] and array.dtype.kind in "iu"
        array = np.ascontiguousarray(array, "int32" if whole else "float32")
        for name in [name for name in taken if name not in found]:
            found[name] = array if taken[name] is None else np.ascontiguousarray(array[:, taken[name]])
    return found


def interpret(outputs: Mapping[str, np.ndarray], signature: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return what a model's outputs mean: labels, probabilities, and numbers in the unit of the target.

    Args:
        outputs: The outputs of the model by name.
        signature: The content of signature.json.
    """
    found: dict[str, np.ndarray] = {}
    for one in signature["outputs"]:
        values, prefix = np.asarray(outputs[one["name"]]), one["prefix"]
        if one["kind"] == "numbers":
            found[f"{prefix}prediction"] = undo(values, one["target_operations"])
            continue
        if one["kind"] not in ("class", "two classes", "labels"):
            found[f"{prefix}output"] = values
            continue
        both = None
        if one["probabilities"] is not None:
            activation: Any = _PROBABILITIES[one["probabilities"]]
            found[f"{prefix}probabilities"], both = _decided(activation(values), one)
        if one["kind"] == "labels":
            found[f"{prefix}labels"] = values > one["threshold"]
            continue
        if both is not None and one["decision_threshold"] is not None:
            number = (both[..., 1] >= one["decision_threshold"]).astype(int)
            found[f"{prefix}label"] = np.array(one["class_names"], dtype=object)[number]
            continue
        number = values.argmax(-1) if one["kind"] == "class" else (values[..., 0] > one["threshold"]).astype(int)
        found[f"{prefix}label"] = np.array(one["class_names"], dtype=object)[number]
    return found


def _decided(probabilities: np.ndarray, one: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return probabilities at the temperature of the run's decision, and those of both classes; None without one."""
    if one["temperature"] == 1 and one["decision_threshold"] is None:
        return probabilities, None
    units = probabilities.shape[-1]
    both = np.concatenate([1 - probabilities, probabilities], axis=-1) if units == 1 else probabilities
    both = _softmax(np.log(np.maximum(both.astype("float64"), 1e-30)) / one["temperature"])
    return both[..., -units:], both


def undo(values: np.ndarray, operations: list[dict[str, Any]]) -> np.ndarray:
    """Return prepared targets in their own unit: the operations are undone from the last to the first."""
    found = values.astype("float64") if operations else values
    for operation in reversed(operations):
        if operation["op"] == "log":
            found = np.exp(found) - operation["add"]
        elif operation["op"] == "scale":
            share = (found - operation["add"]) / operation["multiply"]
            found = share * np.asarray(operation["divide"]) + np.asarray(operation["subtract"])
    return found


def _column(rows: Mapping[str, Any], column: Mapping[str, Any]) -> np.ndarray:
    if column["name"] not in rows:
        raise ValueError(f"the column {column['name']!r} is missing")
    kinds: dict[str, Any] = {"text": object, "number": "float64", "array": "float32"}
    return np.asarray(rows[column["name"]], dtype=kinds[column["kind"]])


def _matrix(x: Any) -> np.ndarray:
    """Return a table as an array of shape (rows, columns), without the arrays next to its columns."""
    if not isinstance(x, dict):
        return np.asarray(x)
    x = {name: column for name, column in x.items() if column.ndim == 1}
    text = [name for name, column in x.items() if column.dtype == object]
    if text:
        raise ValueError(f"the column {text[0]!r} holds text, which no operation has made a number")
    return np.stack([column.astype("float32") for column in x.values()], axis=1)


def _numbers(x: Any, operation: Mapping[str, Any], change: Any) -> Any:
    """Apply a function to columns of a table or of an array, or to a whole array."""
    names = operation["columns"]
    if isinstance(x, dict):
        columns = [name for name in names if x[name].ndim == 1]
        arrays = {name: change(x[name]).astype("float32") for name in names if name not in columns}
        changed = change(np.stack([x[name] for name in columns], axis=1)) if columns else np.empty((0, 0))
        return {**x, **arrays, **{name: changed[:, index] for index, name in enumerate(columns)}}
    if names is None:
        return change(np.asarray(x, "float32")).astype("float32")
    whole, indices = np.asarray(x, "float64"), [int(name) for name in names]
    whole = whole.copy()
    whole[:, indices] = change(whole[:, indices])
    return whole


def _scale(x: Any, operation: Mapping[str, Any]) -> Any:
    subtract, divide = np.asarray(operation["subtract"]), np.asarray(operation["divide"])
    return _numbers(x, operation, lambda v: (v - subtract) / divide * operation["multiply"] + operation["add"])


def _clip(x: Any, operation: Mapping[str, Any]) -> Any:
    return _numbers(x, operation, lambda values: np.clip(values, operation["low"], operation["high"]))


def _log(x: Any, operation: Mapping[str, Any]) -> Any:
    return _numbers(x, operation, lambda values: np.log(values + operation["add"]))


def _fill(x: Any, operation: Mapping[str, Any]) -> Any:
    """Replace missing values."""
    table = x if isinstance(x, dict) else {str(index): x[:, index] for index in range(x.shape[1])}
    filled = {
        name: np.array([fill if _is_missing(value) else value for value in table[name].tolist()], table[name].dtype)
        for name, fill in operation["values"].items()
    }
    table = {**table, **filled}
    return table if isinstance(x, dict) else np.stack(list(table.values()), axis=1)


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _one_hot(x: Any, operation: Mapping[str, Any]) -> Any:
    """Replace a column of categories by a column for each."""
    wide: dict[str, np.ndarray] = {}
    for name, column in _table(x).items():
        categories = operation["categories"].get(name)
        if categories is None:
            wide[name] = column
            continue
        hits = np.stack([column == category for category in categories], axis=1).astype("float64")
        _require_known(name, column, np.asarray(hits.any(axis=1)), operation)
        wide.update({f"{name}={category}": hits[:, index] for index, category in enumerate(categories)})
    return wide


def _number_categories(x: Any, operation: Mapping[str, Any]) -> Any:
    """Replace each category by its number; -1 for an unknown one."""
    table = dict(_table(x))
    for name, categories in operation["categories"].items():
        known = {category: number for number, category in enumerate(categories)}
        numbers = np.array([known.get(value, -1) for value in table[name].tolist()], "float64")
        _require_known(name, table[name], np.asarray(numbers >= 0), operation)
        table[name] = numbers
    return table if isinstance(x, dict) else _matrix(table)


def _require_known(name: str, column: np.ndarray, known: np.ndarray, operation: Mapping[str, Any]) -> None:
    if operation["unknown"] == "error" and not known.all():
        raise ValueError(f"the column {name!r} has the unknown category {column[~known][0]!r}")


def _table(x: Any) -> dict[str, np.ndarray]:
    return x if isinstance(x, dict) else {str(index): x[:, index] for index in range(x.shape[1])}


def _reshape(x: Any, operation: Mapping[str, Any]) -> np.ndarray:
    array = _matrix(x)
    return array.reshape(len(array), *operation["shape"])


def _tokens(x: Any, operation: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Replace columns of text by the numbers of their tokens, or by counts of tokens."""
    vocabulary = {token: number for number, token in enumerate(operation["vocabulary"])}
    wide: dict[str, np.ndarray] = {}
    for name, column in x.items():
        if name not in operation["columns"]:
            wide[name] = column
            continue
        rows = [_words(str(text), operation) for text in column]
        encoded = (_token_numbers if operation["output"] == "int" else _token_counts)(rows, vocabulary, operation)
        for index in range(encoded.shape[1]):
            is_number = operation["output"] == "int"
            label = f"{name}[{index}]" if is_number else f"{name}={operation['vocabulary'][index]}"
            wide[label] = encoded[:, index]
    return wide


def _words(text: str, operation: Mapping[str, Any]) -> list[str]:
    text = text.lower() if operation["lower"] else text
    text = text.translate(_PUNCTUATION) if operation["strip_punctuation"] else text
    if operation["split"] == "whitespace":
        return text.split()
    return list(text) if operation["split"] == "character" else [text]


def _token_numbers(rows: list[list[str]], known: Mapping[str, int], operation: Mapping[str, Any]) -> np.ndarray:
    encoded = np.zeros((len(rows), operation["length"]))
    for row, tokens in enumerate(rows):
        numbers = [known.get(token, known["[UNK]"]) for token in tokens[: operation["length"]]]
        encoded[row, : len(numbers)] = numbers
    return encoded


def _token_counts(rows: list[list[str]], known: Mapping[str, int], operation: Mapping[str, Any]) -> np.ndarray:
    encoded = np.zeros((len(rows), len(known)))
    for row, tokens in enumerate(rows):
        for token in tokens:
            encoded[row, known.get(token, known["[UNK]"])] += 1
    if operation["output"] == "multi_hot":
        encoded = np.minimum(encoded, 1)
    return encoded * np.asarray(operation["weights"]) if operation["output"] == "tf_idf" else encoded


def _needs_nnrun(_: Any, operation: Mapping[str, Any]) -> Any:
    raise ValueError(f"the step {operation['step']} cannot be applied without nnrun: give prepared inputs to the model")


_OPERATIONS = {
    "scale": _scale,
    "clip": _clip,
    "log": _log,
    "fill": _fill,
    "one_hot": _one_hot,
    "number_categories": _number_categories,
    "reshape": _reshape,
    "tokens": _tokens,
    "nnrun": _needs_nnrun,
}


def _softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0, -values)))


_PROBABILITIES = {"sigmoid": _sigmoid, "softmax": _softmax, "as they are": np.asarray}

"""The operations of a preparation, and what outputs mean, as TensorFlow operations inside an exported model.

They are those of `nnrun.export.preparation`, in float64 for columns where the format has it, else in float32.
"""

from __future__ import annotations

from string import punctuation
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.export.operations import ExportedPreparation, Operation

_PUNCTUATION = "[" + "".join(f"\\{one}" for one in punctuation) + "]"
#: What Python's `str.split` splits at.
_SPACE = r"[\s\p{Z}\x{1c}-\x{1f}\x{85}]+"


class TensorPreparation:
    """Prepares tensors of raw rows.

    Args:
        tf: TensorFlow.
        preparation: The preparation.
        floats: The type of raw numbers: `float64`, or `float32` where the format has no other.

    Attributes:
        tables: The tables from words to their numbers, by these words; a SavedModel must hold them.
    """

    def __init__(self, tf: Any, preparation: ExportedPreparation, floats: str) -> None:
        self._tf, self._preparation, self._floats = tf, preparation, floats
        # Made here, and not while a function is traced: then no SavedModel could hold them.
        words = [one for operation in preparation.operations for one in _word_lists(operation)]
        self.tables = {one: self._new_table(one) for one in words}

    def signature(self) -> dict[str, Any]:
        """Return the type of each raw input by its name: a column of shape (rows,), an array, or one array `x`."""
        tf, columns = self._tf, self._preparation.columns
        if columns is None:
            kind = tf.int32 if self._preparation.keeps_integers else tf.float32
            return {"x": tf.TensorSpec((None, *(self._preparation.shape or ())), kind, name="x")}
        kinds = {True: tf.string, False: tf.dtypes.as_dtype(self._floats)}
        names = tensor_names(self._preparation.names)
        specs = {names[name]: tf.TensorSpec((None,), kinds[text], name=names[name]) for name, text in columns}
        arrays = self._preparation.arrays
        return specs | {
            names[name]: tf.TensorSpec((None, *shape), tf.float32, name=names[name]) for name, shape in arrays.items()
        }

    def apply(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        """Return what each input of the model receives of raw rows, which have the names of `signature`."""
        tf, columns = self._tf, self._preparation.columns
        x: Any = rows["x"] if columns is None else None
        if columns is not None:
            names = tensor_names(self._preparation.names)
            x = {name: rows[names[name]] for name in self._preparation.names}
        for operation in self._preparation.operations:
            x = getattr(self, f"_{operation['op']}")(x, operation)
        inputs = self._preparation.inputs
        found = {name: tf.cast(x[taken], tf.float32) for name, taken in inputs.items() if isinstance(taken, str)}
        if len(found) < len(inputs):
            array = self._matrix(x)
            if not (self._preparation.keeps_integers and array.dtype.is_integer):
                array = tf.cast(array, tf.float32)
            for name in [name for name in inputs if name not in found]:
                found[name] = array if inputs[name] is None else tf.gather(array, inputs[name], axis=1)
        return found

    def _matrix(self, x: Any) -> Any:
        """Return a table as an array of shape (rows, columns), without the arrays next to its columns."""
        if not isinstance(x, dict):
            return x
        return self._tf.stack([self._tf.cast(one, "float32") for one in x.values() if one.shape.rank == 1], axis=1)

    def _numbers(self, x: Any, operation: Operation, change: Callable[[Any, Any], Any]) -> Any:
        """Apply a function of numbers and the index of their column; None for a whole array."""
        tf, names = self._tf, operation["columns"]
        if isinstance(x, dict):
            # Arrays next to columns are changed as a whole.
            arrays = {name: change(tf.cast(x[name], tf.float32), None) for name in names if x[name].shape.rank > 1}
            columns = [name for name in names if name not in arrays]
            changed = {name: change(tf.cast(x[name], self._floats), index) for index, name in enumerate(columns)}
            return {**x, **arrays, **changed}
        if names is None:
            return change(tf.cast(x, tf.float32), None)
        columns = tf.unstack(tf.cast(x, self._floats), axis=1)
        for index, name in enumerate(names):
            columns[int(name)] = change(columns[int(name)], index)
        return tf.stack(columns, axis=1)

    def _scale(self, x: Any, operation: Operation) -> Any:
        subtract, divide = np.asarray(operation["subtract"]), np.asarray(operation["divide"])

        def change(values: Any, index: int | None) -> Any:
            of_column = [one if index is None or not one.ndim else one[index] for one in (subtract, divide)]
            minus, by = (self._tf.constant(one, values.dtype) for one in of_column)
            scaled = (values - minus) / by
            if operation["multiply"] != 1.0:
                scaled *= self._tf.constant(operation["multiply"], values.dtype)
            return scaled + self._tf.constant(operation["add"], values.dtype) if operation["add"] else scaled

        return self._numbers(x, operation, change)

    def _clip(self, x: Any, operation: Operation) -> Any:
        def change(values: Any, _: int | None) -> Any:
            for bound, function in ((operation["low"], self._tf.maximum), (operation["high"], self._tf.minimum)):
                values = values if bound is None else function(values, self._tf.constant(bound, values.dtype))
            return values

        return self._numbers(x, operation, change)

    def _log(self, x: Any, operation: Operation) -> Any:
        add = operation["add"]
        return self._numbers(x, operation, lambda v, _: self._tf.math.log(v + self._tf.constant(add, v.dtype)))

    def _reshape(self, x: Any, operation: Operation) -> Any:
        return self._tf.reshape(self._matrix(x), [-1, *operation["shape"]])

    def _fill(self, x: Any, operation: Operation) -> Any:
        """Replace missing values: NaN among numbers, the empty text among texts."""
        tf, table = self._tf, self._table(x)
        for name, fill in operation["values"].items():
            column = table[name]
            missing = column == "" if column.dtype == tf.string else tf.math.is_nan(column)
            table[name] = tf.where(missing, tf.constant(fill, column.dtype), column)
        return table if isinstance(x, dict) else tf.stack(list(table.values()), axis=1)

    def _one_hot(self, x: Any, operation: Operation) -> Any:
        tf, wide = self._tf, {}
        for name, column in self._table(x).items():
            categories = operation["categories"].get(name)
            if categories is None:
                wide[name] = column
                continue
            hits = column[:, None] == tf.constant(categories, column.dtype)[None]
            with tf.control_dependencies(self._known(name, tf.reduce_any(hits, axis=1), operation)):
                encoded = tf.unstack(tf.cast(hits, self._floats), axis=1)
            wide.update({f"{name}={one}": encoded[index] for index, one in enumerate(categories)})
        return wide

    def _number_categories(self, x: Any, operation: Operation) -> Any:
        tf, table = self._tf, self._table(x)
        for name, categories in operation["categories"].items():
            column = table[name]
            if column.dtype == tf.string:
                numbers = self.tables[tuple(categories)].lookup(column)
            else:
                hits = column[:, None] == tf.constant(categories, column.dtype)[None]
                numbers = tf.where(tf.reduce_any(hits, axis=1), tf.argmax(hits, axis=1), -1)
            with tf.control_dependencies(self._known(name, numbers >= 0, operation)):
                table[name] = tf.cast(numbers, self._floats)
        return table if isinstance(x, dict) else self._matrix(table)

    def _known(self, name: str, known: Any, operation: Operation) -> list[Any]:
        """Return what refuses rows with an unknown category, where the run refuses them."""
        if operation["unknown"] != "error":
            return []
        return [self._tf.debugging.Assert(self._tf.reduce_all(known), [f"unknown category in column {name}"])]

    def _table(self, x: Any) -> dict[str, Any]:
        columns = dict(x) if isinstance(x, dict) else dict(enumerate(self._tf.unstack(x, axis=1)))
        return {str(name): column for name, column in columns.items()}

    def _new_table(self, words: tuple[str, ...]) -> Any:
        """Return a table from words to their numbers; others have the one of `[UNK]`, or -1."""
        tf = self._tf
        numbers = tf.range(len(words), dtype=tf.int64)
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(list(words)), numbers)
        return tf.lookup.StaticHashTable(pairs, words.index("[UNK]") if "[UNK]" in words else -1)

    def _tokens(self, x: Any, operation: Operation) -> Any:
        tf, vocabulary = self._tf, operation["vocabulary"]
        table = self.tables[tuple(vocabulary)]
        wide: dict[str, Any] = {}
        for name, column in x.items():
            if name not in operation["columns"]:
                wide[name] = column
                continue
            words = self._words(column, operation)
            numbers = tf.ragged.map_flat_values(table.lookup, words)
            if operation["output"] == "int":
                encoded = numbers.to_tensor(0, shape=(None, operation["length"]))
                labels = [f"{name}[{index}]" for index in range(operation["length"])]
            else:
                encoded = self._counts(numbers, operation)
                labels = [f"{name}={token}" for token in vocabulary]
            wide.update(zip(labels, tf.unstack(tf.cast(encoded, self._floats), axis=1), strict=True))
        return wide

    def _words(self, texts: Any, operation: Operation) -> Any:
        tf = self._tf
        texts = tf.strings.lower(texts, encoding="utf-8") if operation["lower"] else texts
        texts = tf.strings.regex_replace(texts, _PUNCTUATION, "") if operation["strip_punctuation"] else texts
        if operation["split"] == "whitespace":
            return tf.strings.split(tf.strings.strip(tf.strings.regex_replace(texts, _SPACE, " ")))
        if operation["split"] == "character":
            return tf.strings.unicode_split(texts, "UTF-8")
        return tf.RaggedTensor.from_tensor(texts[:, None])

    def _counts(self, numbers: Any, operation: Operation) -> Any:
        tf = self._tf
        size = len(operation["vocabulary"])
        counts = tf.math.bincount(numbers, minlength=size, maxlength=size, axis=-1)
        counts = tf.cast(tf.ensure_shape(counts, (None, size)), tf.float32)
        if operation["output"] == "multi_hot":
            return tf.minimum(counts, 1.0)
        return counts * tf.constant(operation["weights"], tf.float32) if operation["output"] == "tf_idf" else counts


def _word_lists(operation: Operation) -> list[tuple[str, ...]]:
    """Return the words whose numbers an operation looks up."""
    if operation["op"] == "tokens":
        return [tuple(operation["vocabulary"])]
    if operation["op"] == "number_categories":
        return [tuple(words) for words in operation["categories"].values() if all(isinstance(w, str) for w in words)]
    return []


def tensor_names(names: Sequence[str]) -> dict[str, str]:
    """Return a name for each column that TensorFlow takes as the name of an argument; names stay as far as they can."""
    found: dict[str, str] = {}
    for name in names:
        plain = "".join(one if one.isascii() and (one.isalnum() or one == "_") else "_" for one in name)
        plain = plain if plain[:1].isalpha() else f"column_{plain}"
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def interpret_tensors(
    tf: Any, outputs: Mapping[str, Any], described: Sequence[Mapping[str, Any]], *, text: bool
) -> dict[str, Any]:
    """Return labels, probabilities, and numbers in the unit of the target, as `nnrun.export.preparation.interpret`.

    Args:
        tf: TensorFlow.
        outputs: The outputs of the model by name.
        described: The `outputs` of its signature.
        text: Whether labels are text, and else the numbers of classes.
    """
    found: dict[str, Any] = {}
    functions = {"sigmoid": tf.sigmoid, "softmax": tf.nn.softmax, "as they are": tf.identity}
    for one in described:
        values, prefix = outputs[one["name"]], one["prefix"]
        if one["kind"] == "numbers":
            found[f"{prefix}prediction"] = _undone(
                tf, values, one["target_operations"], "float64" if text else "float32"
            )
            continue
        if one["kind"] not in ("class", "two classes", "labels"):
            found[f"{prefix}output"] = values
            continue
        both = None
        if one["probabilities"] is not None:
            found[f"{prefix}probabilities"], both = _decided(tf, functions[one["probabilities"]](values), one)
        if one["kind"] == "labels":
            found[f"{prefix}labels"] = values > one["threshold"]
            continue
        if both is not None and one["decision_threshold"] is not None:
            number = tf.cast(both[..., 1] >= one["decision_threshold"], tf.int64)
        elif one["kind"] == "two classes":
            number = tf.cast(values[..., 0] > one["threshold"], tf.int64)
        else:
            number = tf.argmax(values, axis=-1)
        if text:
            found[f"{prefix}label"] = tf.gather(tf.constant(one["class_names"]), number)
        else:
            found[f"{prefix}class"] = number
    return found


def _decided(tf: Any, probabilities: Any, one: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return probabilities at the temperature of the run's decision, and those of both classes; None without one."""
    if one["temperature"] == 1 and one["decision_threshold"] is None:
        return probabilities, None
    units = probabilities.shape[-1]
    both = tf.concat([1 - probabilities, probabilities], axis=-1) if units == 1 else probabilities
    both = tf.nn.softmax(tf.math.log(tf.maximum(both, 1e-30)) / one["temperature"])
    return both[..., -units:], both


def _undone(tf: Any, values: Any, operations: Sequence[Operation], floats: str) -> Any:
    found = tf.cast(values, floats) if operations else values
    for operation in reversed(operations):
        if operation["op"] == "log":
            found = tf.exp(found) - operation["add"]
            continue
        subtract, divide = (tf.constant(np.asarray(operation[key]), found.dtype) for key in ("subtract", "divide"))
        found = (found - operation["add"]) / operation["multiply"] * divide + subtract
    return found

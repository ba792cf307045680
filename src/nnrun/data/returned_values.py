"""What code of the user's own returned, as arrays: what NumPy cannot use is refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.errors import DataError

#: What a data source of the user's own may return.
RETURNS = (
    "return x, y or x, y, weights, a pair of these for training and test, a dict with the keys x and y, "
    "or a table (DataFrame) whose last column is the target"
)
#: An array of more numbers an example is no field of a table: each of them becomes a column.
MOST_COLUMNS = 20_000
#: What to return instead of arrays that hold no numbers, by the kind of the array.
NUMBER_HINTS = {
    "U": "return the columns as a dict or a DataFrame, and add a step such as OneHotEncoder",
    "S": "return the columns as a dict or a DataFrame, and add a step such as OneHotEncoder",
    "O": "return the columns as a dict or a DataFrame, and add a step such as OneHotEncoder",
    "M": "return days: x.astype('datetime64[D]').astype(float)",
    "m": "return days: x / np.timedelta64(1, 'D')",
    "c": "return np.abs(x), or the real and the imaginary part side by side",
}


def examples_returned(value: object, who: str, advice: str) -> np.ndarray | Columns:
    """Return what code of the user's returned for examples: numbers, a table, or sequences of different lengths.

    Args:
        value: What it returned.
        who: The code with its place, for messages.
        advice: What to return instead.

    Raises:
        DataError: It is nothing of the kind.
    """
    returned = ReturnedArrays(who, advice)
    if isinstance(value, Mapping) or is_table(value):
        return returned.table(columns_of(value), "the examples")
    array = returned.array(value, "the examples")
    if is_ragged(array):
        return array
    return returned.numbers(array, "the examples")


class ReturnedArrays:
    """Reads arrays that code of the user's returned.

    Args:
        who: The code with its place, for messages.
        advice: What to return instead; None: what suits the value.
    """

    def __init__(self, who: str, advice: str | None = None) -> None:
        self._who, self._advice = who, advice

    def array(self, value: Any, role: str) -> np.ndarray:
        """Return a value as an array of at least one dimension; what is masked in it is missing."""
        if hasattr(value, "toarray") and hasattr(value, "nnz"):
            raise self.error(f"expected an array for {role}, received a sparse matrix", f"return {role}.toarray()")
        if isinstance(value, str | bytes) or hasattr(value, "__next__"):
            raise self.error(f"expected an array for {role}, received {described(value)}", advice(value))
        try:
            # What is masked is missing, which the data behind the mask would hide.
            masked = isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any())
            array = value.astype("float64").filled(np.nan) if masked else np.asarray(value)
        except Exception as error:
            array = _ragged(value)
            if array is None:
                reason = (
                    "rows of different lengths" if "inhomogeneous" in str(error) else f"{described(value)}: {error}"
                )
                text = f"expected an array for {role}, received {reason}"
                raise self.error(text, "return rows of one length") from error
        if not array.ndim:
            raise self.error(f"expected an array for {role}, received {described(value)}", advice(value))
        if array.dtype.kind in "US" and isinstance(value, tuple | list):
            # NumPy would make text of what stands between text: numbers, and NaN for what is missing.
            array = np.array(value, dtype=object)
        # bfloat16 and the like, which NumPy knows by name only.
        return array.astype("float32") if array.dtype.kind == "V" and not array.dtype.names else array

    def numbers(self, array: np.ndarray, role: str) -> np.ndarray:
        """Return an array of numbers; Python objects that are numbers become float64."""
        if array.dtype.kind == "O":
            try:
                return array.astype("float64")
            except (TypeError, ValueError) as error:
                wrong = next((item for item in array.reshape(-1) if not isinstance(item, int | float)), None)
                text = f"expected numbers in {role}, received {described(wrong)}"
                raise self.error(text, NUMBER_HINTS["O"]) from error
        if array.dtype.kind not in "biuf":
            raise self.error(
                f"expected numbers in {role}, received {kind_of_values(array)}", NUMBER_HINTS.get(array.dtype.kind)
            )
        return array

    def table(self, columns: Mapping[str, Any], role: str) -> Columns:
        """Return named columns; an array of several columns becomes as many, `name_0`, `name_1`, ...

        One of more dimensions becomes `name[0]`, `name[1]`, ... in C order, which an input takes together by `name`.
        """
        values: dict[str, np.ndarray] = {}
        for name, value in columns.items():
            array = self.array(value, f"{role}[{name!r}]")
            flat = array.reshape(len(array), -1)
            if flat.shape[1] > MOST_COLUMNS:
                text = f"expected at most {MOST_COLUMNS} numbers an example for {name!r} in {role}, received "
                text += f"an array of shape {list(array.shape)}"
                raise self.error(text, "return one array of all examples as x; several inputs take columns of a table")
            form = "{}" if array.ndim == 1 or array.shape[1:] == (1,) else "{}_{}" if array.ndim == 2 else "{}[{}]"
            for index, column in enumerate(flat.T):
                values[form.format(name, index)] = self._column(column, f"{role}[{name!r}]")
        lengths = {len(column) for column in values.values()}
        if len(lengths) != 1:
            listed = ", ".join(f"{name}: {len(column)}" for name, column in values.items())
            raise self.error(f"expected columns of one length in {role}, received {listed or 'none'}", RETURNS)
        return Columns(values)

    def _column(self, column: np.ndarray, role: str) -> np.ndarray:
        """Return one column: float64 of numbers, objects of text; what is missing is NaN or None."""
        if column.dtype.kind in "biuf":
            return column.astype("float64")
        if column.dtype.kind == "M":
            return column.astype("datetime64[D]").astype("float64")
        if column.dtype.kind not in "SUO":
            raise self.error(f"expected numbers or text in {role}, received {kind_of_values(column)}", RETURNS)
        items = [None if is_missing(item) else plain_item(item) for item in column.tolist()]
        known = [item for item in items if item is not None]
        if all(isinstance(item, int | float) for item in known):
            return np.array([np.nan if item is None else item for item in items], dtype="float64")
        wrong = next((item for item in known if not isinstance(item, str | int | float)), None)
        if wrong is not None:
            raise self.error(f"expected numbers or text in {role}, received {described(wrong)}", RETURNS)
        return np.array([item if item is None else str(item) for item in items], dtype=object)

    def error(self, text: str, hint: str | None = None) -> DataError:
        """Return an error about what was returned."""
        return DataError(f"{self._who}: {text}", hint=self._advice or hint)


def is_ragged(array: np.ndarray) -> bool:
    """Return whether an array holds sequences, as objects."""
    if array.dtype.kind != "O" or array.ndim != 1:
        return False
    return len(array) > 0 and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in array)


def _ragged(value: Any) -> np.ndarray | None:
    """Return sequences of numbers of different lengths as an array of objects; None if they are something else."""
    try:
        rows = [np.asarray(row) for row in value]
    except Exception:  # noqa: BLE001 - an object of the user's may raise anything
        return None
    if any(row.ndim != 1 or row.dtype.kind not in "iu" for row in rows):
        return None
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def kind_of_values(array: np.ndarray) -> str:
    """Describe what an array holds: `text such as 'a'`, `dates`, `complex numbers`."""
    kinds = {"M": "dates", "m": "durations", "c": "complex numbers", "V": "records"}
    if array.dtype.kind in "US":
        return f"text such as {str(array.reshape(-1)[0])!r}" if array.size else "text"
    return kinds.get(array.dtype.kind, f"{array.dtype} values")


def described(value: object) -> str:
    """Describe a value in a few words: its type, and what there is of it."""
    if value is None:
        return "nothing (None)"
    name = type(value).__name__
    if hasattr(value, "__next__"):
        return f"a generator ({name}), which gives one value at a time"
    if isinstance(value, str | bytes | int | float | complex):
        shown = repr(value)
        return f"{shown if len(shown) <= 40 else f'{shown[:40]}...'} ({name})"
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"one array of shape {list(shape)}"
    return f"{name} of {len(value)}" if isinstance(value, tuple | list | set | dict) else f"an object of {name}"


def advice(value: object) -> str:
    """Return what to return instead of a value that is no array."""
    if value is None:
        return "end the function with `return x, y`"
    if hasattr(value, "__next__"):
        return "collect the rows: return np.array(rows), np.array(targets)"
    if hasattr(value, "shape"):
        return "return x, y, or x, None where the input itself is the target of an output: `$input`"
    return RETURNS


def is_table(value: object) -> bool:
    """Return whether a value is a DataFrame or a Series of any library."""
    return hasattr(value, "dtypes") and (hasattr(value, "columns") or hasattr(value, "to_frame"))


def columns_of(value: Any) -> dict[str, Any]:
    """Return the columns of a mapping, a DataFrame or a Series by their names as text."""
    if isinstance(value, Mapping):
        return {str(name): column for name, column in value.items()}
    if not hasattr(value, "columns"):
        value = value.to_frame(name=str(value.name or "target"))
    return {str(name): value[name].to_numpy() for name in value.columns}


def is_missing(item: object) -> bool:
    """Return whether an item is None, NaN, or what pandas has for these."""
    return item is None or item != item or type(item).__name__ in ("NAType", "NaTType")  # noqa: PLR0124 - NaN


def plain_item(item: object) -> object:
    """Return text for bytes, and Python's own numbers for those of libraries."""
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    return item.item() if isinstance(item, np.generic) else item

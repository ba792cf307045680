"""Plain data with arrays in it, as JSON and a list of arrays, and back: the states of callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnrun.engine.state.state_file import can_hold
from nnrun.errors import RunError


def encode(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a value as JSON can hold it; its arrays are added to `arrays` under names that begin with `name`.

    Raises:
        RunError: The value has something else than None, booleans, numbers, texts, arrays, lists, tuples and dicts.
    """
    # First, as NumPy's number of 64 bits is a `float` too, which divides by zero in another way.
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        if can_hold(array):
            arrays[name] = array
            return {"number" if isinstance(value, np.generic) else "array": name}
    elif value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [encode(one, f"{name}/{index}", arrays) for index, one in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": [encode(one, f"{name}/{index}", arrays) for index, one in enumerate(value)]}
    if isinstance(value, dict):
        pairs = enumerate(value.items())
        return {
            "dict": [
                [encode(key, f"{name}/{index}/key", arrays), encode(one, f"{name}/{index}", arrays)]
                for index, (key, one) in pairs
            ]
        }
    received = f"{str(value)[:60]} ({type(value).__name__})"
    text = f"the state of {name} has {received}, expected numbers, texts, NumPy arrays, and lists and dicts of these"
    raise RunError(text, "let get_state(self) return such values, for example with keras.ops.convert_to_numpy")


def decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the value that `encode` has encoded.

    Raises:
        KeyError: An array is missing.
    """
    if isinstance(value, list):
        return [decode(one, arrays) for one in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "number" in value:
        return arrays[value["number"]][()]
    if "tuple" in value:
        return tuple(decode(one, arrays) for one in value["tuple"])
    return {decode(key, arrays): decode(one, arrays) for key, one in value["dict"]}

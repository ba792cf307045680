"""JSON as a run folder keeps it: real JSON, with NaN and the infinities as words, numbers never as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from math import isfinite
from pathlib import PurePath
from typing import Any

#: How the numbers that JSON lacks are written, and read back where only numbers can stand.
NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def dumps(value: object, *, indent: int | None = 2) -> str:
    """Write plain data as JSON.

    NumPy's scalars and arrays become plain numbers and lists, paths and times become text.

    Args:
        value: Mappings, lists, tuples, sets, text, numbers, truth values and None, nested as one likes.
        indent: Spaces for each level; None writes everything in one line.

    Raises:
        TypeError: Something else stands in `value`.
    """
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def plain(value: object) -> Any:
    """The same data in what JSON has: dict, list, str, int, finite float, bool, None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # A file name whose bytes are not UTF-8 reaches Python as lone surrogates, which no file could hold.
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _from_object(value)


def _number(value: float) -> int | float | str:
    if isinstance(value, int):
        return int(value)
    return float(value) if isfinite(value) else str(float(value))


def _from_object(value: object) -> Any:
    """Whatever has a plain equivalent: sets (sorted), paths, times, NumPy's scalars and arrays."""
    if isinstance(value, AbstractSet):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, PurePath):
        return plain(str(value))
    if isinstance(value, date):
        return value.isoformat()
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return plain(getattr(value, method)())
    message = f"JSON can hold plain data only; received: {type(value).__name__}"
    raise TypeError(message)

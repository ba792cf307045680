"""The JSON of a run folder: real JSON in which NaN and the infinities are strings and numbers are never text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

from nnrun.errors import RunError

#: How the numbers that JSON lacks are written, and read back where only numbers can stand.
NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def dumps(value: object, *, indent: int | None = 2) -> str:
    """Return plain data as JSON.

    NumPy's scalars and arrays become plain numbers and lists, paths and times become strings.

    Args:
        value: Nested mappings, lists, tuples, sets, strings, numbers, booleans and None.
        indent: Spaces for each level; None puts everything on one line.

    Raises:
        TypeError: `value` holds something else.
    """
    return json.dumps(to_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def to_plain(value: object) -> Any:
    """Return the same data in JSON's own types: dict, list, str, int, finite float, bool, None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # A file name whose bytes are not UTF-8 reaches Python as lone surrogates, which no file could hold.
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int | float):
        return _to_plain_number(value)
    if isinstance(value, Mapping):
        return {to_plain(str(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return _to_plain_object(value)


def _to_plain_number(value: float) -> int | float | str:
    if isinstance(value, int):
        return int(value)
    return float(value) if isfinite(value) else str(float(value))


def _to_plain_object(value: object) -> Any:
    """Convert sets (sorted), paths, times, and NumPy's scalars and arrays."""
    if isinstance(value, AbstractSet):
        return [to_plain(item) for item in sorted(value)]
    if isinstance(value, PurePath):
        return to_plain(str(value))
    if isinstance(value, date):
        return value.isoformat()
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return to_plain(getattr(value, method)())
    message = f"JSON can hold plain data only; received: {type(value).__name__}"
    raise TypeError(message)


def as_number(value: object) -> float | None:
    """Return a number of a run folder's JSON, where NaN and infinities are strings; None for anything else."""
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_mapping(path: Path, hint: str | None = None) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        hint: What to type next if it cannot be read.

    Raises:
        RunError: The file is missing, damaged, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"Cannot read {path}: {error}", hint) from error
    if not isinstance(value, dict):
        raise RunError(f"Cannot read {path}: expected a JSON object.", hint)
    return value


def read_mapping_if_any(path: Path) -> dict[str, Any]:
    """Read a JSON object; a file that is missing or damaged is an empty one."""
    try:
        return read_mapping(path)
    except RunError:
        return {}

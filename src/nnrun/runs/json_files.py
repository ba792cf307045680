"""The JSON of a run folder: real JSON in which NaN and the infinities are strings and numbers are never text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from math import isfinite
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.regular_files import read_regular
from nnrun.runs.schema import MOST_LEVELS, NOT_FINITE_WORDS, check_depth

if TYPE_CHECKING:
    from nnrun.runs.schema import Check

#: How the numbers that JSON lacks are written, and read back where only numbers can stand.
NOT_FINITE = {word: float(word) for word in NOT_FINITE_WORDS}


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


def with_numbers(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping in which the words for NaN and the infinities are these numbers again."""
    return {name: NOT_FINITE.get(value, value) if isinstance(value, str) else value for name, value in figures.items()}


#: No JSON file of a run comes near this size: a record keeps 256 KiB of a diff, a confusion matrix some megabytes.
MOST_BYTES = 256 * 1024 * 1024


def read_json(path: Path, check: Check, hint: str | None = None) -> Any:
    """Read a JSON file and check what it holds.

    Args:
        path: The file.
        check: What it must hold.
        hint: What to type next if it cannot be read.

    Raises:
        RunError: The file is missing, damaged, no regular file, or holds something else; with the key.
    """
    try:
        value = parse_json(read_regular(path, MOST_BYTES))
        check(value)
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}", hint) from error
    except ValueError as error:
        raise RunError(f"Cannot read {path}: {error}", hint) from error
    return value


def parse_json(content: bytes | str) -> Any:
    """Parse real JSON in UTF-8 (NaN and the infinities are none), which is not nested too deep to be worked on.

    Python would take bytes with zeros, which a power failure leaves, for UTF-16 or UTF-32.

    Raises:
        ValueError: It is something else.
    """
    try:
        decoded = content if isinstance(content, str) else content.decode("utf-8-sig")
        value = json.loads(decoded, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError(f"more than {MOST_LEVELS} lists and mappings inside each other") from None
    check_depth(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no JSON; expected a number, or it as text: "{name.lower()}"')

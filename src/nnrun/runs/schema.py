"""What the values of a run folder's JSON must be: any file may have been edited, damaged, or made by somebody else.

A check is a function of a value that raises `Mismatch`; those of lists and mappings add the key to it. Keys that a
check does not name are let through, for versions that write more.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from nnrun.formatting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[object], None]

#: Numbers that JSON lacks are written as these words.
NOT_FINITE_WORDS = ("nan", "inf", "-inf")
#: The largest whole number that is read: it fits in 64 bits, and so do sums of many of them in floats.
MOST = 2**63 - 1
#: No file of a run is nested deeper: a model inside of a model takes about five levels.
MOST_LEVELS = 200
_SHOWN = 60


class Mismatch(ValueError):  # noqa: N818 - it becomes a RunError that names the file
    """A value is not what a check expects.

    Args:
        expected: What it expects.
        value: What there is.
        keys: The keys and indexes that lead to the value, the outermost first.
    """

    def __init__(self, expected: str, value: object, keys: tuple[str | int, ...] = ()) -> None:
        self.expected, self.value, self.keys = expected, value, keys
        where = f"{'.'.join(map(str, keys))}: " if keys else ""
        super().__init__(f"{where}expected {expected}, received {_describe(value)}")

    def inside(self, key: str | int) -> Mismatch:
        """Return the same mismatch as seen from the list or mapping that holds the value at `key`."""
        return Mismatch(self.expected, self.value, (key, *self.keys))


def _describe(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    shown = quoted(value[:_SHOWN]) if isinstance(value, str) else str(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def text(value: object) -> None:
    """Expect a text."""
    if not isinstance(value, str):
        raise Mismatch("text", value)


def flag(value: object) -> None:
    """Expect a truth value."""
    if not isinstance(value, bool):
        raise Mismatch("true or false", value)


def mapping(value: object) -> None:
    """Expect a mapping of anything."""
    require_mapping(value)


def anything(value: object) -> None:
    """Expect nothing in particular."""


def whole(least: int = 0, most: int = MOST) -> Check:
    """Expect a whole number from `least` to `most`."""
    expected = f"a whole number from {least:,} to {most:,}" if most < MOST else f"a whole number of at least {least:,}"

    def check(value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Mismatch(expected, value)

    return check


def finite(least: float | None = None) -> Check:
    """Expect a finite number, not below `least` if that is given."""
    expected = "a finite number" if least is None else f"a finite number of at least {least:g}"

    def check(value: object) -> None:
        if not _is_finite(value) or (least is not None and value < least):  # type: ignore[operator]
            raise Mismatch(expected, value)

    return check


def figure(value: object) -> None:
    """Expect a number, or the word for one that JSON lacks."""
    if not _is_finite(value) and value not in NOT_FINITE_WORDS:
        raise Mismatch("a number", value)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) if isinstance(value, float) else abs(value) <= MOST


def or_null(check: Check) -> Check:
    """Expect null, or what `check` expects."""

    def check_unless_null(value: object) -> None:
        if value is not None:
            check(value)

    return check_unless_null


def list_of(check: Check, *, length: int | None = None, least: int = 0) -> Check:
    """Expect a list of `length` items (None: of any number, at least `least`), each of which `check` accepts."""
    size = f" of {length}" if length is not None else f" of at least {least}" if least else ""

    def check_list(value: object) -> None:
        if not isinstance(value, list) or (len(value) != length if length is not None else len(value) < least):
            raise Mismatch(f"a list{size}", value)
        for index, item in enumerate(value):
            _check_inside(index, check, item)

    return check_list


def mapping_of(check: Check) -> Check:
    """Expect a mapping, each value of which `check` accepts."""

    def check_mapping(value: object) -> None:
        for key, item in require_mapping(value).items():
            _check_inside(key, check, item)

    return check_mapping


def fields(known: Mapping[str, Check], *, required: tuple[str, ...] = (), others: Check = anything) -> Check:
    """Expect a mapping.

    Args:
        known: The checks of the values of some keys.
        required: The keys that must be there.
        others: The check of all other values.
    """

    def check_fields(value: object) -> None:
        found = require_mapping(value)
        for key in required:
            if key not in found:
                raise Mismatch(f"a value for '{key}'", value)
        for key, item in found.items():
            _check_inside(key, known.get(key, others), item)

    return check_fields


def require_mapping(value: object) -> dict[str, Any]:
    """Return a mapping.

    Raises:
        Mismatch: It is none.
    """
    if not isinstance(value, dict):
        raise Mismatch("a mapping", value)
    return value


def _check_inside(key: str | int, check: Check, value: object) -> None:
    try:
        check(value)
    except Mismatch as mismatch:
        raise mismatch.inside(key) from None


def check_depth(value: object) -> None:
    """Expect no more than `MOST_LEVELS` lists and mappings inside each other."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise Mismatch(f"at most {MOST_LEVELS} lists and mappings inside each other", value)

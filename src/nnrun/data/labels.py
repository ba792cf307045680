"""Class names: what is written for a class, whether its data say 1, 1.0 or `setosa`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def label(value: object) -> str:
    """One class's name: text as it is, whole numbers without a point."""
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return str(int(number)) if number.is_integer() else repr(number)


def labels(values: Iterable[object]) -> tuple[str, ...]:
    """The distinct classes' names in order: numbers by size, then text by alphabet."""
    return tuple(sorted({label(value) for value in values}, key=_order))


def number(name: str) -> float | None:
    """The number that a class's name says, or None."""
    try:
        return float(name)
    except ValueError:
        return None


def _order(name: str) -> tuple[int, float, str]:
    said = number(name)
    return (1, 0.0, name) if said is None else (0, said, name)

"""A table in memory: named columns, each one array of numbers or of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.config.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np


@dataclass(frozen=True)
class Columns:
    """A table's columns by name, in order.

    Attributes:
        values: One array of shape (rows,) a column: float64 for numbers, object for text.
    """

    values: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.values)

    def __getitem__(self, rows: np.ndarray) -> Columns:
        return Columns({name: column[rows] for name, column in self.values.items()})

    def text(self) -> tuple[str, ...]:
        """The names of the columns that hold text."""
        return tuple(name for name, column in self.values.items() if column.dtype == object)

    def matrix(self) -> np.ndarray:
        """The columns side by side: float32 of shape (rows, columns).

        Raises:
            ValueError: A column holds text.
        """
        import numpy as np

        if self.text():
            raise ValueError(text_left(self.text()))
        matrix = np.empty((len(self), len(self.values)), dtype="float32")
        for index, column in enumerate(self.values.values()):
            matrix[:, index] = column
        return matrix


def text_left(names: Sequence[str]) -> str:
    """What is wrong with a table that still holds text where the model takes numbers."""
    shown = ", ".join(repr(name) for name in names)
    return (
        f"the model takes numbers, but {'columns' if len(names) > 1 else 'column'} {shown} "
        f"{'hold' if len(names) > 1 else 'holds'} text; add a step such as OneHot: [{', '.join(names)}]"
    )


def resolve(asked: Iterable[str | int], names: Sequence[str]) -> list[str]:
    """The names of the columns that a config asks for by name or by index (negative: from the end).

    Raises:
        ValueError: A column does not exist, or is asked for twice.
    """
    found: list[str] = []
    for column in asked:
        name = _resolve_one(column, names)
        if name in found:
            raise ValueError(f"column {name!r} is named twice")
        found.append(name)
    return found


def _resolve_one(column: str | int, names: Sequence[str]) -> str:
    if isinstance(column, int) and not isinstance(column, bool):
        if not -len(names) <= column < len(names):
            raise ValueError(f"there is no column {column}: the table has {len(names)} columns, 0 to {len(names) - 1}")
        return names[column]
    if column in names:
        return str(column)
    near = did_you_mean(str(column), names)
    listed = f"there are: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    raise ValueError(f"there is no column {column!r}; {near or listed}")


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

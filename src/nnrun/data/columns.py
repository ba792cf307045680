"""A table in memory: named columns, each an array of numbers or of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from numbers import Integral
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from nnrun.config.hints import did_you_mean
from nnrun.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np


#: float64 holds every whole number up to this one.
LONG = 2**53


@dataclass(frozen=True)
class Columns:
    """The columns of a table by name, in order.

    Attributes:
        values: One array of shape (rows,) for each column: float64 for numbers (int64 or uint64 if some are whole
            numbers beyond 2^53), object for text.
        arrays: Arrays that stand next to the columns, such as pictures, each of shape (rows, ...) or a stream of such.
    """

    values: Mapping[str, np.ndarray]
    arrays: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter((*self.values.values(), *self.arrays.values())), ()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.values)

    def __getitem__(self, rows: np.ndarray) -> Columns:
        arrays = {name: array[rows] for name, array in self.arrays.items()}
        return Columns({name: column[rows] for name, column in self.values.items()}, arrays)

    def text(self) -> tuple[str, ...]:
        """Return the names of the columns of text."""
        return tuple(name for name, column in self.values.items() if column.dtype == object)

    def matrix(self) -> np.ndarray:
        """Return the columns side by side as float32 of shape (rows, columns), without the arrays next to them.

        Raises:
            ValueError: A column holds text.
        """
        import numpy as np

        if self.text():
            raise ValueError(f"{text_left(self.text())}; add a step such as OneHotEncoder: [{', '.join(self.text())}]")
        matrix = np.empty((len(self), len(self.values)), dtype="float32")
        # Numbers beyond float32 become infinite, which is reported with their place.
        with np.errstate(over="ignore"):
            for index, column in enumerate(self.values.values()):
                matrix[:, index] = column
        return matrix


def text_left(names: Sequence[str]) -> str:
    """Return the message for columns of text that are left where the model needs numbers."""
    shown = ", ".join(repr(name) for name in names)
    return (
        f"the model takes numbers, but {'columns' if len(names) > 1 else 'column'} {shown} "
        f"{'hold' if len(names) > 1 else 'holds'} text"
    )


class ColumnError(ValueError):
    """A column that does not exist, or is named twice.

    Args:
        text: What is wrong.
        index: Its index among the columns that were asked for.
    """

    def __init__(self, text: str, index: int) -> None:
        super().__init__(text)
        self.index = index


def resolve_columns(columns: Iterable[str | int], names: Sequence[str]) -> list[str]:
    """Return the names of columns that are given by name or by index (negative: from the end).

    Raises:
        ColumnError: A column does not exist, or is named twice.
    """
    found: dict[str, None] = {}
    known = frozenset(names)
    for index, column in enumerate(columns):
        name = str(column) if isinstance(column, str) and column in known else _resolve_one(column, names, index)
        if name in found:
            raise ColumnError(f"column {name!r} is named twice", index)
        found[name] = None
    return list(found)


def _resolve_one(column: str | int, names: Sequence[str], index: int) -> str:
    if isinstance(column, int) and not isinstance(column, bool):
        if not -len(names) <= column < len(names) and str(column) in names:
            return str(column)  # a header of years
        if not -len(names) <= column < len(names):
            known = f"{format_count(len(names), 'column')}, 0 to {len(names) - 1}"
            raise ColumnError(f"there is no column {column}: the table has {known}", index)
        return names[column]
    if column in names:
        return str(column)
    # Editors and file systems write some letters with accents as one character, others as two.
    same = [name for name in names if normalize("NFC", name) == normalize("NFC", str(column))]
    if len(same) == 1:
        return same[0]
    listed = f"there are: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    raise ColumnError(f"there is no column {column!r}; {did_you_mean(str(column), names) or listed}", index)


def label(value: object) -> str:
    """Return the name of a class: text as it is, whole numbers without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return str(int(value))
    number = float(value)  # type: ignore[arg-type]
    return str(int(number)) if number.is_integer() else repr(number)


def without_point(value: object) -> object:
    """Return a whole number without its `.0`, as the user wrote it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def labels(values: Iterable[object]) -> tuple[str, ...]:
    """Return the names of the distinct classes in order: numbers by size, then text by alphabet."""
    return tuple(sorted({label(value) for value in values}, key=_order))


def parse_number(name: str) -> float | None:
    """Return the finite number that a class's name is, or None."""
    try:
        number = float(name)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _order(name: str) -> tuple[int, float, str]:
    value = parse_number(name)
    return (1, 0.0, name) if value is None else (0, value, name)

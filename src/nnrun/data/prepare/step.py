"""What a step of the preparation is, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.columns import Columns

    #: Examples between two steps: an array whose first dimension counts them, or a table's columns.
    ArrayOrTable: TypeAlias = np.ndarray | Columns

#: What is wrong with sequences that no step brought to one length.
RAGGED_LEFT = "the model takes examples of one shape, but these are sequences of different lengths"


@dataclass(frozen=True)
class ExampleSpec:
    """What is known of the examples between two steps, before anything is loaded.

    Attributes:
        shape: The shape of one example; None for a size that is not known yet.
        columns: The names of a table's columns; None where there are none, or where they are not known yet.
        values: The distinct values of columns, as far as they are known.
        text: The columns that hold text.
        ragged: Whether examples are sequences of different lengths.
    """

    shape: tuple[int | None, ...]
    columns: tuple[str, ...] | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: frozenset[str] = frozenset()
    ragged: bool = False


class Step(Protocol):
    """One step of the preparation."""

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn from the training part; return what the user should be told."""

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Prepare examples with what was learned."""

    def state(self) -> dict[str, Any]:
        """What was learned, as JSON."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what an earlier `fit` learned."""

    def shape(self, view: ExampleSpec) -> ExampleSpec | None:
        """What the step makes of such examples, None where only running it tells; a ValueError says why it cannot."""


def indexes(x: np.ndarray) -> list[str]:
    """The columns of an array of rows by index, as text.

    Raises:
        ValueError: The array is no table.
    """
    if x.ndim != 2:
        raise ValueError(f"columns can be named in a table only, but an example has the shape {list(x.shape[1:])}")
    return [str(index) for index in range(x.shape[1])]


class UnseenCategoryError(DataError):
    """A category that the training part does not have, met by a step that knows its examples by their order alone.

    Args:
        known: The categories of the training part.
        received: The first other one.
        example: Where that is among the examples at hand, counted from 0.
        count: In how many examples there is one.
        column: The column's name.
        hint: What to do.
    """

    def __init__(
        self, known: Sequence[object], received: object, *, example: int, count: int, column: str, hint: str
    ) -> None:
        shown = ", ".join(map(str, known[:8])) + (", ..." if len(known) > 8 else "")
        others = f" ({count - 1:,} more rows hold such)" if count > 1 else ""
        self.said = f"expected one of the categories of the training part ({shown}), received {received!r}"
        self.others, self.example = others, example
        super().__init__(self.said + others, column=column, hint=hint)

    def at(self, place: str) -> DataError:
        """The same with the place of the first in words."""
        return DataError(f"{self.said} in {place}{self.others}", column=self.column, hint=self.hint)

    def in_file(self, file: Path, line: int | None) -> DataError:
        """The same of a file, with the line of the first; where lines are not known, with its row."""
        if line is None:
            told = f"{self.said} in row {self.example} (counted from 0){self.others}"
            return DataError(told, file=file, column=self.column, hint=self.hint)
        return DataError(self.said + self.others, file=file, row=line, column=self.column, hint=self.hint)

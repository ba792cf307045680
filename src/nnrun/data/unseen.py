"""Categories that the training part does not have: which, and in which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class UnseenError(DataError):
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

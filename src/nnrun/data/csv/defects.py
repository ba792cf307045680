"""What is wrong with the rows of a text file: every kind of defect of every column, with its row and its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from nnrun.data.csv.invalid_values import cell_misfit, row_misfit
from nnrun.data.csv.rows import damaged_rows
from nnrun.data.csv.type_inference import Scan, Wanted, scan, tally_rows
from nnrun.errors import DataError, DefectsError, Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.data.csv.dialect import Dialect
    from nnrun.data.csv.invalid_values import Misfit
    from nnrun.data.csv.rows import Row
    from nnrun.data.csv.type_inference import Kind


#: Of one kind of defect in one column the first is told in full, so many of the next by their row, the rest counted.
_NAMED = 3
#: More kinds of defects of more columns than this are only counted.
_MOST = 50


@dataclass
class Defect:
    """One kind of defect of one column.

    Attributes:
        row: The line of the first, counted from 1.
        column: The column's name, or the index of a field that has none.
        text: What was expected and received there.
        hint: What to do.
        mark: Where in the file that is; None where there is no one place.
        more: The lines of the next ones.
        count: How many there are.
    """

    row: int | None
    column: str | int | None
    text: str
    hint: str | None
    mark: Mark | None = None
    more: list[int] = field(default_factory=list)
    count: int = 1

    def problem(self) -> Problem:
        """What is said of it."""
        named = [("row", self.row), ("column", self.column)]
        place = ", ".join(f"{word} {what}" for word, what in named if what is not None)
        text = self.text + self._others()
        return Problem(self.mark, f"{place}: {text}" if place else text, self.hint, "defective-data")

    def _others(self) -> str:
        if not self.more:
            return ""
        left = self.count - 1 - len(self.more)
        rows = ", ".join(map(str, self.more)) + (f" and {left:,} more" if left else "")
        return f" (likewise in row{'s' if self.count > 2 else ''} {rows})"


class Defects:
    """Defects by their kind and column, the first of each in full: what a refusal tells of any number of them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | int | None], Defect] = {}
        self._beyond = 0

    def add(self, kind: str, column: str | int | None, row: int, first: Callable[[], Defect]) -> None:
        """Count one more; `first` tells the first of its kind and column in full."""
        if (known := self._found.get((kind, column))) is not None:
            known.count += 1
            known.more += [row] if len(known.more) < _NAMED else []
        elif len(self._found) < _MOST:
            self._found[kind, column] = first()
        else:
            self._beyond += 1

    def told(self) -> list[Defect]:
        """All that is told, in the order in which they were met."""
        if not self._beyond:
            return list(self._found.values())
        text = f"and {self._beyond:,} more defects"
        return [*self._found.values(), Defect(None, None, text, "mend these first")]


def examine(file: Path, dialect: Dialect, wanted: Wanted, limit: int | None = None) -> tuple[Scan, list[Defect]]:
    """What the wanted columns of a file hold, and everything that is wrong with them, first rows first.

    Args:
        file: The file.
        dialect: How it is written.
        wanted: Its columns.
        limit: How many rows are looked at; None: all.

    Raises:
        DataError: It cannot be read at all.
    """
    refused = None
    try:
        found = scan(file, dialect, wanted, limit)
        if found.sound(wanted):
            return found, []
    except DataError as error:
        refused = error
        # A strict reader stops at the first quote or byte that is wrong.
        sound = (list(row.texts) for row in _rows(file, dialect, wanted, limit) if row.fault is None)
        found = tally_rows(sound, dialect, wanted)
    # Once more, and slowly: a quick reading keeps no places.
    defects = _defects(file, _rows(file, dialect, wanted, limit), dialect, wanted, wanted.kinds(found.columns))
    if refused is not None and not defects:
        raise refused
    if not found.rows and not defects:
        return found, [Defect(None, None, "expected rows below the header, received none", "is it the right file?")]
    return found, defects


def refusal(file: Path, defects: list[Defect]) -> DefectsError:
    """All defects as one error."""
    first = defects[0]
    return DefectsError(
        [defect.problem() for defect in defects],
        file=file,
        row=first.row,
        column=first.column,
        text=first.text + (f" (and {len(defects) - 1} more defects)" if len(defects) > 1 else ""),
        hint=first.hint,
    )


def _rows(file: Path, dialect: Dialect, wanted: Wanted, limit: int | None) -> Iterator[Row]:
    below = (row for row in damaged_rows(file, dialect, len(wanted.head.names)) if row.number > wanted.head.line)
    return islice(below, limit)


def _defects(
    file: Path, rows: Iterator[Row], dialect: Dialect, wanted: Wanted, kinds: Mapping[str, Kind]
) -> list[Defect]:
    found = Defects()
    for row in rows:
        for misfit in _misfits(row, dialect, wanted, kinds):
            found.add(misfit.name, misfit.column, row.number, partial(defect_at, file, row, misfit))
    return found.told()


def defect_at(file: Path, row: Row, misfit: Misfit) -> Defect:
    """A misfit as a defect, at its place in the file."""
    mark = Mark(_shown(file), row.number, misfit.at.start, misfit.at.length, _readable(row.line))
    return Defect(row.number, misfit.column, misfit.text, misfit.hint, mark)


def _misfits(row: Row, dialect: Dialect, wanted: Wanted, kinds: Mapping[str, Kind]) -> Iterator[Misfit]:
    """What is wrong with a row as a whole, or else with its fields."""
    whole = row_misfit(row, dialect, wanted.head)
    if whole is not None:
        yield whole
        return
    names = wanted.head.names
    for name, role in wanted.roles.items():
        found = cell_misfit(row, names.index(name), dialect, (name, role, kinds[name]), gap=name in wanted.gaps)
        if found is not None:
            yield found


def _readable(line: str) -> str:
    """A line without the lone surrogates that stand for its bytes which are no text."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shown(file: Path) -> str:
    """The file's path as a user in the working folder would type it."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)

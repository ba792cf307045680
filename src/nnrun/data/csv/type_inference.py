"""What the columns of a text file hold, told by one quick reading with the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

from nnrun.data.csv.dates import days, refuse_form
from nnrun.data.csv.dialect import rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from nnrun.data.csv.dialect import Dialect, Head


#: Distinct values of a column beyond this number are not kept: it is no column of categories.
_MOST_VALUES = 1000
Kind = Literal["number", "date", "text", "category"]
Role = Literal["feature", "target", "weight", "group"]


@dataclass(frozen=True)
class Wanted:
    """The columns that are read from a file.

    Attributes:
        head: The file's columns.
        roles: What each column that is read is for, in order.
        types: The kinds of columns that are stated.
        gaps: The columns that may have missing values.
    """

    head: Head
    roles: Mapping[str, Role]
    types: Mapping[str, Kind] = field(default_factory=dict)
    gaps: Collection[str] = ()

    def kinds(self, tallies: Mapping[str, Tally]) -> dict[str, Kind]:
        """What each column holds: what is stated, or else what most of its fields say."""
        return {name: self.types.get(name) or tally.kind() for name, tally in tallies.items()}


@dataclass
class Tally:
    """What one column of a file holds.

    Attributes:
        form: How its dates are written; empty: as ISO 8601.
        counts: How many fields are numbers, dates and other texts; missing ones are not counted.
        missing: Whether fields are missing.
        odd: Whether fields hold letters that nobody sees.
        least: The least number.
        seen: What each field met so far is; a look-up is quicker than a second look.
        full: Whether there are too many different fields to keep.
    """

    form: str = ""
    counts: dict[str, int] = field(default_factory=lambda: {"number": 0, "date": 0, "text": 0, "missing": 0})
    odd: bool = False
    least: float = 0.0
    seen: dict[str, str] = field(default_factory=dict)
    full: bool = False

    def add(self, text: str, dialect: Dialect) -> None:
        """Count one field."""
        self.counts[self.seen.get(text) or self._new(text, dialect)] += 1

    def distinct(self) -> set[str] | None:
        """The distinct fields that are not missing; None where there are too many."""
        return None if self.full else {text.strip() for text, kind in self.seen.items() if kind != "missing"}

    def kind(self) -> Kind:
        """`date` where more than half of the fields are dates, `text` where less than half are numbers."""
        numbers, dates, texts = (self.counts[kind] for kind in ("number", "date", "text"))
        if dates > numbers + texts:
            return "date"
        return "text" if dates + texts > numbers else "number"

    def suits(self, kind: Kind) -> bool:
        """Whether all fields that are not missing are of this kind."""
        others = {"number": ("date", "text"), "date": ("number", "text")}.get(kind, ())
        return not self.odd and not any(self.counts[other] for other in others)

    def _new(self, text: str, dialect: Dialect) -> str:
        """What a field is that was not met before."""
        kind = self._looked_at(text, dialect)
        self.odd = self.odd or not text.isprintable()
        self.full = self.full or len(self.seen) >= _MOST_VALUES
        if not self.full:
            self.seen[text] = kind
        return kind

    def _looked_at(self, text: str, dialect: Dialect) -> str:
        if dialect.is_missing(text):
            return "missing"
        # Dates of a stated form may look like numbers: 20260131.
        if self.form and days(text, self.form) is not None:
            return "date"
        if (number := dialect.number(text)) is not None:
            self.least = min(self.least, number)
            return "number"
        return "text" if self.form or days(text) is None else "date"


@dataclass
class Scan:
    """What a file holds.

    Attributes:
        rows: How many rows were read.
        columns: What each column holds.
        broken: Whether a row is too short or too long, or is the header over again.
    """

    rows: int
    columns: dict[str, Tally]
    broken: bool = False

    def sound(self, wanted: Wanted) -> bool:
        """Whether nothing is wrong with these columns, as far as a quick reading tells."""
        kinds = wanted.kinds(self.columns)
        return (
            self.rows > 0
            and not self.broken
            and all(
                tally.suits(kinds[name])
                and (not tally.counts["missing"] or name in wanted.gaps)
                and (wanted.roles[name] != "weight" or tally.least >= 0)
                for name, tally in self.columns.items()
            )
        )


def scan(file: Path, dialect: Dialect, wanted: Wanted, limit: int | None = None) -> Scan:
    """Read a file row by row, at most `limit` rows, and tell what the wanted columns hold.

    Raises:
        DataError: It cannot be read, a byte is no text, or quotes are not closed.
    """
    found = (pair[1] for pair in rows(file, dialect) if pair[0] > wanted.head.line)
    return tally_rows(islice(found, limit), dialect, wanted)


def tally_rows(rows_of_fields: Iterable[list[str]], dialect: Dialect, wanted: Wanted) -> Scan:
    """Tell what the wanted columns of these rows hold."""
    names = wanted.head.names
    where = {names.index(name): Tally(dialect.dates.get(name, "")) for name in wanted.roles}
    found = Scan(0, {names[index]: tally for index, tally in where.items()})
    for fields in rows_of_fields:
        found.rows += 1
        if len(fields) != len(names) or (wanted.head.line and repeats_header(fields, names)):
            found.broken = True
            continue
        for index, tally in where.items():
            tally.add(fields[index], dialect)
    return found


def repeats_header(fields: list[str], names: tuple[str, ...]) -> bool:
    """Whether a row is the header over again, as in files that were put together from several."""
    return fields[0].strip() == names[0] and all(text.strip() == name for text, name in zip(fields, names, strict=True))


def kinds_and_forms(
    source: str, types: Mapping[str, Kind | dict[str, str]] | None
) -> tuple[dict[str, Kind], dict[str, str]]:
    """What columns hold, and how the dates of some are written.

    Args:
        source: The word of the config, for messages.
        types: What the config states.

    Raises:
        ValueError: A date's format is none, or a column is stated to be something else.
    """
    kinds: dict[str, Kind] = {}
    forms: dict[str, str] = {}
    for name, said in (types or {}).items():
        if isinstance(said, str):
            kinds[name] = said
            continue
        if set(said) != {"date"}:
            what = ", ".join(said) or "nothing"
            text = f"number, text, category, date or {{date: '%d.%m.%Y'}}, received a mapping of {what}"
            raise ValueError(f"{source}: types: {name} expected {text}")
        try:
            refuse_form(said["date"])
        except ValueError as error:
            raise ValueError(f"{source}: types: {name}: {error}") from None
        kinds[name], forms[name] = "date", said["date"]
    return kinds, forms

"""Columns of text that hold numbers or dates: what is wrong, and the line of the config that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.data.csv.number_format import NumberFormat
from nnrun.data.csv.written import written_as
from nnrun.formatting import format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from nnrun.data.csv.written import Written
    from nnrun.errors import Path as ConfigPath


@dataclass(frozen=True)
class WrittenColumns:
    """The columns of a source whose texts are numbers or dates.

    Attributes:
        columns: What the texts of each column are.
        usual: How the numbers of the source are written.
        marks: The keys of the source that would state how these are written; empty where only `types` can.
        separator: The separator that would have to be stated with a decimal comma; empty where it is stated.
        types: The types of columns that the config states.
        missing: The words for a missing value that the config states; None if the source has no such key.
        rows: How many rows were examined; None for all.
    """

    columns: Mapping[str, Written] = field(default_factory=dict)
    usual: NumberFormat = field(default_factory=NumberFormat)
    marks: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    types: Mapping[str, Any] = field(default_factory=dict)
    missing: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    rows: int | None = None

    def findings(self, names: Iterable[str], path: ConfigPath, as_categories: str = "") -> Iterator[Finding]:
        """Yield one finding for all of the named columns that are written alike.

        Args:
            names: The columns.
            path: The place of the source's arguments in the config.
            as_categories: What else to do where each text becomes a category or a class, so that the config can be run.
        """
        alike: dict[tuple[str, bool], list[str]] = {}
        for name in names:
            one = self.columns.get(name)
            if one is not None and not (as_categories and one.problem):
                alike.setdefault((one.description, bool(one.dates)), []).append(name)
        for (description, are_dates), found in alike.items():
            what = f"column{'s' if len(found) > 1 else ''} {format_names(map(repr, found))}"
            read = "each of which becomes a category" if as_categories else "which are read as text"
            seen = "" if self.rows is None else f" (in the first {self.rows:,} rows)"
            example = self.columns[found[0]].example
            unread = format_names(map(repr, self.columns[found[0]].unread), 3)
            read = f"all but {unread}, {read}" if unread else read
            text = f"{what} hold{'' if len(found) > 1 else 's'} {description}, such as {example!r}, {read}{seen}"
            if as_categories:
                hint = f"{self.hint(found)}; {as_categories}"
                yield Finding(path, text, hint, "numbers-as-categories", "warning")
            else:
                yield Finding(path, text, self.hint(found), "dates-as-text" if are_dates else "numbers-as-text")

    def hint(self, names: Sequence[str]) -> str:
        """Return what to write for columns that are written alike."""
        one = self.columns[names[0]]
        if one.problem:
            return one.problem[1].replace("COLUMN", dump_inline(names[0]))
        keys = self.keys(names)
        marks = {key: value for key, value in keys.items() if key not in ("types", "missing")}
        lines = [_line(marks)] if marks else []
        lines += [f"{key}: {dump_inline(keys[key])}" for key in ("types", "missing") if key in keys]
        words = self._words(names)
        hint = f"add {' and '.join(f'`{line}`' for line in lines)} to the source{self._meaning(names[0])}"
        return f"{hint}; {format_names(map(repr, words))} would be missing" if words else hint

    def keys(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the keys of the source that read columns which are written alike, with all that they have to state."""
        one = self.columns[names[0]]
        separator = {"separator": self.separator} if self.separator == self.marks.get("decimal") else {}
        needs_marks = self.marks and one.numbers and self._needs_marks(one.numbers[0])
        keys: dict[str, Any] = {**self.marks, **separator} if needs_marks else {}
        if any(self._type(self.columns[name]) for name in names):
            keys["types"] = self._all_types()
        if (words := self._words(names)) and self.missing is not None:
            keys["missing"] = all_words(self.missing, words)
        return keys

    def _words(self, names: Sequence[str]) -> list[str]:
        """Return the words in these columns that would be missing values."""
        return list(dict.fromkeys(word for name in names for word in self.columns[name].words))

    def _needs_marks(self, form: NumberFormat) -> bool:
        return (form.decimal, form.thousands) != (self.usual.decimal, self.usual.thousands)

    def _all_types(self) -> dict[str, Any]:
        """Return the types that the config states, and those that all columns need."""
        return {**self.types, **{name: found for name, one in self.columns.items() if (found := self._type(one))}}

    def _type(self, one: Written) -> Any:
        """Return what `types` has to state about a column; None if the keys of the source suffice."""
        if one.dates:
            return {"date": one.dates[0]}
        decimal = self.marks.get("decimal", self.usual.decimal)
        usual = NumberFormat(decimal, self.marks.get("thousands", self.usual.thousands))
        return stated_type(one.numbers[0], usual) if one.numbers else None

    def _meaning(self, name: str) -> str:
        """Return what the line makes of the example of a column, and what to write if it means something else."""
        one = self.columns[name]
        if one.dates:
            others = " or ".join(f"`{dump_inline({'date': form})}`" for form in one.dates[1:3])
            return f", or {others} there, which reads every row too" if others else ""
        meaning = f", so that {one.example!r} is {one.numbers[0].parse(one.example):.12g}"
        if len(one.numbers) == 1:
            return meaning
        other = one.numbers[1]
        line = dump_inline({name: stated_type(other, self.usual)})
        return f"{meaning}; if it is {other.parse(one.example):.12g}, `types: {line}`"


def written_columns(
    texts: Mapping[str, Collection[str]],
    usual: NumberFormat,
    *,
    shows_mark: bool = False,
    has_marks: bool = False,
    **stated: Any,
) -> WrittenColumns:
    """Return which columns of text hold numbers or dates.

    Args:
        texts: The distinct texts of each column of text whose type is not stated.
        usual: How the numbers of the source are written.
        shows_mark: Whether numbers of other columns have the usual decimal mark.
        has_marks: Whether the source has the keys `decimal` and `thousands`.
        **stated: The other attributes of `WrittenColumns`.
    """
    decimals = usual.decimal if shows_mark else ".,"
    found = {name: written_as(values, usual, decimals=decimals) for name, values in texts.items()}
    columns = {name: one for name, one in found.items() if one is not None}
    needed = {(one.numbers[0].decimal, one.numbers[0].thousands) for one in columns.values() if one.numbers}
    needed.discard((usual.decimal, usual.thousands))
    marks: dict[str, str] = {}
    if has_marks and len(needed) == 1:
        ((decimal, thousands),) = needed
        # Where `types` has to name every column anyway, it states their marks too.
        has_marks = any(one.numbers == (NumberFormat(decimal, thousands), *one.numbers[1:]) for one in columns.values())
    if has_marks and len(needed) == 1:
        marks = {"decimal": decimal} if decimal != usual.decimal else {}
        marks |= {"thousands": thousands} if thousands else {}
        others = [one for one in columns.values() if one.numbers and one.numbers[0].decimal != decimal]
        if "decimal" in marks and (shows_mark or others):
            # The other mark in the rest of the file would no longer be one.
            marks = {}
    return WrittenColumns(columns, usual, marks, **stated)


def missing_hint(name: str, words: Sequence[str], stated: Sequence[str] | Mapping[str, Sequence[str]]) -> str:
    """Return what to write for words among the numbers of a column."""
    missing, types = dump_inline(all_words(stated, words)), dump_inline({name: "category"})
    fields, stand = ("fields", "stand") if len(words) > 1 else ("field", "stands")
    return (
        f"correct the {fields}, or add `missing: {missing}` to the source if {format_names(map(repr, words))} {stand} "
        f"for a missing value, or `types: {types}` if the column holds names"
    )


def all_words(stated: Sequence[str] | Mapping[str, Sequence[str]], words: Sequence[str]) -> Any:
    """Return what a config states as `missing`, with further words."""
    if isinstance(stated, Mapping):
        return {"only": [*stated["only"], *words]}
    return [*stated, *words]


def stated_type(form: NumberFormat, usual: NumberFormat) -> Any:
    """Return what `types` states about a column in a source of such numbers; None if that is nothing."""
    words: dict[str, str] = {"type": "percent"} if form.percent else {}
    words |= {"decimal": form.decimal} if form.decimal != usual.decimal else {}
    words |= {"thousands": form.thousands} if form.thousands and form.thousands != usual.thousands else {}
    words |= {"unit": form.unit} if form.unit else {}
    words |= {"negative": form.negative} if form.negative != "sign" else {}
    return "percent" if words == {"type": "percent"} else words or None


def _line(keys: Mapping[str, Any]) -> str:
    """Return keys with their values as a config has them on one line."""
    return dump_inline(dict(keys))[1:-1]

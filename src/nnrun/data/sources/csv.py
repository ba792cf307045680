"""The source `csv`: a table in a text file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import Columns, labels, resolve
from nnrun.data.csv.column_roles import Asked, Chosen, side_by_side
from nnrun.data.csv.dates import days
from nnrun.data.csv.defects import examine
from nnrun.data.csv.dialect import Dialect, Head
from nnrun.data.csv.header import read_head
from nnrun.data.csv.read_columns import read_columns
from nnrun.data.csv.type_inference import Wanted, kinds_and_forms
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.streaming.memory import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError, DefectsError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nnrun.data.csv.type_inference import Kind, Role, Scan
    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: A file up to this many bytes is read whole by `check` (0.4 s at most), of a larger one the start.
_WHOLE = 1_000_000
_START_ROWS = 1000
_WORDS = ("text", "category")


class Csv:
    """A table in a text file: one row an example, fields between separators.

    Malformed rows, text among numbers and missing values are refused, all of them, with their rows and columns. A date
    becomes a number: the days since 1970-01-01, the time of day as their fraction, in UTC where it states no zone. A
    category stays text that `OneHot`, `Ordinal` or `Hash` turns into numbers, by the categories of the training part.

    Args:
        file: The file, relative to the config or to the data folder; `.gz` is unpacked.
        header: Whether the first line names the columns; where not given, it does unless one of its fields is a number
            or a date.
        separator: The character between fields; a blank stands for any run of blanks; default: a tab for `.tsv`, else
            a comma.
        decimal: The decimal mark.
        encoding: The text's encoding.
        missing: The fields that stand for a missing value; default: an empty field, `NA`, `NaN`, `nan`, `null`.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        types: For columns whose type is not what it looks like: `number`, `text`, `category` (unordered, also where
            its names are numbers), `date` (as ISO 8601 writes it), or `{date: '%d.%m.%Y'}` with the codes of Python's
            `strptime`. A column most of whose fields are ISO dates is one without being stated.
        sample_weight: The column, by name or index, that says how much each row counts in training: numbers of at
            least 0. It is no feature.
        group: The column, by name or index, whose rows of one value stay together, in one fold and in one part. It is
            no feature.
        stream: Whether rows stay on disk while the model is trained: the file is converted once to a form of which any
            row is read at once, which is kept in the data folder. Where not given, they do if the table would need
            more than `memory`.
        memory: How much memory the rows may take, in GB: it decides whether they stream, and how much of a stream is
            in memory at a time.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the config's own words
        self,
        file: str,
        header: bool | None = None,
        separator: str | None = None,
        decimal: Literal[".", ","] = ".",
        encoding: str = "utf-8",
        missing: list[str] | None = None,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date"] | dict[str, str]] | None = None,
        sample_weight: str | int | None = None,
        group: str | int | None = None,
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
    ) -> None:
        check_memory_limit("csv", memory)
        self.stream, self.memory = stream, memory
        plain = file.removesuffix(".gz").lower()
        separator = separator or ("\t" if plain.endswith(".tsv") else ",")
        if len(separator) != 1 or separator in '"\r\n' or separator == decimal:
            raise ValueError(
                f"csv: separator expected one character other than the decimal mark, received {separator!r}"
            )
        words = Dialect.missing if missing is None else tuple(missing)
        self.file = file
        self.types, dates = kinds_and_forms("csv", types)
        self.dialect = Dialect(separator, decimal, encoding, words, header, dates)
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        targets = target if isinstance(target, list) else [-1 if target is None else target]
        self.asked = Asked(features, targets, sample_weight, group)

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Read the table, or convert it where it streams."""
        file = places.require(self.file)
        head = read_head(file, self.dialect, self.asked)
        chosen = self._select(file, head)
        wanted = self._wanted(head, chosen)
        if self._streams(file):
            from nnrun.data.sources.converted_table import converted_csv, streamed_examples

            store = converted_csv(file, self.dialect, wanted, self.memory * 1e9, places, progress)
            (examples, table), kinds = streamed_examples(store, chosen, self.memory * 1e9), store.kinds
        else:
            table, kinds = read_columns(file, self.dialect, wanted)
            examples = chosen.examples(table)
        dates = {name: self.dialect.dates.get(name, "") for name, kind in kinds.items() if kind == "date"}
        return SourceData(
            examples,
            target_names=chosen.targets,
            files={file.name: file},
            layout=chosen.layout(head.names, table, header=bool(head.line), dates=dates),
            groups=None if chosen.group is None else table[chosen.group],
            group=chosen.group,
        )

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read another file with the same columns; the target columns may be missing where they are not asked for."""
        head = read_head(file, self.dialect)
        head = _positional(head, layout) if not (layout["header"] and head.line) else head
        wanted = [*layout["features"], *(layout["targets"] if with_target else [])]
        try:
            resolve(wanted, head.names)
        except ValueError as error:
            raise DataError(
                str(error), file=file, hint=f"the run was trained on the columns {', '.join(wanted)}"
            ) from None
        dates: Mapping[str, str] = layout.get("dates", {})
        # Targets that were numbers keep what they look like: the encoding names a class that is not the run's.
        types: dict[str, Kind] = dict.fromkeys(layout["features"], "number")
        types |= {name: "text" for name in wanted if name in layout["text"]}
        types |= {name: "date" for name in wanted if name in dates}
        roles: dict[str, Role] = {name: "feature" if name in layout["features"] else "target" for name in wanted}
        gaps = layout["features"] if self.missing_allowed else ()
        table, _ = read_columns(file, replace(self.dialect, dates=dates), Wanted(head, roles, types, gaps))
        y = side_by_side({name: table[name] for name in layout["targets"]}) if with_target else None
        return Examples(Columns({name: table[name] for name in layout["features"]}), y)

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Read the header and, of a small file, all rows: columns, classes, and whatever is wrong."""
        below = (*path, "csv")
        try:
            file = places.require(self.file)
            head = read_head(file, self.dialect, self.asked)
        except DefectsError as error:
            return None, [
                Finding((*below, "file"), one.text, one.hint, "defective-data", mark=one.mark) for one in error.problems
            ]
        except DataError as error:
            name = "unreadable-data" if places.find(self.file) else "missing-file"
            return None, [Finding((*below, "file"), error.text, error.hint, name)]
        findings = [*self.asked.wrong(head.names, below), *self._wrong_types(head, below)]
        if findings:
            return None, findings
        whole = file.stat().st_size <= _WHOLE and file.suffix != ".gz"
        try:
            chosen = self._select(file, head)
            found, wrong = examine(file, self.dialect, self._wanted(head, chosen), None if whole else _START_ROWS)
        except DataError as error:
            return None, [Finding((*below, "file"), error.text, error.hint, "defective-data")]
        problems = [defect.problem() for defect in wrong]
        return self._outline(chosen, found, whole=whole, streamed=self._streams(file)), [
            Finding((*below, "file"), one.text, one.hint, "defective-data", mark=one.mark) for one in problems
        ]

    def _outline(self, chosen: Chosen, found: Scan, *, whole: bool, streamed: bool) -> DataFacts:
        kinds = {name: self.types.get(name) or tally.kind() for name, tally in found.columns.items()}
        text = frozenset(name for name in chosen.features if kinds[name] in _WORDS)
        values = {
            name: self._values(name, distinct, kinds[name])
            for name, tally in found.columns.items()
            if whole and (distinct := tally.distinct())
        }
        return DataFacts(
            (len(chosen.features),),
            found.rows if whole else None,
            class_names=values.get(chosen.targets[0]) if len(chosen.targets) == 1 else None,
            columns=chosen.features,
            text=text,
            values=values,
            target_names=chosen.targets,
            group=chosen.group,
            streamed=streamed,
        )

    def _streams(self, file: Path) -> bool:
        # A number of eight characters is one of 8 bytes in the table, and again in tensors and arrays of 4.
        return should_stream(self.stream, file.stat().st_size * (8 if file.suffix == ".gz" else 2), self.memory)

    def _values(self, name: str, values: Iterable[str], kind: Kind) -> tuple[str, ...]:
        """A column's distinct values in order."""
        if kind in _WORDS:
            return labels(values)
        form = self.dialect.dates.get(name, "")
        said = (days(value, form) if kind == "date" else self.dialect.number(value) for value in values)
        return labels(number for number in said if number is not None)

    def _wanted(self, head: Head, chosen: Chosen) -> Wanted:
        """What is read of a file of these columns; weights are numbers."""
        weights: dict[str, Kind] = {} if chosen.weight is None else {chosen.weight: "number"}
        types = {**self.types, **weights}
        return Wanted(head, chosen.roles, types, chosen.features if self.missing_allowed else ())

    def _wrong_types(self, head: Head, below: ConfigPath) -> list[Finding]:
        try:
            resolve(self.types, head.names)
        except ValueError as error:
            return [Finding((*below, "types"), str(error), None, "unknown-column")]
        return []

    def _select(self, file: Path, head: Head) -> Chosen:
        """The names of the columns by what they are for."""
        wrong = [*self.asked.wrong(head.names, ()), *self._wrong_types(head, ())]
        if wrong:
            raise DataError(wrong[0].text, file=file, hint=wrong[0].hint)
        chosen = self.asked.choose(head.names)
        features = chosen.features
        if not features:
            raise DataError(
                f"expected feature columns beside the target, received the one column {head.names[0]!r}",
                file=file,
                hint="is the `separator` right?",
            )
        return chosen


def _positional(head: Head, layout: Mapping[str, Any]) -> Head:
    """The run's column names for a file without a header (or for a run whose file had none), by position."""
    names = list(layout["names"])
    without = [name for name in names if name not in layout["targets"]]
    for known in (names, without, list(layout["features"])):
        if len(known) == len(head.names):
            return Head(tuple(known), head.line)
    return head

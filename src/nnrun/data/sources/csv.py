"""The source `csv`: a table in a text file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import labels
from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.defects import examine, place_of_text
from nnrun.data.csv.dialect import OTHER_SEPARATORS, Dialect, row_lines
from nnrun.data.csv.few_columns import is_sorted_by_date, read_few_columns
from nnrun.data.csv.header import read_header
from nnrun.data.csv.invalid_values import describe, missing_in_window
from nnrun.data.csv.missing_findings import missing_word_findings, missing_word_hints
from nnrun.data.csv.missing_words import missing_words
from nnrun.data.csv.number_findings import number_findings
from nnrun.data.csv.number_format import check_marks
from nnrun.data.csv.read_columns import csv_blocks, read_columns
from nnrun.data.csv.type_inference import TEXT_TYPES, ColumnRequest, distinct_texts
from nnrun.data.csv.written import may_be_missing, written_as
from nnrun.data.csv.written_columns import WrittenColumns, missing_hint, written_columns
from nnrun.data.exact_numbers import may_lose_precision, number_array
from nnrun.data.missing_targets import no_target_left, rows_with_targets
from nnrun.data.series.windows import WindowSpec
from nnrun.data.sources.header_findings import header_findings
from nnrun.data.sources.part_files import (
    given_files,
    part_column_facts,
    part_file_facts,
    with_part_files,
    with_part_targets,
)
from nnrun.data.sources.table import TableSource, default_separator
from nnrun.data.sources.table_series import has_zones, window_facts
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError, DefectsError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.csv.type_inference import ColumnStats, ColumnType, TableStats
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath
    from nnrun.errors import Problem
    from nnrun.progress import Progress


#: `check` reads a file of up to this many bytes whole (0.4 s at most), else its first rows.
_MAX_BYTES = 1_000_000
_MAX_ROWS = 1000
#: `check` reads the targets of a file of up to this many bytes (0.3 s at most).
_MAX_TARGET_BYTES = 4_000_000


class Csv(TableSource):
    """A table in a text file: one example per row, fields between separators.

    Every malformed row, invalid value and missing value is reported with its row and column. Dates become numbers: the
    days since 1970-01-01, with the time of day as their fraction, in UTC if they state no zone. Categories stay text,
    which `OneHot`, `Ordinal` or `Hash` turns into numbers, by the categories of the training part.

    Args:
        file: The file, relative to the config or to the data folder; `.gz` is decompressed.
        header: Whether the first line names the columns. Default: it does if a column that the config names stands in
            it; else by what stands below: a text over a column of numbers is a name, a text that stands in its column
            again is a value, and so is a number, except over texts and for years in order. `check` says where that is
            doubtful. A first column without a name that numbers or names the rows is no feature unless it is listed.
        separator: The character between fields; a blank stands for any run of blanks; default: a tab for `.tsv`, else
            a comma.
        decimal: The decimal mark. With `,`, state the `separator` too.
        thousands: The separator of thousands: `,`, `.`, a blank (also one that does not break), `'` or `_`. Numbers
            without it are read too; groups of digits must be complete (`1,234` or `12,34,567`, not `1,23`).
        encoding: The encoding of the text.
        missing: Words that stand for a missing value, in addition to an empty field, `?` and what pandas takes for one
            (`NA`, `N/A`, `n/a`, `NaN`, `nan`, `-NaN`, `-nan`, `NULL`, `null`, `None`, `<NA>`, `#N/A`, `#N/A N/A`,
            `#NA`, `1.#IND`, `-1.#IND`, `1.#QNAN`, `-1.#QNAN`); `{only: ['']}` replaces them.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        types: The types of columns that are not what most of their fields look like: `number`, `text`, `category`
            (unordered, also if its names are numbers), `date` (ISO 8601), `{date: '%d.%m.%Y'}` with the codes of
            Python's `strptime` (names in English) and `%q` for a quarter, or `percent`: numbers with a percent sign,
            divided by 100. A column of ISO dates needs no type. A mapping states how numbers are written: `{unit: $}`
            or `{unit: kg}` for a text before or after them, which may be absent; `{negative: parentheses}` for
            `(1,200)` as in accounting, `{negative: trailing}` for `1200-`; `decimal` and `thousands` for one column
            alone; `{type: percent, decimal: ','}` for a percentage.
        sample_weight: The column of the rows' weights in training, by name or index: numbers of at least 0. It is not a
            feature.
        group: The column, by name or index, whose rows of one value stay together, in one fold and in one part. It is
            not a feature.
        time: The column of the rows' times, dates or numbers, by name or index: forward splits and windows follow it.
            It is a feature only if it is listed.
        window: How many rows, one after the other, an example has: its shape is then (window, features). Targets are
            features too unless `features` leaves them out, so that a model sees their past.
        horizon: How many rows after a window are its targets, `$targets` numbers in all.
        stride: How many rows after one window the next one begins.
        season: After how many rows a season comes back (12 for months of a year), for the seasonal naive forecast;
            default: by the distance of the times.
        drop_missing: Whether windows that hold a missing value are left out; else one is an error.
        drop_missing_target: Whether rows without a target, or without one of several, are left out before the split;
            else one is an error. The other rows keep their numbers and lines.
        test_file: A file of the test part, with the same columns, which are found by their names.
        validation_file: A file of the validation part.
        stream: Whether rows stay on disk during training: the file is converted once to a form in which rows are read
            in any order, kept in the data folder. Default: if the table would need more than `memory`.
        memory: How much memory the rows may take, in GB: it decides whether they stream, and how much of a stream is
            in memory at a time.
    """

    name = "csv"

    def __init__(
        self,
        file: str,
        header: bool | None = None,
        separator: str | None = None,
        decimal: Literal[".", ","] = ".",
        thousands: Literal[",", ".", " ", "'", "_"] | None = None,
        encoding: str = "utf-8",
        missing: list[str] | dict[str, list[str]] | None = None,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date", "percent"] | dict[str, str]] | None = None,
        sample_weight: str | int | None = None,
        group: str | int | None = None,
        time: str | int | None = None,
        window: int | None = None,
        horizon: int = 1,
        stride: int = 1,
        season: int | None = None,
        drop_missing: bool = False,
        drop_missing_target: bool = False,
        test_file: str | None = None,
        validation_file: str | None = None,
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
    ) -> None:
        super().__init__(features, target, sample_weight, group, time, drop_missing_target=drop_missing_target)
        check_memory_limit(self.name, memory)
        self.part_files, self.label = given_files(test_file, validation_file), file
        self.state_windows(WindowSpec.of(self.name, window, horizon, stride, season, drop_missing=drop_missing), stream)
        self.file, self.stream, self.memory = file, stream, memory
        separator_is_stated = bool(separator)
        try:
            check_marks(decimal, thousands or "")
            separator = _separator(separator, file, decimal)
            self.missing_words = missing_words(missing)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        if isinstance(missing, list):
            self.earlier_words = tuple(missing)
        self.state_types(types, decimal, thousands or "")
        self.stated_missing = missing or []
        #: The separator that a hint has to name together with a decimal comma.
        self._default_separator = "" if separator_is_stated else separator
        self._opened: CsvFile | None = None
        self.dialect = Dialect(
            separator,
            decimal,
            thousands or "",
            encoding,
            self.missing_words,
            header,
            self.date_formats,
            self.number_formats,
        )

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Read the table, or convert it if it streams."""
        path = paths.require(self.file)
        file = self._header(path)
        roles = self.column_roles(file.names, path)
        request = self._request(roles)
        known: dict[str, Any] = {"files": {path.name: path}}
        if self._streams(path):
            from nnrun.data.sources.converted_table import convert, streamed_examples

            memory = self.memory * 1e9
            stated: dict[str, Any] = {"dialect": asdict(self.dialect), "roles": request.roles, "types": request.types}
            stated |= {"gaps": sorted(request.gaps), "above": file.above, "names": file.names}
            store = convert(path, stated, partial(csv_blocks, file, request, memory), paths, progress)
            (known["train"], table), types = streamed_examples(store, roles, memory), store.kinds
        else:
            table, types = read_columns(file, request)
        dates = {name: self.dialect.dates.get(name, "") for name, kind in types.items() if kind == "date"}
        rows = len(known["train"]) if "train" in known else len(next(iter(table.values())))
        known["lines"] = row_lines(file, rows, quick="train" in known)
        known |= {} if self.windows is None else {"zoned": has_zones(file, roles.time)}
        data = self.source_data(table, roles, file.names, header=file.header_line > 0, dates=dates, **known)
        return with_part_files(self, data, paths, progress)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the columns and, of a small file, classes and rows, with everything that is wrong in the rows read."""
        path = (*path, self.name)
        file_path = (*path, "file")
        try:
            found = paths.require(self.file)
            file = self._header(found)
        except DefectsError as error:
            return None, _defective(file_path, error.problems)
        except DataError as error:
            code = "unreadable-data" if paths.find(self.file) else "missing-file"
            return None, [Finding(file_path, error.text, error.hint, code)]
        findings = self.column_findings(file.names, path)
        if findings:
            return None, [self._with_header_hint(finding, file) for finding in findings]
        roles = self.selection.roles(file.names)
        is_whole = found.stat().st_size <= _MAX_BYTES and found.suffix != ".gz"
        try:
            stats, defects = examine(file, self._request(roles), None if is_whole else _MAX_ROWS)
        except DataError as error:
            return None, [Finding(file_path, error.text, error.hint, "defective-data")]
        facts = self._facts(roles, stats, is_whole=is_whole, is_streamed=self._streams(found))
        limit = None if is_whole else _MAX_ROWS
        text = [name for name, kind in stats.types(self._request(roles)).items() if kind == "text"]
        free = self.free_text_types(roles.features, roles.targets)
        inferred = [name for name in text if name not in self.types and name not in free and name != roles.group]
        # What cannot be read whole has defects that say so.
        with suppress(DataError):
            facts = replace(facts, written=self._written_columns(file, inferred, stats, limit))
        facts = replace(facts, place_of=partial(place_of_text, file))
        facts, others = self._other_parts(facts, file, roles, stats, paths, path)
        if facts.rows == 0 and stats.rows:
            return None, [no_target_left((*path, "target"))]
        if self.windows is not None:
            # Defects of the times say more than what follows from them.
            columns = None if defects.problems() else self._series_columns(file, roles)
            facts, more = window_facts(self.windows, facts, columns, roles, self.date_formats, path, file)
            others = [*others, *more]
        return facts, [
            *others,
            *header_findings(file, roles, path),
            *number_findings(self._request(roles), stats, self.stated_types, path),
            *missing_word_findings(self._request(roles), stats, self._stated_words, path, limit),
            *_defective(file_path, defects.problems()),
        ]

    def _other_parts(
        self,
        facts: DataFacts,
        file: CsvFile,
        roles: ColumnRoles,
        stats: TableStats,
        paths: DataPaths,
        path: ConfigPath,
    ) -> tuple[DataFacts, list[Finding]]:
        """Return the facts with the rows of the parts that a column names or that have files of their own."""
        types, used = stats.types(self._request(roles)), (*roles.features, *roles.targets)
        layout = {
            "names": list(file.names),
            "features": list(roles.features),
            "targets": list(roles.targets),
            "text": [name for name in used if types[name] in TEXT_TYPES],
            "dates": {name: self.dialect.dates.get(name, "") for name in used if types[name] == "date"},
            "header": file.header_line > 0,
        }
        facts, found = part_file_facts(self, facts, layout, paths, path)
        if roles.part is None:
            return facts, found
        words = read_few_columns(file, {roles.part: "text"}, [roles.part]) if facts.rows is not None else None
        facts, more = part_column_facts(facts, None if words is None else words[roles.part], roles.part)
        # A row of a part may be left out.
        return replace(facts, rows=None) if self.drop_missing_target else facts, [*found, *more]

    def _series_columns(self, file: CsvFile, roles: ColumnRoles) -> dict[str, np.ndarray] | None:
        """Return the columns of times and groups; None of a file that would take longer than 0.3 s."""
        names = [name for name in (roles.time, roles.group) if name is not None]
        if not names or file.path.stat().st_size > _MAX_TARGET_BYTES or file.path.suffix == ".gz":
            return None
        with suppress(DataError):
            return read_few_columns(file, self.types, names)
        return None

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Read the columns of targets and groups; None of a file that would take longer than 0.3 s."""
        path = paths.require(self.file)
        if path.stat().st_size > (_MAX_TARGET_BYTES // 5 if path.suffix == ".gz" else _MAX_TARGET_BYTES):
            return None
        file = self._header(path)
        roles = self.column_roles(file.names, path)
        may_be_missing = frozenset(self.gaps(roles))
        gaps = [name for name in roles.targets if name in may_be_missing]
        types = {**self.types, **self.free_text_types((), roles.targets)}
        columns = read_few_columns(file, types, self.columns_other_than_features(roles), gaps)
        if columns is None:
            return None
        return with_part_targets(self, self.targets_data(columns, roles), file.names, roles, paths)

    def follows_dates(self, paths: DataPaths) -> bool:
        """Return whether the rows are in the order of a column of dates, a feature or not."""
        if super().follows_dates(paths):
            return True
        path = paths.require(self.file)
        file = self._header(path)
        targets = self.selection.roles(file.names).targets
        return is_sorted_by_date(file, self.types, [name for name in file.names if name not in targets])

    def new_file_dialect(self, file: Path) -> Dialect:  # noqa: ARG002
        """Return how the run's own file is written."""
        return self.dialect

    def no_features(self, names: Sequence[str], path: ConfigPath) -> Finding:
        """Return what to report if the target leaves no column: often the separator is another one."""
        text = f"expected feature columns in addition to the target, received the one column {names[0]!r}"
        hint = _separator_hint(names) or "name a file with more columns"
        return Finding((*path, "file"), text, hint, "defective-data")

    def _header(self, path: Path) -> CsvFile:
        """Return the columns of the file; one that numbers the rows is no feature unless it is listed."""
        if self._opened is None or self._opened.path != path:
            self._opened = read_header(path, self.dialect, self.asked, self.selection.needing_name)
            self.selection = replace(self.selection, left_out=tuple(self._opened.left_out))
        return self._opened

    def _with_header_hint(self, finding: Finding, file: CsvFile) -> Finding:
        """Return an unknown column with the hint that the separator is another, or the first line was read as a row."""
        if finding.name == "unknown-column" and (hint := _separator_hint(file.names)) is not None:
            return replace(finding, hint=hint)
        if file.header_line or finding.name != "unknown-column" or self.dialect.header is not None:
            return finding
        text = f"{finding.text} (the file has no header: its first line is a row)"
        return replace(finding, text=text, hint=finding.hint or "write `header: true` if the first line names columns")

    def _facts(self, roles: ColumnRoles, stats: TableStats, *, is_whole: bool, is_streamed: bool) -> DataFacts:
        types = stats.types(self._request(roles))
        values = {
            name: self._labels(name, values, types[name])
            for name, column in stats.columns.items()
            if is_whole and (values := column.values()) is not None
        }
        text = [name for name, kind in types.items() if kind in TEXT_TYPES]
        missing = [stats.columns[name].counts["missing"] for name in roles.targets if self.drop_missing_target]
        rows = rows_with_targets(stats.rows, missing) if is_whole else None
        others = frozenset(name for name in roles.targets if name in stats.columns and self._has_others(stats, name))
        wanted = (*roles.features, *roles.targets)
        numbers = {name: self._numbers(stats.columns[name], name, types[name]) for name in wanted}
        return self.table_facts(
            roles,
            rows,
            text,
            values=values,
            prose=frozenset(name for name in text if stats.columns[name].is_prose()),
            streamed=is_streamed,
            other_numbers=others,
            numbers={name: column for name, column in numbers.items() if len(column)},
            numbers_among={name: _among(stats.columns[name], is_whole=is_whole) for name in numbers},
        )

    def _numbers(self, stats: ColumnStats, name: str, kind: ColumnType) -> np.ndarray:
        """Return the different numbers or dates of a column if float32 may make some of them equal."""
        values: list[float | int | None] = []
        if kind == "date":
            date_format = self.dialect.dates.get(name, "")
            values = [days_since_epoch(text, date_format) for text in stats.present()]
        elif kind == "number" and may_lose_precision(stats.low, stats.high):
            values = [stats.number_format.parse_exactly(text) for text in stats.present()]
        return number_array(values)

    def _has_others(self, stats: TableStats, name: str) -> bool:
        """Return whether a column holds another number than 0 and 1."""
        numbers = (self.dialect.number(one) for one, kind in stats.columns[name].known.items() if kind == "number")
        return any(number not in (0, 1) for number in numbers)

    def _written_columns(
        self, file: CsvFile, names: Iterable[str], stats: TableStats, limit: int | None
    ) -> WrittenColumns:
        """Return which of these columns hold numbers or dates that are written in a way of their own."""
        usual = self.dialect.number_format()
        columns = {name: stats.columns[name] for name in names}
        texts = {name: column.present() for name, column in columns.items()}
        # The texts that were kept show whether it is worth reading all of a column that has more.
        full = [name for name, column in columns.items() if column.is_full and written_as(texts[name], usual)]
        texts |= {name: list(found) for name, found in distinct_texts(file, full, limit).items()} if full else {}
        shows_mark = any(column.shows_mark for name, column in stats.columns.items() if name not in columns)
        return self.written(texts, shows_mark=shows_mark, rows=limit)

    def written(self, texts: Mapping[str, Collection[str]], **about: Any) -> WrittenColumns:
        """Return which columns of text hold numbers or dates; the source states marks and missing words for all."""
        stated: dict[str, Any] = {"types": self.stated_types, "missing": self.stated_missing}
        stated["separator"] = self._default_separator
        return written_columns(texts, self.dialect.number_format(), has_marks=True, **stated, **about)

    @property
    def _stated_words(self) -> Sequence[str]:
        """The words for a missing value that the config states."""
        return self.stated_missing["only"] if isinstance(self.stated_missing, dict) else self.stated_missing

    def _hints(
        self, roles: ColumnRoles, file: CsvFile, stats: TableStats, limit: int | None
    ) -> dict[tuple[str, str], str]:
        """Return hints for defects, as `ColumnRequest.hints` does: the line that reads a column, or keeps a word."""
        words = missing_word_hints(self._request(roles), stats)
        if self.windows is not None:
            types = stats.types(self._request(roles))
            words |= {name: missing_in_window(types[name]) for name in roles.features if name not in words}
            words |= dict.fromkeys(roles.targets, describe("missing-in-window").hint)
        numbers = self._number_hints(file, stats, stats.types(self._request(roles)), limit)
        return {("missing", name): hint for name, hint in words.items()} | {
            ("number", name): hint for name, hint in numbers.items()
        }

    def _number_hints(
        self, file: CsvFile, stats: TableStats, types: Mapping[str, ColumnType], limit: int | None
    ) -> dict[str, str]:
        """Return the line that reads a column, for the columns of numbers in which something else stands."""
        numbers = [name for name, kind in types.items() if kind == "number"]
        others = {name: stats.columns[name] for name in numbers if stats.columns[name].has_other_than_numbers()}
        try:
            written = self._written_columns(file, others, stats, limit)
        except DataError:
            return {}
        words = {
            name: [text for text in column.present() if self.dialect.number(text, name) is None]
            for name, column in others.items()
        }
        return {name: written.hint([name]) for name in written.columns} | {
            name: missing_hint(name, found, self.stated_missing)
            for name, found in words.items()
            if name not in written.columns and may_be_missing(found)
        }

    def _labels(self, name: str, values: Iterable[str], kind: ColumnType) -> tuple[str, ...]:
        """Return a column's distinct values in order."""
        if kind in TEXT_TYPES:
            return labels(values)
        date_format = self.dialect.dates.get(name, "")
        parse = partial(days_since_epoch, date_format=date_format)
        numbers = map(parse if kind == "date" else self.dialect.number_format(name).parse_exactly, values)
        return labels(number for number in numbers if number is not None)

    def _request(self, roles: ColumnRoles) -> ColumnRequest:
        """Return which columns to read; weights are numbers."""
        weights: dict[str, ColumnType] = {} if roles.weight is None else {roles.weight: "number"}
        types = {**self.types, **weights, **self.free_text_types(roles.features, roles.targets)}
        return ColumnRequest(roles.by_column(), types, self.gaps(roles), partial(self._hints, roles))

    def _streams(self, path: Path) -> bool:
        if self.windows is not None:
            return False
        # A number of eight characters is one of 8 bytes in the table, and again in tensors and arrays of 4.
        return should_stream(self.stream, path.stat().st_size * (8 if path.suffix == ".gz" else 2), self.memory)


def _among(stats: ColumnStats, *, is_whole: bool) -> str:
    """Return in words of which values of a column the different ones were kept."""
    if stats.is_full:
        return f", of the first {len(stats.known):,} different values"
    return "" if is_whole else f", in the first {_MAX_ROWS:,} rows"


def _separator(stated: str | None, file: str, decimal: str) -> str:
    """Return the separator of a file.

    Raises:
        ValueError: It cannot be one, or it is the decimal mark too without being stated.
    """
    separator = stated or default_separator(file)
    if len(separator) != 1 or separator in '"\r\n':
        raise ValueError(f"separator expected one character, received {separator!r}")
    if separator == decimal and not stated:
        text = "the decimal comma is also what separates fields: write `separator: ';'`, or `separator: ','` where such"
        raise ValueError(f"{text} numbers are quoted")
    return separator


def _defective(path: ConfigPath, problems: Iterable[Problem]) -> list[Finding]:
    """Return the defects of a file as findings about the config's `file`."""
    return [Finding(path, one.text, one.hint, "defective-data", mark=one.mark) for one in problems]


def _separator_hint(names: Sequence[str]) -> str | None:
    """Return the separator to write where the last name of a header holds another one; None where it does not."""
    mark = max(OTHER_SEPARATORS, key=names[-1].count)
    if mark not in names[-1] or (mark == " " and len(names) > 1):
        return None
    written = '"\\t"' if mark == "\t" else f"'{mark}'"
    return f"write `separator: {written}`"

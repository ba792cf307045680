"""The source `parquet`: a table in Apache Parquet's format (extra: pyarrow)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.columns import LONG
from nnrun.data.csv.defects import DefectList
from nnrun.data.csv.invalid_values import describe
from nnrun.data.csv.type_inference import TEXT_TYPES
from nnrun.data.csv.written_columns import WrittenColumns
from nnrun.data.exact_numbers import from_integers, number_array
from nnrun.data.missing_targets import missing_targets, no_target_left
from nnrun.data.prepare.step import missing_mask
from nnrun.data.series.windows import WindowSpec
from nnrun.data.sources.column_roles import ColumnRoles, stack_targets
from nnrun.data.sources.new_columns import check_columns, unused_columns
from nnrun.data.sources.part_files import (
    given_files,
    part_column_facts,
    part_file_facts,
    with_part_files,
    with_part_targets,
)
from nnrun.data.sources.table import TableSource
from nnrun.data.sources.table_series import series_of, shown_format, window_facts
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError, MissingExtraError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: The column of an index without a name, which pandas writes last.
_INDEX = re.compile(r"__index_level_\d+__")
_SECONDS_A_DAY = 86_400
#: The most rows that are converted at a time.
_MAX_ROWS = 200_000
#: The most rows of which `check` reads the texts.
_MAX_SEEN_ROWS = 10_000
#: `check` reads the targets of a file of up to this many rows.
_MAX_TARGET_ROWS = 1_000_000


class Parquet(TableSource):
    """A table in a Parquet file, with its own names and types of columns. Needs the extra `parquet`.

    Dates and times become days since 1970-01-01 (the time of day as their fraction), truth values 0 and 1, categories
    text.

    Args:
        file: The file, relative to the config or to the data folder.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        types: The types of columns that are not the ones in the file: `category` (or `text`) for numbers that are
            names; for text `number`, `percent`, `date`, `{date: '%d.%m.%Y'}`, or how numbers are written, as of a
            `csv`: `{thousands: ','}`, `{unit: $}`.
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

    name = "parquet"

    def __init__(
        self,
        file: str,
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
        check_memory_limit("parquet", memory)
        self.part_files, self.label = given_files(test_file, validation_file), file
        self.state_windows(WindowSpec.of("parquet", window, horizon, stride, season, drop_missing=drop_missing), stream)
        self.file, self.stream, self.memory = file, stream, memory
        self.state_types(types)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Read the table, or convert it if it streams."""
        file = paths.require(self.file)
        schema, rows = _schema(file)
        roles = self.column_roles(self._names(schema), file)
        known: dict[str, Any] = {"files": {file.name: file}}
        if self._streams(rows, roles):
            from nnrun.data.sources.converted_table import convert, streamed_examples

            keys = [name for name in (*roles.targets, roles.group) if name is not None and name not in self.types]
            self.types = {**self.types, **dict.fromkeys(_long_integers(file, keys), "category")}
            types = {name: "text" if self._is_text(schema, name) else "number" for name in roles.names}
            block_rows = max(1, min(_MAX_ROWS, int(self.memory * 1e9 / 64 / (8 * len(types)))))
            numbers = {name: asdict(form) for name, form in self.number_formats.items()}
            stated: dict[str, Any] = {"types": self.types, "forms": self.date_formats, "roles": roles.by_column()}
            stated |= {"numbers": numbers} if numbers else {}
            stated |= {"gaps": self.missing_allowed}
            stated |= {"target_gaps": True} if self.drop_missing_target else {}
            store = convert(file, stated, lambda: (types, self._blocks(file, roles, block_rows)), paths, progress)
            known["train"], table = streamed_examples(store, roles, self.memory * 1e9)
        else:
            (table,) = self._blocks(file, roles, None)
        known |= {} if self.windows is None else {"zoned": _has_zones(schema, roles.time)}
        data = self.source_data(table, roles, self._names(schema), dates=self._dates(schema, roles), **known)
        return with_part_files(self, data, paths, progress)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Read the columns' names and types and the number of rows from the end of the file."""
        path = (*path, "parquet")
        try:
            schema, rows = _schema(paths.require(self.file))
        except (DataError, MissingExtraError) as error:
            code = "missing-file" if paths.find(self.file) is None else "unreadable-data"
            return None, [Finding((*path, "file"), error.text, error.hint, code)]
        findings = self.column_findings(self._names(schema), path)
        if findings:
            return None, findings
        roles = self.selection.roles(self._names(schema))
        text = [name for name in roles.features if self._is_text(schema, name)]
        written = self._written_columns(paths.require(self.file), schema, roles, rows)
        others = _other_numbers(paths.require(self.file), roles.targets)
        known: dict[str, Any] = {"streamed": self._streams(rows, roles), "written": written, "other_numbers": others}
        left = self._rows_with_targets(paths.require(self.file), roles, rows)
        if left == 0 < rows:
            return None, [no_target_left((*path, "target"))]
        facts, found = self.table_facts(roles, left, text, **known), list[Finding]()
        if roles.part is not None:
            words = next(self._blocks(paths.require(self.file), ColumnRoles((roles.part,), ()), None))[roles.part]
            facts, found = part_column_facts(facts, words, roles.part)
            # A row of a part may be left out.
            facts = replace(facts, rows=None) if self.drop_missing_target else facts
        if self.windows is not None:
            names = tuple(name for name in (roles.time, roles.group) if name is not None)
            (columns,) = self._blocks(paths.require(self.file), ColumnRoles(names, ()), None) if names else ({},)
            facts, more = window_facts(self.windows, facts, columns or None, roles, self.date_formats, path)
            found = [*found, *more]
        used = (*roles.features, *roles.targets)
        layout = {
            "names": self._names(schema),
            "features": list(roles.features),
            "targets": list(roles.targets),
            "text": [name for name in used if self._is_text(schema, name)],
            "dates": self._dates(schema, roles),
            "header": True,
        }
        facts, more = part_file_facts(self, facts, layout, paths, path)
        return facts, [*found, *more]

    def _rows_with_targets(self, file: Path, roles: ColumnRoles, rows: int) -> int | None:
        """Return how many rows have their targets; None where reading these would take longer."""
        if not self.drop_missing_target:
            return rows
        if rows > _MAX_TARGET_ROWS:
            return None
        y = stack_targets(next(self._blocks(file, ColumnRoles((), roles.targets), None)))
        return rows if y is None else int((~missing_targets(y)).sum())

    def count_new(self, file: Path, layout: Mapping[str, Any]) -> int | None:
        """Return the number of rows of a Parquet file."""
        if file.suffix.lower() not in (".parquet", ".pq"):
            return None
        schema, rows = _schema(file)
        check_columns(file, schema.names, [*layout["features"], *layout["targets"]], layout)
        return rows

    def _written_columns(self, file: Path, schema: Any, roles: ColumnRoles, rows: int) -> WrittenColumns:
        """Return which columns of text hold numbers or dates, in the first rows of a large file."""
        from pyarrow import types

        names = [name for name in (*roles.features, *roles.targets) if name not in self.types]
        kinds = {name: schema.field(name).type for name in names}
        strings = [name for name, kind in kinds.items() if _is_string(kind) and not _is_list(kind)]
        if not strings:
            return WrittenColumns()
        with _open(file) as opened:
            table = next(_tables(opened, strings, _MAX_SEEN_ROWS), None)
        texts = {name: list(dict.fromkeys(table.column(name).to_pylist())) for name in strings} if table else {}
        return self.written(
            {name: [text for text in found if text is not None] for name, found in texts.items()},
            shows_mark=any(types.is_floating(schema.field(name).type) for name in names),
            rows=None if rows <= _MAX_SEEN_ROWS else _MAX_SEEN_ROWS,
        )

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Read the columns of targets and groups; None of a file with so many rows that it would take longer."""
        file = paths.require(self.file)
        schema, rows = _schema(file)
        if rows > _MAX_TARGET_ROWS:
            return None
        roles = self.column_roles(self._names(schema), file)
        names = self.columns_other_than_features(roles)
        (columns,) = self._blocks(file, ColumnRoles(tuple(names), ()), None)
        return with_part_targets(self, self.targets_data(columns, roles), self._names(schema), roles, paths)

    def new_targets(self, file: Path, layout: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Return the targets of another file."""
        if self.count_new(file, layout) is None:
            return super().new_targets(file, layout)
        return next(self._blocks(file, ColumnRoles((), tuple(layout["targets"])), None))

    def follows_dates(self, paths: DataPaths) -> bool:
        """Return whether the rows are in the order of a column of dates, a feature or not."""
        if super().follows_dates(paths):
            return True
        file = paths.require(self.file)
        schema, _ = _schema(file)
        dates = list(self._dates(schema, ColumnRoles(tuple(schema.names), ())))
        blocks = self._blocks(file, ColumnRoles(tuple(dates), ()), None) if dates else iter([{}])
        steps = [np.diff(column) for column in next(blocks).values()]
        return any(bool((step >= 0).all() or (step <= 0).all()) for step in steps)

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read another Parquet file, or a csv, with the same columns."""
        if file.suffix.lower() not in (".parquet", ".pq"):
            return super().load_new(file, layout, with_target=with_target)
        roles = ColumnRoles(tuple(layout["features"]), tuple(layout["targets"]) if with_target else ())
        if self.windows is not None:
            roles = replace(roles, group=layout.get("group"), time=layout.get("time"))
        schema = _schema(file)[0]
        names = schema.names
        check_columns(file, names, roles.names, layout)
        (table,) = self._blocks(file, roles, None)
        examples = replace(roles.examples(table), findings=tuple(unused_columns(file, names, layout)))
        if self.windows is not None:
            date_format = layout.get("dates", {}).get(roles.time)
            date_format = shown_format(date_format, zoned=_has_zones(schema, roles.time))
            examples = replace(
                examples, series=series_of(self.label, table, roles, date_format, {file.name: file}, None)
            )
        return self.new_examples(examples, file)

    def _names(self, schema: Any) -> list[str]:
        """Return the names of the columns; that of an index which pandas wrote without a name only if it is asked."""
        return [name for name in schema.names if name in self.asked or not _INDEX.fullmatch(name)]

    def _is_text(self, schema: Any, name: str) -> bool:
        kind = self.types.get(name)
        return kind in TEXT_TYPES or (kind is None and _is_string(schema.field(name).type))

    def _dates(self, schema: Any, roles: ColumnRoles) -> dict[str, str]:
        """Return the columns of dates, and the formats in which a csv of the same columns has to write them."""
        from pyarrow import types

        stored = {name: schema.field(name).type for name in roles.names}
        dates = {name: "" for name, kind in stored.items() if types.is_timestamp(kind) or types.is_date(kind)}
        dates |= {name: self.date_formats.get(name, "") for name, kind in self.types.items() if kind == "date"}
        return {name: date_format for name, date_format in dates.items() if self.types.get(name, "date") == "date"}

    def _streams(self, rows: int, roles: ColumnRoles) -> bool:
        # A number is 8 bytes in the table, and 4 in each of array and tensor.
        return self.windows is None and should_stream(self.stream, rows * len(roles.names) * 16, self.memory)

    def _blocks(self, file: Path, roles: ColumnRoles, rows: int | None) -> Iterator[dict[str, np.ndarray]]:
        """Yield the columns in blocks of so many rows, or in one block: float64 for numbers, object for text.

        Raises:
            DefectsError: Values are missing or invalid; with every kind of defect.
            DataError: A column holds lists or structures.
        """
        begin, defects = 0, DefectList(file, has_lines=False)
        with _open(file) as opened:
            for table in _tables(opened, roles.names, rows):
                block = {name: self._column(table, name, roles, begin, defects) for name in table.column_names}
                # After a defect, the rest is read only for further defects.
                if not defects:
                    yield block
                begin += table.num_rows
        if defects:
            raise defects.error()

    def _column(self, table: Any, name: str, roles: ColumnRoles, begin: int, defects: DefectList) -> np.ndarray:
        """Return a column of an Arrow table as the type that the config states; its defects are added to `defects`.

        Args:
            table: The table.
            name: The column.
            roles: The roles of the columns.
            begin: The row of the file with which the table begins.
            defects: The defects of the file.
        """
        column = _values(table.column(name), defects.path, name, is_key=name in roles.targets)
        if name not in self.gaps(roles):
            kind = "missing-target-in-parquet" if name in roles.targets else "missing-in-parquet"
            kind = "missing-in-parquet" if self.windows is not None else kind
            for row in (begin + missing_mask(column).nonzero()[0]).tolist():
                defects.add(row, name, describe(kind, row=row))
        typed, wrong = self.typed(name, column)
        for row in wrong:
            words = {"expected": self.types[name], "field": column[row][:40], "row": begin + row}
            defects.add(begin + row, name, describe("invalid-in-parquet", **words))
        return typed


def _open(file: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("parquet", "Reading a Parquet file") from None
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        text = f"expected a Parquet file, but it cannot be read: {error}"
        raise DataError(text, file=file, hint="check that it is the right file") from None


def _schema(file: Path) -> tuple[Any, int]:
    """Return the Arrow schema of a file, and its number of rows."""
    with _open(file) as opened:
        return opened.schema_arrow, int(opened.metadata.num_rows)


def _long_integers(file: Path, names: Iterable[str]) -> list[str]:
    """Return the columns of integers beyond 2^53, which float64 cannot tell apart, by the statistics in the file."""
    return [name for name, each in _statistics(file, names).items() if any(_is_long(one) for one in each)]


def _other_numbers(file: Path, names: Iterable[str]) -> frozenset[str]:
    """Return the columns with a number below 0, above 1 or at the end of a range between, by the statistics."""
    found = _statistics(file, names).items()
    return frozenset(name for name, each in found if any(_has_others(one) for one in each))


def _has_others(statistics: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return False
    ends = (statistics.min, statistics.max)
    return all(isinstance(one, int | float) for one in ends) and not set(ends) <= {0, 1}


def _statistics(file: Path, names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the statistics of each column in every row group."""
    with _open(file) as opened:
        indexes = {name: opened.schema_arrow.names.index(name) for name in names}
        groups = [opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups)]
        return {name: [group.column(at).statistics for group in groups] for name, at in indexes.items()}


def _is_long(statistics: Any) -> bool:
    if statistics is None or not statistics.has_min_max or not isinstance(statistics.max, int):
        return False
    return bool(max(abs(statistics.min), abs(statistics.max)) > LONG)


def _tables(opened: Any, names: list[str], rows: int | None) -> Iterator[Any]:
    """Yield columns of a file as Arrow tables of so many rows, or as one."""
    import pyarrow as pa

    if rows is None:
        yield opened.read(columns=names)
        return
    for batch in opened.iter_batches(batch_size=rows, columns=names):
        yield pa.Table.from_batches([batch])


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_string(kind: Any) -> bool:
    """Return whether values are text; lists become texts, which steps read again."""
    from pyarrow import types

    inner = kind.value_type if types.is_dictionary(kind) else kind
    if _is_list(kind):
        return True
    return bool(types.is_string(inner) or types.is_large_string(inner) or types.is_string_view(inner))


def _has_zones(schema: Any, time: str | None) -> bool:
    """Return whether a column of times has a zone."""
    return time is not None and getattr(schema.field(time).type, "tz", None) is not None


def _values(column: Any, file: Path, name: str, *, is_key: bool) -> np.ndarray:
    """Return an Arrow column as numbers or text; as text too where whole numbers that are compared need it."""
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if _is_list(kind):
        texts = [
            None if cell is None else json.dumps(cell, ensure_ascii=False, default=str) for cell in column.to_pylist()
        ]
        return np.array(texts, dtype=object)
    if _is_string(kind):
        return np.array(column.to_pylist(), dtype=object)
    if types.is_timestamp(kind) or types.is_date(kind):
        seconds = column.cast(pa.timestamp("us")).cast(pa.int64()).to_pandas().to_numpy("float64") / 1e6
        return np.asarray(seconds / _SECONDS_A_DAY)
    if types.is_integer(kind) and not column.null_count:
        return from_integers(np.array(column.to_pylist(), dtype="uint64" if kind == pa.uint64() else "int64"))
    if types.is_integer(kind) and is_key:
        return number_array(column.to_pylist(), is_key=True)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype="float64")
    text = f"expected numbers, text or dates, received values of the type {kind}"
    raise DataError(text, file=file, column=name, hint="list the `features` to use")

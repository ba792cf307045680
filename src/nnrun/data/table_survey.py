"""What the columns of a table are, before a config says what to do with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from math import isnan
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns, label
from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.dialect import CsvFile, Dialect, data_rows, is_utf8
from nnrun.data.csv.header import read_header
from nnrun.data.csv.number_findings import date_format_of
from nnrun.data.csv.type_inference import ColumnRequest, TableStats, stats_of
from nnrun.data.csv.written import may_be_missing
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.parquet import Parquet
from nnrun.data.sources.table import default_separator
from nnrun.data.table_format import infer_encoding, infer_separator
from nnrun.errors import DataError
from nnrun.formatting import format_count, format_number
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from nnrun.data.csv.type_inference import ColumnStats, ColumnType
    from nnrun.data.data_paths import DataPaths

#: So many rows of a table are kept, evenly spread over those that are read.
MOST_ROWS = 50_000
#: So many rows of a table are read: about two seconds.
_READ_ROWS = 1_000_000
#: Keys of a source may make others necessary: so often the table is read again with those found so far.
_PASSES = 4


@dataclass(frozen=True)
class SurveyedColumn:
    """What the rows of a table hold in one column.

    Attributes:
        name: Its name.
        kind: `number`, `date`, `text`, or `free_text` for sentences.
        counts: How many rows hold each text, without the missing ones.
        missing: How many rows hold nothing, or a word for a missing value.
        numbers: The numbers or days since 1970 of the rows, without the missing ones; empty for text.
        words: The words for a missing value that are not an empty field.
        mixed: The texts among the numbers or dates, of which the column has more.
        numbers_rows: Whether it numbers the rows.
        rises: Whether its numbers or dates never fall from row to row, and none is missing.
    """

    name: str
    kind: ColumnType
    counts: Counter[str]
    missing: int = 0
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    numbers_rows: bool = False
    rises: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self.kind == "number" and all(number == int(number) for number in self.numbers)

    @property
    def usual_words(self) -> int:
        """The number of words that nine of ten texts do not exceed, between 10 and 300."""
        lengths = sorted(len(text.split()) for text in self.counts)
        return max(10, min(300, lengths[len(lengths) * 9 // 10])) if lengths else 10

    @property
    def mean_and_spread(self) -> tuple[float, float]:
        """The mean of the numbers and their standard deviation, 1 where they are all the same."""
        return (fmean(self.numbers), pstdev(self.numbers) or 1.0) if self.numbers else (0.0, 1.0)


@dataclass(frozen=True)
class TableSurvey:
    """What the columns of a table are.

    Attributes:
        source: The source of a config that reads it: `csv` or `parquet`.
        arguments: The arguments of the source that its file needs: `separator`, `encoding`, `types`, ...
        columns: Its columns, in order, without a first one that only numbers or names the rows.
        rows: How many rows are kept.
        rows_read: How many rows were read.
        is_whole: Whether these are all that the table has.
        left_out: The first column without a name, which is no feature by itself; empty if there is none.
        nameless: The other columns without a name.
        has_header: Whether the columns have names.
        same: The columns that hold the same as an earlier one, which is given.
        texts: The texts of the kept rows, by column.
    """

    source: str
    arguments: dict[str, Any]
    columns: tuple[SurveyedColumn, ...]
    rows: int
    rows_read: int
    is_whole: bool
    left_out: tuple[str, ...] = ()
    nameless: tuple[str, ...] = ()
    has_header: bool = True
    same: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def column(self, name: str) -> SurveyedColumn:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def survey_csv(path: Path, file: str) -> TableSurvey:
    """Read what the columns of a text table are, and the arguments with which `csv` reads it.

    Args:
        path: The file.
        file: Its name in the config.

    Raises:
        DataError: The file cannot be read, is empty or binary, or is no table.
    """
    arguments: dict[str, Any] = {"file": file}
    encoding, default = infer_encoding(path), default_separator(path.name)
    arguments |= {} if is_utf8(encoding) else {"encoding": encoding}
    separator = infer_separator(path, encoding, default)
    arguments |= {"separator": separator} if separator not in (None, default) else {}
    had_header = None
    for _ in range(_PASSES):
        source = Csv(**arguments)
        opened = read_header(path, source.dialect)
        has_header = opened.header_line > 0
        if opened.doubt or has_header != (has_header if had_header is None else had_header):
            # Names of columns that were stated for the other reading would be unknown.
            arguments = {key: value for key, value in arguments.items() if key != "types"} | {"header": has_header}
            source = Csv(**arguments)
            opened = read_header(path, source.dialect)
        had_header = has_header
        if any("\0" in name for name in opened.names):
            hint = "name a csv, parquet, npz or text file, or a folder of pictures"
            raise DataError("expected text, received binary data", file=path, hint=hint)
        rows, rows_read = _spread_rows(islice(_whole_rows(path, opened), _READ_ROWS + 1))
        request = ColumnRequest(dict.fromkeys(opened.names, "feature"), source.types)
        stats = stats_of(rows, opened, request)
        keys = _missing_keys(source, opened, stats, arguments) or _written_keys(source, stats)
        if not keys or keys.items() <= arguments.items():
            break
        arguments |= keys
    texts = list(zip(*rows, strict=True)) or [() for _ in opened.names]
    columns = {name: list(column) for name, column in zip(opened.names, texts, strict=True)}
    found = [
        _surveyed(stats.columns[name], name, values, opened.dialect, source.types.get(name))
        for name, values in columns.items()
        if name not in opened.left_out
    ]
    found = [replace(one, numbers_rows=one.name in opened.row_numbers) for one in found]
    survey = TableSurvey(
        "csv",
        arguments,
        tuple(found),
        stats.rows,
        min(rows_read, _READ_ROWS),
        rows_read <= _READ_ROWS,
        tuple(opened.left_out),
        tuple(name for name in opened.nameless if name not in opened.left_out and name != opened.names[0]),
        opened.header_line > 0,
        texts=columns,
    )
    return replace(survey, same=_same_columns(columns, survey))


def survey_parquet(paths: DataPaths, file: str) -> TableSurvey:
    """Read what the columns of a Parquet file are, and the arguments with which `parquet` reads it.

    Raises:
        DataError: The file cannot be read.
        MissingExtraError: The extra `parquet` is not installed.
    """
    arguments: dict[str, Any] = {"file": file}
    source = Parquet(file, stream=False)
    source.missing_allowed = source.drop_missing_target = True
    data = source.load(paths, NullProgress())
    features, target = data.train.x, data.train.y
    values = dict(features.values) if isinstance(features, Columns) else {}
    if target is not None and not isinstance(target, Columns):
        values[data.target_names[0]] = target
    columns = {
        name: ["" if one is None or (isinstance(one, float) and isnan(one)) else label(one) for one in column.tolist()]
        for name, column in values.items()
    }
    columns = {name: columns[name] for name in data.layout["names"] if name in columns}
    rows_read = len(next(iter(columns.values()), ()))
    step = -(-rows_read // MOST_ROWS) or 1
    columns = {name: texts[::step] for name, texts in columns.items()}
    rows = len(next(iter(columns.values()), ()))
    dialect = Dialect(missing=("",))
    opened = CsvFile(paths.require(file), dialect, tuple(columns))
    kinds: dict[str, ColumnType] = dict.fromkeys(data.layout["text"], "text")
    stats = stats_of(
        [list(row) for row in zip(*columns.values(), strict=True)],
        opened,
        ColumnRequest(dict.fromkeys(columns, "feature")),
    )
    arguments |= _written_keys(source, TableStats({name: stats.columns[name] for name in kinds}, stats.rows))
    types: dict[str, ColumnType] = {**dict.fromkeys(columns, "number"), **kinds, **Parquet(**arguments).types}
    dates = Parquet(**arguments).date_formats
    dialect = replace(dialect, dates=dates, numbers=Parquet(**arguments).number_formats)
    found = [_surveyed(stats.columns[name], name, texts, dialect, types[name]) for name, texts in columns.items()]
    # Days since 1970, as the file's own dates are read, are numbers already.
    found = [replace(one, kind="date") if one.name in data.layout["dates"] else one for one in found]
    survey = TableSurvey("parquet", arguments, tuple(found), rows, rows_read, is_whole=True, texts=columns)
    return replace(survey, same=_same_columns(columns, survey))


def _spread_rows(rows: Iterable[list[str]]) -> tuple[list[list[str]], int]:
    """Return at most `MOST_ROWS` of the rows, evenly spread over all of them in their order, and how many there are.

    The first rows alone would not do: a file may be sorted by its target.
    """
    kept: list[list[str]] = []
    step, count = 1, 0
    for fields in rows:
        if count % step == 0:
            kept.append(fields)
        count += 1
        if len(kept) > MOST_ROWS:
            kept, step = kept[::2], 2 * step
    return kept, count


def _whole_rows(path: Path, file: CsvFile) -> Iterator[list[str]]:
    """Yield the rows that have as many fields as there are columns; `check` names the lines of a few others.

    Raises:
        DataError: Most rows have another number of fields: the first line does not name the columns.
    """
    widths: Counter[int] = Counter()
    for _, fields in data_rows(file):
        widths[len(fields)] += 1
        if len(fields) == len(file.names):
            yield fields
    if widths and 2 * widths[len(file.names)] < widths.total():
        usual = widths.most_common(1)[0][0]
        text = (
            f"expected rows of {format_count(len(file.names), 'field')}, as in line {max(1, file.header_line)}, "
            f"received {usual} in most of the {format_number(widths.total())} rows"
        )
        raise DataError(text, file=path, hint="make the first line name every column, or remove it where it does not")


def _missing_keys(source: Csv, file: CsvFile, stats: TableStats, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return `missing` with the words among numbers that stand for a missing value, if there are any."""
    words: dict[str, None] = {}
    for name, column in stats.columns.items():
        if column.inferred_type() == "number" and name not in source.types:
            others = [text for text in column.present() if file.dialect.number(text, name) is None]
            words |= dict.fromkeys(map(str.strip, others)) if others and may_be_missing(others) else {}
    return {"missing": [*arguments.get("missing", ()), *words]} if words else {}


def _written_keys(source: Csv | Parquet, stats: TableStats) -> dict[str, Any]:
    """Return the keys of a source that read texts which are numbers or dates, if there are any."""
    texts = {
        name: column.present()
        for name, column in stats.columns.items()
        if name not in source.types and column.inferred_type() == "text" and column.present()
    }
    shows_mark = any(column.shows_mark for name, column in stats.columns.items() if name not in texts)
    written = source.written(texts, shows_mark=shows_mark)
    readable = [name for name, one in written.columns.items() if not one.problem and not one.unread]
    keys = written.keys(readable) if readable else {}
    zeros = {name: "category" for name, column in stats.columns.items() if column.leading_zero}
    dates = {
        name: {"date": date_format}
        for name, column in stats.columns.items()
        if column.inferred_type() == "number" and (date_format := date_format_of(column))
    }
    types = {**zeros, **dates, **source.stated_types, **keys.get("types", {})}
    return {**keys, "types": types} if types else keys


def _surveyed(
    stats: ColumnStats, name: str, texts: Sequence[str], dialect: Dialect, stated: ColumnType | None
) -> SurveyedColumn:
    """Return what a column holds, from its stated type and its texts."""
    kind = stated or stats.inferred_type()
    kind = "text" if kind == "category" else kind
    counts = Counter(map(str.strip, texts))
    missing = sum(counts.pop(text) for text in [text for text in counts if dialect.is_missing(text)])
    parsed: dict[str, float | None] = {}
    for text in counts if kind in ("number", "date") else ():
        parsed[text] = (
            days_since_epoch(text, dialect.dates.get(name, "")) if kind == "date" else dialect.number(text, name)
        )
    numbers = [float(number) for text, number in parsed.items() if number is not None for _ in range(counts[text])]
    in_order = [parsed.get(text.strip()) for text in texts]
    rises = bool(parsed) and None not in in_order and all(a <= b for a, b in pairwise(in_order))  # type: ignore[operator]
    mixed = tuple(text for text, number in parsed.items() if number is None)
    kind = "free_text" if kind == "text" and stated is None and stats.is_prose() else kind
    return SurveyedColumn(name, kind, counts, missing, tuple(numbers), tuple(stats.words), mixed, rises=rises)


def _same_columns(columns: dict[str, list[str]], survey: TableSurvey) -> dict[str, str]:
    """Return the columns that hold the same as an earlier one, which is given; those that never change aside."""
    first: dict[tuple[str, ...], str] = {}
    same = {}
    for name in survey.names:
        key = tuple(columns[name])
        if len(survey.column(name).counts) > 1 and first.setdefault(key, name) != name:
            same[name] = first[key]
    return same


def require_table(survey: TableSurvey, path: Path, *, least_rows: int) -> None:
    """Refuse a table from which nothing can be learned.

    Raises:
        DataError: It has a single column, or too few rows.
    """
    if len(survey.columns) < 2:
        hint = "name a file with feature columns in addition to the target, or state the separator in a config"
        only = survey.columns[0].name if survey.columns else "no column"
        raise DataError(f"expected a table of at least two columns, received one: {only!r}", file=path, hint=hint)
    if survey.rows < least_rows:
        text = f"expected at least {least_rows} rows to train and to test on, received {survey.rows}"
        raise DataError(text, file=path, hint="collect more examples")

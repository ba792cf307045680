"""The source `parquet`: a table in Apache Parquet's format (extra: pyarrow)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import label, resolve
from nnrun.data.csv.column_roles import Asked, Chosen, no_features
from nnrun.data.csv.dates import days
from nnrun.data.csv.defects import Defect, Defects, refusal
from nnrun.data.csv.dialect import Dialect
from nnrun.data.csv.type_inference import kinds_and_forms
from nnrun.data.dataset import DataFacts, SourceData
from nnrun.data.streaming.memory import DEFAULT_MEMORY_GB, check_memory_limit, should_stream
from nnrun.errors import DataError, MissingExtraError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


_SECONDS_A_DAY = 86_400
#: Rows converted at a time, at most.
_MOST_ROWS = 200_000


class Parquet:
    """A table in a Parquet file, which knows its columns' names and types. Needs the extra `parquet`.

    Dates and times become days since 1970-01-01 (a time of day their fraction), truth values 0 and 1, categories text.

    Args:
        file: The file, relative to the config or to the data folder.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        types: For columns that the file types otherwise than they are meant: `category` (or `text`) for numbers that
            are names, `date`, `{date: '%d.%m.%Y'}` or `number` for text.
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
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date"] | dict[str, str]] | None = None,
        sample_weight: str | int | None = None,
        group: str | int | None = None,
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
    ) -> None:
        check_memory_limit("parquet", memory)
        self.file, self.stream, self.memory = file, stream, memory
        self.types, self.forms = kinds_and_forms("parquet", types)
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        targets = target if isinstance(target, list) else [-1 if target is None else target]
        self.asked = Asked(features, targets, sample_weight, group)

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Read the table, or convert it where it streams."""
        file = places.require(self.file)
        schema = _schema(file)
        names = schema.names
        wrong = self._wrong(names, ())
        if wrong:
            raise DataError(wrong[0].text, file=file, hint=wrong[0].hint)
        chosen = self.asked.choose(names)
        if self._streams(_rows(file), chosen):
            from nnrun.data.sources.converted_table import converted, streamed_examples

            said = {"types": self.types, "forms": self.forms, "roles": chosen.roles, "gaps": self.missing_allowed}
            store = converted(file, said, lambda: self._blocks(file, schema, chosen), places, progress)
            examples, table = streamed_examples(store, chosen, self.memory * 1e9)
        else:
            table = self._table(file, chosen.names, chosen.features)
            examples = chosen.examples(table)
        return SourceData(
            examples,
            target_names=chosen.targets,
            files={file.name: file},
            layout=chosen.layout(names, table, header=True, dates=self._dates(schema, chosen)),
            groups=None if chosen.group is None else table[chosen.group],
            group=chosen.group,
        )

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Read the columns' names and types and the number of rows from the file's end."""
        below = (*path, "parquet")
        try:
            file = places.require(self.file)
            schema, rows = _schema(file), _rows(file)
        except (DataError, MissingExtraError) as error:
            name = "missing-file" if places.find(self.file) is None else "unreadable-data"
            return None, [Finding((*below, "file"), error.text, error.hint, name)]
        wrong = self._wrong(schema.names, below)
        if wrong:
            return None, wrong
        chosen = self.asked.choose(schema.names)
        features = chosen.features
        outline = DataFacts(
            (len(features),),
            rows,
            columns=features,
            text=frozenset(name for name in features if self._holds_text(schema, name)),
            target_names=chosen.targets,
            group=chosen.group,
            streamed=self._streams(rows, chosen),
        )
        return outline, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read another Parquet file, or a csv, with the same columns."""
        if file.suffix.lower() not in (".parquet", ".pq"):
            from nnrun.data.sources.csv import Csv

            source = Csv(file.name)
            source.missing_allowed = self.missing_allowed
            return source.load_new(file, layout, with_target=with_target)
        targets = tuple(layout["targets"]) if with_target else ()
        chosen = Chosen(tuple(layout["features"]), targets)
        there = _schema(file).names
        lacking = [name for name in chosen.names if name not in there]
        if lacking:
            raise DataError(f"there is no column {lacking[0]!r}", file=file, hint=f"there are: {', '.join(there)}")
        return chosen.examples(self._table(file, chosen.names, chosen.features))

    def _wrong(self, names: Sequence[str], below: ConfigPath) -> list[Finding]:
        wrong = self.asked.wrong(names, below)
        try:
            resolve(self.types, names)
        except ValueError as error:
            wrong.append(Finding((*below, "types"), str(error), None, "unknown-column"))
        if not wrong and not self.asked.choose(names).features:
            return [no_features((*below, "target"))]
        return wrong

    def _holds_text(self, schema: Any, name: str) -> bool:
        kind = self.types.get(name)
        return kind in ("text", "category") or (kind is None and _is_text(schema.field(name).type))

    def _dates(self, schema: Any, chosen: Chosen) -> dict[str, str]:
        """The columns of dates, and how a csv with the same columns has to write them."""
        from pyarrow import types

        stated = {name: self.forms.get(name, "") for name, kind in self.types.items() if kind == "date"}
        kinds = {name: schema.field(name).type for name in chosen.names}
        typed = {name: "" for name, kind in kinds.items() if types.is_timestamp(kind) or types.is_date(kind)}
        return {name: form for name, form in (typed | stated).items() if self.types.get(name, "date") == "date"}

    def _table(self, file: Path, names: Sequence[str], gaps: Sequence[str]) -> dict[str, np.ndarray]:
        """These columns: float64 for numbers, object for text; missing values only in `gaps`, where they are allowed.

        Raises:
            DefectsError: Values are missing, or are not what they should be; with every kind of defect.
            DataError: A column holds lists or structures.
        """
        wrong = Defects()
        with _opened(file) as opened:
            table = self._checked(opened.read(columns=list(names)), file, gaps, (0, wrong))
        _refuse(file, wrong)
        return table

    def _streams(self, rows: int, chosen: Chosen) -> bool:
        # A number is 8 bytes in the table, and 4 in each of array and tensor.
        return should_stream(self.stream, rows * len(chosen.names) * 16, self.memory)

    def _blocks(
        self, file: Path, schema: Any, chosen: Chosen
    ) -> tuple[dict[str, str], Iterator[dict[str, np.ndarray]]]:
        """What the columns hold, and the columns block by block."""
        kinds = {name: "text" if self._holds_text(schema, name) else "number" for name in chosen.names}
        rows = max(1, min(_MOST_ROWS, int(self.memory * 1e9 / 64 / (8 * len(kinds)))))

        def blocks() -> Iterator[dict[str, np.ndarray]]:
            import pyarrow as pa

            begin, wrong = 0, Defects()
            with _opened(file) as opened:
                for batch in opened.iter_batches(batch_size=rows, columns=chosen.names):
                    block = self._checked(pa.Table.from_batches([batch]), file, chosen.features, (begin, wrong))
                    # Behind a defect the rest is read for what else is wrong alone.
                    if not wrong.told():
                        yield block
                    begin += batch.num_rows
            _refuse(file, wrong)

        return kinds, blocks()

    def _checked(self, table: Any, file: Path, gaps: Sequence[str], told: tuple[int, Defects]) -> dict[str, np.ndarray]:
        """The columns of a table, and its defects added to those before; `told` is its first row, and those."""
        from nnrun.data.prepare.columnwise import missing

        begin, wrong = told
        found = {}
        for name in table.column_names:
            values = _values(table.column(name), file, name)
            if not (self.missing_allowed and name in gaps):
                for row in missing(values).nonzero()[0].tolist():
                    wrong.add("missing", name, begin + row, partial(_gap, name, begin + row))
            found[name] = self._stated(values, name, begin, wrong)
        return found

    def _stated(self, column: np.ndarray, name: str, begin: int, defects: Defects) -> np.ndarray:
        """A column as the config types it; what it cannot be is NaN, and a defect."""
        import numpy as np

        kind = self.types.get(name)
        if kind in ("text", "category") and column.dtype != object:
            said = [None if np.isnan(value) else label(value) for value in column.tolist()]
            return np.array(said, dtype=object)
        if kind not in ("date", "number") or column.dtype != object:
            return column
        read = Dialect().number if kind == "number" else partial(days, form=self.forms.get(name, ""))
        found = [None if text is None else read(text) for text in column.tolist()]
        for row, text in enumerate(column.tolist()):
            if text is not None and found[row] is None:
                defects.add(kind, name, begin + row, partial(_misfit, kind, name, text, begin + row))
        return np.array([np.nan if value is None else value for value in found], dtype="float64")


def _gap(name: str, row: int) -> Defect:
    text = f"expected a value, received a missing one in row {row} (counted from 0)"
    hint = "leave the row or the column out, or, in a feature, add a step such as `Impute: median`"
    return Defect(None, name, text, hint)


def _misfit(kind: str, name: str, received: str, row: int) -> Defect:
    text = f"expected a {kind}, received {received[:40]!r} in row {row} (counted from 0)"
    return Defect(None, name, text, "correct it, or state another of its `types`")


def _refuse(file: Path, wrong: Defects) -> None:
    """Refuse a file with defects, all of which are told.

    Raises:
        DefectsError: There are some.
    """
    if wrong.told():
        raise refusal(file, wrong.told())


def _opened(file: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("parquet", "Reading a Parquet file") from None
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"expected a Parquet file, but it cannot be read: {error}", file=file, hint="is it the right file?"
        ) from None


def _schema(file: Path) -> Any:
    with _opened(file) as opened:
        return opened.schema_arrow


def _rows(file: Path) -> int:
    with _opened(file) as opened:
        return int(opened.metadata.num_rows)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    inner = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(inner) or types.is_large_string(inner) or types.is_string_view(inner))


def _values(column: Any, file: Path, name: str) -> np.ndarray:
    import numpy as np
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if _is_text(kind):
        return np.array(column.to_pylist(), dtype=object)
    if types.is_timestamp(kind) or types.is_date(kind):
        seconds = column.cast(pa.timestamp("us")).cast(pa.int64()).to_pandas().to_numpy("float64") / 1e6
        return np.asarray(seconds / _SECONDS_A_DAY)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype="float64")
    raise DataError(
        f"expected numbers, text or dates, received values of the type {kind}",
        file=file,
        column=name,
        hint="say which `features` to use",
    )

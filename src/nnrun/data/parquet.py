"""The source `parquet`: a table in Apache Parquet's format (extra: pyarrow)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.chosen import Asked, Chosen, no_features
from nnrun.data.columns import resolve
from nnrun.data.dates import days
from nnrun.data.delimited import Dialect
from nnrun.data.labels import label
from nnrun.data.raw import Outline, Raw
from nnrun.data.stated import kinds_and_forms
from nnrun.errors import DataError, MissingExtraError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.places import Places
    from nnrun.data.raw import Examples
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

_SECONDS_A_DAY = 86_400


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
    """

    def __init__(
        self,
        file: str,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date"] | dict[str, str]] | None = None,
        sample_weight: str | int | None = None,
        group: str | int | None = None,
    ) -> None:
        self.file = file
        self.types, self.forms = kinds_and_forms("parquet", types)
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        targets = target if isinstance(target, list) else [-1 if target is None else target]
        self.asked = Asked(features, targets, sample_weight, group)

    def load(self, places: Places, progress: Progress) -> Raw:  # noqa: ARG002
        """Read the table."""
        file = places.need(self.file)
        schema = _schema(file)
        names = schema.names
        wrong = self._wrong(names, ())
        if wrong:
            raise DataError(wrong[0].text, file=file, hint=wrong[0].hint)
        chosen = self.asked.choose(names)
        table = self._table(file, chosen.names, chosen.features)
        return Raw(
            chosen.examples(table),
            target_names=chosen.targets,
            files={file.name: file},
            layout=chosen.layout(names, table, header=True, dates=self._dates(schema, chosen)),
            groups=None if chosen.group is None else table[chosen.group],
            group=chosen.group,
        )

    def foresee(self, places: Places, path: ConfigPath) -> tuple[Outline | None, list[Finding]]:
        """Read the columns' names and types and the number of rows from the file's end."""
        below = (*path, "parquet")
        try:
            file = places.need(self.file)
            schema, rows = _schema(file), _rows(file)
        except (DataError, MissingExtraError) as error:
            name = "missing-file" if places.find(self.file) is None else "unreadable-data"
            return None, [Finding((*below, "file"), error.text, error.hint, name)]
        wrong = self._wrong(schema.names, below)
        if wrong:
            return None, wrong
        chosen = self.asked.choose(schema.names)
        features = chosen.features
        outline = Outline(
            (len(features),),
            rows,
            columns=features,
            text=frozenset(name for name in features if self._holds_text(schema, name)),
            target_names=chosen.targets,
            group=chosen.group,
        )
        return outline, []

    def again(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read another Parquet file, or a csv, with the same columns."""
        if file.suffix.lower() not in (".parquet", ".pq"):
            from nnrun.data.tables import Csv

            source = Csv(file.name)
            source.missing_allowed = self.missing_allowed
            return source.again(file, layout, with_target=with_target)
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
            DataError: A value is missing, or a column holds lists or structures.
        """
        table = _opened(file).read(columns=list(names))
        found = {name: self._stated(_values(table.column(name), file, name), file, name) for name in names}
        from nnrun.data.columnwise import missing

        for name, column in found.items():
            lacks = missing(column)
            if lacks.any() and not (self.missing_allowed and name in gaps):
                raise DataError(
                    f"expected a value, received a missing one in row {int(lacks.argmax())} (counted from 0)",
                    file=file,
                    column=name,
                    hint="leave the row or the column out, or, in a feature, add a step such as `Impute: median`",
                )
        return found


    def _stated(self, column: np.ndarray, file: Path, name: str) -> np.ndarray:
        """A column as the config types it."""
        import numpy as np

        kind = self.types.get(name)
        if kind in ("text", "category") and column.dtype != object:
            said = [None if np.isnan(value) else label(value) for value in column.tolist()]
            return np.array(said, dtype=object)
        if kind not in ("date", "number") or column.dtype != object:
            return column
        read = Dialect().number if kind == "number" else partial(days, form=self.forms.get(name, ""))
        found = [None if text is None else read(text) for text in column.tolist()]
        wrong = next((row for row, text in enumerate(column.tolist()) if text is not None and found[row] is None), None)
        if wrong is not None:
            text = f"expected a {kind}, received {column[wrong][:40]!r} in row {wrong} (counted from 0)"
            raise DataError(text, file=file, column=name, hint="correct it, or state another of its `types`")
        return np.array([np.nan if value is None else value for value in found], dtype="float64")


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

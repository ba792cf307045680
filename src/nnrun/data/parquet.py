"""The source `parquet`: a table in Apache Parquet's format (extra: pyarrow)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.chosen import Asked, Chosen, no_features
from nnrun.data.raw import Outline, Raw
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

    Dates and times become days since 1970-01-01, truth values 0 and 1, categories text.

    Args:
        file: The file, relative to the config or to the data folder.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        sample_weight: The column, by name or index, that says how much each row counts in training: numbers of at
            least 0. It is no feature.
    """

    def __init__(
        self,
        file: str,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
    ) -> None:
        self.file = file
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        targets = target if isinstance(target, list) else [-1 if target is None else target]
        self.asked = Asked(features, targets, sample_weight)

    def load(self, places: Places, progress: Progress) -> Raw:  # noqa: ARG002
        """Read the table."""
        file = places.need(self.file)
        names = _schema(file).names
        wrong = self._wrong(names, ())
        if wrong:
            raise DataError(wrong[0].text, file=file, hint=wrong[0].hint)
        chosen = self.asked.choose(names)
        table = self._table(file, chosen.names, chosen.features)
        return Raw(
            chosen.examples(table),
            target_names=chosen.targets,
            files={file.name: file},
            layout=chosen.layout(names, table, header=True),
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
        text = frozenset(name for name in chosen.features if _is_text(schema.field(name).type))
        features = chosen.features
        return Outline((len(features),), rows, columns=features, text=text, target_names=chosen.targets), []

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
        if not wrong and not self.asked.choose(names).features:
            return [no_features((*below, "target"))]
        return wrong

    def _table(self, file: Path, names: Sequence[str], gaps: Sequence[str]) -> dict[str, np.ndarray]:
        """These columns: float64 for numbers, object for text; missing values only in `gaps`, where they are allowed.

        Raises:
            DataError: A value is missing, or a column holds lists or structures.
        """
        table = _opened(file).read(columns=list(names))
        found = {name: _values(table.column(name), file, name) for name in names}
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

"""The source `csv`: a table in a text file."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.chosen import Asked, Chosen, side_by_side
from nnrun.data.columns import Columns, resolve
from nnrun.data.delimited import Dialect, Head, Scan, defects, read_head, rows, scan
from nnrun.data.labels import labels
from nnrun.data.raw import Examples, Outline, Raw
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from nnrun.data.places import Places
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress

#: A file up to this many bytes is read whole by `check` (0.4 s at most), of a larger one the start.
_WHOLE = 1_000_000
_START_ROWS = 1000


class Csv:
    """A table in a text file: one row an example, fields between separators.

    Malformed rows, text among numbers and missing values are refused with their row and column.

    Args:
        file: The file, relative to the config or to the data folder; `.gz` is unpacked.
        header: Whether the first line names the columns; where not given, it does unless one of its fields is a number.
        separator: The character between fields; a blank stands for any run of blanks; default: a tab for `.tsv`, else
            a comma.
        decimal: The decimal mark.
        encoding: The text's encoding.
        missing: The fields that stand for a missing value; default: an empty field, `NA`, `NaN`, `nan`, `null`.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column.
        types: For columns whose type is not what it looks like, `number` or `text`.
        sample_weight: The column, by name or index, that says how much each row counts in training: numbers of at
            least 0. It is no feature.
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
        types: dict[str, Literal["number", "text"]] | None = None,
        sample_weight: str | int | None = None,
    ) -> None:
        plain = file.removesuffix(".gz").lower()
        separator = separator or ("\t" if plain.endswith(".tsv") else ",")
        if len(separator) != 1 or separator in '"\r\n' or separator == decimal:
            raise ValueError(
                f"csv: separator expected one character other than the decimal mark, received {separator!r}"
            )
        words = Dialect.missing if missing is None else tuple(missing)
        self.file = file
        self.dialect = Dialect(separator, decimal, encoding, words, header)
        self.types = dict(types or {})
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        targets = target if isinstance(target, list) else [-1 if target is None else target]
        self.asked = Asked(features, targets, sample_weight)

    def load(self, places: Places, progress: Progress) -> Raw:  # noqa: ARG002
        """Read the table."""
        file = places.need(self.file)
        head = read_head(file, self.dialect)
        chosen = self._select(file, head)
        table = read_columns(file, self.dialect, head, chosen.names, self._types(chosen), self._gaps(chosen.features))
        if chosen.weight:
            self._refuse_negative(file, head, chosen.weight, table[chosen.weight])
        return Raw(
            chosen.examples(table),
            target_names=chosen.targets,
            files={file.name: file},
            layout=chosen.layout(head.names, table, header=bool(head.line)),
        )

    def again(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
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
        # Targets that were numbers keep what they look like: the encoding names a class that is not the run's.
        types = {
            name: "text" if name in layout["text"] else "number"
            for name in wanted
            if name in layout["features"] or name in layout["text"]
        }
        table = read_columns(file, self.dialect, head, wanted, types, self._gaps(layout["features"]))
        y = side_by_side({name: table[name] for name in layout["targets"]}) if with_target else None
        return Examples(Columns({name: table[name] for name in layout["features"]}), y)

    def foresee(self, places: Places, path: ConfigPath) -> tuple[Outline | None, list[Finding]]:
        """Read the header and, of a small file, all rows: columns, classes, and whatever is wrong."""
        below = (*path, "csv")
        try:
            file = places.need(self.file)
            head = read_head(file, self.dialect)
        except DataError as error:
            name = "unreadable-data" if places.find(self.file) else "missing-file"
            return None, [Finding((*below, "file"), error.text, error.hint, name)]
        findings = [*self.asked.wrong(head.names, below), *self._wrong_types(head, below)]
        if findings:
            return None, findings
        chosen = self._select(file, head)
        whole = file.stat().st_size <= _WHOLE and file.suffix != ".gz"
        try:
            found = scan(file, self.dialect, head, chosen.names, None if whole else _START_ROWS)
        except DataError as error:
            return None, [Finding((*below, "file"), error.text, error.hint, "defective-data")]
        wrong = [
            Finding((*below, "file"), error.text, error.hint, "defective-data")
            for error in [
                *defects(file, head, found, self._types(chosen), self._gaps(chosen.features)),
                *self._negative(file, chosen, found),
            ]
        ]
        return self._outline(chosen, found, whole=whole), wrong

    def _outline(self, chosen: Chosen, found: Scan, *, whole: bool) -> Outline:
        kinds = {name: self.types.get(name, tally.kind()) for name, tally in found.columns.items()}
        text = frozenset(name for name in chosen.features if kinds[name] == "text")
        values = {
            name: self._values(distinct, kinds[name])
            for name, tally in found.columns.items()
            if whole and (distinct := tally.distinct())
        }
        return Outline(
            (len(chosen.features),),
            found.rows if whole else None,
            class_names=values.get(chosen.targets[0]) if len(chosen.targets) == 1 else None,
            columns=chosen.features,
            text=text,
            values=values,
            target_names=chosen.targets,
        )

    def _values(self, values: Iterable[str], kind: str) -> tuple[str, ...]:
        """A column's distinct values in order."""
        if kind == "text":
            return labels(values)
        return labels(number for value in values if (number := self.dialect.number(value)) is not None)

    def _gaps(self, features: Sequence[str]) -> frozenset[str]:
        """The columns that may have missing values."""
        return frozenset(features) if self.missing_allowed else frozenset()

    def _types(self, chosen: Chosen) -> dict[str, str]:
        """The types that the config says, and that weights are numbers."""
        return {**self.types, **({} if chosen.weight is None else {chosen.weight: "number"})}

    def _refuse_negative(self, file: Path, head: Head, name: str, weights: np.ndarray) -> None:
        """Refuse the first weight below 0, with its row."""
        below = int((weights < 0).argmax())
        if weights[below] < 0:
            lines = (line for line, _ in rows(file, self.dialect) if line > head.line)
            raise _negative_weight(file, name, float(weights[below]), next(islice(lines, below, None)))

    def _negative(self, file: Path, chosen: Chosen, found: Scan) -> list[DataError]:
        """The lowest weight of the rows that were read, where it is below 0."""
        tally = found.columns.get(chosen.weight or "")
        said = (self.dialect.number(text) for text in (tally.distinct() or ())) if tally else ()
        lowest = min((number for number in said if number is not None), default=0.0)
        return [_negative_weight(file, str(chosen.weight), lowest)] if lowest < 0 else []

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
        if "" in features and self.asked.features is None:
            raise DataError(
                "a column has no name in the header",
                file=file,
                row=head.line,
                column=features.index(""),
                hint="name it; if it numbers the rows (pandas writes such a column), say which `features` to use",
            )
        return chosen


def read_columns(
    file: Path,
    dialect: Dialect,
    head: Head,
    names: Sequence[str],
    types: Mapping[str, str],
    gaps: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """These columns as arrays: float64 for numbers, object for text; missing values of `gaps` are NaN and None.

    Raises:
        DataError: A row is ragged, a value is missing or text stands among numbers; with row and column.
    """
    frame = _frame(file, dialect, head)
    if frame is None or frame.shape[1] != len(head.names) or frame.iloc[:, -1].isna().any():
        _refuse(file, dialect, head, names, types, gaps)
    if frame is None or frame.shape[1] != len(head.names):
        raise DataError("pandas cannot read the table", file=file, hint="look for stray quotes, or write the file anew")
    frame.columns = list(head.names)
    text = [name for name in names if types.get(name) == "text" or not _numeric(frame[name])]
    if not len(frame) or text or not _finite(frame[list(names)]):
        found = _refuse(file, dialect, head, names, types, gaps)
        text = [name for name in names if types.get(name, found.columns[name].kind()) == "text"]
    return {
        name: _text(file, dialect, head, name) if name in text else _numbers(frame, name, dialect) for name in names
    }


def _frame(file: Path, dialect: Dialect, head: Head, **options: Any) -> pd.DataFrame | None:
    """The table as pandas reads it; None where pandas refuses it."""
    import pandas as pd

    separator = r"\s+" if dialect.separator == " " else dialect.separator
    codec = "utf-8-sig" if dialect.encoding.lower() in ("utf-8", "utf8", "utf_8") else dialect.encoding
    try:
        frame: pd.DataFrame = pd.read_csv(
            file,
            sep=separator,
            header=None,
            skiprows=head.line,
            decimal=dialect.decimal,
            encoding=codec,
            na_values=list(dialect.missing),
            keep_default_na=False,
            skipinitialspace=True,
            low_memory=False,
            **options,
        )
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=range(len(head.names)))
    except (ValueError, OSError, EOFError):
        return None
    return frame


def _refuse(
    file: Path,
    dialect: Dialect,
    head: Head,
    names: Sequence[str],
    types: Mapping[str, str],
    gaps: Collection[str],
) -> Scan:
    """Raise the first defect that a slow reading finds; return what it read where there is none."""
    found = scan(file, dialect, head, names)
    wrong = defects(file, head, found, types, gaps)
    if wrong:
        raise wrong[0]
    return found


def _numeric(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "iuf"


def _finite(frame: pd.DataFrame) -> bool:
    """Whether all values are finite numbers; pandas reads `inf` as one."""
    import numpy as np

    return bool(np.isfinite(frame.to_numpy(dtype="float64")).all())


def _numbers(frame: pd.DataFrame, name: str, dialect: Dialect) -> np.ndarray:
    import numpy as np

    column = frame[name]
    if not _numeric(column):
        return np.array([dialect.number(str(value)) for value in column], dtype="float64")
    return column.to_numpy(dtype="float64")


def _text(file: Path, dialect: Dialect, head: Head, name: str) -> np.ndarray:
    """The column as the file writes it: pandas would otherwise turn `012` into 12 and `true` into True."""
    import numpy as np

    frame = _frame(file, dialect, head, usecols=[head.names.index(name)], dtype=str)
    assert frame is not None, "the file was read before"  # noqa: S101
    column = frame.iloc[:, 0]
    said = [None if gap else str(value).strip() for value, gap in zip(column, column.isna(), strict=True)]
    return np.array(said, dtype=object)


def _negative_weight(file: Path, name: str, weight: float, row: int | None = None) -> DataError:
    return DataError(
        f"expected a weight of at least 0, received {weight:g}",
        file=file,
        row=row,
        column=name,
        hint="correct it, or name another column as `sample_weight`",
    )


def _positional(head: Head, layout: Mapping[str, Any]) -> Head:
    """The run's column names for a file without a header (or for a run whose file had none), by position."""
    names = list(layout["names"])
    without = [name for name in names if name not in layout["targets"]]
    for known in (names, without, list(layout["features"])):
        if len(known) == len(head.names):
            return Head(tuple(known), head.line)
    return head

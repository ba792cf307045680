"""What a run takes for an example: a row of columns, some of them pictures, a file, an array, or a text to continue.

Examples of a request are checked here and written into a file of the kind that `nnrun predict` reads, so that both
read and prepare them by the same code.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from nnrun.config.hints import did_you_mean
from nnrun.data.columns import label
from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.dialect import Dialect
from nnrun.data.load import make_source
from nnrun.data.named.named_source import NamedSource
from nnrun.data.named.pictures import Cifar10, Cifar100, FashionMnist, Mnist
from nnrun.data.sources.column_roles import ColumnRoles
from nnrun.data.sources.flats import Flats
from nnrun.data.sources.labelled_files import LabelledFiles
from nnrun.data.sources.spoken_digits import SpokenDigits
from nnrun.data.sources.table import TableSource
from nnrun.data.sources.texts import Texts
from nnrun.data.splits.groups import group_column, group_name
from nnrun.data.text.text_source import TextSource
from nnrun.formatting import csv_text, format_names
from nnrun.serve.refusals import RefusedRequestError, WrongValue, refused_values

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.dataset import DataFacts, Source
    from nnrun.spec.data import DataSpec, Split
    from nnrun.spec.facts import Facts

ColumnKind = Literal["number", "text", "date", "picture"]
ExampleKind = Literal["rows", "pictures", "recordings", "arrays", "text"]
#: The suffixes by which files are recognized, by how their content begins.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, ".png"),
    (b"\xff\xd8\xff", 0, ".jpg"),
    (b"GIF8", 0, ".gif"),
    (b"BM", 0, ".bmp"),
    (b"II*\x00", 0, ".tif"),
    (b"MM\x00*", 0, ".tif"),
    (b"WEBP", 8, ".webp"),
    (b"WAVE", 8, ".wav"),
)
_PICTURE_SETS = (Mnist, FashionMnist, Cifar10, Cifar100)


@dataclass(frozen=True)
class InputColumn:
    """A column of the rows that a run takes.

    Attributes:
        name: Its name.
        kind: What its values are.
        may_be_missing: Whether a value may be missing, as the run's preparation fills it in.
        date_format: The format of dates, as of `strptime`; empty for ISO 8601.
    """

    name: str
    kind: ColumnKind
    may_be_missing: bool = False
    date_format: str = ""


#: Files of text are sent as rows of one column.
_TEXT_COLUMN = (InputColumn("text", "text"),)


@dataclass(frozen=True)
class ServedInput:
    """What the examples of a run are.

    Attributes:
        kind: `rows` of columns, `pictures`, `recordings`, `arrays`, or a `text` to continue.
        source: The run's source, which reads the examples.
        columns: The columns of rows.
        targets: The columns that the run predicts.
        shape: The shape of one array, before any preparation; None where any may be sent.
        decodes: Whether pictures are sent for arrays of that shape.
        is_series: Whether the rows of a request belong together, as windows of a series do.
        has_header: Whether a file of the rows names its columns.
        table: What reads the cells of rows; None: the source.
    """

    kind: ExampleKind
    source: Source | TextSource
    columns: tuple[InputColumn, ...] = ()
    targets: tuple[str, ...] = ()
    shape: tuple[int | None, ...] | None = None
    decodes: bool = False
    is_series: bool = False
    has_header: bool = True
    table: TableSource | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The keys of a body under which examples may stand."""
        return ("pictures", "arrays") if self.decodes else (self.kind,)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The columns of rows that hold pictures."""
        return tuple(one.name for one in self.columns if one.kind == "picture")

    @property
    def takes_files(self) -> bool:
        """Whether examples are files, or have some in their columns."""
        return self.kind in ("pictures", "recordings") or bool(self.pictures)

    def checked(self, word: str, examples: Sequence[Any]) -> list[Any]:
        """Return the examples of a request in the form in which they are written into a file.

        Args:
            word: The key under which they stood, one of `words`.
            examples: What stood there; files as bytes.

        Raises:
            RefusedRequestError: Some are wrong; with the row and column of each.
        """
        if word == "rows":
            return self._checked_rows(examples)
        if word == "arrays":
            return _checked_arrays(examples, self.shape)
        return _checked_files(examples, word)

    def write(self, examples: Sequence[Any], folder: Path) -> Path:
        """Write examples into a file, or a folder of files, that the run's source reads.

        Args:
            examples: As of `checked`.
            folder: An empty folder.

        Raises:
            RefusedRequestError: A picture has another size than the run's own.
        """
        if self.kind == "rows":
            file = folder / "rows.csv"
            rows = [_with_files(row, cells, folder) for row, cells in enumerate(examples)]
            text = csv_text([one.name for one in self.columns], rows)
            file.write_text(text if self.has_header else text.partition("\n")[2], encoding="utf-8")
            return file
        if self.kind == "arrays":
            import numpy as np

            file = folder / "arrays.npz"
            np.savez(file, x=np.stack([self._array(row, one, folder) for row, one in enumerate(examples)]))
            return file
        for row, content in enumerate(examples):
            (folder / f"{row:06}{_suffix(content)}").write_bytes(content)
        return folder

    def first_lines(self, examples: Sequence[Any]) -> list[int]:
        """Return the line of the file, counted from 1, on which each example begins; nothing for files of their own."""
        if self.kind != "rows":
            return []
        line, found = 1 + self.has_header, []
        for cells in examples:
            found.append(line)
            line += 1 + sum(cell.count("\n") for cell in cells if isinstance(cell, str))
        return found

    def _array(self, row: int, example: Any, folder: Path) -> Any:
        """Return an array; a picture is decoded."""
        import numpy as np

        if not isinstance(example, bytes):
            return np.asarray(example)
        from nnrun.data.files.pictures import picture_size, read_picture
        from nnrun.errors import DataError

        assert self.shape is not None, "pictures stand for arrays of a known shape"  # noqa: S101
        file = folder / f"{row:06}{_suffix(example)}"
        file.write_bytes(example)
        height, width, *channels = (size or 1 for size in self.shape)
        try:
            found = picture_size(file)
            if found != (height, width):
                text = f"expected a picture of {width} x {height} pixels, received {found[1]} x {found[0]}"
                raise refused_values([WrongValue(row, None, text)])
            pixels = read_picture(file, found, "rgb" if channels == [3] else "grey")
        except DataError as error:
            raise refused_values([WrongValue(row, None, error.text.replace(f"{file}: ", ""))]) from None
        return pixels.reshape([size or 1 for size in self.shape])

    def _checked_rows(self, rows: Sequence[Any]) -> list[Any]:
        wrong: list[WrongValue] = []
        known = {one.name for one in self.columns}
        found = []
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                wrong.append(WrongValue(number, None, f"expected an object of columns, received {_shown(row)}"))
                continue
            extra = [name for name in row if name not in known]
            wrong += [WrongValue(number, name, self._extra(name, row)) for name in extra]
            cells = []
            for column in self.columns:
                if column.name not in row and not column.may_be_missing:
                    near = did_you_mean(column.name, extra)
                    wrong.append(WrongValue(number, column.name, f"the column is missing{f'; {near}' if near else ''}"))
                    continue
                cell, error = self._cell(column, row.get(column.name))
                cells.append(cell)
                if error:
                    wrong.append(WrongValue(number, column.name, error))
            found.append(cells)
        if wrong:
            raise refused_values(wrong)
        return found

    def _extra(self, name: str, row: Mapping[str, Any]) -> str:
        if name in self.targets:
            return "the run predicts this column; leave it out"
        near = did_you_mean(name, [one.name for one in self.columns if one.name not in row])
        return (
            f"the run has no such column; {near or f'it has: {format_names([one.name for one in self.columns], 12)}'}"
        )

    def _cell(self, column: InputColumn, value: Any) -> tuple[Any, str]:
        """Return a value as it is written into a cell, and what is wrong with it; empty for nothing."""
        source: Any = self.table or self.source
        missing = getattr(source, "missing_words", ())
        if value is None or (isinstance(value, str) and value.strip() in missing):
            return "", "" if column.may_be_missing else f"expected {_expected(column)}, received a missing value"
        if column.kind in ("picture", "number"):
            return _picture(value) if column.kind == "picture" else _number(column, value, source)
        if isinstance(value, bool) or not isinstance(value, str | int | float | list):
            return "", f"expected {_expected(column)}, received {_shown(value)}"
        if isinstance(value, list):
            import json

            return json.dumps(value, ensure_ascii=False), "" if column.kind == "text" else _not(column, value)
        text = value if isinstance(value, str) else label(value)
        if column.kind == "date" and days_since_epoch(text, column.date_format) is None:
            return "", _not(column, value)
        return text, ""


def served_input(spec: DataSpec, entries: Sequence[Mapping[str, Any]], facts: Facts) -> ServedInput:
    """Return what the examples of a run are.

    Args:
        spec: The run's `data:`.
        entries: The run's `prepare.json`.
        facts: The facts of its data.
    """
    source: Any = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    layout: Mapping[str, Any] = next((entry["layout"] for entry in entries if "layout" in entry), {})
    if isinstance(source, TextSource):
        return ServedInput("text", source)
    if facts.arrays:
        return _listed_input(source, layout, facts, spec.split)
    if isinstance(source, TableSource):
        return _table_input(source, layout, facts, spec.split)
    if isinstance(source, LabelledFiles | SpokenDigits) and not isinstance(source, Texts):
        is_picture = isinstance(source, LabelledFiles) and source.kind.noun == "picture"
        return ServedInput("pictures" if is_picture else "recordings", source)
    known = source.known_facts() if isinstance(source, NamedSource) else None
    columns = _TEXT_COLUMN if isinstance(source, Texts) else _known_columns(known, layout)
    if columns:
        return ServedInput("rows", source, columns, facts.target_names)
    shape = layout.get("shape") if known is None else known.shape
    return ServedInput(
        "arrays", source, shape=None if shape is None else tuple(shape), decodes=isinstance(source, _PICTURE_SETS)
    )


def _known_columns(known: DataFacts | None, layout: Mapping[str, Any]) -> tuple[InputColumn, ...]:
    """Return the columns of a named set, or of what the user's code returned; none of arrays."""
    if known is not None:
        return _columns(known.columns or (), known.text)
    return _columns(layout.get("columns", ()), layout.get("text", ()))


def _table_input(source: Any, layout: Mapping[str, Any], facts: Facts, split: Split | None) -> ServedInput:
    """Return the columns of a table, which is read as `ServedInput.write` writes it."""
    features = list(layout["features"])
    grouped = None if layout.get("group") else group_column(split)
    if grouped is not None:
        # As of `load_new_data`: the model does not take the column of groups.
        features.remove(group_name(grouped, tuple(features)))
    names = [name for name in layout["names"] if name not in layout["targets"]]
    is_series = source.windows is not None
    if not layout.get("header", True) and sorted(names) == sorted(features):
        features = names
    others = (layout.get("time"), layout.get("group")) if is_series else ()
    features += [name for name in others if name is not None and name not in features]
    gaps = source.gaps(ColumnRoles(tuple(features), tuple(layout["targets"])))
    dates = layout.get("dates", {})
    source.new_dialect = Dialect(header=bool(layout.get("header", True)))
    columns = _columns(features, [*layout["text"], *source.free_text_types(features)], dates, gaps)
    return ServedInput(
        "rows",
        source,
        columns,
        tuple(layout["targets"]) or facts.target_names,
        is_series=is_series,
        has_header=bool(layout.get("header", True)),
    )


def _listed_input(source: Any, layout: Mapping[str, Any], facts: Facts, split: Split | None) -> ServedInput:
    """Return the columns of rows that have pictures next to other columns, which a csv file lists."""
    images: Any = source.listed(layout) if isinstance(source, Flats) else source
    table = images.columns.new_table("rows.csv", layout)
    found = _table_input(table, layout["list"], facts, split)
    images.columns.new_dialect = table.new_dialect
    columns = tuple(replace(one, kind="picture") if one.name in facts.arrays else one for one in found.columns)
    return replace(found, source=images, columns=columns, table=table)


def _columns(
    names: Sequence[str], text: Collection[str], dates: Mapping[str, str] | None = None, gaps: Collection[str] = ()
) -> tuple[InputColumn, ...]:
    dates = dates or {}
    return tuple(
        InputColumn(
            name,
            "date" if name in dates else "text" if name in text else "number",
            name in gaps,
            dates.get(name, ""),
        )
        for name in names
    )


def _picture(value: Any) -> tuple[Any, str]:
    """Return a picture, which JSON holds as Base64, and what is wrong with it."""
    content = value if isinstance(value, bytes) else from_base64(value)
    if content is None:
        return "", f"expected a picture in Base64, received {_shown(value)}"
    wrong = _wrong_file(content, "pictures")
    return ("", wrong) if wrong else (content, "")


def _with_files(row: int, cells: Sequence[Any], folder: Path) -> list[Any]:
    """Write the pictures among the cells of a row into files, and return the cells with their names."""
    found = list(cells)
    for index, cell in enumerate(cells):
        if isinstance(cell, bytes):
            found[index] = f"{row:06}_{index}{_suffix(cell)}"
            (folder / found[index]).write_bytes(cell)
    return found


def _number(column: InputColumn, value: Any, source: Source | TextSource) -> tuple[Any, str]:
    """Return a number, or a text that is one as the run's own file writes numbers, and what is wrong with it."""
    if isinstance(value, str):
        parsed = _dialect(source).number(value, column.name)
        return ("", _not(column, value)) if parsed is None else (repr(parsed), "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "", _not(column, value)
    try:
        is_finite = isfinite(float(value))
    except OverflowError:
        is_finite = False
    return (repr(value), "") if is_finite else ("", _not(column, value))


def _dialect(source: Source | TextSource) -> Dialect:
    """Return how the run's own file is written."""
    found = getattr(source, "dialect", None)
    return found if isinstance(found, Dialect) else Dialect(numbers=getattr(source, "number_formats", {}))


def _not(column: InputColumn, value: Any) -> str:
    return f"expected {_expected(column)}, received {_shown(value)}"


def _expected(column: InputColumn) -> str:
    if column.kind == "date":
        return f"a date of the format {column.date_format}" if column.date_format else "a date such as 2026-01-31"
    return f"a {column.kind}"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]} ..."


def _checked_arrays(examples: Sequence[Any], shape: tuple[int | None, ...] | None) -> list[Any]:
    """Return arrays of numbers, all of one shape.

    Raises:
        RefusedRequestError: One is no array of numbers, or of another shape than the run's or the first one.
    """
    import numpy as np

    found: list[Any] = []
    wrong: list[WrongValue] = []
    for row, example in enumerate(examples):
        try:
            array = np.asarray(example)
        except (ValueError, OverflowError):
            array = np.empty(0, dtype=object)
        expected = shape or (found[0].shape if found else None)
        fits = expected is None or (
            len(expected) == array.ndim and all(a in (None, b) for a, b in zip(expected, array.shape, strict=True))
        )
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            wrong.append(WrongValue(row, None, "expected an array of numbers, with rows of equal length"))
        elif not fits:
            text = f"expected an array of shape {list(expected or ())}, received {list(array.shape)}"
            wrong.append(WrongValue(row, None, text))
        else:
            found.append(array)
    if wrong:
        raise refused_values(wrong)
    return found


def _checked_files(examples: Sequence[Any], word: str) -> list[bytes]:
    """Return files of which the first bytes show that they are pictures, or recordings.

    Raises:
        RefusedRequestError: One is something else.
    """
    found = [(row, _wrong_file(content, word)) for row, content in enumerate(examples)]
    wrong = [WrongValue(row, None, text) for row, text in found if text]
    if wrong:
        raise refused_values(wrong)
    return list(examples)


def _wrong_file(content: bytes, word: str) -> str:
    """Return what is wrong with a file by its first bytes; empty for nothing."""
    suffix = _suffix(content)
    if suffix and (suffix == ".wav") == (word == "recordings"):
        return ""
    wanted = "a WAV file" if word == "recordings" else "a picture (PNG, JPEG, GIF, BMP, TIFF or WebP)"
    return f"expected {wanted}, received {len(content)} bytes of something else"


def from_base64(value: Any) -> bytes | None:
    """Return the bytes of a text in Base64, or of a `data:` address; None where it is something else."""
    if not isinstance(value, str):
        return None
    text = value.partition("base64,")[2] or value if value.startswith("data:") else value
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _suffix(content: bytes) -> str:
    found = (suffix for start, at, suffix in _SIGNATURES if content[at : at + len(start)] == start)
    return next(found, "")


def refused_data(error: Any, file_rows: Sequence[int]) -> RefusedRequestError:
    """Return the refusal of examples that the run's source or preparation refuses.

    Args:
        error: The `DataError`.
        file_rows: The line of the file on which each example begins; empty for files of their own.
    """
    from bisect import bisect_right
    from pathlib import Path as FilePath

    problems = getattr(error, "problems", ())
    row = None
    line = error.row if error.row is not None else next((one.mark.line for one in problems if one.mark), None)
    if line is not None and file_rows:
        row = max(bisect_right(file_rows, line) - 1, 0)
    elif error.file is not None and FilePath(str(error.file)).stem.isdigit():
        row = int(FilePath(str(error.file)).stem)
    places = [str(error.file)] if error.file is not None else []
    places += [f"line {error.row}"] if error.row is not None else []
    places += [f"column {error.column}"] if error.column is not None else []
    text = error.text.removeprefix(", ".join(places) + ": ") if places else error.text
    if error.file is not None:
        text = text.replace(f"{FilePath(str(error.file)).parent}/", "")
    column = None if error.column is None else str(error.column)
    return RefusedRequestError(
        422, refused_values([WrongValue(row, column, text)]).message, [WrongValue(row, column, text)], error.hint
    )

"""Columns of the csv file that lists pictures: their targets, and features next to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import ColumnError, Columns, resolve_columns
from nnrun.data.sources.class_folders import FileList
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.table import note_named_columns
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.csv.dialect import CsvFile, Dialect
    from nnrun.data.csv.type_inference import ColumnType, TableStats
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.data import Split
    from nnrun.spec.finding import Finding
    from nnrun.spec.part import Part


class PictureList(Csv):
    """The csv file of `images` as a table whose features are the columns next to pictures, and those of their names.

    Args:
        file: The file.
        pictures: The names of the columns that name pictures.
        features: The other feature columns, by name or index; pictures among them are pictures all the same.
        names: The names of all columns, by which indexes are found.
        **options: Arguments of `Csv`.
    """

    name = "images"

    def __init__(
        self, file: str, pictures: Sequence[str], features: Sequence[str | int], names: Sequence[str], **options: Any
    ) -> None:
        try:
            listed = resolve_columns(features, names)
        except ColumnError:  # found by `column_findings`, at its place
            listed = []
        others = [name for name in pictures if name not in listed]
        super().__init__(file, features=[*features, *others], stream=False, **options)
        self.pictures = pictures

    def free_text_types(self, features: Sequence[str], targets: Sequence[str] = ()) -> dict[str, ColumnType]:
        """Return the type of text columns, as of `TableSource`; a name of a picture may hold any characters."""
        return {**super().free_text_types(features, targets), **dict.fromkeys(self.pictures, "free_text")}

    def gaps(self, roles: ColumnRoles) -> Collection[str]:
        """Return the columns that may have missing values: never those of the pictures' names."""
        return [name for name in super().gaps(roles) if name not in self.pictures]

    def _hints(
        self,
        roles: ColumnRoles,
        file: CsvFile,
        stats: TableStats,
        limit: int | None,
    ) -> dict[tuple[str, str], str]:
        """Return hints without the keys of `csv` that `images` does not have."""
        del file, stats, limit
        return {
            (group, name): hint
            for name in (*roles.features, *roles.targets)
            for group, hint in (("missing", "fill it in, or remove the row"), ("number", "correct the field"))
        }


@dataclass
class ListedColumns:
    """Columns of a csv file that lists pictures.

    Attributes:
        path_columns: The columns of the pictures' names, by name or index.
        targets: The target columns, by name or index.
        features: The columns in addition to the pictures, by name or index; None where pictures are all there is.
        types: The types of columns, as of `Csv`.
        noted: The steps, the split and the steps of the target that name columns, as of `note_named_columns`.
        missing_allowed: Whether features may have missing values.
        new_dialect: How files of new examples are written; None: as their own names and numbers say.
    """

    path_columns: Sequence[str | int]
    targets: list[str | int]
    features: Sequence[str | int] | None = None
    types: dict[str, Any] | None = None
    noted: tuple[Sequence[Part], Split | None, Sequence[Part]] = field(default=((), None, ()))
    missing_allowed: bool = False
    new_dialect: Dialect | None = None

    def __post_init__(self) -> None:
        for key, columns in (("target", self.targets), ("features", self.features), ("path_column", self.path_columns)):
            if columns is not None and not columns:
                raise ValueError(f"images: {key} expected one or more columns, received an empty list")

    @property
    def is_table(self) -> bool:
        """Whether an example is more than one picture."""
        return self.features is not None or len(self.path_columns) > 1

    @property
    def named(self) -> list[str | int]:
        """All columns that the config names."""
        by_steps = [name for part in self.noted[0] for name in part.arguments.get("columns") or ()]
        return [*self.path_columns, *self.targets, *(self.features or ()), *(self.types or ()), *by_steps]

    def load(self, opened: CsvFile, paths: DataPaths, progress: Progress) -> SourceData:
        """Return the targets and features of each part, with the pictures' names among the features.

        Args:
            opened: The csv file.
            paths: Where files are found.
            progress: Receives progress.

        Raises:
            DataError: A column does not exist, or a cell is missing or not of its column's type; with its line.
        """
        return self._table(opened).load(paths, progress)

    def load_targets(self, opened: CsvFile, paths: DataPaths) -> SourceData | None:
        """Return the targets alone, as of `Csv.load_targets`; None of a long file."""
        return self._table(opened).load_targets(paths)

    def facts(self, opened: CsvFile, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return what is known of the columns, and everything that is wrong in the rows read; None after an error."""
        facts, findings = self._table(opened).facts(paths, path)
        return None if any(one.severity == "error" for one in findings) else facts, findings

    def with_pictures(self, facts: DataFacts, pictures: DataFacts, opened: CsvFile) -> DataFacts:
        """Return the facts of the columns together with those of the pictures.

        Args:
            facts: What is known of the columns, as `facts` returns it.
            pictures: What is known of the pictures; of several columns, those of one after those of the other.
            opened: The csv file.
        """
        names = self._pictures(opened)
        rows, test, validation = (
            None if count is None else count // len(names)
            for count in (pictures.rows, pictures.test_rows, pictures.validation_rows)
        )
        known: dict[str, Any] = {"streamed": pictures.streamed, "rows": rows}
        known |= {"test_rows": test, "validation_rows": validation}
        if not self.is_table:
            return replace(facts, shape=pictures.shape, columns=None, text=frozenset(), prose=frozenset(), **known)
        kept = tuple(name for name in facts.columns or () if name not in names)
        known["arrays"] = dict.fromkeys(names, pictures.shape)
        return replace(facts, shape=(len(kept),), columns=kept, text=facts.text - {*names}, **known)

    def examples(self, rows: Examples, pictures: Examples, names: Sequence[str]) -> Examples:
        """Return rows of the csv file with their pictures.

        Args:
            rows: The rows, with the pictures' names among their features.
            pictures: The pictures; of several columns, those of one after those of the other.
            names: The columns of the pictures' names.
        """
        count = len(rows)
        x: Any = pictures.x
        if self.is_table:
            assert isinstance(rows.x, Columns), "a csv file in memory has columns"  # noqa: S101
            values = {name: column for name, column in rows.x.values.items() if name not in names}
            arrays = {name: x[at * count : (at + 1) * count] for at, name in enumerate(names)}
            x = Columns(values, arrays)
        origin = {name: values[:count] for name, values in pictures.origin.items()}
        return replace(rows, x=x, origin=origin)

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> tuple[FileList, Examples]:
        """Return the pictures that another csv file lists, and its rows with their features and targets.

        Columns are found by the names that they have in the run's own file.

        Args:
            file: The csv file.
            layout: The layout of the run's own data.
            with_target: Whether its targets are read.

        Raises:
            DataError: A column is missing, or a cell cannot be used.
        """
        names, own = picture_columns(layout), layout["list"]
        table = self.new_table(file.name, layout)
        examples = table.load_new(file, own, with_target=with_target)
        assert isinstance(examples.x, Columns), "a csv file in memory has columns"  # noqa: S101
        files = [file.parent / str(one).strip() for name in names for one in examples.x.values[name].tolist()]
        lines = [int(line) for line in examples.origin["line"]] * len(names)
        columns = [name for name in names for _ in range(len(examples))]
        return FileList(files, [""] * len(files), file, lines, columns=columns), examples

    def new_table(self, file: str, layout: Mapping[str, Any]) -> PictureList:
        """Return another csv file, with the columns of the run's own, as a table.

        Args:
            file: The file.
            layout: The layout of the run's own data.
        """
        names, own = picture_columns(layout), layout["list"]
        table = PictureList(file, names, own["features"], own["names"], target=list(own["targets"]))
        return self._noted(table)

    def _table(self, opened: CsvFile) -> PictureList:
        """Return the csv file as a table.

        Raises:
            DataError: There is no column of pictures' names.
        """
        known: dict[str, Any] = {"header": opened.header_line > 0, "target": self.targets, "types": self.types}
        pictures = self._pictures(opened)
        return self._noted(PictureList(str(opened.path), pictures, self.features or (), opened.names, **known))

    def _pictures(self, opened: CsvFile) -> list[str]:
        try:
            return resolve_columns(self.path_columns, opened.names)
        except ValueError as error:
            raise DataError(str(error), file=opened.path, hint="set `path_column`") from None

    def _noted(self, table: PictureList) -> PictureList:
        note_named_columns(table, *self.noted)
        table.missing_allowed, table.new_dialect = self.missing_allowed, self.new_dialect
        return table


def picture_columns(layout: Mapping[str, Any]) -> list[str]:
    """Return the columns of the pictures' names in a run's layout; of earlier runs the only feature."""
    return list(layout.get("pictures", layout["list"]["features"]))

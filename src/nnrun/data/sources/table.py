"""What all sources of tables have in common: roles of columns, facts, and new examples from a csv file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.columns import ColumnError, Columns, label, resolve_columns
from nnrun.data.csv.dates import days_since_epoch
from nnrun.data.csv.dialect import Dialect, row_lines
from nnrun.data.csv.few_columns import read_few_columns
from nnrun.data.csv.invalid_values import describe
from nnrun.data.csv.missing_words import EARLIER_WORDS, MISSING_WORDS
from nnrun.data.csv.number_format import NumberFormat
from nnrun.data.csv.read_columns import read_columns
from nnrun.data.csv.type_inference import TEXT_TYPES, ColumnRequest
from nnrun.data.csv.written_columns import WrittenColumns, written_columns
from nnrun.data.dataset import DataFacts, Examples, SourceData, as_data_error
from nnrun.data.missing_targets import NO_WINDOWS, drop_missing_targets
from nnrun.data.sources.column_roles import ColumnRoles, ColumnSelection, stack_targets
from nnrun.data.sources.new_columns import open_new_csv
from nnrun.data.sources.stated_types import column_types
from nnrun.data.sources.table_series import has_zones, series_of, shown_format, times_of
from nnrun.data.splits.by_column import NO_COLUMNS, separate_parts
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.csv.type_inference import ColumnType, Role
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.series.windows import WindowSpec
    from nnrun.data.sources.stated_types import StatedType
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.data import Split
    from nnrun.spec.part import Part


#: Steps that take any text: prose, or lists in cells.
_OF_PROSE = frozenset({"TextVectorization", "MultiLabelBinarizer", "PadSequences"})
#: Those of them for which an empty cell is an empty list.
_OF_LISTS = frozenset({"MultiLabelBinarizer", "PadSequences"})


class TableSource:
    """A table of which columns are features, targets, weights and groups; a subclass reads the columns.

    Args:
        features: The feature columns; None for all that have no other role.
        target: The target column, or several; None for the default ones.
        sample_weight: The column of weights.
        group: The column whose rows of one value stay together.
        time: The column of the rows' times.
        default_target: The target columns if none are stated.
        drop_missing_target: Whether rows without a target are left out.
    """

    #: The source's name in a config.
    name: ClassVar[str]
    #: The key of a config to point at if no feature column is left.
    key_without_features: ClassVar[str] = "target"

    def __init__(
        self,
        features: Sequence[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
        group: str | int | None = None,
        time: str | int | None = None,
        default_target: Sequence[str | int] = (-1,),
        drop_missing_target: bool = False,
    ) -> None:
        targets = list(default_target) if target is None else target if isinstance(target, list) else [target]
        self.selection = ColumnSelection(features, targets, sample_weight, group, time=time)
        #: The windows of rows that are the examples; None where each row is one.
        self.windows: WindowSpec | None = None
        #: The files of the source's own test and validation part.
        self.part_files: dict[str, str] = {}
        #: The source's name in messages without a file.
        self.label = self.name
        #: The stated types of columns, the formats of dates and numbers, and all of it as the config has it.
        self.types: dict[str, ColumnType] = {}
        self.date_formats: dict[str, str] = {}
        self.number_formats: dict[str, NumberFormat] = {}
        self.stated_types: Mapping[str, StatedType] = {}
        #: Columns that other parts of the config name.
        self.named_elsewhere: list[str | int] = []
        #: Features that steps take for prose, and those in which an empty cell is an empty list.
        self.free_text: list[str | int] = []
        self.may_be_empty: list[str | int] = []
        #: Whether a step takes the target for text, and whether an empty cell of it is an empty set.
        self.text_target, self.empty_target = False, False
        #: Whether features may have missing values: set if a step of the preparation fills them in.
        self.missing_allowed = False
        #: How files of new examples are written; None: as `new_file_dialect` says.
        self.new_dialect: Dialect | None = None
        self.drop_missing_target = drop_missing_target
        #: The words for a missing value, and those of runs whose layout does not list them.
        self.missing_words: tuple[str, ...] = MISSING_WORDS
        self.earlier_words: tuple[str, ...] = EARLIER_WORDS

    def state_types(self, types: Mapping[str, StatedType] | None, decimal: str = ".", thousands: str = "") -> None:
        """Keep what the config states about the types of columns.

        Raises:
            ValueError: A format is not one of dates or numbers.
        """
        stated = column_types(self.name, types, decimal, thousands)
        self.types, self.date_formats, self.number_formats = stated.kinds, stated.dates, stated.numbers
        self.stated_types = types or {}

    def free_text_types(self, features: Sequence[str], targets: Sequence[str] = ()) -> dict[str, ColumnType]:
        """Return the type of the features and targets that steps take for prose; the config may state another."""
        names = [*_resolved(self.free_text, features), *(targets if self.text_target else ())]
        return {name: "free_text" for name in names if self.types.get(name, "text") == "text"}

    def state_windows(self, windows: WindowSpec | None, stream: bool | None = None) -> None:
        """Keep the windows of rows that are the examples, if there are any.

        Raises:
            ValueError: Their rows are to stay on disk, or some of them to be left out.
        """
        if windows is not None and stream:
            raise ValueError(f"{self.name}: windows need their rows in memory; leave out `stream: true`")
        if windows is not None and self.drop_missing_target:
            raise ValueError(f"{self.name}: {NO_WINDOWS}")
        self.windows = windows
        self.selection = replace(self.selection, is_windowed=windows is not None)

    @property
    def asked(self) -> list[str | int]:
        """All columns that the config names."""
        return [*self.selection.asked, *self.types, *self.named_elsewhere]

    def column_findings(self, names: Sequence[str], path: ConfigPath = ()) -> list[Finding]:
        """Return what is wrong with the columns that the config names.

        Args:
            names: The names of the table's columns.
            path: The place of the source's arguments in the config.
        """
        findings = self.selection.findings(names, path)
        try:
            resolve_columns(self.types, names)
        except ColumnError as error:
            findings.append(Finding((*path, "types"), str(error), None, "unknown-column"))
        if not findings and not self.selection.roles(names).features:
            return [self.no_features(names, path)]
        return findings

    def no_features(self, names: Sequence[str], path: ConfigPath) -> Finding:  # noqa: ARG002
        """Return what to report if the targets leave no column to learn from."""
        text = "the targets leave no feature column"
        return Finding((*path, self.key_without_features), text, "name fewer targets", "no-features")

    def column_roles(self, names: Sequence[str], file: Path | None = None) -> ColumnRoles:
        """Return the columns of each role.

        Raises:
            DataError: The config names columns that cannot be used.
        """
        findings = self.column_findings(names)
        if findings:
            text = findings[0].text if file is not None else f"{self.label}: {findings[0].text}"
            raise DataError(text, file=file, hint=findings[0].hint)
        return self.selection.roles(names)

    def source_data(
        self,
        table: Mapping[str, np.ndarray],
        roles: ColumnRoles,
        names: Sequence[str],
        *,
        header: bool = True,
        dates: Mapping[str, str] | None = None,
        **known: Any,
    ) -> SourceData:
        """Return a table as examples, with what is needed to read another file of the same columns.

        Args:
            table: The columns that have a role.
            roles: The columns' roles.
            names: The names of all columns.
            header: Whether another file is expected to have a header.
            dates: The formats of the columns of dates.
            **known: Other attributes of the data, such as `class_names`; `train` if the features are on disk, `lines`
                if rows are those of a text file, `zoned` if times have a zone.
        """
        train = known.pop("train", None) or roles.examples(table)
        lines = known.pop("lines", None)
        train = train if lines is None else replace(train, origin={"line": lines})
        train, table = self._with_targets(train, table)
        if self.windows is not None:
            date_format = shown_format((dates or {}).get(str(roles.time)), zoned=known.pop("zoned", False))
            series = series_of(self.label, table, roles, date_format, known.get("files", {}), lines)
            train = replace(train, series=series)
        data = SourceData(
            train,
            windows=self.windows,
            target_names=roles.targets,
            layout=roles.layout(names, table, header=header, dates=dates or {}, missing=self.missing_words),
            written=self.written_in(table, roles),
            groups=None if roles.group is None else table[roles.group],
            group=roles.group,
            times=times_of(self.label, table, roles),
            dropped={self.label: train.dropped} if train.dropped else {},
            **known,
        )
        return self._with_parts(data, table, roles)

    def _with_targets(
        self, examples: Examples, table: Mapping[str, np.ndarray]
    ) -> tuple[Examples, Mapping[str, np.ndarray]]:
        """Return the examples and columns without the rows that lack a target, where the config says so.

        Raises:
            DataError: No row is left.
        """
        if not self.drop_missing_target:
            return examples, table
        kept, rows = drop_missing_targets(examples, self.label)
        # The columns of features that are on disk are empty.
        return kept, {name: column[rows] if len(column) else column for name, column in table.items()}

    def _with_parts(self, data: SourceData, table: Mapping[str, np.ndarray], roles: ColumnRoles) -> SourceData:
        """Return the data with the parts that the column of `split: {by: ...}` names.

        Raises:
            DataError: A word of it names no part, or no row is for training.
        """
        if roles.part is None:
            return data
        with as_data_error("split: by"):
            return separate_parts(data, table[roles.part], roles.part)

    def typed(self, name: str, column: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Return a column of text as the type that the config states, and the rows whose text is none of that type.

        Args:
            name: The column's name.
            column: Its values, None where they are missing.
        """
        import numpy as np

        kind = self.types.get(name)
        if kind in TEXT_TYPES and column.dtype != object:
            return np.array([None if np.isnan(value) else label(value) for value in column.tolist()], dtype=object), []
        if kind not in ("date", "number") or column.dtype != object:
            return column, []
        days = partial(days_since_epoch, date_format=self.date_formats.get(name, ""))
        parse = days if kind == "date" else self.number_formats.get(name, NumberFormat()).parse
        values = {text: None if text is None else parse(text) for text in dict.fromkeys(column.tolist())}
        wrong = [row for row, text in enumerate(column.tolist()) if text is not None and values[text] is None]
        return np.array([values[text] for text in column.tolist()], dtype="float64"), wrong

    def typed_table(self, table: Mapping[str, np.ndarray], file: Path | None = None) -> dict[str, np.ndarray]:
        """Return columns as the types that the config states.

        Raises:
            DataError: A text is none of its column's type.
        """
        found = {}
        for name, column in table.items():
            found[name], wrong = self.typed(name, column)
            if wrong:
                what = describe(
                    "invalid-in-parquet", expected=self.types[name], field=column[wrong[0]][:40], row=wrong[0]
                )
                text = what.text if file is not None else f"{self.label}: {what.text}"
                raise DataError(text, file=file, column=name, hint=what.hint)
        return found

    def written(self, texts: Mapping[str, Collection[str]], **about: Any) -> WrittenColumns:
        """Return which columns of text hold numbers or dates that are written in a way of their own.

        Args:
            texts: The distinct texts of each column, in order.
            **about: What else `nnrun.data.csv.written_columns.written_columns` takes.
        """
        return written_columns(texts, NumberFormat(), types=self.stated_types, **about)

    def written_in(self, table: Mapping[str, np.ndarray], roles: ColumnRoles) -> WrittenColumns:
        """Return which columns of a table hold numbers or dates that are written in a way of their own."""
        free = self.free_text_types(roles.features, roles.targets)
        names = [
            name
            for name, column in table.items()
            if column.dtype == object and name not in self.types and name not in free
        ]
        texts = {name: list(dict.fromkeys(table[name].tolist())) for name in names if name != roles.group}
        return self.written(
            {name: [text for text in found if text is not None] for name, found in texts.items()},
            shows_mark=any(column.dtype != object and bool((column % 1 > 0).any()) for column in table.values()),
        )

    def load_targets(self, paths: DataPaths) -> SourceData | None:  # noqa: ARG002
        """Return the targets of all examples, and the column of groups; None if reading them takes long.

        Args:
            paths: Where files are found.

        Raises:
            DataError: They cannot be read.
        """
        return None

    def gaps(self, roles: ColumnRoles) -> Collection[str]:
        """Return the columns that may have missing values."""
        if self.windows is not None and self.windows.drop_missing:
            return (*roles.features, *roles.targets)
        targets = roles.targets if self.drop_missing_target or self.empty_target else ()
        if self.missing_allowed:
            return (*roles.features, *targets)
        return (*_resolved(self.may_be_empty, roles.features), *targets)

    def follows_dates(self, paths: DataPaths) -> bool:  # noqa: ARG002
        """Return whether the rows are in the order of a column of dates, or of times."""
        return self.selection.time is not None or self.windows is not None

    def columns_other_than_features(self, roles: ColumnRoles) -> list[str]:
        """Return the columns that `load_targets` reads: targets, and the column of groups."""
        others = (roles.group, roles.part, roles.time)
        return list(dict.fromkeys([*roles.targets, *(name for name in others if name is not None)]))

    def targets_data(self, columns: Mapping[str, np.ndarray], roles: ColumnRoles, **known: Any) -> SourceData:
        """Return the columns of `columns_other_than_features` as the data of the source, each feature a row number.

        Args:
            columns: The columns.
            roles: The roles of all columns.
            **known: Other attributes of the data, such as `class_names`.
        """
        import numpy as np

        numbers = np.arange(len(next(iter(columns.values()), ())), dtype="float64")
        table = {**dict.fromkeys(roles.features, numbers), **columns}
        examples = replace(roles, weight=None).examples(table)
        examples, table = self._with_targets(examples, table)  # type: ignore[assignment]
        groups, times = None if roles.group is None else table[roles.group], times_of(self.label, table, roles)
        known |= {"target_names": roles.targets, "groups": groups, "group": roles.group, "times": times}
        if self.windows is not None:
            date_format = self.date_formats.get(str(roles.time), "")
            examples = replace(examples, series=series_of(self.label, table, roles, date_format, {}, None))
        return self._with_parts(SourceData(examples, windows=self.windows, **known), table, roles)

    def table_facts(self, roles: ColumnRoles, rows: int | None, text: Collection[str] = (), **known: Any) -> DataFacts:
        """Return the facts of a table.

        Args:
            roles: The columns' roles.
            rows: The number of rows, if known.
            text: The columns of text.
            **known: Other facts.
        """
        if len(roles.targets) == 1 and "class_names" not in known:
            known["class_names"] = known.get("values", {}).get(roles.targets[0])
        return DataFacts(
            (len(roles.features),),
            rows,
            columns=roles.features,
            text=frozenset(text) & frozenset(roles.features),
            target_names=roles.targets,
            group=roles.group,
            **known,
        )

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read new examples from a csv file with the run's columns, as `open_new_csv` finds them.

        Raises:
            DataError: A column is missing, or the file cannot be read.
        """
        opened, request, findings = self.open_new(file, layout, with_target=with_target)
        table, _ = read_columns(opened, request)
        targets = layout["targets"] if with_target else []
        y = stack_targets({name: table[name] for name in targets}) if with_target else None
        x = Columns({name: table[name] for name in layout["features"]})
        lines = row_lines(opened, len(x))
        series = None
        if self.windows is not None:
            roles = ColumnRoles((), (), group=layout.get("group"), time=layout.get("time"))
            date_format = shown_format(layout.get("dates", {}).get(roles.time), zoned=has_zones(opened, roles.time))
            series = series_of(self.label, table, roles, date_format, {file.name: file}, lines)
        origin = {} if lines is None else {"line": lines}
        return self.new_examples(Examples(x, y, origin=origin, findings=tuple(findings), series=series), file)

    def new_examples(self, examples: Examples, file: Path) -> Examples:
        """Return the examples of a new file without those that lack a target, where the config says so.

        Raises:
            DataError: No row is left.
        """
        return drop_missing_targets(examples, file.name)[0] if self.drop_missing_target else examples

    def open_new(
        self, file: Path, layout: Mapping[str, Any], *, with_target: bool
    ) -> tuple[CsvFile, ColumnRequest, list[Finding]]:
        """Return a csv file with the run's names of columns, what to read of it, and what to report about these.

        Raises:
            DataError: A column is missing, or the file cannot be read.
        """
        words = tuple(layout.get("missing", self.earlier_words))
        dialect = replace(self.new_dialect or self.new_file_dialect(file), missing=words)
        features, targets = layout["features"], layout["targets"] if with_target else []
        others = (layout.get("time"), layout.get("group")) if self.windows is not None else ()
        columns: list[str] = list(dict.fromkeys([*features, *targets, *(name for name in others if name is not None)]))
        opened, findings = open_new_csv(file, dialect, layout, columns, targets)
        dates: Mapping[str, str] = layout.get("dates", {})
        # The type of a target of numbers is inferred: a name among them is then reported as a class that the run lacks.
        types: dict[str, ColumnType] = dict.fromkeys(features, "number")
        types |= {name: "text" for name in columns if name in layout["text"]}
        types |= self.free_text_types(features, targets)
        types |= {name: "date" for name in columns if name in dates}
        roles: dict[str, Role] = {**dict.fromkeys(columns, "group"), **dict.fromkeys(features, "feature")}
        roles |= dict.fromkeys(targets, "target")
        gaps = self.gaps(ColumnRoles(tuple(features), tuple(targets)))
        request = ColumnRequest(roles, types, gaps)
        return replace(opened, dialect=replace(opened.dialect, dates=dates)), request, findings

    def count_new(self, file: Path, layout: Mapping[str, Any]) -> int | None:  # noqa: ARG002
        """Return the number of rows of a new file whose format states it; None of a csv file.

        Raises:
            DataError: It lacks a column.
        """
        return None

    def new_targets(self, file: Path, layout: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Return the targets of a new file, read without pandas; None if they are defective.

        Raises:
            DataError: It lacks a column, or cannot be read.
        """
        opened, _, _ = self.open_new(file, layout, with_target=True)
        return read_few_columns(
            opened, self.types, layout["targets"], self.gaps(ColumnRoles((), (*layout["targets"],)))
        )

    def new_file_dialect(self, file: Path) -> Dialect:
        """Return how a csv file of new examples is written: its numbers as in the text of the run's own."""
        return Dialect(default_separator(file.name), numbers=self.number_formats)


def _resolved(columns: Sequence[str | int], names: Sequence[str]) -> list[str]:
    """Return the names of columns that steps name; none where one does not exist, which is an error of the step."""
    try:
        return resolve_columns(columns, names)
    except ColumnError:
        return []


def note_named_columns(
    source: object, prepare: Sequence[Part], split: Split | None, prepare_target: Sequence[Part] = ()
) -> None:
    """Let a source know the columns that steps name, and those by which folds group and parts have their rows.

    Raises:
        ValueError: Parts are named by a column, and the source has none.
    """
    by = None if split is None else split.by
    if not isinstance(source, TableSource):
        if hasattr(source, "note_named_columns"):
            source.note_named_columns(prepare, split, prepare_target)
        if hasattr(source, "part_column"):
            source.part_column = by
        elif by is not None:
            raise ValueError(NO_COLUMNS)
        return
    source.named_elsewhere = [name for part in prepare for name in _named(part)]
    named = [(part.name, name) for part in prepare for name in _named(part)]
    source.free_text = list(dict.fromkeys(name for step, name in named if step in _OF_PROSE))
    source.may_be_empty = list(dict.fromkeys(name for step, name in named if step in _OF_LISTS))
    source.text_target = any(part.name in _OF_PROSE for part in prepare_target)
    source.empty_target = any(part.name in _OF_LISTS for part in prepare_target)
    fold_group = None if split is None or split.k_fold is None else split.k_fold.groups
    source.selection = replace(source.selection, fold_group=fold_group, part=by)


def _named(part: Part) -> list[str | int]:
    """Return the columns that a step names."""
    columns = part.arguments.get("columns")
    return columns if isinstance(columns, list) else []


def default_separator(name: str) -> str:
    """Return the separator of a file by its name: a tab for `.tsv`, else a comma."""
    return "\t" if name.removesuffix(".gz").lower().endswith(".tsv") else ","

"""What all sources of tables have in common: roles of columns, facts, and new examples from a csv file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from nnrun.data.columns import ColumnError, Columns, label, resolve_columns
from nnrun.data.csv.dates import check_date_format, days_since_epoch
from nnrun.data.csv.dialect import Dialect, row_lines
from nnrun.data.csv.invalid_values import describe
from nnrun.data.csv.missing_words import EARLIER_WORDS, MISSING_WORDS
from nnrun.data.csv.number_format import NumberFormat, number_format
from nnrun.data.csv.read_columns import read_columns
from nnrun.data.csv.type_inference import ColumnRequest
from nnrun.data.csv.written_columns import WrittenColumns, written_columns
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.sources.column_roles import ColumnSelection, stack_targets
from nnrun.data.sources.new_columns import open_new_csv
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.csv.type_inference import ColumnType, Role
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.data import Split
    from nnrun.spec.part import Part


#: A column's type as a config states it: its name, `{date: FORMAT}`, or how its numbers are written.
StatedType: TypeAlias = "ColumnType | Literal['percent'] | dict[str, str]"


class TableSource:
    """A table of which columns are features, targets, weights and groups; a subclass reads the columns.

    Args:
        features: The feature columns; None for all that have no other role.
        target: The target column, or several; None for the default ones.
        sample_weight: The column of weights.
        group: The column whose rows of one value stay together.
        default_target: The target columns if none are stated.
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
        default_target: Sequence[str | int] = (-1,),
    ) -> None:
        targets = list(default_target) if target is None else target if isinstance(target, list) else [target]
        self.selection = ColumnSelection(features, targets, sample_weight, group)
        #: The source's name in messages without a file.
        self.label = self.name
        #: The stated types of columns, the formats of dates and numbers, and all of it as the config has it.
        self.types: dict[str, ColumnType] = {}
        self.date_formats: dict[str, str] = {}
        self.number_formats: dict[str, NumberFormat] = {}
        self.stated_types: Mapping[str, StatedType] = {}
        #: Columns that other parts of the config name.
        self.named_elsewhere: list[str | int] = []
        #: Whether features may have missing values: set if a step of the preparation fills them in.
        self.missing_allowed = False
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
                if rows are those of a text file.
        """
        train = known.pop("train", None) or roles.examples(table)
        lines = known.pop("lines", None)
        return SourceData(
            train if lines is None else replace(train, origin={"line": lines}),
            target_names=roles.targets,
            layout=roles.layout(names, table, header=header, dates=dates or {}, missing=self.missing_words),
            written=self.written_in(table, roles),
            groups=None if roles.group is None else table[roles.group],
            group=roles.group,
            **known,
        )

    def typed(self, name: str, column: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Return a column of text as the type that the config states, and the rows whose text is none of that type.

        Args:
            name: The column's name.
            column: Its values, None where they are missing.
        """
        import numpy as np

        kind = self.types.get(name)
        if kind in ("text", "category") and column.dtype != object:
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
        names = [name for name, column in table.items() if column.dtype == object and name not in self.types]
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

    def follows_dates(self, paths: DataPaths) -> bool:  # noqa: ARG002
        """Return whether the rows are in the order of a column of dates."""
        return False

    def columns_other_than_features(self, roles: ColumnRoles) -> list[str]:
        """Return the columns that `load_targets` reads: targets, and the column of groups."""
        return [*roles.targets, *([] if roles.group is None else [roles.group])]

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
        groups = None if roles.group is None else table[roles.group]
        return SourceData(examples, target_names=roles.targets, groups=groups, group=roles.group, **known)

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
        words = tuple(layout.get("missing", self.earlier_words))
        dialect = replace(self.new_file_dialect(file), missing=words)
        features, targets = layout["features"], layout["targets"] if with_target else []
        columns = [*features, *targets]
        opened, findings = open_new_csv(file, dialect, layout, columns, targets)
        dates: Mapping[str, str] = layout.get("dates", {})
        # The type of a target of numbers is inferred: a name among them is then reported as a class that the run lacks.
        types: dict[str, ColumnType] = dict.fromkeys(features, "number")
        types |= {name: "text" for name in columns if name in layout["text"]}
        types |= {name: "date" for name in columns if name in dates}
        roles: dict[str, Role] = {**dict.fromkeys(features, "feature"), **dict.fromkeys(targets, "target")}
        request = ColumnRequest(roles, types, features if self.missing_allowed else ())
        table, _ = read_columns(replace(opened, dialect=replace(opened.dialect, dates=dates)), request)
        y = stack_targets({name: table[name] for name in targets}) if with_target else None
        x = Columns({name: table[name] for name in features})
        lines = row_lines(opened, len(x))
        return Examples(x, y, origin={} if lines is None else {"line": lines}, findings=tuple(findings))

    def new_file_dialect(self, file: Path) -> Dialect:
        """Return how a csv file of new examples is written: its numbers as in the text of the run's own."""
        return Dialect(default_separator(file.name), numbers=self.number_formats)


def note_named_columns(source: object, prepare: Sequence[Part], split: Split | None) -> None:
    """Let a table know the columns that steps name, and the one by which folds group its rows."""
    if not isinstance(source, TableSource):
        return
    columns = [part.arguments.get("columns") for part in prepare]
    source.named_elsewhere = [name for names in columns if isinstance(names, list) for name in names]
    fold_group = None if split is None or split.k_fold is None else split.k_fold.groups
    source.selection = replace(source.selection, fold_group=fold_group)


def default_separator(name: str) -> str:
    """Return the separator of a file by its name: a tab for `.tsv`, else a comma."""
    return "\t" if name.removesuffix(".gz").lower().endswith(".tsv") else ","


@dataclass(frozen=True)
class StatedTypes:
    """What a config states about columns.

    Attributes:
        kinds: The types of columns.
        dates: The formats of dates by column.
        numbers: How the numbers of columns are written.
    """

    kinds: dict[str, ColumnType]
    dates: dict[str, str]
    numbers: dict[str, NumberFormat]


def column_types(
    source: str, types: Mapping[str, StatedType] | None, decimal: str = ".", thousands: str = ""
) -> StatedTypes:
    """Return what a config states about the types of columns.

    Args:
        source: The source's name, for messages.
        types: What the config states.
        decimal: The decimal mark of the file.
        thousands: The separator of thousands of the file.

    Raises:
        ValueError: A format is not one of dates or numbers.
    """
    kinds: dict[str, ColumnType] = {}
    dates: dict[str, str] = {}
    numbers: dict[str, NumberFormat] = {}
    for name, stated in (types or {}).items():
        try:
            if isinstance(stated, dict) and list(stated) == ["date"]:
                check_date_format(stated["date"])
                kinds[name], dates[name] = "date", stated["date"]
            elif isinstance(stated, dict) or stated == "percent":
                form = stated if isinstance(stated, dict) else {"type": stated}
                kinds[name], numbers[name] = "number", number_format(form, decimal, thousands)
            else:
                kinds[name] = stated
        except ValueError as error:
            raise ValueError(f"{source}: types: {name}: {error}") from None
    return StatedTypes(kinds, dates, numbers)

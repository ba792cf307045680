"""Data sets as sources return them and as models take them: examples, parts, facts and digests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nnrun.data.csv.written_columns import WrittenColumns
from nnrun.errors import DataError
from nnrun.spec.facts import Facts, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.columns import Columns
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.series.reference import ForecastReference
    from nnrun.data.series.series_rows import SeriesRows
    from nnrun.data.series.windows import WindowSpec
    from nnrun.data.streaming.streams import Stream
    from nnrun.errors import Mark
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.data import Split
    from nnrun.spec.facts import Task
    from nnrun.spec.finding import Finding


T = TypeVar("T")

#: The key of all target columns together, which no column has, where one loss compares them.
ALL_TARGETS = ""


class PreparedTargets(Protocol):
    """Fitted steps of targets, as `nnrun.data.target_preparation` has them."""

    def invert(self, key: str, values: np.ndarray) -> np.ndarray:
        """Return prepared values of the target of this key in its own unit."""

    def columns(self, key: str) -> list[str]:
        """Return the prepared columns of a target; none where it is not prepared."""


class TextTargets(Protocol):
    """How targets of text are encoded, as `nnrun.data.token_targets` has it."""

    @property
    def column(self) -> str:
        """The name of the target's column."""

    @property
    def is_label_set(self) -> bool:
        """Whether a target is a set of labels."""

    @property
    def is_written(self) -> bool:
        """Whether a target is written token by token, each after those before it."""

    @property
    def length(self) -> int:
        """The number of positions of a target that is a sequence."""

    @property
    def start(self) -> int:
        """The number of the token with which a written target begins."""

    @property
    def end(self) -> int:
        """The number of the token with which a written target ends."""

    def texts(self, encoded: np.ndarray) -> list[str]:
        """Return encoded targets, or predictions, as texts."""


@dataclass(frozen=True)
class DataPart:
    """One part of a data set.

    Attributes:
        x: Examples, float32 (int32 where they are token ids), C-contiguous, the first dimension counts them.
            Where they stay on disk, a `Stream`, which has the shape of such an array and is read in blocks.
            `load` returns one array; `nnrun.data.model_inputs.select` returns one by input where a model has several.
        y: Targets: int32 of shape (rows,) for class numbers, else float32 of shape (rows, targets); of shape (rows, 0)
            without targets. Several positions of classes stand in between: (rows, steps, classes).
            By target where the config gives each a loss; a target that is the input itself is `x` as float32.
        rows: The index of each example in its source, counted from 0.
        sample_weight: One weight an example, float32 of shape (rows,), or None.
        origin: Where each example comes from, in columns that predictions carry after `row`: `line`, the line of a text
            file on which its row begins, counted from 1; `file`, the name of a picture, relative to their folder.
        reference: What forecasts are compared with, where examples are windows of rows.
        own_y: The targets in their own unit, as `y` otherwise, where `y` is prepared by steps; else None.
        target_preparation: The steps that prepared `y`, or None.
        token_target: How `y` was made of text, or None.
    """

    x: np.ndarray
    y: np.ndarray | dict[str, np.ndarray]
    rows: np.ndarray
    sample_weight: np.ndarray | None = None
    origin: Mapping[str, np.ndarray] = field(default_factory=dict)
    reference: ForecastReference | None = field(default=None, repr=False)
    own_y: np.ndarray | dict[str, np.ndarray] | None = None
    target_preparation: PreparedTargets | None = None
    token_target: TextTargets | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, count: int) -> DataPart:
        """Return the first examples of the part."""
        return self.take(slice(count))

    def take(self, index: slice | np.ndarray) -> DataPart:
        """Return some examples of the part, by their index in it."""

        def taken(values: Any) -> Any:
            return {key: one[index] for key, one in values.items()} if isinstance(values, dict) else values[index]

        reference = self.reference
        if reference is not None:
            reference = replace(reference, first_targets=reference.first_targets[index])
        return replace(
            self,
            x=taken(self.x),
            y=taken(self.y),
            rows=self.rows[index],
            sample_weight=None if self.sample_weight is None else self.sample_weight[index],
            origin=taken(dict(self.origin)),
            reference=reference,
            own_y=None if self.own_y is None else taken(self.own_y),
        )


@dataclass(frozen=True)
class Dataset:
    """A data set, split, prepared and encoded.

    Attributes:
        train: The training part.
        validation: The validation part, or None.
        test: The test part, or None.
        facts: The facts that a config refers to with a dollar.
        digests: SHA-256 of every data file (`file:NAME`) and of the final arrays (`train.x`, ...); of examples on disk
            a digest that identifies them and their order (`train.stream`).
        fitted: The fitted preparation as JSON, for `prepare.json`; an entry without `step` holds the layout of the
            source.
        shared: Parts that are other parts over again: `{"validation": "test"}`.
        dropped: How many rows of each file were left out, as they have no target.
    """

    train: DataPart
    validation: DataPart | None
    test: DataPart | None
    facts: Facts
    digests: Mapping[str, str] = field(default_factory=dict)
    fitted: tuple[Mapping[str, Any], ...] = ()
    shared: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_parts(cls, parts: Mapping[str, DataPart], shared: Mapping[str, str], **fields: Any) -> Dataset:
        """Return the data set of these parts, of which those in `shared` are named twice."""
        parts = add_shared(parts, shared)
        return cls(parts["train"], parts.get("validation"), parts.get("test"), shared=shared, **fields)

    def first(self, count: int) -> Dataset:
        """Return the data set with the first examples of each part; facts and digests stay those of all."""
        validation, test = (None if one is None else one.first(count) for one in (self.validation, self.test))
        return replace(self, train=self.train.first(count), validation=validation, test=test)

    def part(self, name: str) -> DataPart | None:
        """Return the part `train`, `validation` or `test`."""
        found: DataPart | None = getattr(self, name)
        return found


@dataclass(frozen=True)
class Examples:
    """Examples as a source returns them.

    Attributes:
        x: An array whose first dimension counts examples, or the columns of a table; where examples are sequences of
            different lengths, an array of objects, each an array of integers; where they do not fit, a stream.
        y: Targets of shape (rows,) or (rows, ...), numbers or text, or columns of which some hold text; None without
            targets.
        weight: One weight an example: float64 of shape (rows,), or None.
        rows: The index of each example in its source; None where these are all of them, in order.
        origin: Where each example comes from, as of `DataPart`.
        findings: What to report about a new file from which they were read.
        series: Which series each row belongs to, where examples are windows of rows.
        dropped: How many rows of the file were left out, as they have no target.
    """

    x: np.ndarray | Columns | Stream
    y: np.ndarray | Columns | None
    weight: np.ndarray | None = None
    rows: np.ndarray | None = None
    origin: Mapping[str, np.ndarray] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    series: SeriesRows | None = None
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.x)

    def place(self, index: int, part: str) -> str:
        """Return in words where an example of a part comes from: the line of its file, else its row in the source."""
        if "line" in self.origin:
            return f"line {self.origin['line'][index]} ({part} part)"
        row = index if self.rows is None else int(self.rows[index])
        return f"example {row} ({part} part; counted from 0 in the source)"

    def take(self, rows: np.ndarray) -> Examples:
        """Return some of these examples, by their index among them."""
        return Examples(
            self.x[rows],
            None if self.y is None else self.y[rows],
            None if self.weight is None else self.weight[rows],
            rows if self.rows is None else self.rows[rows],
            {name: values[rows] for name, values in self.origin.items()},
            series=None if self.series is None else self.series.take(rows),
        )


@dataclass(frozen=True)
class SourceData:
    """The examples of a source.

    Attributes:
        train: All examples, or the training part where the source has a test part of its own.
        test: The source's own test part.
        class_names: The names of the classes where `y` holds class numbers; empty where they are learned from `y`.
        target_names: The names of the target columns.
        files: The data files that were read, by name.
        digests: SHA-256 digests that the source itself has computed, by name: of files too many to be named singly.
        layout: What `load_new` needs to read another file of the same kind, as JSON.
        task: The task of the data set; None where the config's loss decides.
        vocabulary: The number of different token ids where `x` is token ids, which then stay integers; else None.
        positions: The shape of one example's classes where it has several; None where it follows from `y`.
        groups: One value a row of `train`; rows of one value stay in one part. None where rows are independent.
        group: The name of the column of groups.
        validation: The source's own validation part, which folds do not use.
        written: The columns of text that hold numbers or dates.
        times: One number a row of `train`, by which rows are ordered: days since 1970 of dates. None without times.
        windows: The windows of rows that are the examples; None where each row is one.
        dropped: How many rows of each file were left out, as they have no target.
        sample_rate: The number of samples a second of recordings, in Hz.
    """

    train: Examples
    test: Examples | None = None
    class_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    task: Task | None = None
    vocabulary: int | None = None
    positions: tuple[int, ...] | None = None
    groups: np.ndarray | None = None
    group: str | None = None
    validation: Examples | None = None
    written: WrittenColumns = field(default_factory=WrittenColumns)
    times: np.ndarray | None = None
    windows: WindowSpec | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    sample_rate: int | None = None

    @contextmanager
    def naming_file(self) -> Iterator[None]:
        """Let an error about a column inside the `with` block name the file, where the data are of a single one."""
        try:
            yield
        except DataError as error:
            if error.file is not None or error.column is None or len(self.files) != 1:
                raise
            text = error.text.removeprefix(f"column {error.column}: ")
            raise DataError(text, file=next(iter(self.files.values())), column=error.column, hint=error.hint) from None


@dataclass(frozen=True)
class TargetArray:
    """What is known of an array of targets before it is loaded.

    Attributes:
        shape: The shape of one example's target.
        kind: The kind of its values, as NumPy's `dtype.kind`.
        parts: The targets of each part, where they are quickly read; else none.
    """

    shape: tuple[int, ...]
    kind: str
    parts: tuple[np.ndarray, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class DataFacts:
    """What is known about a source before it is loaded; None, or nothing, where it is not known.

    Attributes:
        shape: The shape of one example.
        rows: The number of examples, without the source's own test and validation part.
        test_rows: The number of examples of the source's own test part; 0 where it has none.
        validation_rows: The number of examples of the source's own validation part; 0 where it has none.
        task: The task of the data set; None where the config's loss decides.
        class_names: The names of the classes.
        columns: The names of the feature columns of a table.
        text: The feature columns that hold text.
        prose: Those of them whose texts are sentences rather than categories.
        values: The distinct values of columns.
        other_numbers: The columns in which another number than 0 and 1 was seen.
        target_names: The names of the target columns.
        vocabulary: The number of different token ids where examples are token ids.
        positions: The shape of one example's classes where it has several.
        target: The target's array as far as it is known, where the source has one.
        ragged: Whether examples are sequences of different lengths, which a step must bring to one.
        split_sizes: Returns the number of examples of each part of a split, where examples are not independent rows.
        group: The name of the column of groups, whose rows stay in one part; None where rows are independent.
        streamed: Whether examples stay on disk.
        written: The columns of text that hold numbers or dates.
        numbers: The numbers of columns that float32 may make equal, as far as they were read.
        numbers_among: Of which values these are, in words, for columns of which not all were read.
        windows: The windows of rows that are the examples; None where each row is one.
        sample_rate: The number of samples a second of recordings, in Hz.
        open_targets: Whether the target columns are known only once the data are loaded, as labels of sets.
        arrays: The shapes of the arrays next to the columns of a table, by name; `shape` is that of the columns.
        place_of: Returns where a column has a text for the first time, in a file of text.
    """

    shape: tuple[int | None, ...] | None = None
    rows: int | None = None
    test_rows: int = 0
    validation_rows: int = 0
    task: Task | None = None
    class_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    text: frozenset[str] = frozenset()
    prose: frozenset[str] = frozenset()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    other_numbers: frozenset[str] = frozenset()
    target_names: tuple[str, ...] = ("target",)
    vocabulary: int | None = None
    positions: tuple[int | None, ...] = ()
    target: TargetArray | None = None
    ragged: bool = False
    split_sizes: Callable[[Split | None], Mapping[str, int]] | None = None
    group: str | None = None
    streamed: bool = False
    written: WrittenColumns = field(default_factory=WrittenColumns)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbers_among: Mapping[str, str] = field(default_factory=dict)
    windows: WindowSpec | None = None
    sample_rate: int | None = None
    open_targets: bool = False
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    place_of: Callable[[str, str], Mark | None] | None = None


class Source(Protocol):
    """A source of examples."""

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Read all examples.

        Raises:
            DataError: They cannot be read.
        """

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return what is known without loading, and findings below `path`, the place of the source in the config."""

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Return the targets alone, the column of groups and a stand-in for the features; None if that takes long.

        Raises:
            DataError: They cannot be read.
        """

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read more examples of the same kind from another file.

        Raises:
            DataError: They cannot be read, or are of another kind.
        """


def row_numbers(y: np.ndarray) -> np.ndarray:
    """Return a stand-in for the examples of targets where these alone are read: one number a row, shape (rows, 1)."""
    import numpy as np

    return np.arange(len(y)).reshape(-1, 1)


def build_facts(
    targets: Mapping[str, TargetFacts],
    shape: tuple[int | None, ...] | None,
    *,
    columns: Sequence[str] = (),
    arrays: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    target_names: Sequence[str],
    rows: Mapping[str, int],
    vocabulary: int | None,
    streamed: bool = False,
    categories: Mapping[str, int] | None = None,
    learns_vocabulary: bool = False,
    windows: WindowSpec | None = None,
    sample_rate: int | None = None,
) -> Facts:
    """Return the facts of a data set; those of its first target are also those of the whole.

    Args:
        targets: The facts of each target by its key; `ALL_TARGETS` where one loss compares all columns.
        shape: The shape of one prepared example; None where unknown.
        columns: The names of the columns of prepared examples.
        arrays: The shapes of the arrays next to these columns, by name.
        target_names: The names of the target columns.
        rows: The number of examples of each part.
        vocabulary: The number of different token ids where examples are token ids.
        streamed: Whether examples stay on disk.
        categories: How many category numbers a column can hold at least, where nothing is loaded yet.
        learns_vocabulary: Whether a step of the preparation learns a vocabulary once the data are loaded.
        windows: The windows of rows that are the examples; `shape` is that of a row then.
        sample_rate: The number of samples a second of recordings, in Hz.
    """
    if windows is not None:
        shape = None if shape is None else (windows.window, *shape)
    first = next(iter(targets.values()), TargetFacts("number", "regression"))
    return Facts(
        task=first.task,
        form=first.form,
        input_shape=shape,
        classes=first.classes,
        features=shape[-1] if shape else None,
        targets=first.targets,
        class_names=first.class_names,
        columns=tuple(columns),
        arrays=dict(arrays),
        target_names=tuple(target_names),
        rows={part: rows[part] for part in ("train", "validation", "test") if part in rows},
        vocabulary=vocabulary,
        window=shape[0] if (vocabulary or windows) and shape else None,
        horizon=None if windows is None else windows.horizon,
        positions=first.positions,
        by_target={} if ALL_TARGETS in targets else targets,
        streamed=streamed,
        categories=categories or {},
        learns_vocabulary=learns_vocabulary,
        zero_one=first.zero_one,
        sample_rate=sample_rate,
    )


def add_shared(parts: Mapping[str, T], shared: Mapping[str, str]) -> dict[str, T]:
    """Return what belongs to each part, also for parts that are other parts over again."""
    found = dict(parts)
    for part, other in shared.items():
        found[part] = found[other]
    return found


@contextmanager
def as_data_error(place: str) -> Iterator[None]:
    """Turn a ValueError inside the `with` block into a DataError that names the place in the config."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None

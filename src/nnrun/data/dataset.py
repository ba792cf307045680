"""A data set as the model takes it: arrays, facts and digests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.columns import Columns
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.streaming.streams import Stream
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.data import Split
    from nnrun.spec.facts import Facts, Task
    from nnrun.spec.finding import Finding


@dataclass(frozen=True)
class DataPart:
    """One part of a data set.

    Attributes:
        x: Examples, float32 (int32 where they are codes), C-contiguous, the first dimension counts them.
            Where they stay on disk, a `Stream`, which has the shape of such an array and is read in pieces.
            `load` gives one array; `nnrun.data.model_inputs.select` makes of it one by input where a model has several.
        y: Targets: int32 of shape (rows,) for class numbers, else float32 of shape (rows, targets); of shape (rows, 0)
            where the truth was not asked for. Several positions of classes stand between (rows, steps, classes).
            By target where the config gives each a loss; a target that is the input itself is `x` as float32.
        rows: The index of each example in its source, counted from 0.
        sample_weight: One weight an example, float32 of shape (rows,), or None.
    """

    x: np.ndarray
    y: np.ndarray | dict[str, np.ndarray]
    rows: np.ndarray
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Dataset:
    """A data set, split, prepared and encoded.

    Attributes:
        train: The training part.
        validation: The validation part, or None.
        test: The test part, or None.
        facts: What the data teach.
        digests: SHA-256 of every data file (`file:NAME`) and of the final arrays (`train.x`, ...); of examples on disk
            what identifies them and their order (`train.stream`).
        fitted: The fitted preparation as JSON, for `prepare.json`; an entry without `step` says how the
            source was read.
        shared: Parts that are other parts over again: `{"validation": "test"}`.
    """

    train: DataPart
    validation: DataPart | None
    test: DataPart | None
    facts: Facts
    digests: Mapping[str, str] = field(default_factory=dict)
    fitted: tuple[Mapping[str, Any], ...] = ()
    shared: Mapping[str, str] = field(default_factory=dict)

    def part(self, name: str) -> DataPart | None:
        """The part `train`, `validation` or `test`."""
        found: DataPart | None = getattr(self, name)
        return found


@dataclass(frozen=True)
class Examples:
    """Examples as the source has them.

    Attributes:
        x: An array whose first dimension counts examples, or a table's columns; where examples are sequences of
            different lengths, an array of objects, each an array of integers; where they do not fit, a stream.
        y: Targets of shape (rows,) or (rows, ...), numbers or text, or columns of which some hold text; None where
            they are not asked for.
        weight: One weight an example: float64 of shape (rows,), or None.
    """

    x: np.ndarray | Columns | Stream
    y: np.ndarray | Columns | None
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: np.ndarray) -> Examples:
        """These examples alone."""
        return Examples(
            self.x[rows],
            None if self.y is None else self.y[rows],
            None if self.weight is None else self.weight[rows],
        )


@dataclass(frozen=True)
class SourceData:
    """A source's examples.

    Attributes:
        train: All examples, or the training part where the source has a test part of its own.
        test: The source's own test part.
        class_names: The classes' names where `y` holds class numbers; empty where they are to be learned from `y`.
        target_names: The names of the target columns.
        files: The data files that were read, by name.
        digests: SHA-256 digests that the source itself has taken, by name: of files too many to be named one by one.
        layout: What reading another file of the same kind needs, as JSON.
        task: What the source is made for; None where the config's loss decides.
        vocabulary: How many different codes there are where `x` is codes, which then stay integers; else None.
        positions: The shape of one example's classes where it has several; None where `y` itself tells.
        groups: One value a row of `train`, of which rows of one stay together; None where rows stand alone.
        group: What the config calls the groups.
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


@dataclass(frozen=True)
class DataFacts:
    """What is known of a source before it is loaded; None, or nothing, where it is not known.

    Attributes:
        shape: The shape of one example.
        rows: How many examples there are, the source's own test part left out.
        test_rows: How many examples the source's own test part has; 0 where it has none.
        task: What the source is made for; None where the config's loss decides.
        class_names: The names of the classes.
        columns: The names of a table's feature columns.
        text: The feature columns that hold text.
        values: The distinct values of columns.
        target_names: The names of the target columns.
        vocabulary: How many different codes there are where examples are codes.
        positions: The shape of one example's classes where it has several.
        ragged: Whether examples are sequences of different lengths, which a step must bring to one.
        cut: How many rows each part of a split has, where rows are not dealt out one by one.
        group: What the config calls the groups whose rows stay together; None where rows stand alone.
        streamed: Whether examples stay on disk.
    """

    shape: tuple[int | None, ...] | None = None
    rows: int | None = None
    test_rows: int = 0
    task: Task | None = None
    class_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    text: frozenset[str] = frozenset()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    target_names: tuple[str, ...] = ("target",)
    vocabulary: int | None = None
    positions: tuple[int, ...] = ()
    ragged: bool = False
    cut: Callable[[Split | None], Mapping[str, int]] | None = None
    group: str | None = None
    streamed: bool = False


class Source(Protocol):
    """Where examples come from."""

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Read all examples."""

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Tell what is known without loading; findings point below `path`, the source's place in the config."""

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read more examples of the same kind from another file."""

"""What a source gives before anything is split or prepared, and what can be told of it without loading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.columns import Columns
    from nnrun.data.places import Places
    from nnrun.data.shares import SplitLike
    from nnrun.data.streams import Stream
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.facts import Task
    from nnrun.spec.finding import Finding


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
class Raw:
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
class Outline:
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
    cut: Callable[[SplitLike | None], Mapping[str, int]] | None = None
    group: str | None = None
    streamed: bool = False


class Source(Protocol):
    """Where examples come from."""

    def load(self, places: Places, progress: Progress) -> Raw:
        """Read all examples."""

    def foresee(self, places: Places, path: ConfigPath) -> tuple[Outline | None, list[Finding]]:
        """Tell what is known without loading; findings point below `path`, the source's place in the config."""

    def again(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read more examples of the same kind from another file."""

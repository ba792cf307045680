"""The base class of preparation steps, and what steps share: blocks of examples, tables, missing values."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np

from nnrun.data.columns import Columns
from nnrun.errors import DataError
from nnrun.formatting import format_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Examples between two steps: an array whose first dimension counts them, or the columns of a table.
ArrayOrTable: TypeAlias = np.ndarray | Columns

#: Error for sequences that no step padded to one length.
RAGGED_EXAMPLES = "the model takes examples of one shape, but these are sequences of different lengths"


@dataclass(frozen=True)
class ExampleSpec:
    """What is known about the examples between two steps before anything is loaded.

    Attributes:
        shape: The shape of one example; None for a size that is not known yet.
        columns: The names of the columns of a table; None where there are none, or where they are not known yet.
        values: The distinct values of columns, as far as they are known.
        text: The columns that hold text.
        ragged: Whether examples are sequences of different lengths.
        categories: How many category numbers a column can hold at least, by the columns that hold such numbers.
        tokens: Whether a step makes token numbers of text, of a vocabulary that it learns.
        vocabulary: The size of that vocabulary where the config says it.
        arrays: The shapes of the arrays next to the columns, by name.
    """

    shape: tuple[int | None, ...]
    columns: tuple[str, ...] | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: frozenset[str] = frozenset()
    ragged: bool = False
    categories: Mapping[str, int] = field(default_factory=dict)
    tokens: bool = False
    vocabulary: int | None = None
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def flat_shape(self) -> tuple[int | None, ...]:
        """The shape of one example as the data set holds it: the columns, then the numbers of the arrays."""
        if not self.arrays or None in self.shape:
            return self.shape
        return (sum(size or 0 for size in self.shape) + sum(map(prod, self.arrays.values())),)


class Blocks(Protocol):
    """Training examples that are read block by block; examples in memory are one block."""

    def __len__(self) -> int:
        """Return the number of examples."""

    @property
    def head(self) -> ArrayOrTable:
        """The first examples, at least one: their column names and dtypes are those of all examples."""

    def blocks(self) -> Iterator[ArrayOrTable]:
        """Yield all examples in order."""

    def table(self) -> Columns:
        """Return the examples as a table whose columns can be read whole, one after another.

        Raises:
            ValueError: The examples are no table.
        """


@dataclass(frozen=True)
class OneBlock:
    """Examples in memory as `Blocks`.

    Attributes:
        head: All examples.
    """

    head: ArrayOrTable

    def __len__(self) -> int:
        return len(self.head)

    def blocks(self) -> Iterator[ArrayOrTable]:
        """Yield all examples at once."""
        yield self.head

    def table(self) -> Columns:
        """Return the examples as a table."""
        return as_table(self.head)


class Step:
    """Base class of preparation steps: fitted to the training part, applied to every part and to new data.

    Every step implements `apply`; one that learns something implements `fit_blocks` and names the attributes that it
    sets in `learned`.
    """

    #: Whether the step can be fitted to examples that stay on disk.
    streams: bool = True
    #: Whether the step takes the arrays next to the columns of a table, too.
    takes_arrays: ClassVar[bool] = False
    #: The attributes that a fit sets, each a mapping that JSON can hold.
    learned: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """The step's name in a config."""
        return type(self).__name__

    @property
    def is_invertible(self) -> bool:
        """Whether `invert` undoes the step."""
        return False

    def invert(self, x: ArrayOrTable) -> ArrayOrTable:  # noqa: ARG002 - for subclasses
        """Return the examples that `apply` would turn into `x`.

        Raises:
            ValueError: The step cannot be undone.
        """
        raise ValueError(f"{self.name} cannot be undone")

    def fit(self, x: ArrayOrTable, y: np.ndarray | None = None) -> list[str]:  # noqa: ARG002 - for subclasses
        """Fit the step to the training part in memory; return notes for the user.

        Args:
            x: The examples.
            y: Their targets as the source has them, shape (rows,) or (rows, targets), numbers or text; None without.
        """
        return self.fit_blocks(OneBlock(x))

    def fit_blocks(self, data: Blocks) -> list[str]:  # noqa: ARG002 - for subclasses
        """Fit the step to the training part, block by block; return notes for the user."""
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the prepared examples."""
        raise NotImplementedError

    def apply_to_training(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the prepared training part, just after the fit to it."""
        return self.apply(x)

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON."""
        return {name: getattr(self, name) for name in self.learned}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what an earlier fit learned.

        Raises:
            KeyError: Something that was learned is missing.
            ValueError: It is no mapping from columns to a value, or a list of values, each.
        """
        for name in self.learned:
            found = state[name]
            if not isinstance(found, dict) or not all(map(_is_learned, found.values())):
                raise ValueError(f"{name}: expected a value, or a list of values, for each column")
            setattr(self, name, dict(found))

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec | None:
        """Return the spec of the prepared examples; None where it is known only after the step has run.

        Raises:
            ValueError: The step cannot be applied to such examples.
        """
        return spec


def _is_learned(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, str | int | float) for one in values)


def as_table(x: ArrayOrTable) -> Columns:
    """Return the examples as a table; the columns of an array are named by their index.

    Raises:
        ValueError: The array has more or fewer than two dimensions.
    """
    return x if isinstance(x, Columns) else Columns({name: x[:, int(name)] for name in index_names(x)})


def index_names(x: np.ndarray) -> list[str]:
    """Return the column indexes of an array as text.

    Raises:
        ValueError: The array has more or fewer than two dimensions.
    """
    if x.ndim != 2:
        raise ValueError(f"columns can be named in a table only, but an example has the shape {list(x.shape[1:])}")
    return [str(index) for index in range(x.shape[1])]


def text_left_of(spec: ExampleSpec, columns: object) -> ExampleSpec:
    """Return the spec of a table of unknown columns after those that a step encodes: what text is known to be left.

    Args:
        spec: The spec before the step, without `columns`.
        columns: The columns in the config; None: all of text.
    """
    if not isinstance(columns, list) or any(isinstance(column, int) for column in columns):
        return replace(spec, shape=(None,), text=frozenset())
    return replace(spec, shape=(None,), text=spec.text - {*columns})


def check_table(spec: ExampleSpec, step: Step) -> None:
    """Refuse examples that are no table.

    Raises:
        ValueError: They are not.
    """
    if len(spec.shape) != 1:
        raise ValueError(f"{step.name} takes a table, but an example has the shape {list(spec.shape)}")


def missing_mask(column: np.ndarray) -> np.ndarray:
    """Return where the values of a column are missing: NaN among numbers, None among text."""
    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), dtype=bool)


def check_no_missing(name: str, column: np.ndarray, step: str) -> None:
    """Refuse a column with missing values.

    Raises:
        ValueError: There are some.
    """
    if missing_mask(column).any():
        raise ValueError(f"column {name!r} has missing values; put a SimpleImputer step before {step}")


@contextmanager
def naming_step(name: str) -> Iterator[None]:
    """Turn a ValueError of a step inside the `with` block into a DataError that names the step once."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        raise DataError(f"prepare: {text}" if text.startswith(name) else f"prepare: {name}: {text}") from None


class ExampleError(DataError):
    """An example that a step cannot use, which knows it by its position only.

    Args:
        text: What was expected and received.
        example: The position of the example among those at hand, counted from 0.
        column: The name of the column.
        hint: What to do.
        others: What to add about further examples, if there are any.
    """

    def __init__(self, text: str, *, example: int, column: str, hint: str | None, others: str = "") -> None:
        self.example, self._problem, self._others = example, text, others
        super().__init__(text + others, column=column, hint=hint)

    def at(self, place: str, file: Path | None = None) -> DataError:
        """Return the same error with the place of the example in words."""
        return DataError(f"{self._problem} in {place}{self._others}", file=file, column=self.column, hint=self.hint)

    def in_file(self, file: Path, line: int | None) -> DataError:
        """Return the same error with the line of a file; with the row where lines are not known."""
        if line is None:
            return self.at(f"row {self.example} (counted from 0)", file)
        return DataError(self._problem + self._others, file=file, row=line, column=self.column, hint=self.hint)


class UnseenCategoryError(ExampleError):
    """A category that the training part does not have, met by a step that knows examples by their position only.

    Args:
        known: The categories of the training part.
        received: The first other one.
        rows: The positions of the examples with an unseen category among those at hand, counted from 0.
        column: The name of the column.
        hint: What to do.
    """

    def __init__(
        self, known: Sequence[object], received: object, *, rows: Sequence[int], column: str, hint: str
    ) -> None:
        text = f"expected one of the categories of the training part ({format_names(known)}), received {received!r}"
        others = f" ({len(rows) - 1:,} more rows have unseen categories)" if len(rows) > 1 else ""
        super().__init__(text, example=rows[0], column=column, hint=hint, others=others)

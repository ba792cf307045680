"""Steps that turn categories into numbers: `OneHot`, `Ordinal` and `Hash`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from nnrun.data.columns import Columns, label, resolve_columns, without_point
from nnrun.data.prepare.step import (
    ExampleSpec,
    Step,
    UnseenCategoryError,
    as_table,
    check_no_missing,
    check_table,
    text_left_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks


class OneHot(Step):
    """Replace a column of categories by one column of 0 and 1 for each category of the training part.

    Categories are sorted. The new columns take the place of the old one and are named `colour=red`.

    Args:
        columns: The columns to treat, by name or index, or the word `target`: class targets become one-hot rows
            whatever the loss.
        unseen: How to treat a category that the training part does not have: `error` refuses the data and names it,
            `zeros` gives it a row of zeros.
    """

    learned = ("categories",)
    #: What to do about a category that the training part does not have.
    unseen_hint: ClassVar[str] = "write `unseen: zeros` in the OneHot step to give such rows zeros"

    def __init__(
        self, columns: list[str | int] | Literal["target"], unseen: Literal["error", "zeros"] = "error"
    ) -> None:
        self.columns: list[str | int] | Literal["target"] | None = columns
        self.unseen = unseen
        self.categories: dict[str, list[Any]] = {}

    @property
    def target(self) -> bool:
        """Whether the step encodes the target rather than features."""
        return self.columns == "target"

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Learn the categories of each column."""
        if not self.target:
            table = data.table()
            names = self.treated(table.names, table.text())
            self.categories = {name: _unique(name, table.values[name], self.name) for name in names}
        return []

    def treated(self, names: Sequence[str], text: Collection[str]) -> list[str]:
        """Return the columns to treat, of these names, of which some hold text."""
        return encoded_columns(self.name, self.columns, names, text)

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the table with one column for each category."""
        if self.target:
            return x
        wide: dict[str, np.ndarray] = {}
        for name, column in as_table(x).values.items():
            if name not in self.categories:
                wide[name] = column
                continue
            known = self.categories[name]
            check_no_missing(name, column, self.name)
            if self.unseen == "error":
                self._check_seen(name, column)
            encoded = (np.asarray(column == category, dtype="float64") for category in known)
            wide.update(zip(_one_hot_names(name, known), encoded, strict=True))
        return Columns(wide)

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return a table with one column for each category, as far as the categories are known."""
        if self.target:
            return spec
        check_table(spec, self)
        if spec.columns is None:
            return text_left_of(spec, self.columns)
        encoded = self.treated(spec.columns, spec.text)
        text = spec.text - set(encoded)
        if any(name not in spec.values for name in encoded):
            return ExampleSpec((None,), None, spec.values, text)
        names = tuple(
            new
            for name in spec.columns
            for new in (_one_hot_names(name, spec.values[name]) if name in encoded else [name])
        )
        return ExampleSpec((len(names),), names, spec.values, text)

    def _check_seen(self, name: str, column: np.ndarray) -> None:
        known = self.categories[name]
        seen = set(known)
        unseen = [row for row, value in enumerate(column.tolist()) if value not in seen]
        if unseen:
            shown, received = [without_point(value) for value in known], without_point(column[unseen[0]])
            raise UnseenCategoryError(shown, received, rows=unseen, column=name, hint=self.unseen_hint)


def encoded_columns(
    step: str, columns: Iterable[str | int] | None, names: Sequence[str], text: Collection[str]
) -> list[str]:
    """Return the columns of categories that a step encodes: those in the config, else all of text.

    Raises:
        ValueError: There are none.
    """
    if columns is not None:
        return resolve_columns(columns, names)
    found = [name for name in names if name in text]
    if not found:
        raise ValueError(f"{step} takes columns of text, and there are none; name others with `columns`")
    return found


def _unique(name: str, column: np.ndarray, step: str) -> list[Any]:
    """Return the sorted categories of a column."""
    check_no_missing(name, column, step)
    categories: list[Any] = np.unique(column).tolist()
    return categories


def _one_hot_names(name: str, categories: Sequence[object]) -> list[str]:
    return [f"{name}={without_point(category)}" for category in categories]


class CategoryNumbers(Step):
    """Base class of steps that replace each category by a number.

    Args:
        columns: The columns to treat, by name or index.
    """

    def __init__(self, columns: list[str | int]) -> None:
        self.columns: list[str | int] | None = columns

    def numbers(self, name: str, categories: list[str]) -> list[int]:
        """Return the number of each category of a column; -1 for an unseen one that is an error."""
        raise NotImplementedError

    def count(self, name: str, values: Sequence[str]) -> int:
        """Return how many numbers a column has at least, given the values that are known of it."""
        raise NotImplementedError

    def treated(self, names: Sequence[str], text: Collection[str]) -> list[str]:
        """Return the columns to treat, of these names, of which some hold text."""
        return encoded_columns(self.name, self.columns, names, text)

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the table with numbers instead of categories."""
        table = as_table(x)
        names = self.treated(table.names, table.text())
        encoded = Columns({**table.values, **{name: self._encode(name, table.values[name]) for name in names}})
        return encoded if isinstance(x, Columns) else encoded.matrix()

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the same spec, without text in these columns."""
        check_table(spec, self)
        if spec.columns is None:
            return replace(text_left_of(spec, self.columns), shape=spec.shape)
        names = self.treated(spec.columns, spec.text)
        values = {name: values for name, values in spec.values.items() if name not in names}
        counts = {name: self.count(name, spec.values.get(name, ())) for name in names}
        return replace(spec, text=spec.text - set(names), values=values, categories={**spec.categories, **counts})

    def _encode(self, name: str, column: np.ndarray) -> np.ndarray:
        check_no_missing(name, column, self.name)
        categories, inverse = np.unique(column, return_inverse=True)
        numbers = self.numbers(name, [label(category) for category in categories.tolist()])
        encoded: np.ndarray = np.array(numbers, dtype="float64")[inverse.reshape(len(column))]
        return encoded


class Ordinal(CategoryNumbers):
    """Replace each category by its number, counted from 0 in sorted order of the training part's categories.

    Args:
        columns: The columns to treat, by name or index.
        order: The categories of a column from the lowest to the highest, where sorting would be wrong:
            `{size: [small, medium, large]}`.
        unseen: How to treat a category that the training part does not have: `error` refuses the data and names it,
            `minus_one` gives it -1.
    """

    learned = ("categories",)
    #: What to do about a category that the training part does not have.
    unseen_hint: ClassVar[str] = "write `unseen: minus_one` in the Ordinal step to give such rows -1"

    def __init__(
        self,
        columns: list[str | int],
        order: dict[str, list[str | float]] | None = None,
        unseen: Literal["error", "minus_one"] = "error",
    ) -> None:
        super().__init__(columns)
        self.unseen = unseen
        self.order: dict[str, list[str]] = {}
        self.set_order(order or {})
        self.categories: dict[str, list[str]] = {}

    def set_order(self, order: Mapping[str, Sequence[str | float]]) -> None:
        """Set the categories of columns from the lowest to the highest."""
        self.order = {name: [label(value) for value in values] for name, values in order.items()}

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Learn the categories of each column."""
        table = data.table()
        names = self.treated(table.names, table.text())
        unknown = sorted(set(self.order) - set(names))
        if unknown:
            raise ValueError(f"`order` names {unknown[0]!r}, which is not among `columns`")
        found = {name: _unique(name, table.values[name], self.name) for name in names}
        self.categories = {
            name: self.order.get(name) or [label(value) for value in values] for name, values in found.items()
        }
        return []

    def numbers(self, name: str, categories: list[str]) -> list[int]:
        """Return the position of each category in the order; -1 for an unseen one."""
        if name not in self.categories:
            raise ValueError(f"{self.name}: the categories of column {name!r} are not known")
        known = {category: number for number, category in enumerate(self.categories[name])}
        return [known.get(category, -1) for category in categories]

    def count(self, name: str, values: Sequence[str]) -> int:
        """Return the number of categories of a column that are known."""
        return len(self.order.get(name, values))

    def invert(self, x: ArrayOrTable) -> Columns:
        """Return the table with the categories instead of their numbers."""
        table = as_table(x)
        named = {
            name: np.array([known[int(number)] for number in table.values[name]], dtype=object)
            for name, known in self.categories.items()
        }
        return Columns({**table.values, **named})

    def _encode(self, name: str, column: np.ndarray) -> np.ndarray:
        encoded = super()._encode(name, column)
        unseen = np.flatnonzero(encoded == -1)
        if len(unseen) and self.unseen == "error":
            known, received = self.categories[name], label(column[unseen[0]])
            raise UnseenCategoryError(known, received, rows=unseen.tolist(), column=name, hint=self.unseen_hint)
        return encoded


class Hash(CategoryNumbers):
    """Replace each category by a number below `buckets` that depends on its text alone.

    Nothing is learned, so that unseen categories have a number too; different ones may share it. The number
    is the MD5 digest of the category's text (whole numbers without a point) modulo `buckets`: the same in every run
    and on every machine, unlike Python's own `hash`.

    Args:
        columns: The columns to treat, by name or index.
        buckets: The number of different numbers.
    """

    def __init__(self, columns: list[str | int], buckets: int) -> None:
        if buckets < 2:
            raise ValueError(f"Hash: buckets expected an integer of at least 2, received {buckets}")
        super().__init__(columns)
        self.buckets = buckets

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Check that the columns exist; nothing is learned."""
        resolve_columns(self.columns or [], as_table(data.head).names)
        return []

    def count(self, name: str, values: Sequence[str]) -> int:  # noqa: ARG002 - the same for every column
        """Return the number of buckets."""
        return self.buckets

    def numbers(self, name: str, categories: list[str]) -> list[int]:  # noqa: ARG002 - the same for every column
        """Return the number of each category, from 0 to `buckets` - 1."""
        digests = (hashlib.md5(text.encode("utf-8"), usedforsecurity=False).digest() for text in categories)
        return [int.from_bytes(digest, "big") % self.buckets for digest in digests]

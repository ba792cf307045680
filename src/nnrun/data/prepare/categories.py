"""The step `OneHot`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import Columns, label, resolve
from nnrun.data.prepare.columnwise import refuse_missing
from nnrun.data.prepare.step import ExampleSpec, UnseenCategoryError, indexes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable


class OneHot:
    """Replace a column of categories by one column of 0 and 1 for each category of the training part.

    Categories are sorted. The new columns stand where the old one stood and are named `colour=red`.

    Args:
        columns: The columns to treat, by name or index, or the word `target`: class targets become one-hot rows
            whatever the loss.
        unseen: What a category does that the training part does not have: `error` refuses the data and names it,
            `zeros` gives it a row of zeros.
    """

    def __init__(
        self, columns: list[str | int] | Literal["target"], unseen: Literal["error", "zeros"] = "error"
    ) -> None:
        self.columns = columns
        self.unseen = unseen
        self.categories: dict[str, list[Any]] = {}

    @property
    def target(self) -> bool:
        """Whether the step is about the target rather than the features."""
        return self.columns == "target"

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn the categories."""
        import numpy as np

        if not self.target:
            table = _table(x)
            for name in resolve(self.columns, table.names):
                refuse_missing(name, table.values[name], "OneHot")
            self.categories = {
                name: np.unique(table.values[name]).tolist() for name in resolve(self.columns, table.names)
            }
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The table with one column for each category."""
        if self.target:
            return x
        wide: dict[str, np.ndarray] = {}
        for name, column in _table(x).values.items():
            wide.update(self._spread(name, column) if name in self.categories else {name: column})
        return Columns(wide)

    def state(self) -> dict[str, Any]:
        """The categories of each column."""
        return {"categories": self.categories}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the categories."""
        self.categories = dict(state["categories"])

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """One column for each category, as far as the categories are known."""
        if self.target:
            return view
        if len(view.shape) != 1:
            raise ValueError(f"OneHot takes a table, but an example has the shape {list(view.shape)}")
        if view.columns is None:
            return replace(view, shape=(None,))
        asked = resolve(self.columns, view.columns)
        text = view.text - set(asked)
        if any(name not in view.values for name in asked):
            return ExampleSpec((None,), None, view.values, text)
        names = tuple(
            new
            for name in view.columns
            for new in ([f"{name}={value}" for value in view.values[name]] if name in asked else [name])
        )
        return ExampleSpec((len(names),), names, view.values, text)

    def _spread(self, name: str, column: np.ndarray) -> dict[str, np.ndarray]:
        import numpy as np

        refuse_missing(name, column, "OneHot")
        categories = self.categories[name]
        if self.unseen == "error":
            self._refuse_unseen(name, column)
        return {
            f"{name}={_plain(category)}": np.asarray(column == category, dtype="float64") for category in categories
        }

    def _refuse_unseen(self, name: str, column: np.ndarray) -> None:
        known = set(self.categories[name])
        strange = [row for row, value in enumerate(column.tolist()) if value not in known]
        if strange:
            raise UnseenCategoryError(
                [_plain(value) for value in self.categories[name]],
                _plain(column[strange[0]]),
                example=strange[0],
                count=len(strange),
                column=name,
                hint="say `unseen: zeros` in the OneHot step to give such rows zeros",
            )


def _plain(value: object) -> object:
    """A whole number without its `.0`, as the user wrote it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table(x: ArrayOrTable) -> Columns:
    if isinstance(x, Columns):
        return x
    return Columns({name: x[:, index] for index, name in enumerate(indexes(x))})


class Ordinal:
    """Replace each category by its number, counted from 0 in sorted order of the training part's categories.

    Args:
        columns: The columns to treat, by name or index.
        order: The categories of every column from the lowest on, where sorting would not put them right:
            `{size: [small, medium, large]}`.
        unseen: What a category does that the training part does not have: `error` refuses the data and names it,
            `minus_one` gives it -1.
    """

    def __init__(
        self,
        columns: list[str | int],
        order: dict[str, list[str | float]] | None = None,
        unseen: Literal["error", "minus_one"] = "error",
    ) -> None:
        self.columns, self.unseen = columns, unseen
        self.order = {name: [label(value) for value in values] for name, values in (order or {}).items()}
        self.categories: dict[str, list[str]] = {}

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn the categories."""
        import numpy as np

        table = _table_ordinal(x)
        names = resolve(self.columns, table.names)
        strange = sorted(set(self.order) - set(names))
        if strange:
            raise ValueError(f"`order` names {strange[0]!r}, which is not among `columns`")
        for name in names:
            refuse_missing(name, table.values[name], "Ordinal")
        self.categories = {
            name: self.order.get(name) or [label(value) for value in np.unique(table.values[name]).tolist()]
            for name in names
        }
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The table with numbers for categories."""
        table = _table_ordinal(x)
        numbered = {name: self._numbers(name, table.values[name]) for name in self.categories}
        return _like(x, Columns({**table.values, **numbered}))

    def invert(self, x: ArrayOrTable) -> Columns:
        """The table with the categories' names for their numbers."""
        import numpy as np

        table = _table_ordinal(x)
        named = {
            name: np.array([known[int(number)] for number in table.values[name]], dtype=object)
            for name, known in self.categories.items()
        }
        return Columns({**table.values, **named})

    def state(self) -> dict[str, Any]:
        """The categories of each column, in order."""
        return {"categories": self.categories}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the categories."""
        self.categories = dict(state["categories"])

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The same shape, without text in these columns."""
        return _without_text(self.columns, view, "Ordinal")

    def _numbers(self, name: str, column: np.ndarray) -> np.ndarray:
        import numpy as np

        refuse_missing(name, column, "Ordinal")
        known = {category: number for number, category in enumerate(self.categories[name])}
        values, where = np.unique(column, return_inverse=True)
        found = [known.get(label(value), -1) for value in values.tolist()]
        numbers = np.array(found, dtype="float64")[where.reshape(len(column))]
        strange = np.flatnonzero(numbers == -1)
        if len(strange) and self.unseen == "error":
            raise UnseenCategoryError(
                list(known),
                label(column[strange[0]]),
                example=int(strange[0]),
                count=len(strange),
                column=name,
                hint="say `unseen: minus_one` in the Ordinal step to give such rows -1",
            )
        return numbers


class Hash:
    """Replace each category by a number below `buckets` that its text alone decides.

    Nothing is learned, so that categories which come later have a number too; different ones may share it. The number
    is the MD5 digest of the category's text (whole numbers without a point) modulo `buckets`: the same in every run
    and on every machine, unlike Python's own `hash`.

    Args:
        columns: The columns to treat, by name or index.
        buckets: How many different numbers there are.
    """

    def __init__(self, columns: list[str | int], buckets: int) -> None:
        if buckets < 2:
            raise ValueError(f"Hash: buckets expected an integer of at least 2, received {buckets}")
        self.columns, self.buckets = columns, buckets

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn nothing; the columns must be there."""
        resolve(self.columns, _table_ordinal(x).names)
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The table with numbers for categories."""
        table = _table_ordinal(x)
        names = resolve(self.columns, table.names)
        return _like(x, Columns({**table.values, **{name: self._numbers(name, table.values[name]) for name in names}}))

    def state(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing was learned."""

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The same shape, without text in these columns."""
        return _without_text(self.columns, view, "Hash")

    def _numbers(self, name: str, column: np.ndarray) -> np.ndarray:
        import numpy as np

        refuse_missing(name, column, "Hash")
        values, where = np.unique(column, return_inverse=True)
        numbers = [bucket(label(value), self.buckets) for value in values.tolist()]
        return np.array(numbers, dtype="float64")[where.reshape(len(column))]


def bucket(text: str, buckets: int) -> int:
    """The number of a text, from 0 to `buckets` - 1."""
    digest = hashlib.md5(text.encode("utf-8"), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") % buckets


def _without_text(columns: list[str | int], view: ExampleSpec, step: str) -> ExampleSpec:
    if len(view.shape) != 1:
        raise ValueError(f"{step} takes a table, but an example has the shape {list(view.shape)}")
    if view.columns is None:
        return view
    asked = resolve(columns, view.columns)
    return replace(
        view,
        text=view.text - set(asked),
        values={name: values for name, values in view.values.items() if name not in asked},
    )


def _table_ordinal(x: ArrayOrTable) -> Columns:
    if isinstance(x, Columns):
        return x
    return Columns({name: x[:, index] for index, name in enumerate(indexes(x))})


def _like(x: ArrayOrTable, table: Columns) -> ArrayOrTable:
    """An array again where the examples were one."""
    return table if isinstance(x, Columns) else table.matrix()
